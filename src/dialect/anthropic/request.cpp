// The body of POST /v1/messages read into llm::Request. Unknown keys ride in `extra`, unknown blocks as opaque parts.
//
// Objects of which only some members have a place of their own leave the rest as extras with a dotted key
// ("output_config.task_budget", "metadata.team"), which the writer of this dialect puts back.
#include <fmt/format.h>

#include "base/json.hpp"
#include "dialect/anthropic_messages.hpp"
#include "dialect/anthropic/blocks.hpp"
#include "dialect/common.hpp"

namespace gotthard::dialect {
namespace anthropic {
namespace {

using llm::Message;
using llm::Request;
using llm::Role;
using llm::Tool;

constexpr std::string_view governed[] = {
    "model",       "messages",      "system",       "max_tokens", "stream",     "stop_sequences", "temperature", "top_k",         "top_p",         "tools",
    "tool_choice", "thinking",      "metadata",     "service_tier", "container", "cache_control", "output_config", "output_format", "context_management", "mcp_servers",
    "inference_geo", "user_profile_id", "speed",    "fallbacks",  "compaction", "thread",         "diagnostics", "workspace_id",  "betas",          "anthropic_beta", "anthropic_version"};

class RequestReader {
public:
    RequestReader(json::Value root, Arena& arena, bool counting) : root_(root), arena_(arena), counting_(counting) {}

    Result<Request> read();

private:
    struct Row {
        std::string_view key;
        Status (RequestReader::*read)(json::Value);
    };
    static const Row rows[];

    Status model(json::Value value);
    Status messages(json::Value value);
    Status message(json::Value value, std::int32_t index);
    Status system(json::Value value);
    Status max_tokens(json::Value value);
    Status stream(json::Value value);
    Status stop_sequences(json::Value value);
    Status temperature(json::Value value) { return number(value, "temperature", request_.temperature); }
    Status top_p(json::Value value) { return number(value, "top_p", request_.top_p); }
    Status top_k(json::Value value);
    Status tools(json::Value value);
    Status tool(json::Value value, std::size_t index);
    Status tool_choice(json::Value value);
    Status thinking(json::Value value);
    Status metadata(json::Value value);
    Status service_tier(json::Value value);
    Status cache_control(json::Value value);
    Status output_config(json::Value value);
    Status output_format(json::Value value);
    Status context_management(json::Value value);

    Status number(json::Value value, std::string_view key, std::optional<double>& into);
    /// Reads {type:json_schema, schema}; false when it is of another type.
    Result<bool> format(json::Value value, std::string_view path);
    std::string_view dotted(std::string_view object, std::string_view key) { return arena_.concat(arena_.concat(object, "."), key); }

