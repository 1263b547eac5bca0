// Records in SQLite: one INSERT per row in batches, keyset pages by id (UUIDv7: time), usage sums.
//
// SQL texts are put together from constants of this file only; what a user gave is bound (S03).
#include <cmath>

#include "base/text.hpp"
#include "store/sqlite/sqlite_store.hpp"

namespace gotthard::store::sqlite {
namespace {

constexpr int first_number = 2, first_real = first_number + static_cast<int>(RequestRow::number_count), first_text = first_real + 2;

std::string column_list() {
    std::string out = "id";
    for (const auto name : request_number_names) out.append(", ").append(name);
    out += ", temperature, top_p";
    for (const auto name : request_text_names) out.append(", ").append(name);
    return out;
}

const std::string& insert_sql() {
    static const std::string sql = [] {
        std::string out = "INSERT OR REPLACE INTO requests (" + column_list() + ") VALUES (?1";
        for (int i = 2; i < first_text + static_cast<int>(RequestRow::text_count); ++i) out += fmt::format(", ?{}", i);
        return out + ")";
    }();
    return sql;
}

std::string bytes_of(const Id& id) {
    std::string bytes(16, '\0');
    for (int i = 0; i < 8; ++i) {
        bytes[i] = static_cast<char>(id.high() >> (56 - 8 * i));
        bytes[8 + i] = static_cast<char>(id.low() >> (56 - 8 * i));
    }
    return bytes;
}

Id id_from(std::string_view bytes) {
    const std::string digits = hex(bytes);
    if (digits.size() != 32) return {};
    return Id::parse(fmt::format("{}-{}-{}-{}-{}", digits.substr(0, 8), digits.substr(8, 4), digits.substr(12, 4), digits.substr(16, 4), digits.substr(20))).value_or(Id{});
}

/// The smallest id of a millisecond, and a little earlier: clocks of ids and of rows are the same, but not read at the same instant.
std::string lowest_id(Micros at) {
    constexpr Micros slack = 1'000'000;
    std::uint64_t millis = at > slack ? static_cast<std::uint64_t>((at - slack) / 1000) : 0;
    std::string bytes(16, '\0');
    for (int i = 0; i < 6; ++i) bytes[i] = static_cast<char>(millis >> (40 - 8 * i));
    return bytes;
}

/// Conditions and the values for their `?`, in order.
class Where {
public:
    void add(std::string_view condition) { sql_.append(sql_.empty() ? " WHERE " : " AND ").append(condition); }
    void add(std::string_view condition, std::string text) {
        add(condition);
        values_.push_back({std::move(text), 0, Kind::text});
    }
    void add_blob(std::string_view condition, std::string bytes) {
        add(condition);
        values_.push_back({std::move(bytes), 0, Kind::blob});
    }
    void add(std::string_view condition, std::int64_t number) {
        add(condition);
        values_.push_back({{}, number, Kind::number});
    }
    /// Binds everything, then `last`.
    void bind(Statement& statement, std::int64_t last) const {
        int index = 1;
        for (const auto& value : values_) switch (value.kind) {
                case Kind::text: statement.bind(index++, std::string_view(value.text)); break;
                case Kind::blob: statement.bind_blob(index++, value.text); break;
                case Kind::number: statement.bind(index++, value.number); break;
            }
        statement.bind(index, last);
    }
    void repeat_last() { values_.push_back(values_.back()); }
    const std::string& sql() const { return sql_; }

private:
    enum class Kind : std::uint8_t { text, blob, number };
    struct Value {
        std::string text;
        std::int64_t number;
        Kind kind;
    };
    std::string sql_;
    std::vector<Value> values_;
};

void add_filter(Where& where, const RequestFilter& filter) {
    const struct {
        const std::string& value;
        std::string_view equal;
        bool glob;
    } fields[] = {
        {filter.key_id, "key_id = ?", false},           {filter.key_alias, "key_alias = ?", false},
        {filter.team, "team = ?", false},               {filter.provider, "provider = ?", false},
        {filter.route, "route = ?", false},             {filter.endpoint, "endpoint = ?", false},
        {filter.outcome, "outcome = ?", false},         {filter.session_id, "session_id = ?", false},
        {filter.request_model, "request_model GLOB ?", true}, {filter.response_model, "response_model GLOB ?", true},
        {filter.target, "target GLOB ?", true},
    };
    for (const auto& field : fields)
        if (!field.value.empty()) where.add(field.equal, field.glob ? sqlite_glob(field.value) : field.value);
    if (!filter.model.empty()) {
        where.add("(request_model GLOB ? OR target GLOB ? OR response_model GLOB ?)", sqlite_glob(filter.model));
        where.repeat_last();
        where.repeat_last();
    }
    if (filter.status) where.add(*filter.status < 10 ? "status / 100 = ?" : "status = ?", *filter.status);
    if (filter.since != 0) {
        where.add_blob("id >= ?", lowest_id(filter.since));
        where.add("ts >= ?", filter.since);
    }
    if (filter.until != 0) {
        where.add_blob("id < ?", lowest_id(filter.until + 2'000'000));
        where.add("ts < ?", filter.until);
    }
}

RequestRow read_request(const Statement& row, Arena& arena) {
    RequestRow request;
    request.id = id_from(row.text(0));
    int column = 1;
    for (auto& number : request.numbers()) {
        if (!row.is_null(column)) number = row.integer(column);
        ++column;
    }
    if (!row.is_null(column)) request.temperature = row.real(column);
    if (!row.is_null(column + 1)) request.top_p = row.real(column + 1);
    column += 2;
    for (auto& text : request.texts()) text = arena.copy(row.text(column++));
    request.seq = row.integer(column);
    return request;
}

Result<RequestPage> read_page(Database& database, const std::string& sql, const Where& where, std::int64_t limit) {
    const auto statement = database.prepare(sql);
    if (!statement) return fail(statement.error());
    where.bind(**statement, limit);
    RequestPage page;
    for (;;) {
        const auto row = (*statement)->step();
        if (!row) return fail(row.error());
        if (!*row) break;
        page.rows.push_back(read_request(**statement, page.text));
    }
    (*statement)->reset();
    return page;
}

const std::string& select_sql() {
    static const std::string sql = "SELECT " + column_list() + ", seq FROM requests";
    return sql;
}

struct Dimension {
    std::string_view name;
    std::string_view expression;
};
constexpr Dimension dimension_columns[] = {
    {"key", "key_alias"},
    {"key_id", "key_id"},
    {"team", "team"},
    {"model", "coalesce(nullif(target, ''), request_model)"},
    {"request_model", "request_model"},
    {"response_model", "response_model"},
    {"provider", "provider"},
    {"target", "target"},
    {"route", "route"},
    {"endpoint", "endpoint"},
    {"dialect", "dialect_in"},
    {"outcome", "outcome"},
    {"end_user", "end_user"},
    {"session", "session_id"},
    {"day", "date(ts / 1000000, 'unixepoch')"},
};

constexpr std::string_view bucket_expression(Bucket bucket) {
    switch (bucket) {
        case Bucket::hour: return "ts / 3600000000 * 3600000000";
        case Bucket::day: return "ts / 86400000000 * 86400000000";
        case Bucket::month: return "strftime('%s', ts / 1000000, 'unixepoch', 'start of month') * 1000000";
        default: return "0";
    }
}

Result<std::string> usage_sql(const UsageQuery& query, const Where& where) {
    std::string groups;
    for (const auto& name : query.by) {
        const auto* row = std::ranges::find(dimension_columns, name, &Dimension::name);
        if (row == std::end(dimension_columns))
            return fail(FailureKind::invalid_request, fmt::format("usage cannot be split by \"{}\"; it can by {}", name, fmt::join(usage_dimensions(), ", ")));
        groups.append(", coalesce(").append(row->expression).append(", '')");
    }
    std::string sql = fmt::format(
        "SELECT {}, count(*), sum(outcome NOT IN ('ok', 'cache_hit')), sum(price_source = 'unknown'), sum(usage_source = 'estimated'), sum(input), sum(output), "
        "sum(cached_read), sum(coalesce(cache_write_5m, 0) + coalesce(cache_write_1h, 0) + coalesce(cache_write_30m, 0) + coalesce(cache_write_12h, 0)), "
        "sum(reasoning), sum(cost_total){} FROM requests{}",
        bucket_expression(query.bucket), groups, where.sql());
    sql += " GROUP BY 1";
    for (std::size_t i = 0; i < query.by.size(); ++i) sql += fmt::format(", {}", 12 + i);
    return sql + " ORDER BY 1, 11 DESC LIMIT ?";
}

}  // namespace

std::string sqlite_glob(std::string_view pattern) {
    std::string out;
    for (const char c : pattern) {
        if (c == '[')
            out += "[[]";
        else
            out += c;
    }
    return out;
}

Status SqliteStore::append_requests(std::span<const RequestRow> rows) {
    return write([&](Database& database) -> Status {
        const auto prepared = database.prepare(insert_sql());
        if (!prepared) return fail(prepared.error());
        auto& statement = **prepared;
        for (const auto& row : rows) {
            const std::string id = bytes_of(row.id);
            statement.bind_blob(1, id);
            int index = first_number;
            for (const auto number : row.numbers()) {
                if (number != unset) statement.bind(index, number);
                ++index;
            }
            if (!std::isnan(row.temperature)) statement.bind(first_real, row.temperature);
            if (!std::isnan(row.top_p)) statement.bind(first_real + 1, row.top_p);
            index = first_text;
            for (const auto text : row.texts()) {
                if (!text.empty()) statement.bind(index, text);
                ++index;
            }
            if (auto done = statement.run(); !done) return done;
        }
        return {};
    });
}

Result<bool> SqliteStore::prune_requests(Micros before) {
    constexpr std::int64_t at_once = 5000;
    std::int64_t deleted = 0;
    const std::string limit_id = lowest_id(before);
    auto done = write([&](Database& database) -> Status {
        const auto statement = database.prepare("DELETE FROM requests WHERE seq IN (SELECT seq FROM requests WHERE id < ?1 ORDER BY id LIMIT ?2)");
        if (!statement) return fail(statement.error());
        if (auto ran = (*statement)->bind_blob(1, limit_id).bind(2, at_once).run(); !ran) return ran;
        deleted = database.changes();
        return {};
    });
    if (!done) return fail(std::move(done.error()));
    return deleted == at_once;
}

Result<RequestPage> SqliteStore::list_requests(const RequestFilter& filter, std::string_view cursor, std::size_t limit) {
    Where where;
    if (!cursor.empty()) {
        const auto id = Id::parse(cursor);
        if (!id) return fail(FailureKind::invalid_request, "the cursor is not one that this list gave; start without one");
        where.add_blob("id < ?", bytes_of(*id));
    }
    add_filter(where, filter);
    auto database = Reader::take(*this);
    if (!database) return fail(std::move(database.error()));
    auto page = read_page(**database, select_sql() + where.sql() + " ORDER BY id DESC LIMIT ?", where, static_cast<std::int64_t>(limit) + 1);
    if (page && page->rows.size() > limit) {
        page->rows.resize(limit);
        if (limit > 0) page->next_cursor = page->rows.back().id.text();
    }
    return page;
}

Result<RequestPage> SqliteStore::get_request(const Id& id) {
    Where where;
    where.add_blob("id = ?", bytes_of(id));
    auto database = Reader::take(*this);
    if (!database) return fail(std::move(database.error()));
    return read_page(**database, select_sql() + where.sql() + " LIMIT ?", where, 1);
}

Result<RequestPage> SqliteStore::follow_requests(const RequestFilter& filter, std::int64_t after, std::size_t limit) {
    Where where;
    where.add("seq > ?", after);
    add_filter(where, filter);
    auto database = Reader::take(*this);
    if (!database) return fail(std::move(database.error()));
    auto page = read_page(**database, select_sql() + where.sql() + " ORDER BY seq LIMIT ?", where, static_cast<std::int64_t>(limit));
    if (page) page->next_cursor = fmt::format("{}", page->rows.empty() ? after : page->rows.back().seq);
    return page;
}

Result<std::int64_t> SqliteStore::newest_seq() {
    auto database = Reader::take(*this);
    if (!database) return fail(std::move(database.error()));
    return (*database)->ask_integer("SELECT coalesce(max(seq), 0) FROM requests");
}

Result<std::vector<UsageRow>> SqliteStore::usage(const UsageQuery& query) {
    Where where;
    add_filter(where, query.filter);
    const auto sql = usage_sql(query, where);
    if (!sql) return fail(sql.error());
    auto database = Reader::take(*this);
    if (!database) return fail(std::move(database.error()));
    const auto statement = (*database)->prepare(*sql);
    if (!statement) return fail(statement.error());
    where.bind(**statement, static_cast<std::int64_t>(query.limit));
    std::vector<UsageRow> rows;
    for (;;) {
        const auto stepped = (*statement)->step();
        if (!stepped) return fail(stepped.error());
        if (!*stepped) break;
        const auto& s = **statement;
        UsageRow row;
        row.bucket = s.integer(0);
        std::int64_t* const sums[] = {&row.requests, &row.errors, &row.unpriced, &row.estimated, &row.input, &row.output, &row.cached_read, &row.cache_write, &row.reasoning, &row.cost_nanos};
        int column = 1;
        for (auto* sum : sums) *sum = s.integer(column++);
        for (std::size_t i = 0; i < query.by.size(); ++i) row.by.emplace_back(s.text(column++));
        rows.push_back(std::move(row));
    }
    (*statement)->reset();
    return rows;
}

}  // namespace gotthard::store::sqlite
