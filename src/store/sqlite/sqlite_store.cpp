#include "store/sqlite/sqlite_store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/json.hpp"
#include "base/text.hpp"

namespace gotthard::store::sqlite {
namespace {

constexpr std::string_view side_files[] = {"", "-wal", "-shm"};

std::string models_json(const std::vector<std::string>& models) {
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const auto& model : models) writer.string(model);
    writer.end_array();
    return out;
}

std::vector<std::string> models_from(std::string_view text) {
    std::vector<std::string> models;
    json::Document document;
    if (document.parse(text))
        for (const auto item : document.root().items()) models.push_back(item.string());
    return models;
}

constexpr std::string_view select_keys =
    "SELECT id, name, hash, previous_hash, hint, team, source, models, metadata, created_at, updated_at, expires_at, revoked_at, rotated_at, "
    "previous_until, last_used_at, version FROM keys ORDER BY id";
constexpr std::string_view insert_key =
    "INSERT INTO keys (id, name, hash, previous_hash, hint, team, source, models, metadata, created_at, updated_at, expires_at, revoked_at, "
    "rotated_at, previous_until, last_used_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) "
    "ON CONFLICT (id) DO NOTHING";
constexpr std::string_view update_key =
    "UPDATE keys SET name = ?2, hash = ?3, previous_hash = ?4, hint = ?5, team = ?6, source = ?7, models = ?8, metadata = ?9, created_at = ?10, "
    "updated_at = ?11, expires_at = ?12, revoked_at = ?13, rotated_at = ?14, previous_until = ?15, last_used_at = max(last_used_at, ?16), "
    "version = ?17 WHERE id = ?1 AND version = ?17 - 1";

KeyRow read_key(const Statement& row) {
    KeyRow key;
    key.id = row.text(0);
    key.name = row.text(1);
    key.hash = row.text(2);
    key.previous_hash = row.text(3);
    key.hint = row.text(4);
    key.team = row.text(5);
    key.source = row.text(6);
    key.models = models_from(row.text(7));
    key.metadata = row.text(8);
    key.created_at = row.integer(9);
    key.updated_at = row.integer(10);
    key.expires_at = row.integer(11);
    key.revoked_at = row.integer(12);
    key.rotated_at = row.integer(13);
    key.previous_until = row.integer(14);
    key.last_used_at = row.integer(15);
    key.version = row.integer(16);
    return key;
}

/// Whether a failed write says something about the store, not about the row.
bool is_of_store(const Failure& failure) { return failure.kind == FailureKind::overloaded || failure.kind == FailureKind::internal; }

std::int64_t size_of(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

}  // namespace

SqliteStore::SqliteStore(Options options) : options_(std::move(options)), path_(options_.folder + "/gotthard.db") {}

SqliteStore::~SqliteStore() {
    readers_.clear();
    writer_.reset();
    if (lock_ >= 0) ::close(lock_);
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(Options options, const Clock& clock) {
    std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(options)));
    if (auto locked = store->lock_folder(); !locked) return fail(std::move(locked.error()));
    if (auto opened = store->open_database(clock); !opened) return fail(std::move(opened.error()));
    return store;
}

