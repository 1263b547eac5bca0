// What only a file can suffer: other people's hands, full disks, damage, newer versions.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "store/sqlite/sqlite_store.hpp"

namespace gotthard::store::sqlite {
namespace {

constexpr Micros noon = 1'764'072'000'000'000;

class SqliteFile : public testing::Test {
protected:
    SqliteFile() {
        char name[] = "/tmp/gotthard-sqlite-XXXXXX";
        folder_ = ::mkdtemp(name);
    }
    ~SqliteFile() override { std::filesystem::remove_all(folder_); }

    Result<std::unique_ptr<SqliteStore>> open(SqliteStore::Options options = {}) {
        options.folder = folder_;
        return SqliteStore::open(std::move(options), clock_);
    }
    std::string database() const { return folder_ + "/gotthard.db"; }

    static std::vector<RequestRow> rows(std::uint64_t first, std::size_t count, std::string_view text) {
        SystemRandom random(first + 1);
        std::vector<RequestRow> made(count);
        for (std::size_t i = 0; i < count; ++i) {
            made[i].id = Id::make(noon + static_cast<Micros>(i) * 1000, random);
            made[i].ts = noon;
            made[i].error_message = text;
        }
        return made;
    }
    void add_key(SqliteStore& store, std::string id) {
        KeyRow key;
        key.id = std::move(id);
        key.name = "a key";
        key.hash = std::string(32, 'h');
        key.source = "store";
        ASSERT_TRUE(store.put_key(key));
    }

