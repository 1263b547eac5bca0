// A chat request as a conversation. Source: wire-formats.md 1.2 and 1.6, and what real clients add to it (edge-cases.md section
// 1). Refused with a 400 that names the field: what is no chat request at all. Anything merely unknown rides along in `extra`.
#include "dialect/chat/read.hpp"

#include <cmath>

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/common.hpp"
#include "dialect/openai_chat.hpp"

namespace gotthard::dialect::chat {
namespace {

using llm::Request;

/// Keys that policy, limits or routing look at: written once and plainly, or refused.
constexpr std::string_view governed[] = {"model",
                                         "messages",
                                         "stream",
                                         "stream_options",
                                         "max_tokens",
                                         "max_completion_tokens",
                                         "user",
                                         "safety_identifier",
                                         "n",
                                         "tools",
                                         "tool_choice",
                                         "functions",
                                         "function_call",
                                         "parallel_tool_calls",
                                         "response_format",
                                         "service_tier",
                                         "metadata",
                                         "modalities",
                                         "stop",
                                         "temperature",
                                         "reasoning_effort",
                                         "web_search_options"};

struct State {
    Request& request;
    Arena& arena;
    std::optional<std::int64_t> max_tokens, max_completion_tokens;
    std::string_view safety_identifier, reasoning_effort;
    json::Value reasoning;
};

using Read = Status (*)(State&, std::string_view key, json::Value value);

/// `key` is a literal, or a view of the body or the arena.
Status keep(State& state, std::string_view key, json::Value value) {
    state.request.extra.push_back({key, value.raw()});
    return {};
}

template <std::string_view Request::* member>
Status keep_raw(State& state, std::string_view, json::Value value) {
    state.request.*member = value.raw();
    return {};
}

Status read_text(std::string_view& to, State& state, std::string_view key, json::Value value) {
    if (!value.is_string()) return wrong_type(std::string(key), "a string", value);
    to = value.text(state.arena);
    return {};
}

Status read_number(std::optional<double>& to, std::string_view key, json::Value value) {
    to = value.number();
    if (!to) return wrong_type(std::string(key), "a number", value);
    return {};
}

Status read_integer(std::optional<std::int64_t>& to, std::string_view key, json::Value value) {
    to = value.integer();
    if (!to) return wrong_type(std::string(key), "a whole number", value);
    return {};
}

/// A token limit: floats are rounded (E028); what is not positive means "no limit" to some engines and stays as it is.
Status read_limit(std::optional<std::int64_t>& to, State& state, std::string_view key, json::Value value) {
    const auto number = value.number();
    if (!number) return wrong_type(std::string(key), "a whole number", value);
    if (!(*number >= 1)) return keep(state, key, value);
    to = static_cast<std::int64_t>(std::min(std::round(*number), 9.0e15));
    return {};
}

Status read_stop(State& state, std::string_view key, json::Value value) {
    if (value.is_string()) {
        state.request.stop.push_back(value.text(state.arena));
        return {};
    }
    if (!value.is_array()) return wrong_type("stop", "a string or an array of strings", value);
    std::size_t i = 0;
    for (json::Value each : value.items()) {
        if (!each.is_string()) return wrong_type(fmt::format("stop[{}]", i), "a string", each);
        state.request.stop.push_back(each.text(state.arena));
        ++i;
    }
    return {};
}

Status read_stream_options(State& state, std::string_view key, json::Value value) {
    if (!value.is_object()) return wrong_type("stream_options", "an object", value);
    bool more = false;
    for (const auto& member : value.members()) {
        if (!member.is("include_usage")) {
            more = true;
            continue;
        }
        if (!member.value.is_boolean() && !member.value.is_null())
            return wrong_type("stream_options.include_usage", "true or false", member.value);
        state.request.include_usage = member.value.is_true();
    }
    return more ? keep(state, key, value) : Status{};
}

Status read_stream(State& state, std::string_view key, json::Value value) {
    if (!value.is_boolean()) return wrong_type("stream", "true or false", value);
    state.request.stream = value.is_true();
    return {};
}

/// A word, or a dict with the word inside (E180).
Status read_effort(State& state, std::string_view key, json::Value value) {
    if (value.is_object() && value["effort"].is_string()) {
        state.reasoning_effort = value["effort"].text(state.arena);
        return {};
    }
    return read_text(state.reasoning_effort, state, key, value);
}

/// Anthropic's `thinking` object, which several chat servers take as well.
Status read_thinking(State& state, std::string_view key, json::Value value) {
    if (!value.is_object()) return keep(state, key, value);
    auto& thinking = state.request.thinking;
    const auto type = value["type"];
    if (type.equals("enabled"))
        thinking.mode = llm::ThinkingMode::enabled;
    else if (type.equals("disabled"))
        thinking.mode = llm::ThinkingMode::disabled;
    else if (type.equals("adaptive") || type.equals("auto"))
        thinking.mode = llm::ThinkingMode::adaptive;
    thinking.budget_tokens = value["budget_tokens"].integer();
    thinking.display = value["display"].text(state.arena);
    thinking.raw = value.raw();
    return {};
}

Status read_response_format(State& state, std::string_view key, json::Value value) {
    if (!value.is_object()) return wrong_type("response_format", "an object", value);
    auto& format = state.request.response_format;
    const auto type = value["type"];
    if (!type.is_string())
        return type ? Status(wrong_type("response_format.type", "a string", type))
                    : Status(missing_field("response_format.type", "send text, json_object or json_schema"));
    if (type.equals("text")) {
        format.kind = llm::FormatKind::text;
        return {};
    }
    if (type.equals("json_object")) {
        format.kind = llm::FormatKind::json_object;
        if (value["schema"].is_object()) format.schema = value["schema"].raw();
        return {};
    }
    if (!type.equals("json_schema")) return keep(state, key, value);
    const auto inner = value["json_schema"];
    if (inner && !inner.is_object()) return wrong_type("response_format.json_schema", "an object", inner);
    const auto holder = inner ? inner : value;  // some engines take the schema without its envelope
    if (!holder["schema"] && !inner) return missing_field("response_format.json_schema", "send an object with name and schema");
    format.kind = llm::FormatKind::json_schema;
    format.name = holder["name"].text(state.arena);
    format.description = holder["description"].text(state.arena);
    format.strict = holder["strict"].boolean();
    if (const auto schema = holder["schema"]; schema && !schema.is_null()) {
        if (!schema.is_object() && !schema.is_boolean())
            return wrong_type("response_format.json_schema.schema", "an object", schema);
        format.schema = schema.raw();
    }
    return {};
}

struct Row {
    std::string_view key;
    Read read;
};

constexpr Row rows[] = {
    {"model", [](State& s, std::string_view k, json::Value v) { return read_text(s.request.model, s, k, v); }},
    {"temperature", [](State& s, std::string_view k, json::Value v) { return read_number(s.request.temperature, k, v); }},
    {"top_p", [](State& s, std::string_view k, json::Value v) { return read_number(s.request.top_p, k, v); }},
    {"top_k", [](State& s, std::string_view k, json::Value v) { return read_integer(s.request.top_k, k, v); }},
    {"frequency_penalty",
     [](State& s, std::string_view k, json::Value v) { return read_number(s.request.frequency_penalty, k, v); }},
    {"presence_penalty",
     [](State& s, std::string_view k, json::Value v) { return read_number(s.request.presence_penalty, k, v); }},
    {"seed", [](State& s, std::string_view k, json::Value v) { return read_integer(s.request.seed, k, v); }},
    {"random_seed",
     [](State& s, std::string_view k, json::Value v) { return s.request.seed ? Status{} : read_integer(s.request.seed, k, v); }},
    {"n", [](State& s, std::string_view k, json::Value v) { return read_integer(s.request.n, k, v); }},
    {"top_logprobs", [](State& s, std::string_view k, json::Value v) { return read_integer(s.request.top_logprobs, k, v); }},
    {"logprobs",
     [](State& s, std::string_view k, json::Value v) -> Status {
         if (!v.is_boolean()) return wrong_type("logprobs", "true or false", v);
         s.request.logprobs = v.is_true();
         return {};
     }},
    {"max_tokens", [](State& s, std::string_view k, json::Value v) { return read_limit(s.max_tokens, s, k, v); }},
    {"max_completion_tokens",
     [](State& s, std::string_view k, json::Value v) { return read_limit(s.max_completion_tokens, s, k, v); }},
    {"stop", read_stop},
    {"stream", read_stream},
    {"stream_options", read_stream_options},
    {"user", [](State& s, std::string_view k, json::Value v) { return read_text(s.request.user, s, k, v); }},
    {"safety_identifier",
     [](State& s, std::string_view k, json::Value v) -> Status {
         (void)keep(s, k, v);
         return read_text(s.safety_identifier, s, k, v);
     }},
    {"service_tier", [](State& s, std::string_view k, json::Value v) { return read_text(s.request.service_tier, s, k, v); }},
    {"reasoning_effort", read_effort},
    {"reasoning",
     [](State& s, std::string_view k, json::Value v) {
         s.reasoning = v;
         return keep(s, k, v);
     }},
    {"thinking", read_thinking},
    {"response_format", read_response_format},
    {"logit_bias", keep_raw<&Request::logit_bias>},
    {"metadata", keep_raw<&Request::metadata>},
    {"web_search_options", keep_raw<&Request::web_search_options>},
    {"context_management", keep_raw<&Request::context_management>},
    {"cache_control", keep_raw<&Request::cache_control>},
    {"parallel_tool_calls",
     [](State& s, std::string_view, json::Value v) -> Status {
         if (!v.is_boolean()) return wrong_type("parallel_tool_calls", "true or false", v);
         s.request.tool_choice.parallel = v.is_true();
         return {};
     }},
    {"tools", [](State& s, std::string_view, json::Value v) { return read_tools(v, s.request, s.arena); }},
    {"functions", [](State& s, std::string_view, json::Value v) { return read_functions(v, s.request, s.arena); }},
    {"tool_choice", [](State& s, std::string_view, json::Value v) { return read_tool_choice(v, s.request, s.arena); }},
    {"function_call", [](State& s, std::string_view, json::Value v) { return read_function_choice(v, s.request, s.arena); }},
    {"messages", [](State& s, std::string_view, json::Value v) { return read_messages(v, s.request, s.arena); }},
};

Status read_member(State& state, const json::Member& member) {
    const auto key = member.key(state.arena);
    for (const auto& row : rows)
        if (row.key == key) return member.value.is_null() ? Status{} : row.read(state, row.key, member.value);
    return keep(state, key, member.value);
}

/// Both limits at once: the newer key counts (E190).
void settle_limits(State& state) {
    auto& request = state.request;
    request.max_output_tokens = state.max_completion_tokens ? state.max_completion_tokens : state.max_tokens;
    if (request.max_output_tokens)
        request.max_output_tokens_key = state.max_completion_tokens ? "max_completion_tokens" : "max_tokens";
}

/// reasoning_effort, or what OpenRouter's `reasoning` object means; the object itself rides along for those who know it.
void settle_reasoning(State& state) {
    auto& thinking = state.request.thinking;
    thinking.effort = state.reasoning_effort;
    const auto reasoning = state.reasoning;
    if (!reasoning.is_object()) return;
    if (!thinking.effort.empty())
        state.request.extra.push_back({"reasoning_effort", state.arena.copy(json::quoted(thinking.effort))});
    else
        thinking.effort = reasoning["effort"].text(state.arena);
    if (!thinking.budget_tokens) thinking.budget_tokens = reasoning["max_tokens"].integer();
    if (thinking.mode != llm::ThinkingMode::unset) return;
    if (reasoning["enabled"].is_true() || thinking.budget_tokens)
        thinking.mode = llm::ThinkingMode::enabled;
    else if (reasoning["enabled"].is_boolean())
        thinking.mode = llm::ThinkingMode::disabled;
}

Result<Request> read_root(json::Value root, const RequestContext& context, Arena& arena) {
    Request request;
    request.dialect = DialectId::chat;
    request.betas = context.anthropic_beta;
    request.version = context.anthropic_version;
    State state{.request = request, .arena = arena};
    for (const auto& member : root.members())
        if (auto read = read_member(state, member); !read) return std::unexpected(std::move(read.error()));
    if (request.model.empty()) return missing_field("model", "name the model to call, for example \"provider/model\"");
    if (request.messages.empty()) return missing_field("messages", "send at least one message");
    if (request.n && (*request.n < 1 || *request.n > 128)) return bad_field("n", "1 to 128 answers can be asked for");
    settle_limits(state);
    settle_reasoning(state);
    if (request.user.empty()) request.user = state.safety_identifier;
    return request;
}

}  // namespace

Result<Request> read_request(std::string_view body, const RequestContext& context, Arena& arena) {
    thread_local json::Document document;
    if (auto parsed = parse_request_body(body, governed, document); !parsed) return std::unexpected(std::move(parsed.error()));
    auto request = read_root(document.root(), context, arena);
    if (body.size() > (1u << 20)) document = {};  // what the thread keeps for its next request stays small
    return request;
}

}  // namespace gotthard::dialect::chat
