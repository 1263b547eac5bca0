#include <fmt/format.h>
#include <simdjson.h>

#include <regex>
#include <set>
#include <string>

#include "imposter/strict.hpp"

namespace gotthard::imposter {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

const std::set<std::string_view> kTopLevel = {"model",
                                              "messages",
                                              "audio",
                                              "frequency_penalty",
                                              "function_call",
                                              "functions",
                                              "logit_bias",
                                              "logprobs",
                                              "max_completion_tokens",
                                              "max_tokens",
                                              "metadata",
                                              "modalities",
                                              "moderation",
                                              "n",
                                              "parallel_tool_calls",
                                              "prediction",
                                              "presence_penalty",
                                              "prompt_cache_key",
                                              "prompt_cache_options",
                                              "prompt_cache_retention",
                                              "reasoning_effort",
                                              "response_format",
                                              "safety_identifier",
                                              "seed",
                                              "service_tier",
                                              "stop",
                                              "store",
                                              "stream",
                                              "stream_options",
                                              "temperature",
                                              "tool_choice",
                                              "tools",
                                              "top_logprobs",
                                              "top_p",
                                              "user",
                                              "verbosity",
                                              "web_search_options"};
const std::set<std::string_view> kMessageKeys = {"role",         "content", "name",  "tool_calls",
                                                 "tool_call_id", "refusal", "audio", "function_call"};
const std::set<std::string_view> kRoles = {"developer", "system", "user", "assistant", "tool", "function"};
const std::set<std::string_view> kEfforts = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};

