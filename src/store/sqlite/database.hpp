// SQLite as values: a connection, prepared statements, errors as Failure. Nothing of our schema here.
//
// A Database belongs to whoever holds its lock; it is used by one thread at a time. Statements are prepared once per text and kept.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/failure.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace gotthard::store::sqlite {

class Statement {
public:
    explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
    Statement(Statement&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    /// Parameters are numbered from 1. Texts and blobs must live until the next reset.
    Statement& bind(int index, std::int64_t value);
    Statement& bind(int index, double value);
    Statement& bind(int index, std::string_view text);
    Statement& bind_blob(int index, std::string_view bytes);
    Statement& reset();  ///< Ready to run again, all parameters NULL.

    Result<bool> step();  ///< True: a row is there.
    Status run();         ///< Steps once, expects no row, resets.

    // Columns are numbered from 0 and live until the next step or reset.
    bool is_null(int column) const;
    std::int64_t integer(int column) const;
    double real(int column) const;
    std::string_view text(int column) const;  ///< Also of blobs. NULL: "".

private:
    sqlite3_stmt* handle_;
};

enum class Access : std::uint8_t { write, read };

class Database {
public:
    static Result<std::unique_ptr<Database>> open(const std::string& path, Access access);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    Status run_script(const char* sql);          ///< Our own constant texts only.
    Result<Statement*> prepare(std::string_view sql);  ///< Reset, parameters NULL. Lives as long as the connection.
    Result<std::int64_t> ask_integer(std::string_view sql);
    std::int64_t changes() const;
    std::int64_t last_row() const;
    void release_memory();

private:
    explicit Database(sqlite3* handle) : handle_(handle) {}
    sqlite3* handle_;
    std::unordered_map<std::string, Statement> statements_;
};

/// Commits on commit(), rolls back otherwise.
class Transaction {
public:
    static Result<Transaction> begin(Database& database);
    Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();
    Status commit();

private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;
};

/// Full, locked, read-only, damaged ...: what it is and what to do, in words.
Failure failure_of(sqlite3* handle, int code);
/// The file beside a database that says that damage was met.
std::string suspicion_of(std::string_view path);
/// Whether the file cannot be a database or is damaged.
bool is_damage(const Failure& failure);

}  // namespace gotthard::store::sqlite
