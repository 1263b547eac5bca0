// What every backend must do, run on all of them; and what only a file can suffer.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/money.hpp"
#include "base/text.hpp"
#include "store/memory/memory_store.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace gotthard::store {
namespace {

constexpr Micros second = 1'000'000, hour = 3600 * second, day = 24 * hour;
constexpr Micros noon = 1'764'072'000 * second;  // 2025-11-25T12:00:00Z

class Folder {
public:
    Folder() {
        char name[] = "/tmp/gotthard-store-XXXXXX";
        path_ = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    const std::string& path() const { return path_; }
    std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

private:
    std::string path_;
};

std::unique_ptr<sqlite::SqliteStore> open_in(const Folder& folder, std::int64_t max_bytes = 0) {
    static const ManualClock clock;
    auto store = sqlite::SqliteStore::open({.folder = folder.path(), .max_bytes = max_bytes}, clock);
    EXPECT_TRUE(store) << (store ? "" : store.error().message + store.error().detail);
    return store ? std::move(*store) : nullptr;
}

Id id_at(Micros at, std::uint64_t seed) {
    SystemRandom random(seed);
    return Id::make(at, random);
}

RequestRow request_at(Micros at, std::uint64_t seed) {
    RequestRow row;
    row.id = id_at(at, seed);
    row.ts = at;
    row.status = 200;
    row.input = 10;
    row.output = 5;
    row.cost_total = 1500;
    row.outcome = "ok";
    row.key_id = "key-1";
    row.key_alias = "ci";
    row.target = "lab/qwen3-8b";
    row.provider = "lab";
    row.request_model = "fast";
    row.price_source = "config";
    return row;
}

/// Both backends behind the ports.
struct Backend {
    Folder folder;
    std::unique_ptr<sqlite::SqliteStore> file;
    std::unique_ptr<memory::MemoryStore> memory;
    KeyStore* keys;
    TokenStore* tokens;
    ConfigHistory* configs;
    RecordStore* records;
    RecordReader* reader;
    StoreHealth* health;

