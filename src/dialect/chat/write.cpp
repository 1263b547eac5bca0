// Conversation -> chat request (wire-formats.md 1.2, 10.3, 10.4, 10.7; E065-E079, E179-E192, E271; CC-8).
// Never writes what OpenAI refuses; what has no place is a loss. Members stand in a fixed order: the same request gives the same
// bytes.
#include "dialect/chat/write.hpp"

#include <unordered_set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/openai_chat.hpp"

namespace gotthard::dialect::chat {
namespace {

using llm::Request;
using llm::Tool;
using llm::ToolChoiceMode;
using llm::ToolKind;

constexpr std::string_view stripped_keywords[] = {"$id", "$schema", "strict", "additionalProperties"};
constexpr std::string_view schema_keyword[] = {"$schema"};

bool names_any(std::string_view name, std::initializer_list<std::string_view> list) {
    return std::ranges::find(list, name) != list.end();
}

// ---- Schemas ----------------------------------------------------------------------------------------------------------

/// A tool's or format's schema: from chat as it is, from others without $schema; `type: object` at the top (1.2 rule 4).
void write_schema(Writing& to, std::string_view key, std::string_view schema, bool object_at_top) {
    const bool strip = to.target.has(Quirk::strip_schema_keywords);
    json::Document document;
    if (!document.parse(schema, {.lone_surrogates = true})) return void(to.json.member_raw(key, schema));
    const auto root = document.root();
    const bool add_type = object_at_top && root.is_object() && !root["type"];
    if (!strip && !add_type && to.same_dialect()) return void(to.json.member_raw(key, schema));
    std::string cleaned;
    append_schema_without(cleaned, root,
                          strip               ? std::span<const std::string_view>(stripped_keywords)
                          : to.same_dialect() ? std::span<const std::string_view>()
                                              : schema_keyword);
    if (add_type) cleaned.insert(1, cleaned.size() > 2 ? "\"type\":\"object\"," : "\"type\":\"object\",\"properties\":{}");
    to.json.member_raw(key, cleaned);
}

/// Whether OpenAI takes this schema with strict: every object closed, every property required.
bool is_strict_schema(json::Value schema) {
    for (json::Value each : schema.items())
        if (!is_strict_schema(each)) return false;
    if (!schema.is_object()) return true;
    const auto properties = schema["properties"];
    if (properties.is_object() || schema["type"].equals("object")) {
        if (schema["additionalProperties"].boolean() != false || schema["required"].size() < properties.size()) return false;
    }
    for (std::string_view map : {"properties", "$defs", "definitions"})
        for (const auto& member : schema[map].members())
            if (!is_strict_schema(member.value)) return false;
    for (std::string_view inner : {"items", "anyOf"})
        if (!is_strict_schema(schema[inner])) return false;
    return true;
}

// ---- Tools ------------------------------------------------------------------------------------------------------------

std::string tool_path(std::size_t index, std::string_view field = {}) {
    return fmt::format("tools[{}]{}{}", index, field.empty() ? "" : ".", field);
}

class ToolWriter {
public:
    explicit ToolWriter(Writing& writing) : to_(writing), json_(writing.json) {}
    void write();

private:
    bool keep(const Tool& tool, std::size_t index);
    bool search(const Tool& tool, std::size_t index);
    void function(const Tool& tool, std::size_t index);
    void custom(const Tool& tool, std::size_t index);
    void strict(const Tool& tool, std::size_t index);
    void choice(bool any_tool);

