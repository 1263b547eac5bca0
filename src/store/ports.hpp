// What the store holds, as plain rows, and the small interfaces through which everybody else sees it.
//
// A backend (sqlite/, memory/) implements all of them; it is made in wiring.cpp and handed out by reference. Calls may block:
// they are made by background threads, the administrator's thread and at start, never by a shard's loop.
// All members of a backend may be called from any thread at the same time.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/clock.hpp"
#include "base/failure.hpp"
#include "base/id.hpp"

namespace gotthard::store {

/// "Not known" of every number in a row (NULL in SQL). Equal to what Money::unknown() counts.
inline constexpr std::int64_t unset = std::numeric_limits<std::int64_t>::min();

// ---- keys ---------------------------------------------------------------------------------------------------------

struct KeyRow {
    std::string id;             ///< UUIDv7 text.
    std::string name;
    std::string hash;           ///< 32 bytes: HMAC-SHA-256 of the value. The value itself is never stored.
    std::string previous_hash;  ///< Of the value before the last rotation; empty when there was none.
    std::string hint;           ///< What may be shown: "sk-gw-Ab12...wxyz".
    std::string team;
    std::string source;         ///< "store", or "config" when the configuration declares it.
    std::vector<std::string> models;  ///< Globs of what it may call; empty: everything.
    std::string metadata;       ///< JSON object of the owner's own notes; "{}" when none.
    Micros created_at = 0;
    Micros updated_at = 0;
    Micros expires_at = 0;      ///< 0: never.
    Micros revoked_at = 0;      ///< 0: in force.
    Micros rotated_at = 0;
    Micros previous_until = 0;  ///< Until when previous_hash still works; 0: not any more.
    Micros last_used_at = 0;
    std::int64_t version = 0;   ///< Rises with every change; 0: not stored yet.
};

struct KeyUse {
    std::string id;
    Micros last_used_at = 0;
};

class KeyStore {
public:
    virtual ~KeyStore() = default;
    virtual Result<std::vector<KeyRow>> load_keys() = 0;
    /// Writes the row if the stored version is still `row.version` (0: it must not exist) and raises it; else invalid_request.
    virtual Status put_key(KeyRow& row) = 0;
    /// Only last_used_at, only upwards; no version change.
    virtual Status touch_keys(std::span<const KeyUse> uses) = 0;
};

// ---- administrator tokens -------------------------------------------------------------------------------------------

struct TokenRow {
    std::string id;
    std::string name;
    std::string hash;  ///< 32 bytes: HMAC-SHA-256 of the value.
    std::string hint;
    Micros created_at = 0;
    Micros expires_at = 0;
    Micros revoked_at = 0;
};

class TokenStore {
public:
    virtual ~TokenStore() = default;
    virtual Result<std::vector<TokenRow>> load_tokens() = 0;
    virtual Status put_token(const TokenRow& row) = 0;  ///< Inserts, or replaces the row of the same id.
};

// ---- configurations that were in force ------------------------------------------------------------------------------

struct ConfigRow {
    std::int64_t seq = 0;  ///< Given by the store.
    Micros at = 0;
    std::string hash;
    std::string source;   ///< "file", "api", "signal".
    std::string result;   ///< "applied", "refused".
    std::string message;  ///< Why it was refused.
    std::string text;     ///< The YAML with secrets masked by the caller; may be empty.
};

class ConfigHistory {
public:
    virtual ~ConfigHistory() = default;
    virtual Status add_config(const ConfigRow& row) = 0;
    /// Newest first, with seq < before (0: from the newest).
    virtual Result<std::vector<ConfigRow>> list_configs(std::int64_t before, std::size_t limit) = 0;
};

// ---- records: one row per client request ----------------------------------------------------------------------------

/// Lengths in microseconds from arrival, sizes in bytes, money in nano-dollars, flags 0 or 1.
struct RequestNumbers {
    std::int64_t ts = unset;  ///< Arrival, microseconds since 1970.
    std::int64_t duration_us = unset, overhead_us = unset, queue_us = unset, ttfb_us = unset, ttft_us = unset, last_token_us = unset;
    std::int64_t stream = unset, max_tokens = unset, n = unset, seed = unset, tools_count = unset;
    std::int64_t input = unset, output = unset, cached_read = unset, cache_write_5m = unset, cache_write_1h = unset, cache_write_30m = unset,
                 cache_write_12h = unset, reasoning = unset, audio_in = unset, audio_out = unset, image_in = unset, image_out = unset,
                 web_searches = unset, tool_calls_count = unset;
    std::int64_t cost_input = unset, cost_output = unset, cost_cache_read = unset, cost_cache_write = unset, cost_tools = unset, cost_other = unset,
                 cost_total = unset;  ///< cost_total unset: nothing to price, or no price known (then price_source is "unknown").
    std::int64_t status = unset, retries = unset, fallback_index = unset, client_disconnect_at_bytes = unset;
    std::int64_t req_bytes = unset, resp_bytes = unset, chunks = unset, losses_count = unset;
};

struct RequestReals {
    double temperature = std::numeric_limits<double>::quiet_NaN();  ///< NaN: not sent.
    double top_p = std::numeric_limits<double>::quiet_NaN();
};

/// Empty: not known. `attempts`, `losses`, `tags` are JSON arrays, `properties` and `decision` JSON objects, as text.
struct RequestTexts {
    std::string_view client_request_id, trace_id, node, config_hash;
    std::string_view team, key_id, key_alias, end_user, client_ip, user_agent, auth_kind;
    std::string_view endpoint, dialect_in, dialect_out, request_model, route, target, provider, account_alias, response_model, upstream_request_id;
    std::string_view reasoning_effort, service_tier, tool_choice, response_format;
    std::string_view usage_source;  ///< provider | counted | estimated
    std::string_view price_source;  ///< config | catalogue | provider | unknown
    std::string_view outcome;       ///< ok client_error upstream_error guard_block guard_cut budget rate_limited timeout cancelled cache_hit
    std::string_view finish_reason, error_class, error_code, error_message;
    std::string_view session_id, properties, tags;
    std::string_view attempts, losses, decision;
    std::string_view request_hash, response_hash;
};

/// Views: of the exchange when it is written, of RequestPage::text when it was read.
struct RequestRow : RequestNumbers, RequestReals, RequestTexts {
    Id id;
    std::int64_t seq = 0;  ///< Order of arrival in the store; given by it.

