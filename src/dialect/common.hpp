// What every dialect needs and none owns: the parameter policy, tool names and call ids that survive a foreign upstream,
// data URLs, schema cleaning, 400s with a path, and server-sent events as text. Pure functions; no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/arena.hpp"
#include "base/failure.hpp"
#include "base/json.hpp"
#include "dialect/dialect.hpp"
#include "llm/losses.hpp"
#include "llm/request.hpp"

namespace gotthard::dialect {

// ---- Parameter policy (contract.md section 5, E236) ------------------------------------------------------------------

/// Whether losing a request field changes what the caller gets. `name` is the field's last path member as any dialect spells it
/// ("seed", "top_k", "response_format"); names that no row knows are tuning: unknown fields never refuse a request (G-10, E248).
llm::Severity severity_of(std::string_view name);

/// Appends a loss whose severity is that of the last name in `path` ("messages[3].content[0].cache_control" -> cache_control).
void lose(llm::Losses& losses, std::string path, std::string reason);
/// One loss per extra, under `prefix` ("" for the top level, "messages[2]", "tools[0].function").
void lose_extras(llm::Losses& losses, std::string_view prefix, const llm::Extras& extras);
/// The two reasons that recur.
inline constexpr std::string_view no_place = "the upstream's dialect has no place for it";
inline constexpr std::string_view not_this_model = "the model does not take it";

// ---- Names and ids ----------------------------------------------------------------------------------------------------

/// `name` cut to `limit` characters of [a-zA-Z0-9_-], stable: 55 characters + "_" + 8 hex of SHA-256 when it does not fit (E072).
std::string short_tool_name(std::string_view name, std::size_t limit = 64);

/// Client tool names to upstream tool names within one request; what was changed is noted in Memory for the way back.
class ToolNames {
public:
    explicit ToolNames(Memory& memory, std::size_t limit = 64) : memory_(memory), limit_(limit) {}
    std::string_view upstream(std::string_view name);

private:
    Memory& memory_;
    std::size_t limit_;
    std::unordered_map<std::string, std::string> known_;
    std::unordered_set<std::string> taken_;
};

enum class CallIdRule : std::uint8_t {
    chat,       ///< Any characters, 1 to 64.
    anthropic,  ///< ^[a-zA-Z0-9_-]+$ of any length (E022).
    mistral,    ///< Exactly 9 of [a-zA-Z0-9] (E184).
};

/// Client call ids to upstream call ids: unchanged where they fit, else a stable derived id; distinct stay distinct (E022).
class CallIds {
public:
    CallIds(Memory& memory, CallIdRule rule) : memory_(memory), rule_(rule) {}
    std::string_view upstream(std::string_view id);

private:
    Memory& memory_;
    CallIdRule rule_;
    std::unordered_map<std::string, std::string> known_;
    std::unordered_set<std::string> taken_;
};

/// The client's own name for what the upstream calls `name`; `name` itself when nothing was changed. View of `memory` or of
/// `name`.
std::string_view client_tool_name(const Memory* memory, std::string_view name);
std::string_view client_call_id(const Memory* memory, std::string_view id);

/// `prefix` + `length` characters of [a-zA-Z0-9] that depend on nothing but `seed` (ids for calls that came without one).
std::string derived_id(std::string_view prefix, std::string_view seed, std::size_t length);
/// `text` itself when it has at most `limit` characters, else a stable short form (E077).
std::string shortened(std::string_view text, std::size_t limit);
/// Lower-case hex of SHA-256.
std::string sha256_hex(std::string_view bytes);

// ---- Media ------------------------------------------------------------------------------------------------------------

struct DataUrl {
    std::string_view media_type;  ///< Without parameters; empty when the URL names none.
    std::string_view data;        ///< As written after the comma.
    bool base64 = false;
};
/// "data:image/png;base64,AAAA". Anything else: nullopt.
std::optional<DataUrl> parse_data_url(std::string_view url);
/// The media type that the first bytes of base64 `data` show (png, jpeg, gif, webp, pdf); "" when unknown (E042).
std::string_view sniff_media_type(std::string_view base64);

// ---- JSON -------------------------------------------------------------------------------------------------------------

/// 400 `invalid_request` naming the field: "messages[2].content: expected a string or an array, found a number".
std::unexpected<Failure> wrong_type(std::string path, std::string_view expected, json::Value found);
std::unexpected<Failure> missing_field(std::string path, std::string_view remedy);
std::unexpected<Failure> bad_field(std::string path, std::string_view what);

/// Parses a request body: one JSON object without escaped or repeated governed keys. `governed` are the keys policy depends on.
Status parse_request_body(std::string_view body, std::span<const std::string_view> governed, json::Document& document);

/// Appends `schema` without the members named in `keywords`, at every depth where a schema stands (never inside `properties`
/// names, `enum`, `const`, `default` or `examples`). Blanks between tokens go, order stays (E271).
void append_schema_without(std::string& out, json::Value schema, std::span<const std::string_view> keywords);

// ---- Server-sent events ------------------------------------------------------------------------------------------------

/// "event: NAME\n" when there is a name, then "data: DATA\n\n". `data` holds no line break.
void append_sse(std::string& out, std::string_view event, std::string_view data);

}  // namespace gotthard::dialect