Status SqliteStore::lock_folder() {
    const auto& folder = options_.folder;
    const auto refused = [&](std::string_view what) {
        return fail(FailureKind::internal, fmt::format("the data folder {} {} ({}); choose another with --data or change its owner", folder, what, std::strerror(errno)));
    };
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return refused("cannot be made");
    lock_ = ::open((folder + "/gotthard.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0) return refused("cannot be written");
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0)
        return fail(FailureKind::internal, fmt::format("another gotthard uses the data folder {}; stop it, or choose another folder with --data", folder));
    return {};
}

Status SqliteStore::check(Database& database, const std::string& path) const {
    const bool whole = size_of(path) <= options_.check_up_to || ::access(suspicion_of(path).c_str(), F_OK) == 0;
    std::vector<std::string_view> checks;
    if (whole)
        checks = {"PRAGMA quick_check(1)"};
    else
        checks = {"SELECT count(*) FROM sqlite_schema", "PRAGMA quick_check(keys)", "PRAGMA quick_check(tokens)", "PRAGMA quick_check(configs)"};
    for (const auto sql : checks) {
        const auto statement = database.prepare(sql);
        if (!statement) return fail(statement.error());
        const auto row = (*statement)->step();
        if (!row) return fail(row.error());
        const bool good = !sql.starts_with("PRAGMA") || (*statement)->text(0) == "ok";
        const std::string found((*statement)->text(0));
        (*statement)->reset();
        if (!good) {
            Failure failure(FailureKind::internal, "the database is damaged");
            failure.code = "damaged";
            failure.detail = found;
            return fail(std::move(failure));
        }
    }
    return {};
}

std::string SqliteStore::move_aside(const std::string& path, const Clock& clock) const {
    std::string stamp = rfc3339(clock.wall()).substr(0, 19);
    std::erase_if(stamp, [](char c) { return c == ':' || c == '-'; });
    std::string aside = path + ".damaged-" + stamp + "Z";
    for (int number = 2; ::access(aside.c_str(), F_OK) == 0; ++number) aside = fmt::format("{}.damaged-{}Z-{}", path, stamp, number);
    for (const auto side : side_files) ::rename((path + std::string(side)).c_str(), (aside + std::string(side)).c_str());
    return aside;
}

Status SqliteStore::open_database(const Clock& clock) {
    const auto attempt = [&]() -> Status {
        // Made here first, so that it is private from its first byte; SQLite gives the log the same mode.
        const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0)
            return fail(FailureKind::internal, fmt::format("{} cannot be written ({}); check its owner and the space on the disk", path_, std::strerror(errno)));
        ::fchmod(file, 0600);
        ::close(file);
        auto opened = Database::open(path_, Access::write);
        if (!opened) return fail(std::move(opened.error()));
        auto& database = **opened;
        if (auto done = check(database, path_); !done) return done;
        if (auto done = database.run_script("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -1024; PRAGMA journal_size_limit = 67108864;"); !done)
            return done;
        if (auto done = migrate(database); !done) return done;
        if (options_.max_bytes > 0)
            if (auto done = database.run_script(fmt::format("PRAGMA max_page_count = {}", options_.max_bytes / 4096).c_str()); !done) return done;
        writer_ = std::move(*opened);
        return {};
    };
    auto opened = attempt();
    if (opened) ::unlink(suspicion_of(path_).c_str());
    if (opened || !is_damage(opened.error())) return opened;
    const std::string detail = opened.error().detail;
    const std::string aside = move_aside(path_, clock);
    ::unlink(suspicion_of(path_).c_str());
    opened = attempt();
    if (opened)
        notice_ = fmt::format("{} was damaged ({}); it was moved to {} and a new, empty store was started. Keys and records of the old one can be "
                              "recovered with sqlite3's .recover",
                              path_, detail, aside);
    return opened;
}

Status SqliteStore::noted(Status outcome) {
    if (outcome) {
        if (!writable()) {
            std::lock_guard lock(state_mutex_);
            reason_.clear();
            writable_.store(true, std::memory_order_relaxed);
        }
    } else if (is_of_store(outcome.error())) {
        std::lock_guard lock(state_mutex_);
        ++failures_;
        reason_ = outcome.error().message;
        writable_.store(false, std::memory_order_relaxed);
    }
    return outcome;
}

Status SqliteStore::write(const std::function<Status(Database&)>& work) {
    std::lock_guard lock(write_mutex_);
    wrote_ = true;
    return noted([&]() -> Status {
        auto transaction = Transaction::begin(*writer_);
        if (!transaction) return fail(transaction.error());
        if (auto done = work(*writer_); !done) return done;
        return transaction->commit();
    }());
}

Result<Reader> Reader::take(SqliteStore& store) {
    {
        std::lock_guard lock(store.readers_mutex_);
        if (!store.readers_.empty()) {
            auto database = std::move(store.readers_.back());
            store.readers_.pop_back();
            return Reader(store, std::move(database));
        }
    }
    auto database = Database::open(store.path_, Access::read);
    if (!database) return fail(std::move(database.error()));
    if (auto done = (*database)->run_script("PRAGMA cache_size = -1024"); !done) return fail(std::move(done.error()));
    return Reader(store, std::move(*database));
}

Reader::~Reader() {
    if (database_ == nullptr) return;
    constexpr std::size_t kept = 2;
    database_->release_memory();
    std::lock_guard lock(store_->readers_mutex_);
    if (store_->readers_.size() < kept) store_->readers_.push_back(std::move(database_));
}

StoreState SqliteStore::state() const {
    StoreState state;
    {
        std::lock_guard lock(state_mutex_);
        state.reason = reason_;
        state.notice = notice_;
        state.failures = failures_;
    }
    state.writable = writable();
    for (const auto side : side_files) state.bytes += size_of(path_ + std::string(side));
    return state;
}

void SqliteStore::probe() {
    if (writable()) {
        std::lock_guard lock(write_mutex_);
        if (!wrote_) writer_->release_memory();
        wrote_ = false;
        return;
    }
    // Something that needs room, so that a database at its limit is not taken for a healthy one.
    const auto inserted = write([](Database& database) -> Status {
        const auto statement = database.prepare("INSERT OR REPLACE INTO probe (one, filler) VALUES (1, zeroblob(65536))");
        return statement ? (*statement)->run() : Status(fail(statement.error()));
    });
    if (inserted)
        static_cast<void>(write([](Database& database) -> Status {
            const auto statement = database.prepare("DELETE FROM probe");
            return statement ? (*statement)->run() : Status(fail(statement.error()));
        }));
}

