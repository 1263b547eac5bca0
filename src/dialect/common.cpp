#include "dialect/common.hpp"

#include <openssl/sha.h>

#include <fmt/format.h>

#include "base/text.hpp"

namespace gotthard::dialect {
namespace {

/// Fields whose loss changes what the caller gets, in the spelling of any dialect. Everything else is tuning.
constexpr std::string_view contract_fields[] = {"audio",
                                                "code_execution",
                                                "container_upload",
                                                "custom",
                                                "document",
                                                "file",
                                                "format",
                                                "function_call",
                                                "functions",
                                                "grammar",
                                                "image",
                                                "image_url",
                                                "input_audio",
                                                "json_schema",
                                                "logprobs",
                                                "mcp_servers",
                                                "modalities",
                                                "n",
                                                "output_format",
                                                "response_format",
                                                "stop",
                                                "stop_sequences",
                                                "tool_choice",
                                                "tools",
                                                "top_logprobs",
                                                "video",
                                                "video_url",
                                                "web_search_options"};

bool is_name_character(char c) { return is_alpha(c) || is_digit(c) || c == '_' || c == '-'; }

constexpr std::string_view base62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

std::array<unsigned char, SHA256_DIGEST_LENGTH> sha256(std::string_view bytes) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
    return digest;
}

std::string replaced_characters(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (!is_name_character(c)) c = '_';
    return out;
}

bool fits_name(std::string_view name, std::size_t limit) {
    if (name.empty() || name.size() > limit) return false;
    for (char c : name)
        if (!is_name_character(c)) return false;
    return true;
}

std::string_view last_name(std::string_view path) {
    if (const auto dot = path.rfind('.'); dot != std::string_view::npos) path.remove_prefix(dot + 1);
    return path.substr(0, path.find('['));
}

bool fits_call_id(std::string_view id, CallIdRule rule) {
    switch (rule) {
        case CallIdRule::chat:
            return !id.empty() && id.size() <= 64;
        case CallIdRule::anthropic:
            return fits_name(id, id.size());
        case CallIdRule::mistral:
            return id.size() == 9 && std::ranges::all_of(id, [](char c) { return is_alpha(c) || is_digit(c); });
    }
    return false;
}

std::string derived_call_id(std::string_view id, std::string_view salt, CallIdRule rule) {
    const std::string seed = std::string(id) + std::string(salt);
    switch (rule) {
        case CallIdRule::chat:
            return derived_id("call_", seed, 24);
        case CallIdRule::mistral:
            return derived_id("", seed, 9);
        case CallIdRule::anthropic:
            break;
    }
    return replaced_characters(utf8_prefix(id, 55)) + "_" + sha256_hex(seed).substr(0, 8);
}

std::string_view find_pair(const std::vector<std::pair<std::string, std::string>>& pairs, std::string_view name) {
    for (const auto& [upstream, client] : pairs)
        if (upstream == name) return client;
    return name;
}

}  // namespace

llm::Severity severity_of(std::string_view name) {
    return std::ranges::find(contract_fields, name) != std::end(contract_fields) ? llm::Severity::contract
                                                                                 : llm::Severity::tuning;
}

void lose(llm::Losses& losses, std::string path, std::string reason) {
    const auto severity = severity_of(last_name(path));
    losses.add(std::move(path), std::move(reason), severity);
}

void lose_extras(llm::Losses& losses, std::string_view prefix, const llm::Extras& extras) {
    // Chat fields that ride along verbatim for chat upstreams although their meaning stands in members of its own.
    static constexpr std::string_view carried[] = {"safety_identifier", "reasoning", "reasoning_effort", "thinking_blocks",
                                                   "reasoning_details"};
    for (const auto& extra : extras) {
        if (extra.json == "null" || std::ranges::find(carried, extra.key) != std::end(carried)) continue;
        std::string path(prefix);
        if (!path.empty()) path += '.';
        path += extra.key;
        lose(losses, std::move(path), std::string(no_place));
    }
}