    Writing& to_;
    json::Writer& json_;
    std::unordered_set<std::string_view> written_;
    std::string_view search_name_;
    bool search_options_ = false;
};

/// A hosted search tool of Anthropic becomes web_search_options where the upstream searches (E073); elsewhere it is left out and
/// the model answers from what it knows (CC-10).
bool ToolWriter::search(const Tool& tool, std::size_t index) {
    if (!tool.type.starts_with("web_search")) return false;
    search_name_ = tool.name.empty() ? std::string_view("web_search") : tool.name;
    if (knows_web_search(to_.target))
        search_options_ = true;
    else
        to_.losses.add(tool_path(index), "the upstream does not search the web; the model answers without");
    return true;
}

/// Whether the tool gets a declaration of its own.
bool ToolWriter::keep(const Tool& tool, std::size_t index) {
    if (tool.kind == ToolKind::hosted) {
        if (to_.same_dialect()) return true;
        if (search(tool, index)) return false;
        // A tool search of the vendor only loads declarations, and those are sent as they are.
        const bool loads = tool.type.starts_with("tool_search_tool");
        to_.losses.add(tool_path(index), fmt::format("the upstream has no '{}' tool", tool.type),
                       loads ? llm::Severity::tuning : llm::Severity::contract);
        return false;
    }
    if (tool.defer_loading.value_or(false) && tool.name == "DeferredToolPlaceholder") return false;  // CC-9
    if (!written_.insert(tool.name).second) {
        to_.losses.add(tool_path(index), "a tool of this name is declared already");
        return false;
    }
    return true;
}

void ToolWriter::strict(const Tool& tool, std::size_t index) {
    if (!tool.strict || to_.target.has(Quirk::strip_schema_keywords)) {
        if (tool.strict) lose(to_.losses, tool_path(index, "strict"), std::string(no_place));
        return;
    }
    json::Document document;
    if (*tool.strict && !to_.same_dialect() &&
        (!document.parse(tool.parameters, {.lone_surrogates = true}) || !is_strict_schema(document.root()))) {
        lose(to_.losses, tool_path(index, "strict"),
             "the upstream takes strict only for schemas whose objects are closed and require every property");
        return;
    }
    json_.member("strict", *tool.strict);
}

void ToolWriter::function(const Tool& tool, std::size_t index) {
    const auto name = to_.names.upstream(tool.name);
    json_.begin_object().member("type", "function").key("function").begin_object();
    json_.member("name", name);
    if (!tool.description.empty()) json_.member("description", tool.description);
    if (!tool.parameters.empty())
        write_schema(to_, "parameters", tool.parameters, true);
    else if (!to_.same_dialect())
        json_.member_raw("parameters", "{\"type\":\"object\",\"properties\":{}}");
    strict(tool, index);
    if (to_.same_dialect()) {
        for (const auto& extra : tool.extra) json_.member_raw(extra.key, extra.json);
        if (tool.defer_loading) json_.member("defer_loading", *tool.defer_loading);
    } else {
        lose_extras(to_.losses, tool_path(index), tool.extra);
    }
    json_.end_object();
    if (!tool.cache_control.empty()) {
        if (to_.keeps_marks())
            json_.member_raw("cache_control", tool.cache_control);
        else
            lose(to_.losses, tool_path(index, "cache_control"), std::string(no_place));
    }
    json_.end_object();
}

void ToolWriter::custom(const Tool& tool, std::size_t) {
    json_.begin_object().member("type", "custom").key("custom").begin_object().member("name", to_.names.upstream(tool.name));
    if (!tool.description.empty()) json_.member("description", tool.description);
    if (!tool.parameters.empty()) json_.member_raw("format", tool.parameters);
    json_.end_object().end_object();
}

/// A choice that names a tool which is not sent would be refused; without tools no choice may stand at all (1.2 rule 4).
void ToolWriter::choice(bool any_tool) {
    const auto& choice = to_.request.tool_choice;
    if (!any_tool) return;
    const auto forced =
        choice.mode == ToolChoiceMode::required || choice.mode == ToolChoiceMode::named || choice.mode == ToolChoiceMode::allowed;
    if (to_.target.has(Quirk::no_tool_choice)) {
        if (forced || choice.mode == ToolChoiceMode::none) lose(to_.losses, "tool_choice", "the upstream does not take it");
        return;
    }
    switch (choice.mode) {
        case ToolChoiceMode::unset:
            break;
        case ToolChoiceMode::automatic:
            json_.member("tool_choice", "auto");
            break;
        case ToolChoiceMode::none:
            json_.member("tool_choice", "none");
            break;
        case ToolChoiceMode::required:
            json_.member("tool_choice", to_.target.has(Quirk::tool_choice_any) ? "any" : "required");
            break;
        case ToolChoiceMode::allowed:
            json_.member_raw("tool_choice", choice.raw);
            break;
        case ToolChoiceMode::named: {
            const auto tool = std::ranges::find(to_.request.tools, choice.name, &Tool::name);
            const bool custom = tool != to_.request.tools.end() && tool->kind == ToolKind::custom;
            if (choice.name == search_name_) break;
            if (!written_.contains(choice.name)) {
                if (!to_.same_dialect())
                    lose(to_.losses, "tool_choice", "the tool it names is not sent to the upstream");
                else if (!choice.raw.empty())
                    json_.member_raw("tool_choice", choice.raw);
                break;
            }
            const std::string_view kind = custom ? "custom" : "function";
            json_.key("tool_choice")
                .begin_object()
                .member("type", kind)
                .key(kind)
                .begin_object()
                .member("name", to_.names.upstream(choice.name))
                .end_object()
                .end_object();
        }
    }
    const bool told = choice.parallel && (to_.same_dialect() || !*choice.parallel);
    if (!told) return;
    if (to_.target.has(Quirk::no_parallel_switch) || !to_.rules.parallel_switch)
        lose(to_.losses, to_.same_dialect() ? "parallel_tool_calls" : "tool_choice.disable_parallel_tool_use",
             std::string(not_this_model));
    else
        json_.member("parallel_tool_calls", *choice.parallel);
}

void ToolWriter::write() {
    std::vector<std::pair<const Tool*, std::size_t>> kept;
    for (std::size_t i = 0; i < to_.request.tools.size(); ++i)
        if (keep(to_.request.tools[i], i)) kept.emplace_back(&to_.request.tools[i], i);
    if (kept.size() > 128 && names_any(to_.target.provider, {"openai", "azure"})) {
        to_.losses.add("tools", fmt::format("the upstream takes 128 tools, {} were sent", kept.size()), llm::Severity::contract);
        kept.resize(128);
    }
    if (!kept.empty()) {
        json_.key("tools").begin_array();
        for (const auto& [tool, index] : kept) {
            if (tool->kind == ToolKind::hosted)
                json_.raw(tool->raw);
            else if (tool->kind == ToolKind::custom)
                custom(*tool, index);
            else
                function(*tool, index);
        }
        json_.end_array();
    }
    choice(!kept.empty());
    if (!to_.request.web_search_options.empty())
        json_.member_raw("web_search_options", to_.request.web_search_options);
    else if (search_options_)
        json_.member_raw("web_search_options", "{}");
}

// ---- Settings ---------------------------------------------------------------------------------------------------------

void refuse(Writing& to, std::string_view name) { lose(to.losses, std::string(name), std::string(not_this_model)); }

void write_limit(Writing& to) {
    const auto& request = to.request;
    if (!request.max_output_tokens || *request.max_output_tokens < 1) return;
    auto limit = *request.max_output_tokens;
    if (to.target.max_output_tokens > 0 && limit > to.target.max_output_tokens) {
        limit = to.target.max_output_tokens;
        lose(to.losses, std::string(request.max_output_tokens_key.empty() ? "max_tokens" : request.max_output_tokens_key),
             fmt::format("lowered to {}, the most that the model writes", limit));
    }
    // Only the one key that the model takes (E179, E190).
    const bool old_key = !to.rules.reasoning && (to.target.has(Quirk::max_tokens_key) ||
                                                 (to.same_dialect() && request.max_output_tokens_key == "max_tokens"));
    to.json.member(old_key ? "max_tokens" : "max_completion_tokens", limit);
}

/// The effort that the upstream gets; "" when it gets none.
std::string_view effort_of(Writing& to) {
    const auto& thinking = to.request.thinking;
    std::string_view wanted = thinking.effort;
    std::string_view field = to.same_dialect() ? "reasoning_effort" : "output_config.effort";
    if (wanted.empty()) {
        field = "thinking";
        if (thinking.budget_tokens && thinking.mode != llm::ThinkingMode::disabled)
            wanted = effort_of_budget(*thinking.budget_tokens);
        else if (thinking.mode == llm::ThinkingMode::disabled && to.rules.reasoning && to.rules.effort) {
            if ((to.rules.efforts & 1) != 0)
                wanted = "none";
            else
                lose(to.losses, "thinking", "the model always reasons");
        }
    }
    if (wanted.empty()) return {};
    if (!to.rules.effort) {
        if (!to.rules.thinking_object) refuse(to, field);
        return {};
    }
    if (!to.rules.effort_with_tools && wanted != "none" && !to.request.tools.empty()) {
        lose(to.losses, std::string(field), "the model takes reasoning effort together with tools only on the Responses surface");
        return {};
    }
    const auto given = nearest_effort(wanted, to.rules.efforts);
    if (given != wanted)
        lose(to.losses, std::string(field),
             given.empty() ? std::string(not_this_model)
                           : fmt::format("the model knows no '{}'; '{}' was asked for instead", wanted, given));
    return given;
}

bool has_extra(const Request& request, std::string_view key) {
    return std::ranges::find(request.extra, key, &llm::Extra::key) != request.extra.end();
}

/// Returns the effort in force, which decides what else a model takes.
std::string_view write_reasoning(Writing& to) {
    const auto& thinking = to.request.thinking;
    if (to.same_dialect() && has_extra(to.request, "reasoning")) return thinking.effort;
    if (to.same_dialect() && !thinking.raw.empty()) to.json.member_raw("thinking", thinking.raw);
    if (!to.same_dialect() && thinking.mode != llm::ThinkingMode::unset) {
        const bool disabled = thinking.mode == llm::ThinkingMode::disabled;
        // Claude behind a chat surface thinks as it was told to (E074).
        if (is_claude(to.target) && !disabled) {
            if (to.target.provider == "openrouter") {
                to.json.key("reasoning").begin_object();
                if (thinking.budget_tokens)
                    to.json.member("max_tokens", *thinking.budget_tokens);
                else if (!thinking.effort.empty())
                    to.json.member("effort", thinking.effort);
                else
                    to.json.member("enabled", true);
                to.json.end_object();
            } else {
                to.json.member_raw("thinking", thinking.raw);
            }
            return {};
        }
        if (to.rules.thinking_object)
            to.json.key("thinking").begin_object().member("type", disabled ? "disabled" : "enabled").end_object();
    }
    const auto effort = effort_of(to);
    if (!effort.empty()) to.json.member("reasoning_effort", effort);
    return effort;
}

void write_sampling(Writing& to, std::string_view effort) {
    const auto& request = to.request;
    const bool sampling = to.rules.sampling || (to.rules.sampling_without_effort && (effort.empty() || effort == "none"));
    if (request.temperature) {
        const double asked = *request.temperature, given = std::clamp(asked, 0.0, 2.0);
        if (!sampling && given != 1.0)
            refuse(to, "temperature");
        else {
            if (given != asked && !to.same_dialect()) lose(to.losses, "temperature", fmt::format("moved to {}", given));
            if (sampling) to.json.member("temperature", to.same_dialect() && to.target.has(Quirk::own_engine) ? asked : given);
        }
    }
    if (request.top_p) {
        if (sampling)
            to.json.member("top_p", *request.top_p);
        else if (*request.top_p != 1.0)
            refuse(to, "top_p");
    }
    if (request.top_k) {
        if (to.target.has(Quirk::knows_top_k))
            to.json.member("top_k", *request.top_k);
        else
            lose(to.losses, "top_k", std::string(no_place));
    }
    const auto penalty = [&](std::string_view name, const std::optional<double>& value) {
        if (!value) return;
        if (to.rules.penalties)
            to.json.member(name, *value);
        else if (*value != 0)
            refuse(to, name);
    };
    penalty("frequency_penalty", request.frequency_penalty);
    penalty("presence_penalty", request.presence_penalty);
    if (!request.logit_bias.empty()) {
        if (to.rules.penalties)
            to.json.member_raw("logit_bias", request.logit_bias);
        else
            refuse(to, "logit_bias");
    }
    if (request.seed) to.json.member(to.target.has(Quirk::random_seed) ? "random_seed" : "seed", *request.seed);
    if (request.n) to.json.member("n", *request.n);
    if (request.logprobs) {
        if (to.rules.logprobs || !*request.logprobs)
            to.json.member("logprobs", *request.logprobs);
        else
            refuse(to, "logprobs");
    }
    if (request.top_logprobs) {
        if (to.rules.logprobs)
            to.json.member("top_logprobs", *request.top_logprobs);
        else
            refuse(to, "top_logprobs");
    }
}

void write_stop(Writing& to) {
    const auto& stop = to.request.stop;
    if (stop.empty()) return;
    const std::string_view field = to.same_dialect() ? "stop" : "stop_sequences";
    if (!to.rules.stop) return refuse(to, field);
    std::size_t count = stop.size();
    if (count > 4 && !to.same_dialect() && !to.target.has(Quirk::own_engine)) {
        lose(to.losses, std::string(field), "the upstream takes 4 stop sequences; the rest is left out");
        count = 4;
    }
    to.json.key("stop").begin_array();
    for (std::size_t i = 0; i < count; ++i) to.json.string(stop[i]);
    to.json.end_array();
    to.memory.stop.assign(stop.begin(), stop.begin() + static_cast<std::ptrdiff_t>(count));
}

/// A name of [a-zA-Z0-9_-]{1,64} for a schema (E075).
std::string format_name(std::string_view name) { return name.empty() ? "response" : short_tool_name(name); }

void write_response_format(Writing& to) {
    const auto& format = to.request.response_format;
    if (format.kind == llm::FormatKind::unset) return;
    to.json.key("response_format").begin_object();
    if (format.kind == llm::FormatKind::text) to.json.member("type", "text");
    if (format.kind == llm::FormatKind::json_object) {
        to.json.member("type", "json_object");
        if (!format.schema.empty()) to.json.member_raw("schema", format.schema);
    }
    if (format.kind == llm::FormatKind::json_schema) {
        to.json.member("type", "json_schema").key("json_schema").begin_object();
        to.json.member("name", format_name(format.name));
        if (!format.description.empty()) to.json.member("description", format.description);
        if (!to.same_dialect() || format.strict) to.json.member("strict", format.strict.value_or(true));
        if (!format.schema.empty()) write_schema(to, "schema", format.schema, false);
        to.json.end_object();
    }
    to.json.end_object();
}

/// Anthropic's tiers in OpenAI's words; OpenAI's own pass.
std::string_view service_tier_of(const Request& request) {
    if (request.dialect == DialectId::chat) return request.service_tier;
    return request.service_tier == "standard_only" ? "default" : request.service_tier == "auto" ? "auto" : std::string_view{};
}

void write_identity(Writing& to) {
    const auto& request = to.request;
    const auto named = std::ranges::find(request.extra, "safety_identifier", &llm::Extra::key);
    const bool elsewhere = to.same_dialect() && named != request.extra.end() && named->json == json::quoted(request.user);
    // Claude Code's user id is longer than OpenAI takes (E077).
    if (!request.user.empty() && !elsewhere)
        to.json.member("user", to.same_dialect() ? std::string(request.user) : shortened(request.user, 64));
    if (const auto tier = service_tier_of(request); !tier.empty())
        to.json.member("service_tier", tier);
    else if (!request.service_tier.empty())
        lose(to.losses, "service_tier", std::string(no_place));
    if (to.same_dialect() && !request.metadata.empty()) to.json.member_raw("metadata", request.metadata);
}

void write_stream(Writing& to) {
    if (!to.request.stream) return;
    to.json.member("stream", true);
    if (to.target.has(Quirk::no_stream_options)) return;
    // Usage is always asked for: the gateway counts it, whether or not the client does (E219).
    to.json.key("stream_options").begin_object().member("include_usage", true);
    for (const auto& extra : to.request.extra) {
        if (!to.same_dialect() || extra.key != "stream_options") continue;
        json::Document document;
        if (!document.parse(extra.json)) continue;
        for (const auto& member : document.root().members())
            if (!member.is("include_usage")) to.json.member_raw(member.name.string(), member.value.raw());
    }
    to.json.end_object();
}

void write_extras(Writing& to) {
    const auto& request = to.request;
    if (!request.context_management.empty()) {
        if (to.same_dialect())
            to.json.member_raw("context_management", request.context_management);
        else
            lose(to.losses, "context_management", std::string(no_place));
    }
    if (!request.cache_control.empty()) {
        if (to.keeps_marks())
            to.json.member_raw("cache_control", request.cache_control);
        else
            lose(to.losses, "cache_control", std::string(no_place));
    }
    if (!to.same_dialect()) {
        if (!request.thinking.display.empty()) lose(to.losses, "thinking.display", std::string(no_place));
        return lose_extras(to.losses, {}, request.extra);
    }
    for (const auto& extra : request.extra)
        if (extra.key != "stream_options") to.json.member_raw(extra.key, extra.json);
}

}  // namespace

void write_tools(Writing& writing) { ToolWriter(writing).write(); }

Result<UpstreamRequest> write_request(const Request& request, const Target& target, Arena& arena, llm::Losses& losses) {
    UpstreamRequest out;
    out.body.reserve(4096);
    Writing to(request, target, losses, out);
    to.json.begin_object();
    to.json.member("model", target.model.empty() ? request.model : target.model);
    if (auto written = write_messages(to); !written) return std::unexpected(std::move(written.error()));
    write_tools(to);
    write_response_format(to);
    write_limit(to);
    const auto effort = write_reasoning(to);
    write_sampling(to, effort);
    write_stop(to);
    write_identity(to);
    write_stream(to);
    write_extras(to);
    to.json.end_object();
    return out;
}

}  // namespace gotthard::dialect::chat