    template <class Store>
    void use(Store& store) {
        keys = &store;
        tokens = &store;
        configs = &store;
        records = &store;
        reader = &store;
        health = &store;
    }
    explicit Backend(std::string_view name) {
        if (name == "sqlite") {
            file = open_in(folder);
            use(*file);
        } else {
            memory = std::make_unique<memory::MemoryStore>();
            use(*memory);
        }
    }
};

class EveryStore : public testing::TestWithParam<std::string_view> {
protected:
    Backend store_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Backends, EveryStore, testing::Values("memory", "sqlite"), [](const auto& one) { return std::string(one.param); });

KeyRow key_named(std::string name) {
    KeyRow key;
    key.id = "id-" + name;
    key.name = std::move(name);
    key.hash = std::string(31, '\0') + key.name[0];
    key.source = "store";
    key.metadata = "{}";
    key.created_at = noon;
    return key;
}

TEST_P(EveryStore, AKeyComesBackAsItWasStored) {
    auto key = key_named("ci");
    key.models = {"lab/*", "a \"quoted\" name"};
    key.team = "platform";
    key.hint = "sk-gw-Ab12...wxyz";
    key.previous_hash = std::string(32, '\1');
    key.previous_until = noon + hour;
    key.expires_at = noon + day;
    ASSERT_TRUE(store_.keys->put_key(key));
    EXPECT_EQ(key.version, 1);
    const auto loaded = store_.keys->load_keys();
    ASSERT_TRUE(loaded);
    ASSERT_EQ(loaded->size(), 1u);
    const auto& back = loaded->front();
    EXPECT_EQ(back.hash, key.hash);
    EXPECT_EQ(back.models, key.models);
    EXPECT_EQ(back.previous_hash, key.previous_hash);
    EXPECT_EQ(back.previous_until, key.previous_until);
    EXPECT_EQ(back.expires_at, key.expires_at);
    EXPECT_EQ(back.version, 1);
}

TEST_P(EveryStore, AKeyChangedByTwoPeopleKeepsTheFirstChange) {
    auto key = key_named("ci");
    ASSERT_TRUE(store_.keys->put_key(key));
    auto first = key, second_one = key;
    first.name = "first";
    second_one.name = "second";
    EXPECT_TRUE(store_.keys->put_key(first));
    const auto refused = store_.keys->put_key(second_one);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, FailureKind::invalid_request);
    EXPECT_EQ(store_.keys->load_keys()->front().name, "first");
    EXPECT_TRUE(store_.health->writable()) << "a conflict says nothing about the store";
}

TEST_P(EveryStore, LastUseOnlyMovesForwardAndLeavesTheVersion) {
    auto key = key_named("ci");
    ASSERT_TRUE(store_.keys->put_key(key));
    const KeyUse later[] = {{key.id, noon + 5}}, earlier[] = {{key.id, noon + 1}};
    ASSERT_TRUE(store_.keys->touch_keys(later));
    ASSERT_TRUE(store_.keys->touch_keys(earlier));
    EXPECT_EQ(store_.keys->load_keys()->front().last_used_at, noon + 5);
    EXPECT_EQ(store_.keys->load_keys()->front().version, 1);
}

TEST_P(EveryStore, TokensAndConfigurationsComeBack) {
    ASSERT_TRUE(store_.tokens->put_token({"t1", "first", std::string(32, 'x'), "gw-admin-ab...", noon, 0, 0}));
    ASSERT_TRUE(store_.tokens->put_token({"t1", "first", std::string(32, 'x'), "gw-admin-ab...", noon, 0, noon + 1}));
    const auto tokens = store_.tokens->load_tokens();
    ASSERT_EQ(tokens->size(), 1u);
    EXPECT_EQ(tokens->front().revoked_at, noon + 1);
    for (const auto* result : {"applied", "refused", "applied"}) ASSERT_TRUE(store_.configs->add_config({0, noon, "abc", "file", result, "", "listen: x"}));
    const auto newest = store_.configs->list_configs(0, 2);
    ASSERT_EQ(newest->size(), 2u);
    EXPECT_EQ(newest->front().seq, 3);
    const auto rest = store_.configs->list_configs(newest->back().seq, 2);
    ASSERT_EQ(rest->size(), 1u);
    EXPECT_EQ(rest->front().text, "listen: x");
}

TEST_P(EveryStore, EveryColumnOfARequestComesBack) {
    auto row = request_at(noon, 1);
    std::int64_t next = 100;
    for (auto& number : row.numbers()) number = next++;
    row.ts = noon;
    row.temperature = 0.25;
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < RequestRow::text_count; ++i) texts.push_back(fmt::format("text \"{}\" \xc3\xa4 '; DROP TABLE requests; --", i));
    for (std::size_t i = 0; i < texts.size(); ++i) row.texts()[i] = texts[i];
    ASSERT_TRUE(store_.records->append_requests({&row, 1}));
    const auto page = store_.reader->get_request(row.id);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->rows.size(), 1u);
    const auto& back = page->rows[0];
    EXPECT_TRUE(std::ranges::equal(back.numbers(), row.numbers()));
    EXPECT_TRUE(std::ranges::equal(back.texts(), row.texts()));
    EXPECT_EQ(back.temperature, 0.25);
    EXPECT_TRUE(std::isnan(back.top_p));
    EXPECT_EQ(back.id, row.id);
}

TEST_P(EveryStore, WhatIsNotKnownStaysUnknownAndIsNotZero) {
    RequestRow row;
    row.id = id_at(noon, 1);
    row.ts = noon;
    ASSERT_TRUE(store_.records->append_requests({&row, 1}));
    const auto page = store_.reader->get_request(row.id);
    EXPECT_EQ(page->rows[0].cost_total, unset);
    EXPECT_FALSE(Money::nanos(page->rows[0].cost_total).known());
    EXPECT_EQ(page->rows[0].outcome, "");
}