std::string sha256_hex(std::string_view bytes) {
    const auto digest = sha256(bytes);
    return hex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string derived_id(std::string_view prefix, std::string_view seed, std::size_t length) {
    std::string out(prefix);
    std::string block(seed);
    while (length > 0) {
        const auto digest = sha256(block);
        for (std::size_t i = 0; i < digest.size() && length > 0; ++i, --length) out += base62[digest[i] % 62];
        block.assign(reinterpret_cast<const char*>(digest.data()), digest.size());
    }
    return out;
}

std::string shortened(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return std::string(text);
    return sha256_hex(text).substr(0, limit);
}

std::string short_tool_name(std::string_view name, std::size_t limit) {
    if (fits_name(name, limit)) return std::string(name);
    const auto digest = sha256_hex(name).substr(0, 8);
    return replaced_characters(utf8_prefix(name, limit - 9)) + "_" + digest;
}

std::string_view ToolNames::upstream(std::string_view name) {
    if (const auto found = known_.find(std::string(name)); found != known_.end()) return found->second;
    std::string given = short_tool_name(name, limit_);
    for (int round = 1; taken_.contains(given); ++round)
        given = short_tool_name(std::string(name) + "." + std::to_string(round), limit_);
    taken_.insert(given);
    if (given != name) memory_.tool_names.emplace_back(given, std::string(name));
    return known_.emplace(std::string(name), std::move(given)).first->second;
}

std::string_view CallIds::upstream(std::string_view id) {
    if (const auto found = known_.find(std::string(id)); found != known_.end()) return found->second;
    std::string given = fits_call_id(id, rule_) ? std::string(id) : derived_call_id(id, "", rule_);
    for (int round = 1; taken_.contains(given); ++round) given = derived_call_id(id, std::to_string(round), rule_);
    taken_.insert(given);
    if (given != id) memory_.call_ids.emplace_back(given, std::string(id));
    return known_.emplace(std::string(id), std::move(given)).first->second;
}

std::string_view client_tool_name(const Memory* memory, std::string_view name) {
    return memory == nullptr ? name : find_pair(memory->tool_names, name);
}
std::string_view client_call_id(const Memory* memory, std::string_view id) {
    return memory == nullptr ? id : find_pair(memory->call_ids, id);
}

std::optional<DataUrl> parse_data_url(std::string_view url) {
    if (!starts_with_ignoring_case(url, "data:")) return std::nullopt;
    const auto comma = url.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    std::string_view head = url.substr(5, comma - 5);
    DataUrl out;
    out.data = url.substr(comma + 1);
    const auto semicolon = head.find(';');
    out.media_type = trim(head.substr(0, semicolon));
    while (!head.empty()) {
        const auto end = head.find(';');
        if (equals_ignoring_case(trim(head.substr(0, end)), "base64")) out.base64 = true;
        head = end == std::string_view::npos ? std::string_view{} : head.substr(end + 1);
    }
    return out;
}

std::string_view sniff_media_type(std::string_view base64) {
    struct Row {
        std::string_view start;  // of the base64 text
        std::string_view type;
    };
    static constexpr Row rows[] = {
        {"iVBORw0KGgo", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lGOD", "image/gif"}, {"JVBERi", "application/pdf"}};
    for (const auto& row : rows)
        if (base64.starts_with(row.start)) return row.type;
    // RIFF....WEBP: the tag stands at byte 8.
    if (base64.starts_with("UklGR") && base64.size() >= 16) {
        const auto bytes = from_base64(base64.substr(0, 16));
        if (bytes && bytes->size() >= 12 && bytes->substr(8, 4) == "WEBP") return "image/webp";
    }
    return {};
}

std::unexpected<Failure> wrong_type(std::string path, std::string_view expected, json::Value found) {
    auto message = fmt::format("{}: expected {}, found {}", path, expected, json::to_string(found.kind()));
    return fail(Failure(FailureKind::invalid_request, std::move(message)).at(std::move(path)));
}

std::unexpected<Failure> missing_field(std::string path, std::string_view remedy) {
    auto message = fmt::format("{} is missing: {}", path, remedy);
    return fail(Failure(FailureKind::invalid_request, std::move(message)).at(std::move(path)));
}

std::unexpected<Failure> bad_field(std::string path, std::string_view what) {
    auto message = fmt::format("{}: {}", path, what);
    return fail(Failure(FailureKind::invalid_request, std::move(message)).at(std::move(path)));
}

Status parse_request_body(std::string_view body, std::span<const std::string_view> governed, json::Document& document) {
    if (trim(body).empty()) return fail(FailureKind::invalid_request, "the request has no body: send one JSON object");
    if (auto parsed = document.parse(body); !parsed) {
        auto failure = std::move(parsed.error());
        failure.message = "the request body cannot be read: " + failure.message;
        return fail(std::move(failure));
    }
    const auto root = document.root();
    if (!root.is_object())
        return fail(FailureKind::invalid_request,
                    fmt::format("the request body is {}: send one JSON object", json::to_string(root.kind())));
    if (auto key = json::find_ambiguous_key(root, governed))
        return bad_field(*key,
                         "this top-level key is written twice or with escapes; write it once and plainly, so that no reader can "
                         "see another value");
    return {};
}

namespace {

/// How the value of a schema keyword is built of schemas.
enum class Holds { plain, schema, list, map };

Holds holds(json::Value keyword) {
    struct Row {
        std::string_view keyword;
        Holds holds;
    };
    static constexpr Row rows[] = {{"properties", Holds::map},
                                   {"patternProperties", Holds::map},
                                   {"$defs", Holds::map},
                                   {"definitions", Holds::map},
                                   {"dependentSchemas", Holds::map},
                                   {"anyOf", Holds::list},
                                   {"oneOf", Holds::list},
                                   {"allOf", Holds::list},
                                   {"prefixItems", Holds::list},
                                   {"items", Holds::schema},
                                   {"additionalProperties", Holds::schema},
                                   {"unevaluatedProperties", Holds::schema},
                                   {"unevaluatedItems", Holds::schema},
                                   {"contains", Holds::schema},
                                   {"propertyNames", Holds::schema},
                                   {"not", Holds::schema},
                                   {"if", Holds::schema},
                                   {"then", Holds::schema},
                                   {"else", Holds::schema}};
    for (const auto& row : rows)
        if (keyword.equals(row.keyword)) return row.holds;
    return Holds::plain;
}

void append_list_without(std::string& out, json::Value list, std::span<const std::string_view> keywords) {
    out += '[';
    bool first = true;
    for (json::Value item : list.items()) {
        if (!std::exchange(first, false)) out += ',';
        append_schema_without(out, item, keywords);
    }
    out += ']';
}

void append_map_without(std::string& out, json::Value map, std::span<const std::string_view> keywords) {
    out += '{';
    bool first = true;
    for (const auto& member : map.members()) {
        if (!std::exchange(first, false)) out += ',';
        out += member.name.raw();
        out += ':';
        append_schema_without(out, member.value, keywords);
    }
    out += '}';
}

}  // namespace

void append_schema_without(std::string& out, json::Value schema, std::span<const std::string_view> keywords) {
    if (schema.is_array()) return append_list_without(out, schema, keywords);  // `items` of older drafts
    if (!schema.is_object()) return json::append_minified(out, schema);
    out += '{';
    bool first = true;
    for (const auto& member : schema.members()) {
        if (std::ranges::any_of(keywords, [&](std::string_view keyword) { return member.is(keyword); })) continue;
        if (!std::exchange(first, false)) out += ',';
        out += member.name.raw();
        out += ':';
        switch (holds(member.name)) {
            case Holds::plain:
                json::append_minified(out, member.value);
                break;
            case Holds::schema:
                append_schema_without(out, member.value, keywords);
                break;
            case Holds::list:
                append_list_without(out, member.value, keywords);
                break;
            case Holds::map:
                append_map_without(out, member.value, keywords);
                break;
        }
    }
    out += '}';
}

void append_sse(std::string& out, std::string_view event, std::string_view data) {
    if (!event.empty()) {
        out += "event: ";
        out += event;
        out += '\n';
    }
    out += "data: ";
    out += data;
    out += "\n\n";
}

}  // namespace gotthard::dialect