std::string_view text_of(const object& from, std::string_view key) {
    std::string_view text;
    return from[key].get_string().get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

bool has(const object& from, std::string_view key) { return from[key].error() == simdjson::SUCCESS; }

bool matches(std::string_view text, const std::regex& pattern) { return std::regex_match(text.begin(), text.end(), pattern); }

std::string fault_of_part(const object& part, std::string_view role) {
    static const std::set<std::string_view> types = {"text", "image_url", "input_audio", "file", "refusal"};
    const auto type = text_of(part, "type");
    if (!types.contains(type)) return fmt::format("unknown content part type '{}'", type);
    if (has(part, "cache_control")) return "Unknown parameter: 'messages[].content[].cache_control'";
    if (type != "text" && type != "refusal" && role != "user")
        return fmt::format("'{}' parts are only allowed in user messages, not in '{}'", type, role);
    if (type == "refusal" && role != "assistant") return "'refusal' parts are only allowed in assistant messages";
    if (!has(part, type)) return fmt::format("Missing required parameter: '{}' of a '{}' part", type, type);
    return {};
}

std::string fault_of_content(const object& message, std::string_view role) {
    element content;
    const bool present = message["content"].get(content) == simdjson::SUCCESS && !content.is_null();
    if (!present)
        return role == "assistant" && (has(message, "tool_calls") || has(message, "function_call") || has(message, "refusal") ||
                                       has(message, "audio"))
                   ? ""
                   : fmt::format("'{}' message without content", role);
    if (content.is_string()) return {};
    if (!content.is_array()) return "Invalid type for 'messages[].content'";
    if (array(content).size() == 0) return "Invalid 'messages[].content': empty array";
    for (const element part : array(content)) {
        object fields;
        if (part.get(fields) != simdjson::SUCCESS) return "Invalid type for a content part";
        if (auto fault = fault_of_part(fields, role); !fault.empty()) return fault;
    }
    return {};
}

std::string fault_of_calls(const array& calls, std::set<std::string, std::less<>>& open) {
    if (calls.size() == 0) return "Invalid 'messages[].tool_calls': empty array. Expected an array with minimum length 1";
    for (const element call : calls) {
        object fields, function;
        if (call.get(fields) != simdjson::SUCCESS) return "Invalid type for a tool call";
        const auto id = text_of(fields, "id");
        if (id.empty() || id.size() > 64) return fmt::format("Invalid tool call id '{}': 1 to 64 characters", id);
        const auto type = text_of(fields, "type");
        if (type != "function" && type != "custom") return "Missing required parameter: 'messages[].tool_calls[].type'";
        if (type == "function") {
            if (fields["function"].get(function) != simdjson::SUCCESS || text_of(function, "name").empty())
                return "tool call without a function name";
            std::string_view arguments;
            if (function["arguments"].get_string().get(arguments) != simdjson::SUCCESS)
                return "Invalid type for 'arguments': expected a string";
        }
        open.emplace(id);
    }
    return {};
}

std::string fault_of_messages(const array& messages) {
    std::set<std::string, std::less<>> open;
    for (const element entry : messages) {
        object message;
        if (entry.get(message) != simdjson::SUCCESS) return "Invalid type for a message";
        const auto role = text_of(message, "role");
        if (!kRoles.contains(role))
            return fmt::format("Invalid value: '{}'. Supported roles: developer, system, user, assistant, tool, function", role);
        for (const auto [key, value] : message) {
            if (!kMessageKeys.contains(key)) return fmt::format("Unknown parameter: 'messages[].{}'", key);
        }
        if (role == "tool") {
            const auto found = open.find(text_of(message, "tool_call_id"));
            if (found == open.end())
                return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'";
            open.erase(found);
        } else if (!open.empty()) {
            return fmt::format(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'; "
                "missing: {}",
                *open.begin());
        }
        if (auto fault = fault_of_content(message, role); !fault.empty()) return fault;
        array calls;
        if (message["tool_calls"].get(calls) == simdjson::SUCCESS) {
            if (role != "assistant") return "'tool_calls' is only allowed in assistant messages";
            if (auto fault = fault_of_calls(calls, open); !fault.empty()) return fault;
        }
    }
    if (!open.empty())
        return fmt::format("An assistant message with 'tool_calls' must be followed by tool messages; missing: {}",
                           *open.begin());
    return {};
}

std::string fault_of_tools(const object& body) {
    static const std::regex name_pattern("[a-zA-Z0-9_-]{1,64}");
    array tools;
    if (body["tools"].get(tools) != simdjson::SUCCESS) {
        element choice;
        const bool asked =
            body["tool_choice"].get(choice) == simdjson::SUCCESS &&
            !(choice.is_string() && (text_of(body, "tool_choice") == "none" || text_of(body, "tool_choice") == "auto"));
        if (has(body, "parallel_tool_calls")) return "'parallel_tool_calls' is only allowed when 'tools' are specified";
        return asked ? "'tool_choice' is only allowed when 'tools' are specified" : "";
    }
    if (tools.size() == 0 || tools.size() > 128)
        return fmt::format("Invalid 'tools': {} elements, 1 to 128 allowed", tools.size());
    std::set<std::string_view> names;
    for (const element entry : tools) {
        object tool, function, parameters;
        if (entry.get(tool) != simdjson::SUCCESS) return "Invalid type for a tool";
        if (text_of(tool, "type") == "custom") continue;
        if (text_of(tool, "type") != "function" || tool["function"].get(function) != simdjson::SUCCESS)
            return "Missing required parameter: 'tools[].function'";
        for (const auto [key, value] : tool) {
            if (key != "type" && key != "function") return fmt::format("Unknown parameter: 'tools[].{}'", key);
        }
        for (const auto [key, value] : function) {
            if (key != "name" && key != "description" && key != "parameters" && key != "strict")
                return fmt::format("Unknown parameter: 'tools[].function.{}'", key);
        }
        const auto name = text_of(function, "name");
        if (!matches(name, name_pattern)) return fmt::format("Invalid 'tools[].function.name': '{}'", name);
        if (!names.insert(name).second) return fmt::format("Duplicate function name '{}'", name);
        if (function["parameters"].get(parameters) == simdjson::SUCCESS && text_of(parameters, "type") != "object")
            return fmt::format("Invalid schema for function '{}': type must be \"object\"", name);
    }
    return {};
}

std::string fault_of_settings(const object& body) {
    bool stream = false;
    if (body["stream"].get(stream) != simdjson::SUCCESS) stream = false;
    if (has(body, "stream_options") && !stream) return "The 'stream_options' parameter is only allowed when 'stream' is enabled";
    if (has(body, "max_tokens") && has(body, "max_completion_tokens"))
        return "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported";
    double temperature = 0;
    if (body["temperature"].get(temperature) == simdjson::SUCCESS && (temperature < 0 || temperature > 2))
        return "Invalid 'temperature': 0 to 2";
    array stops;
    if (body["stop"].get(stops) == simdjson::SUCCESS && (stops.size() == 0 || stops.size() > 4))
        return "Invalid 'stop': 1 to 4 sequences";
    if (has(body, "reasoning_effort") && !kEfforts.contains(text_of(body, "reasoning_effort")))
        return fmt::format("Invalid 'reasoning_effort': '{}'", text_of(body, "reasoning_effort"));
    bool logprobs = false;
    if (has(body, "top_logprobs") && (body["logprobs"].get(logprobs) != simdjson::SUCCESS || !logprobs))
        return "'top_logprobs' requires 'logprobs'";
    object format, schema;
    if (body["response_format"].get(format) == simdjson::SUCCESS && text_of(format, "type") == "json_schema" &&
        (format["json_schema"].get(schema) != simdjson::SUCCESS || text_of(schema, "name").empty()))
        return "Missing required parameter: 'response_format.json_schema.name'";
    return {};
}

}  // namespace

std::string refusal_of_chat(const Seen& request) {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(request.body);
    object body;
    if (const auto error = parser.parse(padded).get(body); error != simdjson::SUCCESS)
        return "We could not parse the JSON body of your request";
    std::set<std::string_view> seen;
    for (const auto [key, value] : body) {
        if (!kTopLevel.contains(key)) return fmt::format("Unknown parameter: '{}'", key);
        if (!seen.insert(key).second) return fmt::format("Duplicate key '{}'", key);
    }
    if (text_of(body, "model").empty()) return "you must provide a model parameter";
    array messages;
    if (body["messages"].get(messages) != simdjson::SUCCESS || messages.size() == 0)
        return "Missing required parameter: 'messages'";
    if (auto fault = fault_of_settings(body); !fault.empty()) return fault;
    if (auto fault = fault_of_tools(body); !fault.empty()) return fault;
    return fault_of_messages(messages);
}

}  // namespace gotthard::imposter
