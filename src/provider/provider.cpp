#include "provider/provider.hpp"

#include "base/text.hpp"
#include "provider/table.hpp"

namespace gotthard::provider {
namespace {

struct DialectName {
    std::string_view name;
    std::optional<DialectId> id;  ///< nullopt: a later version.
};
constexpr DialectName dialect_names[] = {
    {"chat", DialectId::chat},
    {"anthropic", DialectId::anthropic},
    {"responses", {}},
    {"gemini", {}},
    {"bedrock", {}},
    {"cohere", {}},
    {"ollama", {}},
};

struct QuirkName {
    std::string_view name;
    dialect::Quirk quirk;
};
using dialect::Quirk;
constexpr QuirkName named_quirks[] = {
    {"max_tokens_key", Quirk::max_tokens_key},
    {"no_stream_options", Quirk::no_stream_options},
    {"no_developer_role", Quirk::no_developer_role},
    {"tool_choice_any", Quirk::tool_choice_any},
    {"strip_schema_keywords", Quirk::strip_schema_keywords},
    {"nine_character_call_ids", Quirk::nine_character_call_ids},
    {"random_seed", Quirk::random_seed},
    {"reasoning_on_top", Quirk::reasoning_on_top},
    {"text_tokens_include_cached", Quirk::text_tokens_include_cached},
    {"keeps_cache_control", Quirk::keeps_cache_control},
    {"replays_reasoning", Quirk::replays_reasoning},
    {"ends_without_finish", Quirk::ends_without_finish},
    {"ends_without_done", Quirk::ends_without_done},
    {"reasoning_field", Quirk::reasoning_field},
    {"knows_top_k", Quirk::knows_top_k},
    {"no_tool_choice", Quirk::no_tool_choice},
    {"string_content_only", Quirk::string_content_only},
    {"numeric_error_code", Quirk::numeric_error_code},
    {"own_engine", Quirk::own_engine},
    {"bearer_for_oauth_keys", Quirk::bearer_for_oauth_keys},
    {"no_image_in_tool_result", Quirk::no_image_in_tool_result},
    {"no_parallel_switch", Quirk::no_parallel_switch},
};

struct AuthPrefix {
    std::string_view prefix;
    AuthKind kind;
};
constexpr AuthPrefix auth_prefixes[] = {
    {"header:", AuthKind::header}, {"query:", AuthKind::query}, {"scheme:", AuthKind::scheme}};

bool is_token(std::string_view text) {
    if (text.empty()) return false;
    for (const char c : text)
        if (!is_alpha(c) && !is_digit(c) && std::string_view("-_.!#$&'*+^`|~").find(c) == std::string_view::npos) return false;
    return true;
}

}  // namespace

std::span<const std::span<const Row>> tables() {
    static const std::span<const Row> all[] = {generic_rows(), hosted_rows(), local_rows()};
    return all;
}

const Row* find_row(std::string_view id) {
    for (const auto table : tables())
        for (const Row& row : table)
            if (row.id == id) return &row;
    return nullptr;
}

std::vector<std::string> row_ids() {
    std::vector<std::string> ids;
    for (const auto table : tables())
        for (const Row& row : table) ids.emplace_back(row.id);
    return ids;
}

std::string_view missing_for(std::string_view id) {
    for (const LaterRow& row : later_rows())
        if (row.id == id) return row.needs;
    return {};
}

std::vector<std::string> later_ids() {
    std::vector<std::string> ids;
    for (const LaterRow& row : later_rows()) ids.emplace_back(row.id);
    return ids;
}

std::optional<Auth> parse_auth(std::string_view text) {
    if (text == "none") return no_auth;
    if (text == "bearer") return bearer;
    for (const auto& [prefix, kind] : auth_prefixes)
        if (text.starts_with(prefix) && is_token(text.substr(prefix.size()))) return Auth{kind, text.substr(prefix.size())};
    return std::nullopt;
}

std::string_view dialect_name(DialectId id) {
    for (const DialectName& entry : dialect_names)
        if (entry.id == id) return entry.name;
    return {};
}

std::optional<DialectId> find_dialect(std::string_view name) {
    for (const DialectName& entry : dialect_names)
        if (entry.name == name) return entry.id;
    return std::nullopt;
}

bool is_later_dialect(std::string_view name) {
    for (const DialectName& entry : dialect_names)
        if (entry.name == name) return !entry.id;
    return false;
}

std::uint32_t find_quirk(std::string_view name) {
    for (const QuirkName& entry : named_quirks)
        if (entry.name == name) return static_cast<std::uint32_t>(entry.quirk);
    return 0;
}

std::vector<std::string> quirk_names() {
    std::vector<std::string> names;
    for (const QuirkName& entry : named_quirks) names.emplace_back(entry.name);
    return names;
}

}  // namespace gotthard::provider
