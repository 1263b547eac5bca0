// The table of shapes. The members of Request are the columns of store/ports.hpp; a test compares them.
#include "admin/schema.hpp"

namespace gotthard::admin {
namespace {

using enum Type;
using enum Presence;

constexpr Field problem_fields[] = {
    {"type", string, required, "urn:gotthard:error:CODE"},
    {"title", string},
    {"status", integer},
    {"detail", string, required, "What, why, and what to do."},
    {"code", string, required, "Stable; see docs/reference/errors.md."},
    {"field", string, optional, "The member or parameter at fault."},
    {"faults", objects, optional, "What is wrong with a configuration.", "Fault"},
};

constexpr Field key_fields[] = {
    {"id", id},
    {"name", string},
    {"state", string, required, "active | expired | revoked"},
    {"hint", string, required, "What may be shown of the value."},
    {"source", string, required, "store | config: keys of the configuration are changed there."},
    {"team", string, nullable},
    {"models", strings, required, "Globs of what it may call; empty: everything."},
    {"metadata", object, required, "The owner's own notes."},
    {"created_at", time},
    {"updated_at", time},
    {"expires_at", time, nullable},
    {"revoked_at", time, nullable},
    {"rotated_at", time, nullable},
    {"previous_valid_until", time, nullable, "Until when the value before the last rotation still works."},
    {"last_used_at", time, nullable},
    {"version", integer, required, "The ETag's content."},
};
constexpr Field issued_key_fields[] = {
    {"value", string, required, "The key itself: shown here and never again."},
    {"key", object, required, {}, "Key"},
};
constexpr Field key_list_fields[] = {{"data", objects, required, {}, "Key"}, {"next_cursor", string, nullable}};
constexpr Field key_create_fields[] = {
    {"name", string, required, "1 to 128 characters."},
    {"models", strings, optional, "Globs; empty: everything."},
    {"team", string, optional},
    {"expires_at", time, nullable},
    {"expires_in", string, optional, "Instead of expires_at: a duration like 30d."},
    {"metadata", object, optional},
    {"limits", objects, optional, "Not available in this version."},
};
constexpr Field key_update_fields[] = {
    {"name", string, optional},
    {"models", strings, optional},
    {"team", string, nullable},
    {"expires_at", time, nullable, "null: never."},
    {"expires_in", string, optional, "Instead of expires_at: a duration like 30d."},
    {"metadata", object, optional},
    {"limits", objects, optional, "Not available in this version."},
};
constexpr Field key_rotate_fields[] = {
    {"grace", string, optional, "How long the old value still works: a duration like 24h. Default: not at all."}};

constexpr Field request_fields[] = {
    {"id", id},
    {"seq", integer, required, "Order of arrival in the store; /requests/stream goes by it."},
    {"ts", time, required, "Arrival."},
    {"duration_us", integer, optional},
    {"overhead_us", integer, optional, "The gateway's own share."},
    {"queue_us", integer, optional},
    {"ttfb_us", integer, optional},
    {"ttft_us", integer, optional, "To the first token."},
    {"last_token_us", integer, optional},
    {"stream", boolean, optional},
    {"max_tokens", integer, optional},
    {"n", integer, optional},
    {"seed", integer, optional},
    {"tools_count", integer, optional},
    {"input", integer, optional, "All input tokens, cached ones included."},
    {"output", integer, optional, "All output tokens, reasoning included."},
    {"cached_read", integer, optional},
    {"cache_write_5m", integer, optional},
    {"cache_write_1h", integer, optional},
    {"cache_write_30m", integer, optional},
    {"cache_write_12h", integer, optional},
    {"reasoning", integer, optional},
    {"audio_in", integer, optional},
    {"audio_out", integer, optional},
    {"image_in", integer, optional},
    {"image_out", integer, optional},
    {"web_searches", integer, optional},
    {"tool_calls_count", integer, optional},
    {"cost_input", money, optional},
    {"cost_output", money, optional},
    {"cost_cache_read", money, optional},
    {"cost_cache_write", money, optional},
    {"cost_tools", money, optional},
    {"cost_other", money, optional},
    {"cost_total", money, optional, "Missing: nothing to price, or no price known (price_source is then unknown)."},
    {"status", integer, optional, "HTTP status."},
    {"retries", integer, optional},
    {"fallback_index", integer, optional},
    {"client_disconnect_at_bytes", integer, optional},
    {"req_bytes", integer, optional},
    {"resp_bytes", integer, optional},
    {"chunks", integer, optional},
    {"losses_count", integer, optional},
    {"temperature", number, optional},
    {"top_p", number, optional},
    {"client_request_id", string, optional},
    {"trace_id", string, optional},
    {"node", string, optional},
    {"config_hash", string, optional},
    {"team", string, optional},
    {"key_id", string, optional},
    {"key_alias", string, optional},
    {"end_user", string, optional},
    {"client_ip", string, optional},
    {"user_agent", string, optional},
    {"auth_kind", string, optional},
    {"endpoint", string, optional},
    {"dialect_in", string, optional},
    {"dialect_out", string, optional},
    {"request_model", string, optional},
    {"route", string, optional},
    {"target", string, optional},
    {"provider", string, optional},
    {"account_alias", string, optional},
    {"response_model", string, optional},
    {"upstream_request_id", string, optional},
    {"reasoning_effort", string, optional},
    {"service_tier", string, optional},
    {"tool_choice", string, optional},
    {"response_format", string, optional},
    {"usage_source", string, optional, "provider | counted | estimated"},
    {"price_source", string, optional, "config | catalogue | provider | unknown"},
    {"outcome", string, optional},
    {"finish_reason", string, optional},
    {"error_class", string, optional},
    {"error_code", string, optional},
    {"error_message", string, optional},
    {"session_id", string, optional},
    {"properties", object, optional},
    {"tags", strings, optional},
    {"attempts", objects, optional},
    {"losses", objects, optional, "What a translation could not carry."},
    {"decision", any, optional},
    {"request_hash", string, optional},
    {"response_hash", string, optional},
};
constexpr Field request_list_fields[] = {{"data", objects, required, {}, "Request"}, {"next_cursor", string, nullable}};

constexpr Field usage_fields[] = {
    {"by", object, required, "The values of the dimensions asked for."},
    {"bucket", time, nullable, "Begin of the hour, day or month (UTC)."},
    {"requests", integer},
    {"errors", integer},
    {"input", integer, required, "Tokens, cached ones included."},
    {"output", integer},
    {"cached_read", integer},
    {"cache_write", integer},
    {"reasoning", integer},
    {"cost", money, required, "Of the requests that have a price."},
    {"unpriced", integer, required, "Requests without one."},
    {"estimated", integer, required, "Requests whose tokens were estimated."},
};
constexpr Field usage_list_fields[] = {{"data", objects, required, {}, "Usage"}, {"next_cursor", string, nullable}};

constexpr Field tier_fields[] = {
    {"above", integer, required, "In force when a request has more input tokens than this."},
    {"item", string},
    {"price", money},
};
constexpr Field price_fields[] = {
    {"model", string, required, "As it is called here."},
    {"source", string, required, "config | catalogue | unknown"},
    {"row", string, nullable, "The row that applies: a glob of prices:, or the catalogue's model."},
    {"input", money, nullable, "USD per million tokens, like all prices here but request and web_search, which are per piece."},
    {"output", money, nullable},
    {"cache_read", money, nullable},
    {"cache_write", money, nullable},
    {"cache_write_1h", money, nullable},
    {"reasoning", money, nullable},
    {"audio_in", money, nullable},
    {"audio_out", money, nullable},
    {"cache_audio_read", money, nullable},
    {"image_in", money, nullable},
    {"image_out", money, nullable},
    {"web_search", money, nullable},
    {"request", money, nullable},
    {"tiers", objects, required, {}, "PriceTier"},
};
constexpr Field price_list_fields[] = {
    {"data", objects, required, {}, "Price"},
    {"next_cursor", string, nullable},
    {"catalogue", string, required, "Name and version of the built-in prices."},
};

constexpr Field model_fields[] = {
    {"name", string, required, "What clients ask for."},
    {"alias", boolean, required, "A name of the configuration, not a provider's own."},
    {"targets", strings, required, "In the order in which they are tried."},
    {"provider", string, required, "Of the first target."},
    {"upstream_model", string, required, "What that provider calls it."},
    {"context_window", integer, nullable, "Tokens."},
    {"price", object, nullable, {}, "Price"},
};
constexpr Field model_list_fields[] = {{"data", objects, required, {}, "Model"}, {"next_cursor", string, nullable}};

constexpr Field provider_fields[] = {
    {"name", string, required, "Prefix of its models."},
    {"type", string, required, "Row of the catalogue."},
    {"title", string},
    {"address", string},
    {"dialects", strings, required, "In order of preference."},
    {"found", boolean, required, "Not in the configuration: found by itself."},
    {"accounts", integer, required, "Credentials."},
    {"has_key", boolean},
    {"models", integer, required, "Models that it is known to serve."},
};
constexpr Field provider_list_fields[] = {{"data", objects, required, {}, "Provider"}, {"next_cursor", string, nullable}};

constexpr Field config_fields[] = {
    {"hash", string, required, "Of all that is in force. Also in every record."},
    {"version", integer, required, "Counts the configurations of this process."},
    {"file", string, nullable},
    {"resolved", object, required, "With all defaults filled in, without secrets."},
};
constexpr Field config_text_fields[] = {{"text", string, required, "The configuration as YAML."}};
constexpr Field fault_fields[] = {
    {"line", integer},   {"column", integer}, {"path", string}, {"severity", string, required, "error | warning"},
    {"message", string}, {"remedy", string},
};
constexpr Field config_verdict_fields[] = {
    {"valid", boolean},
    {"hash", string, nullable, "The hash it would have."},
    {"faults", objects, required, {}, "Fault"},
};
constexpr Field config_change_fields[] = {
    {"seq", integer},
    {"at", time},
    {"hash", string},
    {"source", string, required, "start | signal | api | discovery"},
    {"result", string, required, "applied | refused"},
    {"message", string, nullable},
};
constexpr Field config_history_fields[] = {{"data", objects, required, {}, "ConfigChange"}, {"next_cursor", string, nullable}};

constexpr Field question_fields[] = {
    {"model", string, optional, "Default: the body's own."},
    {"key", string, optional, "Id of the key that would ask."},
    {"endpoint", string, optional, "Path or dialect; decides what is spoken to the target."},
    {"headers", object, optional},
    {"body", object, optional},
};
constexpr Field candidate_fields[] = {
    {"target", string},
    {"dialect", string, nullable, "What would be spoken to it."},
    {"removed_by", string, nullable, "Why it would not be tried."},
};
constexpr Field explanation_fields[] = {
    {"model", string},
    {"route", string, nullable, "The name of the configuration that was used."},
    {"target", string, nullable, "What would be called first."},
    {"reason", string},
    {"candidates", objects, required, {}, "Candidate"},
};

constexpr Field records_state_fields[] = {{"written", integer}, {"dropped", integer}, {"waiting", integer}, {"lag_us", integer}};
constexpr Field store_state_fields[] = {
    {"writable", boolean}, {"reason", string, nullable}, {"failures", integer}, {"bytes", integer}, {"notice", string, nullable},
};
constexpr Field config_state_fields[] = {
    {"hash", string},     {"version", integer},        {"file", string, nullable},
    {"applied_at", time}, {"last_reload_ok", boolean}, {"last_reload_message", string, nullable},
};
constexpr Field status_fields[] = {
    {"state", string, required, "ready | degraded | draining"},
    {"reason", string, nullable},
    {"version", string},
    {"started_at", time},
    {"uptime_s", integer},
    {"data_address", string},
    {"admin_address", string},
    {"socket", string},
    {"data_directory", string},
    {"threads", integer},
    {"connections", integer},
    {"accepted", integer},
    {"in_flight", integer},
    {"keys", integer, required, "In force."},
    {"providers", integer},
    {"memory_bytes", integer},
    {"config", object, required, {}, "ConfigState"},
    {"records", object, required, {}, "RecordsState"},
    {"store", object, required, {}, "StoreState"},
};

constexpr Schema table[] = {
    {"Problem", "An error (RFC 9457).", problem_fields},
    {"Key", "A virtual key.", key_fields},
    {"IssuedKey", "A key with its value.", issued_key_fields},
    {"KeyList", "", key_list_fields},
    {"KeyCreate", "", key_create_fields},
    {"KeyUpdate", "What is left out stays.", key_update_fields},
    {"KeyRotate", "", key_rotate_fields},
    {"Request", "The record of one request. What is not known is left out.", request_fields},
    {"RequestList", "", request_list_fields},
    {"Usage", "Sums over requests.", usage_fields},
    {"UsageList", "", usage_list_fields},
    {"PriceTier", "A price for large requests.", tier_fields},
    {"Price", "What a model costs now.", price_fields},
    {"PriceList", "", price_list_fields},
    {"Model", "What can be called.", model_fields},
    {"ModelList", "", model_list_fields},
    {"Provider", "", provider_fields},
    {"ProviderList", "", provider_list_fields},
    {"Config", "The configuration in force.", config_fields},
    {"ConfigText", "", config_text_fields},
    {"Fault", "What is wrong with a configuration, where, and what to do.", fault_fields},
    {"ConfigVerdict", "", config_verdict_fields},
    {"ConfigChange", "A configuration that was put into force, or refused.", config_change_fields},
    {"ConfigHistory", "", config_history_fields},
    {"Question", "A request that is not made.", question_fields},
    {"Candidate", "", candidate_fields},
    {"Explanation", "Which way a request would take, and why.", explanation_fields},
    {"RecordsState", "", records_state_fields},
    {"StoreState", "", store_state_fields},
    {"ConfigState", "", config_state_fields},
    {"Status", "", status_fields},
};

}  // namespace

std::span<const Schema> schemas() { return table; }

}  // namespace gotthard::admin
