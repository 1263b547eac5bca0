#include "store/ports.hpp"

#include "base/text.hpp"

namespace gotthard::store {

const std::array<std::string_view, RequestRow::number_count> request_number_names = {
    "ts",           "duration_us",  "overhead_us",    "queue_us",       "ttfb_us",         "ttft_us",         "last_token_us", "stream",
    "max_tokens",   "n",            "seed",           "tools_count",    "input",           "output",          "cached_read",   "cache_write_5m",
    "cache_write_1h", "cache_write_30m", "cache_write_12h", "reasoning",   "audio_in",        "audio_out",       "image_in",      "image_out",
    "web_searches", "tool_calls_count", "cost_input",  "cost_output",    "cost_cache_read", "cost_cache_write", "cost_tools",   "cost_other",
    "cost_total",   "status",       "retries",        "fallback_index", "client_disconnect_at_bytes", "req_bytes", "resp_bytes", "chunks",
    "losses_count",
};

const std::array<std::string_view, RequestRow::text_count> request_text_names = {
    "client_request_id", "trace_id",  "node",        "config_hash",  "team",          "key_id",         "key_alias",   "end_user",
    "client_ip",         "user_agent", "auth_kind",  "endpoint",     "dialect_in",    "dialect_out",    "request_model", "route",
    "target",            "provider",  "account_alias", "response_model", "upstream_request_id", "reasoning_effort", "service_tier", "tool_choice",
    "response_format",   "usage_source", "price_source", "outcome",  "finish_reason", "error_class",    "error_code",  "error_message",
    "session_id",        "properties", "tags",       "attempts",     "losses",        "decision",       "request_hash", "response_hash",
};

namespace {

constexpr std::string_view json_columns[] = {"properties", "tags", "attempts", "losses", "decision"};

constexpr std::string_view dimensions[] = {"key",      "key_id", "team",    "model",   "request_model", "response_model", "provider", "target", "route",
                                           "endpoint", "dialect", "outcome", "end_user", "session",      "day"};

bool is(std::string_view wanted, std::string_view value) { return wanted.empty() || wanted == value; }

bool status_fits(std::int64_t wanted, std::int64_t status) { return wanted < 10 ? status / 100 == wanted : status == wanted; }

}  // namespace

bool is_json_column(std::string_view name) { return std::ranges::find(json_columns, name) != std::end(json_columns); }
bool is_money_column(std::string_view name) { return name.starts_with("cost_"); }
std::span<const std::string_view> usage_dimensions() { return dimensions; }

bool matches(const RequestFilter& filter, const RequestRow& row) {
    const auto globs = [](std::string_view pattern, std::string_view value) { return pattern.empty() || glob_match(pattern, value); };
    return is(filter.key_id, row.key_id) && is(filter.key_alias, row.key_alias) && is(filter.team, row.team) && is(filter.provider, row.provider) &&
           is(filter.route, row.route) && is(filter.endpoint, row.endpoint) && is(filter.outcome, row.outcome) && is(filter.session_id, row.session_id) &&
           globs(filter.request_model, row.request_model) && globs(filter.response_model, row.response_model) && globs(filter.target, row.target) &&
           (globs(filter.model, row.request_model) || globs(filter.model, row.target) || globs(filter.model, row.response_model)) &&
           (!filter.status || status_fits(*filter.status, row.status)) && (filter.since == 0 || row.ts >= filter.since) &&
           (filter.until == 0 || (row.ts != unset && row.ts < filter.until));
}

RequestRow copy_of(const RequestRow& row, Arena& arena) {
    RequestRow copy = row;
    for (auto& text : copy.texts()) text = arena.copy(text);
    return copy;
}

}  // namespace gotthard::store