    std::string folder_;
    ManualClock clock_;
};

TEST_F(SqliteFile, IsPrivateWithItsLog) {
    auto store = open();
    ASSERT_TRUE(store) << store.error().detail;
    add_key(**store, "k");
    for (const auto* name : {"", "-wal", "-shm"}) {
        struct stat info {};
        ASSERT_EQ(::stat((database() + name).c_str(), &info), 0) << name;
        EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
    }
}

TEST_F(SqliteFile, KeepsEverythingAcrossARestart) {
    {
        auto store = open();
        add_key(**store, "k");
        ASSERT_TRUE((*store)->append_requests(rows(0, 3, "x")));
    }
    auto store = open();
    EXPECT_EQ((*store)->load_keys()->size(), 1u);
    EXPECT_EQ((*store)->list_requests({}, "", 10)->rows.size(), 3u);
}

TEST_F(SqliteFile, IsRefusedToASecondGateway) {
    auto first = open();
    const auto second = open();
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another gotthard"), std::string::npos);
}

TEST_F(SqliteFile, ThatIsFullDropsNothingHalfAndRecovers) {
    auto store = open({.max_bytes = 400 * 1024});
    ASSERT_TRUE(store);
    const std::string text(2000, 'x');
    Status outcome;
    std::size_t stored = 0;
    for (std::uint64_t i = 1; i < 100 && outcome; ++i)
        if (outcome = (*store)->append_requests(rows(i * 1000, 20, text)); outcome) stored += 20;
    ASSERT_FALSE(outcome) << "the limit is reached";
    EXPECT_NE(outcome.error().message.find("full"), std::string::npos);
    EXPECT_FALSE((*store)->writable());
    EXPECT_EQ((*store)->state().failures, 1);
    EXPECT_FALSE((*store)->state().reason.empty());
    EXPECT_EQ((*store)->list_requests({}, "", 5000)->rows.size(), stored) << "readers work, and no batch is there in part";
    (*store)->probe();
    EXPECT_FALSE((*store)->writable()) << "still full";
    while (*(*store)->prune_requests(noon + 10'000'000'000)) {
    }
    (*store)->probe();
    EXPECT_TRUE((*store)->writable());
    EXPECT_TRUE((*store)->state().reason.empty());
    EXPECT_TRUE((*store)->append_requests(rows(7, 20, text)));
}

TEST_F(SqliteFile, ThatAnotherProgramLocksIsReportedAndRecovers) {
    auto store = open();
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open(database().c_str(), &other), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    const auto refused = (*store)->append_requests(rows(0, 1, "x"));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("another program"), std::string::npos);
    EXPECT_FALSE((*store)->writable());
    EXPECT_TRUE((*store)->list_requests({}, "", 10)) << "readers do not wait";
    ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(other);
    (*store)->probe();
    EXPECT_TRUE((*store)->writable());
}

TEST_F(SqliteFile, ThatIsNoDatabaseIsMovedAsideAndNeverDeleted) {
    std::ofstream(database()) << std::string(8192, 'z');
    auto store = open();
    ASSERT_TRUE(store) << store.error().message << store.error().detail;
    const auto notice = (*store)->state().notice;
    EXPECT_NE(notice.find("damaged"), std::string::npos);
    add_key(**store, "k");
    std::size_t kept = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
        if (entry.path().filename().string().starts_with("gotthard.db.damaged-")) kept += entry.file_size() == 8192;
    EXPECT_EQ(kept, 1u) << notice;
}

TEST_F(SqliteFile, WithDamagedPagesIsMovedAside) {
    {
        auto store = open();
        ASSERT_TRUE((*store)->append_requests(rows(0, 500, "some text that takes room")));
    }
    const auto size = std::filesystem::file_size(database());
    ASSERT_GT(size, 40'000u);
    {
        std::fstream file(database(), std::ios::in | std::ios::out | std::ios::binary);
        for (std::size_t page = 4; page * 4096 + 4096 < size; ++page) {
            file.seekp(static_cast<std::streamoff>(page * 4096));
            file << std::string(200, '\xff');
        }
    }
    auto store = open();
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_NE((*store)->state().notice.find("moved to"), std::string::npos);
    EXPECT_EQ((*store)->list_requests({}, "", 10)->rows.size(), 0u);
}

TEST_F(SqliteFile, InWhichDamageIsMetAtWorkIsCheckedWholeAtTheNextStart) {
    {
        auto store = open();
        ASSERT_TRUE((*store)->append_requests(rows(0, 2000, "some text that takes room")));
    }
    const auto size = std::filesystem::file_size(database());
    {
        std::fstream file(database(), std::ios::in | std::ios::out | std::ios::binary);
        for (std::size_t page = 12; page * 4096 + 4096 < size; ++page) {
            file.seekp(static_cast<std::streamoff>(page * 4096));
            file << std::string(4096, '\xff');
        }
    }
    {
        auto store = open({.check_up_to = 0});
        ASSERT_TRUE(store) << store.error().message;
        EXPECT_EQ((*store)->state().notice, "") << "the small tables are in order";
        EXPECT_FALSE((*store)->list_requests({}, "", 5000)) << "damage is met";
    }
    auto store = open({.check_up_to = 0});
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_NE((*store)->state().notice.find("moved to"), std::string::npos);
    EXPECT_TRUE((*store)->append_requests(rows(0, 1, "x")));
}

TEST_F(SqliteFile, CutAtAnyPageIsOpenedOrMovedAsideButNeverFails) {
    {
        auto store = open();
        ASSERT_TRUE((*store)->append_requests(rows(0, 300, "some text that takes room")));
    }
    const std::string whole = database() + ".whole";
    std::filesystem::copy_file(database(), whole);
    const auto size = std::filesystem::file_size(whole);
    for (std::uintmax_t cut = 0; cut < size; cut += 7 * 4096 + 123) {
        std::filesystem::copy_file(whole, database(), std::filesystem::copy_options::overwrite_existing);
        std::filesystem::resize_file(database(), cut);
        auto store = open();
        ASSERT_TRUE(store) << cut << " " << store.error().message;
        EXPECT_TRUE((*store)->append_requests(rows(cut + 9, 1, "x"))) << cut;
    }
}

TEST_F(SqliteFile, OfANewerVersionIsLeftAlone) {
    { auto store = open(); }
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open(database().c_str(), &other), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(other, "PRAGMA user_version = 99", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(other);
    const auto store = open();
    ASSERT_FALSE(store);
    EXPECT_NE(store.error().message.find("newer"), std::string::npos);
    EXPECT_TRUE(std::filesystem::exists(database()));
}

TEST_F(SqliteFile, InAFolderThatCannotBeMadeSaysWhatToDo) {
    folder_ += "/missing/deeper";
    const auto store = open();
    ASSERT_FALSE(store);
    EXPECT_NE(store.error().message.find("--data"), std::string::npos);
    folder_.resize(folder_.find("/missing"));
}

TEST_F(SqliteFile, IsReadWhileItIsWritten) {
    auto store = open();
    std::atomic<bool> done{false};
    std::thread writer([&] {
        for (std::uint64_t i = 1; i <= 20; ++i) EXPECT_TRUE((*store)->append_requests(rows(i * 1000, 100, "x")));
        done = true;
    });
    std::size_t last = 0;
    while (!done) {
        const auto page = (*store)->list_requests({}, "", 5000);
        ASSERT_TRUE(page) << page.error().detail;
        EXPECT_EQ(page->rows.size() % 100, 0u) << "a batch is seen whole or not at all";
        EXPECT_GE(page->rows.size(), last);
        last = page->rows.size();
    }
    writer.join();
    EXPECT_EQ((*store)->list_requests({}, "", 5000)->rows.size(), 2000u);
}

TEST(SqliteGlob, MeansWhatOurGlobMeans) {
    EXPECT_EQ(sqlite_glob("lab/*"), "lab/*");
    EXPECT_EQ(sqlite_glob("x[1]"), "x[[]1]");
}

}  // namespace
}  // namespace gotthard::store::sqlite