TEST_P(EveryStore, PagesCoverEveryRequestOnceNewestFirst) {
    std::vector<RequestRow> rows;
    for (std::uint64_t i = 0; i < 25; ++i) rows.push_back(request_at(noon + static_cast<Micros>(i) * second, i));
    ASSERT_TRUE(store_.records->append_requests(rows));
    std::vector<Id> seen;
    std::string cursor;
    do {
        const auto page = store_.reader->list_requests({}, cursor, 10);
        ASSERT_TRUE(page);
        for (const auto& row : page->rows) seen.push_back(row.id);
        cursor = page->next_cursor;
    } while (!cursor.empty());
    ASSERT_EQ(seen.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(seen[i], rows[rows.size() - 1 - i].id);
    EXPECT_FALSE(store_.reader->list_requests({}, "not a cursor", 10));
}

TEST_P(EveryStore, AFilterPassesExactlyWhatItNames) {
    std::vector<RequestRow> rows;
    for (std::uint64_t i = 0; i < 6; ++i) rows.push_back(request_at(noon + static_cast<Micros>(i) * hour, i));
    rows[1].status = 429;
    rows[1].outcome = "rate_limited";
    rows[2].provider = "claude";
    rows[2].target = "claude/[beta]";
    rows[3].key_id = "key-2";
    rows[4].status = 502;
    ASSERT_TRUE(store_.records->append_requests(rows));
    const auto count = [&](const RequestFilter& filter) {
        const auto page = store_.reader->list_requests(filter, "", 100);
        EXPECT_TRUE(page);
        std::size_t live = 0;
        for (const auto& row : rows) live += matches(filter, row);
        EXPECT_EQ(live, page->rows.size()) << "the live tail and the list agree";
        return page->rows.size();
    };
    EXPECT_EQ(count({}), 6u);
    EXPECT_EQ(count({.outcome = "rate_limited"}), 1u);
    EXPECT_EQ(count({.status = 429}), 1u);
    EXPECT_EQ(count({.status = 5}), 1u);
    EXPECT_EQ(count({.status = 2}), 4u);
    EXPECT_EQ(count({.provider = "claude"}), 1u);
    EXPECT_EQ(count({.target = "claude/[beta]"}), 1u);
    EXPECT_EQ(count({.target = "lab/*"}), 5u);
    EXPECT_EQ(count({.model = "fast"}), 6u);
    EXPECT_EQ(count({.model = "claude/*"}), 1u);
    EXPECT_EQ(count({.key_id = "key-2"}), 1u);
    EXPECT_EQ(count({.since = noon + 2 * hour}), 4u);
    EXPECT_EQ(count({.until = noon + 2 * hour}), 2u);
    EXPECT_EQ(count({.since = noon + hour, .until = noon + 2 * hour}), 1u);
    EXPECT_EQ(count({.key_id = "' OR 1=1 --"}), 0u);
}

TEST_P(EveryStore, TheLiveTailSeesRowsInTheOrderOfTheirArrival) {
    const auto late = request_at(noon + hour, 1), early = request_at(noon, 2);
    ASSERT_TRUE(store_.records->append_requests({&late, 1}));
    const auto begin = store_.reader->newest_seq();
    ASSERT_TRUE(begin);
    ASSERT_TRUE(store_.records->append_requests({&early, 1}));
    const auto page = store_.reader->follow_requests({}, *begin, 10);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->rows.size(), 1u) << "a request that began earlier and ended later is not missed";
    EXPECT_EQ(page->rows[0].id, early.id);
    EXPECT_EQ(store_.reader->follow_requests({}, page->rows[0].seq, 10)->rows.size(), 0u);
}

