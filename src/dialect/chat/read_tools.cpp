// Tool declarations and tool choice of a chat request (wire-formats.md 1.6; E001, E005, E007-E009, E023).
#include <fmt/format.h>

#include "dialect/chat/read.hpp"
#include "dialect/common.hpp"

namespace gotthard::dialect::chat {
namespace {

using llm::Tool;
using llm::ToolChoiceMode;
using llm::ToolKind;

/// Where a declaration stands; its path is made only when a fault is told.
struct Place {
    std::string_view list;
    std::size_t index = 0;
    std::string_view inside;
    std::string path(std::string_view field = {}) const {
        return fmt::format("{}[{}]{}{}{}", list, index, inside, field.empty() ? "" : ".", field);
    }
};

/// Members of a function: where they are known they go to their place, else into extra.
Status read_function_members(json::Value function, const Place& place, Tool& tool, Arena& arena) {
    for (const auto& member : function.members()) {
        const auto key = member.key(arena);
        const auto value = member.value;
        const bool null = value.is_null();
        if (key == "name")
            tool.name = value.text(arena);
        else if (key == "description")
            tool.description = value.text(arena);
        else if (key == "parameters" || key == "input_schema") {
            if (!null && !value.is_object() && !value.is_boolean())
                return wrong_type(place.path(key), "a JSON Schema object", value);
            if (!null) tool.parameters = value.raw();
        } else if (key == "strict")
            tool.strict = value.boolean();
        else if (key == "cache_control") {
            if (!null) tool.cache_control = value.raw();
        } else if (key == "defer_loading")
            tool.defer_loading = value.boolean();
        else if (key != "type" && key != "function" && key != "custom")
            tool.extra.push_back({key, value.raw()});
    }
    if (tool.name.empty()) return missing_field(place.path("name"), "every function needs a name");
    return {};
}

void read_marks(json::Value from, Tool& tool, Arena& arena) {
    for (const auto& member : from.members()) {
        const auto key = member.key(arena);
        if (key == "type" || key == "function" || key == "custom" || member.value.is_null()) continue;
        if (key == "cache_control")
            tool.cache_control = member.value.raw();
        else if (key == "defer_loading")
            tool.defer_loading = member.value.boolean();
        else
            tool.extra.push_back({key, member.value.raw()});
    }
}

Status read_tool(json::Value value, std::size_t index, Tool& tool, Arena& arena) {
    const Place place{"tools", index};
    if (!value.is_object()) return wrong_type(place.path(), "an object", value);
    tool.raw = value.raw();
    const auto type = value["type"];
    if (type && !type.is_null() && !type.is_string()) return wrong_type(place.path("type"), "a string", type);
    tool.type = type.text(arena);
    if (value["function"].is_object()) {
        tool.kind = ToolKind::function;
        if (auto read = read_function_members(value["function"], {"tools", index, ".function"}, tool, arena); !read) return read;
        read_marks(value, tool, arena);
        return {};
    }
    if (tool.type == "function" && !value["name"])
        return missing_field(place.path("function"), "send an object with name, description and parameters");
    if (value["custom"].is_object()) {
        tool.kind = ToolKind::custom;
        tool.name = value["custom"]["name"].text(arena);
        tool.description = value["custom"]["description"].text(arena);
        tool.parameters = value["custom"]["format"].raw();
        if (tool.name.empty()) return missing_field(place.path("custom.name"), "every custom tool needs a name");
        return {};
    }
    // Flat declarations: Responses style, or Anthropic's with input_schema (E005).
    if (tool.type == "function" || value["input_schema"].is_object()) return read_function_members(value, place, tool, arena);
    if (tool.type.empty()) return missing_field(place.path("type"), "send \"function\" with a function object, or \"custom\"");
    tool.kind = ToolKind::hosted;
    tool.name = value["name"].text(arena);
    read_marks(value, tool, arena);
    return {};
}

void choose(llm::Request& request, ToolChoiceMode mode, json::Value raw, std::string_view name = {}) {
    request.tool_choice.mode = mode;
    request.tool_choice.name = name;
    request.tool_choice.raw = raw.raw();
}

ToolChoiceMode mode_of(std::string_view word) {
    struct Row {
        std::string_view word;
        ToolChoiceMode mode;
    };
    static constexpr Row rows[] = {{"auto", ToolChoiceMode::automatic},
                                   {"none", ToolChoiceMode::none},
                                   {"required", ToolChoiceMode::required},
                                   {"any", ToolChoiceMode::required}};
    for (const auto& row : rows)
        if (row.word == word) return row.mode;
    return ToolChoiceMode::unset;
}

}  // namespace

Status read_tools(json::Value tools, llm::Request& request, Arena& arena) {
    if (!tools.is_array()) return wrong_type("tools", "an array", tools);
    std::size_t index = 0;
    for (json::Value each : tools.items()) {
        Tool tool;
        if (auto read = read_tool(each, index++, tool, arena); !read) return read;
        request.tools.push_back(std::move(tool));
    }
    return {};
}

Status read_functions(json::Value functions, llm::Request& request, Arena& arena) {
    if (!functions.is_array()) return wrong_type("functions", "an array", functions);
    std::size_t index = 0;
    for (json::Value each : functions.items()) {
        const Place place{"functions", index++};
        if (!each.is_object()) return wrong_type(place.path(), "an object", each);
        Tool tool;
        if (auto read = read_function_members(each, place, tool, arena); !read) return read;
        request.tools.push_back(std::move(tool));
    }
    return {};
}

Status read_tool_choice(json::Value choice, llm::Request& request, Arena& arena) {
    if (choice.is_string()) {
        const auto mode = mode_of(choice.text(arena));
        choose(request, mode, choice);
        if (mode == ToolChoiceMode::unset) request.extra.push_back({"tool_choice", choice.raw()});
        return {};
    }
    if (!choice.is_object()) return wrong_type("tool_choice", "none, auto, required or an object that names a tool", choice);
    const auto type = choice["type"].text(arena);
    if (const auto mode = mode_of(type); mode != ToolChoiceMode::unset) {
        choose(request, mode, choice);
        if (choice["disable_parallel_tool_use"].is_true()) request.tool_choice.parallel = false;
        return {};
    }
    if (type == "allowed_tools") {
        choose(request, ToolChoiceMode::allowed, choice);
        return {};
    }
    for (std::string_view holder : {"function", "custom"})
        if (choice[holder]["name"].is_string()) {
            choose(request, ToolChoiceMode::named, choice, choice[holder]["name"].text(arena));
            return {};
        }
    if (choice["name"].is_string()) {
        choose(request, ToolChoiceMode::named, choice, choice["name"].text(arena));
        return {};
    }
    if (type == "function") return missing_field("tool_choice.function.name", "name the function to call");
    choose(request, ToolChoiceMode::unset, choice);
    request.extra.push_back({"tool_choice", choice.raw()});
    return {};
}

Status read_function_choice(json::Value choice, llm::Request& request, Arena& arena) {
    if (request.tool_choice.mode != ToolChoiceMode::unset) return {};
    if (choice.is_string()) {
        choose(request, mode_of(choice.text(arena)), {});
        return {};
    }
    if (!choice["name"].is_string())
        return missing_field("function_call.name", "send none, auto or an object that names a function");
    choose(request, ToolChoiceMode::named, {}, choice["name"].text(arena));
    return {};
}

}  // namespace gotthard::dialect::chat
