#include "store/sqlite/database.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>

namespace gotthard::store::sqlite {
namespace {

constexpr int busy_milliseconds = 1000;

struct ErrorWords {
    int code;
    FailureKind kind;
    std::string_view words;
};
constexpr std::array error_words{
    ErrorWords{SQLITE_FULL, FailureKind::overloaded, "the disk (or the store's size limit) is full; free some space in the data folder"},
    ErrorWords{SQLITE_BUSY, FailureKind::overloaded, "another program holds the database; close it (sqlite3, a backup) or wait"},
    ErrorWords{SQLITE_LOCKED, FailureKind::overloaded, "another program holds the database; close it (sqlite3, a backup) or wait"},
    ErrorWords{SQLITE_READONLY, FailureKind::overloaded, "the database is read-only; make the data folder and its files writable"},
    ErrorWords{SQLITE_IOERR, FailureKind::overloaded, "the disk does not read or write; look at the system log"},
    ErrorWords{SQLITE_CANTOPEN, FailureKind::overloaded, "the database cannot be opened; check that the data folder exists and may be written"},
    ErrorWords{SQLITE_PERM, FailureKind::overloaded, "the database may not be opened; check the owner of the data folder"},
    ErrorWords{SQLITE_NOMEM, FailureKind::overloaded, "there is no memory left"},
    ErrorWords{SQLITE_CORRUPT, FailureKind::internal, "the database is damaged; restart to have it moved aside, or restore a backup"},
    ErrorWords{SQLITE_NOTADB, FailureKind::internal, "the file is not a database; restart to have it moved aside, or restore a backup"},
};

/// Damage that was met at work makes the next start look at the whole file.
void leave_suspicion(sqlite3* handle) {
    const char* path = handle != nullptr ? sqlite3_db_filename(handle, "main") : nullptr;
    if (path == nullptr || *path == '\0') return;
    const int file = ::open(suspicion_of(path).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file >= 0) ::close(file);
}

}  // namespace

std::string suspicion_of(std::string_view path) { return std::string(path) + ".suspect"; }

Failure failure_of(sqlite3* handle, int code) {
    const std::string detail = fmt::format("sqlite error {}: {}", code, handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
    for (const auto& row : error_words)
        if (row.code == (code & 0xff)) {
            Failure failure(row.kind, fmt::format("the store cannot be used: {}", row.words));
            failure.detail = detail;
            if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB) {
                failure.code = "damaged";
                leave_suspicion(handle);
            }
            return failure;
        }
    return Failure(FailureKind::internal, "the store failed").because(detail);
}

bool is_damage(const Failure& failure) { return failure.code == "damaged"; }

Statement::~Statement() { sqlite3_finalize(handle_); }

Statement& Statement::bind(int index, std::int64_t value) {
    sqlite3_bind_int64(handle_, index, value);
    return *this;
}

Statement& Statement::bind(int index, double value) {
    sqlite3_bind_double(handle_, index, value);
    return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
    sqlite3_bind_text(handle_, index, text.data() == nullptr ? "" : text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
    return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
    sqlite3_bind_blob(handle_, index, bytes.data() == nullptr ? "" : bytes.data(), static_cast<int>(bytes.size()), SQLITE_STATIC);
    return *this;
}

Statement& Statement::reset() {
    sqlite3_reset(handle_);
    sqlite3_clear_bindings(handle_);
    return *this;
}

Result<bool> Statement::step() {
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    auto failure = failure_of(sqlite3_db_handle(handle_), sqlite3_extended_errcode(sqlite3_db_handle(handle_)));
    sqlite3_reset(handle_);
    return fail(std::move(failure));
}

Status Statement::run() {
    const auto stepped = step();
    if (!stepped) return fail(stepped.error());
    reset();
    return {};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }
double Statement::real(int column) const { return sqlite3_column_double(handle_, column); }

std::string_view Statement::text(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_, column));
    return data == nullptr ? std::string_view{} : std::string_view{data, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, Access access) {
    sqlite3* handle = nullptr;
    const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (access == Access::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    std::unique_ptr<Database> database(new Database(handle));
    if (code != SQLITE_OK) return fail(failure_of(handle, code));
    sqlite3_busy_timeout(handle, busy_milliseconds);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    return database;
}

Database::~Database() {
    statements_.clear();
    sqlite3_close(handle_);
}

Status Database::run_script(const char* sql) {
    const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return fail(failure_of(handle_, code));
    return {};
}

Result<Statement*> Database::prepare(std::string_view sql) {
    std::string text(sql);
    if (const auto found = statements_.find(text); found != statements_.end()) return &found->second.reset();
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
    if (code != SQLITE_OK) return fail(failure_of(handle_, code));
    return &statements_.emplace(std::move(text), Statement(handle)).first->second;
}

Result<std::int64_t> Database::ask_integer(std::string_view sql) {
    const auto statement = prepare(sql);
    if (!statement) return fail(statement.error());
    const auto row = (*statement)->step();
    if (!row) return fail(row.error());
    const std::int64_t value = *row ? (*statement)->integer(0) : 0;
    (*statement)->reset();
    return value;
}

std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }
std::int64_t Database::last_row() const { return sqlite3_last_insert_rowid(handle_); }
void Database::release_memory() { sqlite3_db_release_memory(handle_); }

Result<Transaction> Transaction::begin(Database& database) {
    const auto statement = database.prepare("BEGIN IMMEDIATE");
    if (!statement) return fail(statement.error());
    if (auto begun = (*statement)->run(); !begun) return fail(std::move(begun.error()));
    return Transaction(database);
}

Transaction::~Transaction() {
    if (database_ == nullptr) return;
    if (const auto statement = database_->prepare("ROLLBACK")) static_cast<void>((*statement)->run());
}

Status Transaction::commit() {
    const auto statement = database_->prepare("COMMIT");
    if (!statement) return fail(statement.error());
    auto done = (*statement)->run();
    if (done) database_ = nullptr;
    return done;
}

}  // namespace gotthard::store::sqlite