Result<std::vector<KeyRow>> SqliteStore::load_keys() {
    auto database = Reader::take(*this);
    if (!database) return fail(std::move(database.error()));
    const auto statement = (*database)->prepare(select_keys);
    if (!statement) return fail(statement.error());
    std::vector<KeyRow> keys;
    for (;;) {
        const auto row = (*statement)->step();
        if (!row) return fail(row.error());
        if (!*row) break;
        keys.push_back(read_key(**statement));
    }
    (*statement)->reset();
    return keys;
}

Status SqliteStore::put_key(KeyRow& row) {
    const std::int64_t version = row.version + 1;
    auto done = write([&](Database& database) -> Status {
        const auto statement = database.prepare(row.version == 0 ? insert_key : update_key);
        if (!statement) return fail(statement.error());
        const std::string models = models_json(row.models);
        auto& bound = (*statement)->bind(1, row.id).bind(2, row.name).bind_blob(3, row.hash).bind(5, row.hint).bind(6, row.team).bind(7, row.source).bind(8, models);
        if (!row.previous_hash.empty()) bound.bind_blob(4, row.previous_hash);
        bound.bind(9, row.metadata).bind(10, row.created_at).bind(11, row.updated_at).bind(12, row.expires_at).bind(13, row.revoked_at);
        bound.bind(14, row.rotated_at).bind(15, row.previous_until).bind(16, row.last_used_at).bind(17, version);
        if (auto ran = bound.run(); !ran) return ran;
        if (database.changes() == 0) return fail(FailureKind::invalid_request, "the key was changed by somebody else in the meantime; read it again and repeat the change");
        return {};
    });
    if (done) row.version = version;
    return done;
}

Status SqliteStore::touch_keys(std::span<const KeyUse> uses) {
    if (uses.empty()) return {};
    return write([&](Database& database) -> Status {
        for (const auto& use : uses) {
            const auto statement = database.prepare("UPDATE keys SET last_used_at = ?2 WHERE id = ?1 AND last_used_at < ?2");
            if (!statement) return fail(statement.error());
            if (auto done = (*statement)->bind(1, use.id).bind(2, use.last_used_at).run(); !done) return done;
        }
        return {};
    });
}

Result<std::vector<TokenRow>> SqliteStore::load_tokens() {
    auto database = Reader::take(*this);
    if (!database) return fail(std::move(database.error()));
    const auto statement = (*database)->prepare("SELECT id, name, hash, hint, created_at, expires_at, revoked_at FROM tokens ORDER BY id");
    if (!statement) return fail(statement.error());
    std::vector<TokenRow> tokens;
    for (;;) {
        const auto row = (*statement)->step();
        if (!row) return fail(row.error());
        if (!*row) break;
        const auto& s = **statement;
        tokens.push_back({std::string(s.text(0)), std::string(s.text(1)), std::string(s.text(2)), std::string(s.text(3)), s.integer(4), s.integer(5), s.integer(6)});
    }
    (*statement)->reset();
    return tokens;
}

Status SqliteStore::put_token(const TokenRow& row) {
    return write([&](Database& database) -> Status {
        const auto statement =
            database.prepare("INSERT OR REPLACE INTO tokens (id, name, hash, hint, created_at, expires_at, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
        if (!statement) return fail(statement.error());
        return (*statement)->bind(1, row.id).bind(2, row.name).bind_blob(3, row.hash).bind(4, row.hint).bind(5, row.created_at).bind(6, row.expires_at).bind(7, row.revoked_at).run();
    });
}

Status SqliteStore::add_config(const ConfigRow& row) {
    return write([&](Database& database) -> Status {
        const auto statement = database.prepare("INSERT INTO configs (at, hash, source, result, message, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
        if (!statement) return fail(statement.error());
        return (*statement)->bind(1, row.at).bind(2, row.hash).bind(3, row.source).bind(4, row.result).bind(5, row.message).bind(6, row.text).run();
    });
}

Result<std::vector<ConfigRow>> SqliteStore::list_configs(std::int64_t before, std::size_t limit) {
    auto database = Reader::take(*this);
    if (!database) return fail(std::move(database.error()));
    const auto statement = (*database)->prepare("SELECT seq, at, hash, source, result, message, text FROM configs WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2");
    if (!statement) return fail(statement.error());
    (*statement)->bind(1, before > 0 ? before : std::numeric_limits<std::int64_t>::max()).bind(2, static_cast<std::int64_t>(limit));
    std::vector<ConfigRow> rows;
    for (;;) {
        const auto row = (*statement)->step();
        if (!row) return fail(row.error());
        if (!*row) break;
        const auto& s = **statement;
        rows.push_back({s.integer(0), s.integer(1), std::string(s.text(2)), std::string(s.text(3)), std::string(s.text(4)), std::string(s.text(5)), std::string(s.text(6))});
    }
    (*statement)->reset();
    return rows;
}

}  // namespace gotthard::store::sqlite