TEST_P(EveryStore, ARowOfTheSameIdReplacesTheOlderOne) {
    auto row = request_at(noon, 1);
    row.outcome = "pending";
    ASSERT_TRUE(store_.records->append_requests({&row, 1}));
    row.outcome = "ok";
    ASSERT_TRUE(store_.records->append_requests({&row, 1}));
    const auto page = store_.reader->list_requests({}, "", 10);
    ASSERT_EQ(page->rows.size(), 1u);
    EXPECT_EQ(page->rows[0].outcome, "ok");
}

TEST_P(EveryStore, UsageSumsAreThoseOfTheRows) {
    std::vector<RequestRow> rows;
    for (std::uint64_t i = 0; i < 10; ++i) rows.push_back(request_at(noon + static_cast<Micros>(i) * 6 * hour, i));
    rows[9].target = "claude/x";
    rows[9].cost_total = unset;
    rows[9].price_source = "unknown";
    rows[9].outcome = "upstream_error";
    rows[9].key_alias = "intern";
    ASSERT_TRUE(store_.records->append_requests(rows));
    const auto all = store_.reader->usage({});
    ASSERT_EQ(all->size(), 1u);
    EXPECT_EQ(all->front().requests, 10);
    EXPECT_EQ(all->front().input, 100);
    EXPECT_EQ(all->front().cost_nanos, 9 * 1500);
    EXPECT_EQ(all->front().unpriced, 1);
    EXPECT_EQ(all->front().errors, 1);
    const auto by_key = store_.reader->usage({.by = {"key", "model"}});
    ASSERT_EQ(by_key->size(), 2u);
    EXPECT_EQ(by_key->front().by, (std::vector<std::string>{"ci", "lab/qwen3-8b"}));
    EXPECT_EQ(by_key->front().cost_nanos, 9 * 1500);
    const auto daily = store_.reader->usage({.by = {"day"}, .bucket = Bucket::day});
    ASSERT_EQ(daily->size(), 3u);
    EXPECT_EQ(daily->front().bucket, noon - 12 * hour);
    EXPECT_EQ(daily->front().by.front(), "2025-11-25");
    EXPECT_EQ(daily->front().requests, 2);
    const auto monthly = store_.reader->usage({.bucket = Bucket::month});
    ASSERT_EQ(monthly->size(), 1u);
    EXPECT_EQ(rfc3339(monthly->front().bucket).substr(0, 10), "2025-11-01");
    const auto wrong = store_.reader->usage({.by = {"shoe size"}});
    ASSERT_FALSE(wrong);
    EXPECT_NE(wrong.error().message.find("provider"), std::string::npos) << "the refusal names what is possible";
}

TEST_P(EveryStore, OldRequestsArePruned) {
    std::vector<RequestRow> rows = {request_at(noon - 40 * day, 1), request_at(noon, 2)};
    ASSERT_TRUE(store_.records->append_requests(rows));
    const auto more = store_.records->prune_requests(noon - 30 * day);
    ASSERT_TRUE(more);
    EXPECT_FALSE(*more);
    EXPECT_EQ(store_.reader->list_requests({}, "", 10)->rows.size(), 1u);
}

TEST(RequestColumns, HaveNamesInTheOrderOfTheirMembers) {
    RequestRow row;
    row.cost_total = 7;
    row.losses_count = 8;
    row.response_hash = "h";
    row.outcome = "ok";
    const auto number = [&](std::string_view name) { return row.numbers()[std::ranges::find(request_number_names, name) - request_number_names.begin()]; };
    const auto text = [&](std::string_view name) { return row.texts()[std::ranges::find(request_text_names, name) - request_text_names.begin()]; };
    EXPECT_EQ(number("cost_total"), 7);
    EXPECT_EQ(number("losses_count"), 8);
    EXPECT_EQ(text("response_hash"), "h");
    EXPECT_EQ(text("outcome"), "ok");
    EXPECT_TRUE(is_json_column("attempts"));
    EXPECT_FALSE(is_json_column("target"));
}

}  // namespace
}  // namespace gotthard::store
