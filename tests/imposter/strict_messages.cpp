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
using Ids = std::set<std::string, std::less<>>;

const std::set<std::string_view> kTopLevel = {
    "model",           "max_tokens",   "messages",  "system",        "stream",        "stop_sequences",
    "temperature",     "top_k",        "top_p",     "tools",         "tool_choice",   "thinking",
    "metadata",        "service_tier", "container", "cache_control", "inference_geo", "output_config",
    "user_profile_id", "diagnostics",  "speed",     "workspace_id"};
const std::set<std::string_view> kTopLevelWithBeta = {"context_management",    "mcp_servers", "output_format", "fallbacks",
                                                      "fallback_credit_token", "compaction",  "thread",        "billing_policy"};

std::string_view text_of(const object& from, std::string_view key) {
    std::string_view text;
    return from[key].get_string().get(text) == simdjson::SUCCESS ? text : std::string_view{};
}

bool has(const object& from, std::string_view key) { return from[key].error() == simdjson::SUCCESS; }

bool matches(std::string_view text, const std::regex& pattern) { return std::regex_match(text.begin(), text.end(), pattern); }

std::size_t count_cache_marks(const element& value) {
    std::size_t count = 0;
    if (value.is_array()) {
        for (const element member : array(value)) count += count_cache_marks(member);
    } else if (value.is_object()) {
        for (const auto [key, member] : object(value))
            count += (key == "cache_control" && member.is_object() ? 1 : 0) +
                     (key == "input" || key == "input_schema" ? 0 : count_cache_marks(member));
    }
    return count;
}

std::string fault_of_image(const object& block) {
    object source;
    if (block["source"].get(source) != simdjson::SUCCESS) return "image.source: Field required";
    const auto type = text_of(source, "type");
    if (type == "base64") return has(source, "media_type") && has(source, "data") ? "" : "image.source.base64: Field required";
    if (type == "url") return text_of(source, "url").starts_with("http") ? "" : "image.source.url: not a URL";
    return type == "file" ? "" : fmt::format("image.source: unknown type '{}'", type);
}

/// Checks one block; ids of calls go into `calls`, ids of results into `results`.
std::string fault_of_block(const object& block, std::string_view role, Ids& calls, Ids& results) {
    static const std::regex id_pattern("[a-zA-Z0-9_-]+");
    const auto type = text_of(block, "type");
    if (type.empty()) return "content block: type: Field required";
    if (type == "text") return text_of(block, "text").empty() ? "text content blocks must be non-empty" : "";
    if (type == "image") return fault_of_image(block);
    if (type == "tool_use") {
        const auto id = text_of(block, "id");
        if (role != "assistant") return "tool_use blocks are only allowed in assistant messages";
        if (!matches(id, id_pattern))
            return fmt::format("tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$' ('{}')", id);
        object input;
        if (block["input"].get(input) != simdjson::SUCCESS) return "tool_use.input: Input should be a valid dictionary";
        if (text_of(block, "name").empty()) return "tool_use.name: Field required";
        if (!calls.emplace(id).second) return "tool_use ids must be unique";
        return {};
    }
    if (type == "tool_result") {
        if (role != "user") return "tool_result blocks are only allowed in user messages";
        if (!matches(text_of(block, "tool_use_id"), id_pattern))
            return "tool_result.tool_use_id: String should match pattern '^[a-zA-Z0-9_-]+$'";
        results.emplace(text_of(block, "tool_use_id"));
        return {};
    }
    if (type == "thinking") return role == "assistant" && has(block, "signature") ? "" : "thinking.signature: Field required";
    return {};
}

std::string fault_of_message(const object& message, bool last, Ids& calls, Ids& results) {
    const auto role = text_of(message, "role");
    if (role != "user" && role != "assistant" && role != "system") return fmt::format("messages: Unexpected role \"{}\"", role);
    for (const auto [key, value] : message) {
        if (key != "role" && key != "content") return fmt::format("messages.{}: Extra inputs are not permitted", key);
    }
    element content;
    if (message["content"].get(content) != simdjson::SUCCESS) return "messages.content: Field required";
    const bool may_be_empty = last && role == "assistant";
    std::string_view text;
    if (content.get(text) == simdjson::SUCCESS)
        return text.empty() && !may_be_empty ? "all messages must have non-empty content" : "";
    array blocks;
    if (content.get(blocks) != simdjson::SUCCESS) return "messages.content: Input should be a valid string or list";
    if (blocks.size() == 0 && !may_be_empty) return "all messages must have non-empty content";
    bool other_seen = false;
    for (const element entry : blocks) {
        object block;
        if (entry.get(block) != simdjson::SUCCESS) return "content block: Input should be an object";
        const bool is_result = text_of(block, "type") == "tool_result";
        if (is_result && other_seen) return "tool_result blocks must come first in the content of a user message";
        other_seen = other_seen || !is_result;
        if (auto fault = fault_of_block(block, role, calls, results); !fault.empty()) return fault;
    }
    return {};
}