    json::Value root_;
    Arena& arena_;
    bool counting_;
    Request request_;
};

const RequestReader::Row RequestReader::rows[] = {
    {"model", &RequestReader::model},
    {"messages", &RequestReader::messages},
    {"max_tokens", &RequestReader::max_tokens},
    {"stream", &RequestReader::stream},
    {"stop_sequences", &RequestReader::stop_sequences},
    {"temperature", &RequestReader::temperature},
    {"top_p", &RequestReader::top_p},
    {"top_k", &RequestReader::top_k},
    {"tools", &RequestReader::tools},
    {"tool_choice", &RequestReader::tool_choice},
    {"thinking", &RequestReader::thinking},
    {"metadata", &RequestReader::metadata},
    {"service_tier", &RequestReader::service_tier},
    {"cache_control", &RequestReader::cache_control},
    {"output_config", &RequestReader::output_config},
    {"output_format", &RequestReader::output_format},
    {"context_management", &RequestReader::context_management},
};

Result<Request> RequestReader::read() {
    request_.dialect = DialectId::anthropic;
    // The top-level system stands first whatever the order of the keys is.
    if (const auto instructions = root_["system"]; instructions && !instructions.is_null())
        if (auto done = system(instructions); !done) return fail(std::move(done.error()));
    for (const auto& member : root_.members()) {
        const auto key = member.key(arena_);
        if (key == "system") continue;
        const auto row = std::ranges::find(rows, key, &Row::key);
        if (row == std::end(rows)) {
            request_.extra.push_back({key, member.value.raw()});
            continue;
        }
        // null says the same as leaving the key out, except where a value is required.
        if (member.value.is_null() && key != "model" && key != "messages") continue;
        if (auto done = (this->*row->read)(member.value); !done) return fail(std::move(done.error()));
    }
    if (!root_["model"]) return missing_field("model", "name the model to call");
    if (!root_["messages"]) return missing_field("messages", "send at least one message");
    if (!request_.max_output_tokens && !counting_) return missing_field("max_tokens", "say how many tokens the answer may have");
    return std::move(request_);
}

Status RequestReader::model(json::Value value) {
    if (!value.is_string()) return wrong_type("model", "a string", value);
    request_.model = value.text(arena_);
    if (request_.model.empty()) return bad_field("model", "is empty; name the model to call");
    return {};
}

Status RequestReader::messages(json::Value value) {
    if (!value.is_array()) return wrong_type("messages", "a list of messages", value);
    if (value.size() == 0) return bad_field("messages", "at least one message is required");
    request_.messages.reserve(request_.messages.size() + value.size() + 1);
    std::int32_t index = 0;
    for (json::Value each : value.items())
        if (auto done = message(each, index++); !done) return done;
    return {};
}

Status RequestReader::message(json::Value value, std::int32_t index) {
    const Place place{.message = index};
    if (!value.is_object()) return wrong_type(place.text(), "a message (an object)", value);
    const auto role = value["role"];
    if (!role) return missing_field(place.text("role"), "user, assistant or system");
    if (!role.is_string()) return wrong_type(place.text("role"), "a string", role);
    Message out;
    out.source_message = index;
    if (role.equals("user")) out.role = Role::user;
    else if (role.equals("assistant")) out.role = Role::assistant;
    else if (role.equals("system")) out.role = Role::system;
    else return bad_field(place.text("role"), fmt::format("unexpected role \"{}\"; user, assistant and system are known", role.string().substr(0, 64)));
    auto parts = read_content(value["content"], place, arena_, out.content_is_string);
    if (!parts) return fail(std::move(parts.error()));
    out.parts = std::move(*parts);
    for (const auto& member : value.members()) {
        const auto key = member.key(arena_);
        if (key == "cache_control") out.cache_control = raw_of(member.value);
        else if (key != "role" && key != "content") out.extra.push_back({key, member.value.raw()});
    }
    request_.messages.push_back(std::move(out));
    return {};
}

Status RequestReader::system(json::Value value) {
    Message out;
    out.role = Role::system;
    auto parts = read_content(value, Place{}, arena_, out.content_is_string);
    if (!parts) return fail(std::move(parts.error()));
    if (parts->empty()) return {};
    out.parts = std::move(*parts);
    request_.messages.push_back(std::move(out));
    return {};
}

Status RequestReader::max_tokens(json::Value value) {
    const auto count = value.integer();
    if (!count) return value.is_number() ? Status(bad_field("max_tokens", "must be a whole number")) : Status(wrong_type("max_tokens", "a whole number", value));
    if (*count < 0) return bad_field("max_tokens", "must not be negative");
    request_.max_output_tokens = *count;
    request_.max_output_tokens_key = "max_tokens";
    return {};
}

Status RequestReader::stream(json::Value value) {
    const auto flag = value.boolean();
    if (!flag) return wrong_type("stream", "true or false", value);
    request_.stream = *flag;
    return {};
}

Status RequestReader::stop_sequences(json::Value value) {
    if (!value.is_array()) return wrong_type("stop_sequences", "a list of strings", value);
    std::size_t index = 0;
    for (json::Value each : value.items()) {
        if (!each.is_string()) return wrong_type(fmt::format("stop_sequences[{}]", index), "a string", each);
        request_.stop.push_back(each.text(arena_));
        ++index;
    }
    return {};
}

Status RequestReader::number(json::Value value, std::string_view key, std::optional<double>& into) {
    if (!value.is_number()) return wrong_type(std::string(key), "a number", value);
    into = value.number();
    return {};
}

Status RequestReader::top_k(json::Value value) {
    const auto count = value.integer();
    if (!count) return wrong_type("top_k", "a whole number", value);
    request_.top_k = *count;
    return {};
}

Status RequestReader::tools(json::Value value) {
    if (!value.is_array()) return wrong_type("tools", "a list of tools", value);
    request_.tools.reserve(value.size());
    std::size_t index = 0;
    for (json::Value each : value.items())
        if (auto done = tool(each, index++); !done) return done;
    return {};
}

Status RequestReader::tool(json::Value value, std::size_t index) {
    const auto path = [&](std::string_view field = {}) { return field.empty() ? fmt::format("tools[{}]", index) : fmt::format("tools[{}].{}", index, field); };
    if (!value.is_object()) return wrong_type(path(), "a tool (an object)", value);
    Tool out;
    out.raw = value.raw();
    const auto type = value["type"];
    if (type && !type.is_null() && !type.is_string()) return wrong_type(path("type"), "a string", type);
    const auto name = value["name"];
    if (name && !name.is_string()) return wrong_type(path("name"), "a string", name);
    out.name = name.text(arena_);
    const auto cache = value["cache_control"];
    if (cache && !cache.is_null() && !cache.is_object()) return wrong_type(path("cache_control"), "an object", cache);
    out.cache_control = raw_of(cache);
    out.defer_loading = value["defer_loading"].boolean();
    if (type.is_string() && !type.equals("custom")) {
        out.kind = llm::ToolKind::hosted;
        out.type = type.text(arena_);
        request_.tools.push_back(std::move(out));
        return {};
    }
    if (out.name.empty()) return missing_field(path("name"), "every tool has a name");
    const auto schema = value["input_schema"];
    if (schema && !schema.is_null() && !schema.is_object()) return wrong_type(path("input_schema"), "a JSON Schema (an object)", schema);
    out.parameters = raw_of(schema);
    const auto description = value["description"];
    if (description && !description.is_null() && !description.is_string()) return wrong_type(path("description"), "a string", description);
    out.description = description.text(arena_);
    out.strict = value["strict"].boolean();
    static constexpr std::string_view known[] = {"type", "name", "description", "input_schema", "cache_control", "strict", "defer_loading"};
    for (const auto& member : value.members())
        if (const auto key = member.key(arena_); std::ranges::find(known, key) == std::end(known)) out.extra.push_back({key, member.value.raw()});
    request_.tools.push_back(std::move(out));
    return {};
}

Status RequestReader::tool_choice(json::Value value) {
    if (!value.is_object()) return wrong_type("tool_choice", "an object", value);
    using enum llm::ToolChoiceMode;
    auto& choice = request_.tool_choice;
    choice.raw = value.raw();
    const auto type = value["type"];
    if (type.equals("auto")) choice.mode = automatic;
    else if (type.equals("any")) choice.mode = required;
    else if (type.equals("none")) choice.mode = none;
    else if (type.equals("tool")) choice.mode = named;
    else return bad_field("tool_choice.type", "auto, any, tool and none are known");
    if (choice.mode == named) {
        if (!value["name"].is_string()) return missing_field("tool_choice.name", "name the tool to call");
        choice.name = value["name"].text(arena_);
    }
    if (const auto single = value["disable_parallel_tool_use"].boolean()) choice.parallel = !*single;
    return {};
}

Status RequestReader::thinking(json::Value value) {
    if (!value.is_object()) return wrong_type("thinking", "an object", value);
    auto& thinking = request_.thinking;
    thinking.raw = value.raw();
    const auto type = value["type"];
    if (!type.is_string()) return missing_field("thinking.type", "enabled, adaptive or disabled");
    using enum llm::ThinkingMode;
    // Kinds of later versions ("between_tools") leave the amount to the model: so does adaptive.
    thinking.mode = type.equals("enabled") ? enabled : type.equals("disabled") ? disabled : adaptive;
    if (const auto budget = value["budget_tokens"]; budget && !budget.is_null()) {
        thinking.budget_tokens = budget.integer();
        if (!thinking.budget_tokens) return wrong_type("thinking.budget_tokens", "a whole number", budget);
    }
    thinking.display = value["display"].text(arena_);
    return {};
}

Status RequestReader::metadata(json::Value value) {
    if (!value.is_object()) return wrong_type("metadata", "an object", value);
    for (const auto& member : value.members()) {
        const auto key = member.key(arena_);
        if (key == "user_id" && member.value.is_string()) request_.user = member.value.text(arena_);
        else if (!member.value.is_null()) request_.extra.push_back({dotted("metadata", key), member.value.raw()});
    }
    return {};
}

Status RequestReader::service_tier(json::Value value) {
    if (!value.is_string()) return wrong_type("service_tier", "a string", value);
    request_.service_tier = value.text(arena_);
    return {};
}

Status RequestReader::cache_control(json::Value value) {
    if (!value.is_object()) return wrong_type("cache_control", "an object", value);
    request_.cache_control = value.raw();
    return {};
}

Result<bool> RequestReader::format(json::Value value, std::string_view path) {
    if (!value.is_object()) return wrong_type(std::string(path), "an object", value);
    if (!value["type"].equals("json_schema")) return false;
    const auto schema = value["schema"];
    if (!schema) return missing_field(fmt::format("{}.schema", path), "a JSON Schema is required here");
    if (!schema.is_object()) return wrong_type(fmt::format("{}.schema", path), "a JSON Schema (an object)", schema);
    auto& format = request_.response_format;
    format.kind = llm::FormatKind::json_schema;
    format.schema = schema.raw();
    format.name = value["name"].text(arena_);
    format.strict = true;
    return true;
}

Status RequestReader::output_config(json::Value value) {
    if (!value.is_object()) return wrong_type("output_config", "an object", value);
    for (const auto& member : value.members()) {
        const auto key = member.key(arena_);
        if (member.value.is_null()) continue;
        if (key == "effort" && member.value.is_string()) {
            request_.thinking.effort = member.value.text(arena_);
            continue;
        }
        if (key == "format") {
            auto known = format(member.value, "output_config.format");
            if (!known) return fail(std::move(known.error()));
            if (*known) continue;
        }
        request_.extra.push_back({dotted("output_config", key), member.value.raw()});
    }
    return {};
}

Status RequestReader::output_format(json::Value value) {
    auto known = format(value, "output_format");
    if (!known) return fail(std::move(known.error()));
    if (!*known) request_.extra.push_back({"output_format", value.raw()});
    return {};
}

Status RequestReader::context_management(json::Value value) {
    if (!value.is_object() && !value.is_array()) return wrong_type("context_management", "an object", value);
    request_.context_management = value.raw();
    return {};
}

Result<Request> read(std::string_view body, const RequestContext& context, Arena& arena, bool counting) {
    thread_local json::Document document;
    if (auto parsed = parse_request_body(body, governed, document); !parsed) return fail(std::move(parsed.error()));
    auto request = RequestReader(document.root(), arena, counting).read();
    if (body.size() > (1 << 20)) document = {};  // what is kept for the next request stays small
    if (!request) return request;
    request->betas = context.anthropic_beta;
    request->version = context.anthropic_version;
    return request;
}

}  // namespace

Result<Request> read_request(std::string_view body, const RequestContext& context, Arena& arena) { return read(body, context, arena, false); }

}  // namespace anthropic

Result<llm::Request> read_count_request(std::string_view body, const RequestContext& context, Arena& arena) { return anthropic::read(body, context, arena, true); }

}  // namespace gotthard::dialect
