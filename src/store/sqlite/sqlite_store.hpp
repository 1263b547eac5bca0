// The default store: one SQLite file, DATA/gotthard.db (mode 0600), in WAL mode.
//
// One connection writes, under a lock (the record thread in batches, administrators one row at a time); readers have connections of
// their own and never wait for the writer. Every statement is prepared; values are bound (S03).
// A write that fails (disk full, locked, read-only) changes nothing, is counted, and turns writable() off until a write succeeds.
// open() checks the file; a damaged one is moved to gotthard.db.damaged-TIME with its log, never deleted, and state().notice says so.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "store/ports.hpp"
#include "store/sqlite/database.hpp"

namespace gotthard::store::sqlite {

class SqliteStore final : public KeyStore, public TokenStore, public ConfigHistory, public RecordStore, public RecordReader, public StoreHealth {
public:
    struct Options {
        std::string folder;                 ///< DATA; made (0700) when absent.
        std::int64_t max_bytes = 0;         ///< Of the database; 0: what the disk has.
        std::int64_t check_up_to = 8 << 20;  ///< Files up to this size are checked whole at start, larger ones in their small tables, or whole after damage was met.
    };
    /// Fails when the folder cannot be used, another gateway uses it, or a newer version wrote it.
    static Result<std::unique_ptr<SqliteStore>> open(Options options, const Clock& clock);
    ~SqliteStore() override;

    Result<std::vector<KeyRow>> load_keys() override;
    Status put_key(KeyRow& row) override;
    Status touch_keys(std::span<const KeyUse> uses) override;

    Result<std::vector<TokenRow>> load_tokens() override;
    Status put_token(const TokenRow& row) override;

    Status add_config(const ConfigRow& row) override;
    Result<std::vector<ConfigRow>> list_configs(std::int64_t before, std::size_t limit) override;

    Status append_requests(std::span<const RequestRow> rows) override;
    Result<bool> prune_requests(Micros before) override;

    Result<RequestPage> list_requests(const RequestFilter& filter, std::string_view cursor, std::size_t limit) override;
    Result<RequestPage> get_request(const Id& id) override;
    Result<RequestPage> follow_requests(const RequestFilter& filter, std::int64_t after, std::size_t limit) override;
    Result<std::int64_t> newest_seq() override;
    Result<std::vector<UsageRow>> usage(const UsageQuery& query) override;

    bool writable() const override { return writable_.load(std::memory_order_relaxed); }
    StoreState state() const override;
    void probe() override;

private:
    friend class Reader;
    explicit SqliteStore(Options options);
    Status open_database(const Clock& clock);
    Status lock_folder();
    Status check(Database& database, const std::string& path) const;
    std::string move_aside(const std::string& path, const Clock& clock) const;
    /// Runs `work` with the writing connection in one transaction and keeps the books of failures.
    Status write(const std::function<Status(Database&)>& work);
    Status noted(Status outcome);

    Options options_;
    std::string path_;
    int lock_ = -1;
    std::mutex write_mutex_;
    std::unique_ptr<Database> writer_;
    bool wrote_ = false;  // since the last probe; under write_mutex_

    std::mutex readers_mutex_;
    std::vector<std::unique_ptr<Database>> readers_;  // idle ones

    std::atomic<bool> writable_{true};
    mutable std::mutex state_mutex_;
    std::string reason_;
    std::string notice_;
    std::int64_t failures_ = 0;
};

/// A reading connection, given back when it goes.
class Reader {
public:
    static Result<Reader> take(SqliteStore& store);
    Reader(Reader&& other) noexcept = default;
    Reader& operator=(Reader&&) = delete;
    ~Reader();
    Database& operator*() { return *database_; }
    Database* operator->() { return database_.get(); }

private:
    Reader(SqliteStore& store, std::unique_ptr<Database> database) : store_(&store), database_(std::move(database)) {}
    SqliteStore* store_;
    std::unique_ptr<Database> database_;
};

/// Creates or upgrades the tables; a version newer than ours is refused.
Status migrate(Database& database);
inline constexpr int schema_version = 1;

/// "lab/*[x]?" as SQLite's GLOB reads it.
std::string sqlite_glob(std::string_view pattern);

}  // namespace gotthard::store::sqlite