/// The API merges consecutive turns of one role, so the results of a call may be spread over the user messages that follow it.
std::string fault_of_messages(const array& messages) {
    Ids open;
    std::size_t index = 0;
    for (const element entry : messages) {
        object message;
        if (entry.get(message) != simdjson::SUCCESS) return "messages: Input should be an object";
        const bool last = ++index == messages.size();
        Ids calls, results;
        if (auto fault = fault_of_message(message, last, calls, results); !fault.empty()) return fault;
        for (const auto& id : results) {
            if (open.erase(id) == 0)
                return fmt::format(
                    "unexpected `tool_use_id` found in `tool_result` blocks: {}. Each must have a corresponding `tool_use` in "
                    "the previous message",
                    id);
        }
        if (text_of(message, "role") == "assistant") {
            if (!open.empty())
                return fmt::format("`tool_use` ids were found without `tool_result` blocks immediately after: {}", *open.begin());
            open = std::move(calls);
        }
    }
    return open.empty()
               ? ""
               : fmt::format("`tool_use` ids were found without `tool_result` blocks immediately after: {}", *open.begin());
}

std::string fault_of_tools(const object& body) {
    static const std::regex name_pattern("[a-zA-Z0-9_-]{1,128}");
    array tools;
    object choice;
    const bool has_choice = body["tool_choice"].get(choice) == simdjson::SUCCESS;
    if (body["tools"].get(tools) != simdjson::SUCCESS)
        return has_choice && text_of(choice, "type") != "none" ? "tool_choice: may only be specified while providing tools" : "";
    std::set<std::string_view> names;
    for (const element entry : tools) {
        object tool, schema;
        if (entry.get(tool) != simdjson::SUCCESS) return "tools: Input should be an object";
        const auto name = text_of(tool, "name");
        if (!matches(name, name_pattern))
            return fmt::format("tools.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$' ('{}')", name);
        if (!names.insert(name).second) return "tools: Tool names must be unique";
        const auto type = text_of(tool, "type");
        if (!type.empty() && type != "custom") continue;
        if (tool["input_schema"].get(schema) != simdjson::SUCCESS) return "tools.input_schema: Field required";
        if (text_of(schema, "type") != "object") return "tools.input_schema.type: Input should be 'object'";
    }
    if (has_choice && text_of(choice, "type") == "tool" && !names.contains(text_of(choice, "name")))
        return fmt::format("tool_choice: Tool '{}' not found in provided tools", text_of(choice, "name"));
    return {};
}

std::string fault_of_settings(const object& body, bool interleaved) {
    std::int64_t max_tokens = 0;
    if (body["max_tokens"].get(max_tokens) != simdjson::SUCCESS || max_tokens < 1) return "max_tokens: Field required";
    double temperature = 1;
    const bool has_temperature = body["temperature"].get(temperature) == simdjson::SUCCESS;
    if (has_temperature && (temperature < 0 || temperature > 1)) return "temperature: range: 0..1";
    object thinking, choice;
    if (body["thinking"].get(thinking) != simdjson::SUCCESS || text_of(thinking, "type") == "disabled") return {};
    if (has_temperature && temperature != 1) return "`temperature` may only be set to 1 when thinking is enabled";
    if (body["tool_choice"].get(choice) == simdjson::SUCCESS &&
        (text_of(choice, "type") == "any" || text_of(choice, "type") == "tool"))
        return "Thinking may not be enabled when tool_choice forces tool use";
    if (text_of(thinking, "type") != "enabled") return {};
    std::int64_t budget = 0;
    if (thinking["budget_tokens"].get(budget) != simdjson::SUCCESS || budget < 1024)
        return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
    if (budget >= max_tokens && !interleaved) return "`max_tokens` must be greater than `thinking.budget_tokens`";
    return {};
}

}  // namespace

std::string refusal_of_messages(const Seen& request) {
    if (request.header("anthropic-version").empty()) return "anthropic-version: header is required";
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(request.body);
    element document;
    object body;
    if (parser.parse(padded).get(document) != simdjson::SUCCESS || document.get(body) != simdjson::SUCCESS)
        return "The request body is not valid JSON";
    const bool beta = request.has_header("anthropic-beta");
    std::set<std::string_view> seen;
    for (const auto [key, value] : body) {
        if (!kTopLevel.contains(key) && !(beta && kTopLevelWithBeta.contains(key)))
            return fmt::format("{}: Extra inputs are not permitted", key);
        if (!seen.insert(key).second) return fmt::format("{}: duplicate key", key);
    }
    if (text_of(body, "model").empty()) return "model: Field required";
    if (auto fault = fault_of_settings(body, request.header("anthropic-beta").contains("interleaved-thinking")); !fault.empty())
        return fault;
    if (const auto marks = count_cache_marks(document); marks > 4)
        return fmt::format("A maximum of 4 blocks with cache_control may be provided. Found {}.", marks);
    element system;
    if (body["system"].get(system) == simdjson::SUCCESS && system.is_array()) {
        for (const element entry : array(system)) {
            object block;
            if (entry.get(block) != simdjson::SUCCESS || text_of(block, "text").empty())
                return "system: text content blocks must be non-empty";
        }
    }
    if (auto fault = fault_of_tools(body); !fault.empty()) return fault;
    array messages;
    if (body["messages"].get(messages) != simdjson::SUCCESS || messages.size() == 0)
        return "messages: at least one message is required";
    return fault_of_messages(messages);
}

}  // namespace gotthard::imposter