    static constexpr std::size_t number_count = sizeof(RequestNumbers) / sizeof(std::int64_t);
    static constexpr std::size_t text_count = sizeof(RequestTexts) / sizeof(std::string_view);
    std::span<std::int64_t, number_count> numbers() { return std::span<std::int64_t, number_count>(&ts, number_count); }
    std::span<const std::int64_t, number_count> numbers() const { return std::span<const std::int64_t, number_count>(&ts, number_count); }
    std::span<std::string_view, text_count> texts() { return std::span<std::string_view, text_count>(&client_request_id, text_count); }
    std::span<const std::string_view, text_count> texts() const {
        return std::span<const std::string_view, text_count>(&client_request_id, text_count);
    }
};

/// Names of numbers() and texts(), in their order: the column names of every backend and the member names in JSON.
extern const std::array<std::string_view, RequestRow::number_count> request_number_names;
extern const std::array<std::string_view, RequestRow::text_count> request_text_names;
/// Whether a text column holds JSON (attempts, losses, tags, properties, decision).
bool is_json_column(std::string_view name);
/// Whether a number column is money (cost_...).
bool is_money_column(std::string_view name);

class RecordStore {
public:
    virtual ~RecordStore() = default;
    /// All rows in one transaction or none. A row whose id is stored already replaces it.
    virtual Status append_requests(std::span<const RequestRow> rows) = 0;
    /// Deletes what is older than `ts`; bounded work per call, true while there is more.
    virtual Result<bool> prune_requests(Micros before) = 0;
};

struct RequestFilter {
    std::string key_id, key_alias, team, request_model, response_model, provider, target, route, endpoint, outcome, session_id;  ///< Empty: any. request_model, response_model and target are globs.
    std::string model;                             ///< Glob over request_model, target or response_model.
    std::optional<std::int64_t> status;            ///< Exact; 4 and 5 mean 4xx and 5xx.
    Micros since = 0;                              ///< Arrival >= since; 0: any.
    Micros until = 0;                              ///< Arrival < until; 0: any.
};

/// Whether a row passes: the same answer in every backend and in the live tail.
bool matches(const RequestFilter& filter, const RequestRow& row);
/// The row with its texts in `arena`.
RequestRow copy_of(const RequestRow& row, Arena& arena);

struct RequestPage {
    std::vector<RequestRow> rows;
    Arena text;               ///< Owns what the rows view.
    std::string next_cursor;  ///< Empty: that was all.
};

/// One line of a usage report: the values of the dimensions asked for, and the sums.
struct UsageRow {
    std::vector<std::string> by;  ///< In the order of UsageQuery::by.
    Micros bucket = 0;            ///< Begin of the hour or day (UTC); 0 without buckets.
    std::int64_t requests = 0, errors = 0, unpriced = 0, estimated = 0;
    std::int64_t input = 0, output = 0, cached_read = 0, cache_write = 0, reasoning = 0;
    std::int64_t cost_nanos = 0;  ///< Of what has a price; `unpriced` counts the rest.
};

enum class Bucket : std::uint8_t { none, hour, day, month };

struct UsageQuery {
    std::vector<std::string> by;  ///< Of usage_dimensions().
    Bucket bucket = Bucket::none;
    RequestFilter filter;
    std::size_t limit = 10'000;
};

/// key, key_id, team, model, request_model, response_model, provider, target, route, endpoint, dialect, outcome, end_user, session, day.
std::span<const std::string_view> usage_dimensions();

class RecordReader {
public:
    virtual ~RecordReader() = default;
    /// Newest first. `cursor` as given by the page before; a cursor that is none is invalid_request.
    virtual Result<RequestPage> list_requests(const RequestFilter& filter, std::string_view cursor, std::size_t limit) = 0;
    virtual Result<RequestPage> get_request(const Id& id) = 0;  ///< No row or one.
    /// In order of arrival in the store, seq > after: the live tail, which begins at newest_seq(). next_cursor is the last seq seen.
    virtual Result<RequestPage> follow_requests(const RequestFilter& filter, std::int64_t after, std::size_t limit) = 0;
    virtual Result<std::int64_t> newest_seq() = 0;
    virtual Result<std::vector<UsageRow>> usage(const UsageQuery& query) = 0;
};

// ---- state ------------------------------------------------------------------------------------------------------------

struct StoreState {
    bool writable = true;
    std::string reason;        ///< Why it is not: what and what to do.
    std::int64_t failures = 0; ///< Writes that failed since start.
    std::int64_t bytes = 0;    ///< On disk, write-ahead log included.
    std::string notice;        ///< Something an operator should know: "gotthard.db was damaged; it was moved to ...".
};

class StoreHealth {
public:
    virtual ~StoreHealth() = default;
    virtual bool writable() const = 0;  ///< One relaxed load: for /readyz on a shard.
    virtual StoreState state() const = 0;
    /// Tries a small write when the last one failed, so that the state recovers without traffic. Cheap when all is well.
    virtual void probe() = 0;
};

}  // namespace gotthard::store
