// Tools and tool choice for an Anthropic upstream. Requirements E001 to E008, E026, E036, E037, E044, E046.
#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/anthropic/write.hpp"
#include "dialect/anthropic/json_schema.hpp"

namespace gotthard::dialect::anthropic {

using llm::Tool;
using llm::ToolChoiceMode;
using llm::ToolKind;

bool forces_a_call(const llm::ToolChoice& choice) {
    if (choice.mode == ToolChoiceMode::required || choice.mode == ToolChoiceMode::named) return true;
    if (choice.mode != ToolChoiceMode::allowed) return false;
    json::Document document;
    if (!document.parse(choice.raw)) return false;
    const auto root = document.root();
    return root["mode"].equals("required") || root["allowed_tools"]["mode"].equals("required");
}

namespace {

/// Families of tools that the vendor runs or knows by type; such a tool goes as it came (E005).
constexpr std::string_view hosted_prefixes[] = {"computer_", "bash_", "text_editor_", "web_search_", "code_execution_", "web_fetch_", "tool_search_", "memory_", "advisor_", "browser_", "mcp_toolset"};
constexpr std::string_view json_tool_name = "respond_in_json";

/// Tools that the vendor opens by a beta value.
struct Beta {
    std::string_view prefix, value;
};
constexpr Beta hosted_betas[] = {{"computer_20251124", "computer-use-2025-11-24"}, {"computer_20250124", "computer-use-2025-01-24"}, {"code_execution_2025", "code-execution-2025-08-25"},
                                 {"web_fetch_2025", "web-fetch-2025-09-10"},       {"memory_", "context-management-2025-06-27"},       {"tool_search_", "advanced-tool-use-2025-11-20"},
                                 {"advisor_", "advisor-tool-2026-03-01"}};

bool is_hosted_type(std::string_view type) {
    return std::ranges::any_of(hosted_prefixes, [&](std::string_view prefix) { return type.starts_with(prefix); });
}

/// Where a tool stands in the client's list; made into text only when there is something to tell.
struct Place {
    std::size_t index;
    std::string text(std::string_view field = {}) const { return fmt::format("tools[{}]{}{}", index, field.empty() ? "" : ".", field); }
};

class ToolPlanner {
public:
    ToolPlanner(Writing& writing, const Turns& turns, const llm::ResponseFormat& structured, bool thinking)
        : writing_(writing), request_(writing.request), turns_(turns), structured_(structured), thinking_(thinking), own_(writing.own()) {}
    Result<Tools> plan();

private:
    Status add(const Tool& tool, std::size_t index);
    Status add_function(const Tool& tool, const Place& path);
    Status add_hosted(const Tool& tool, const Place& path);
    Status add_mcp(json::Value raw, const Place& path);
    void add_custom(const Tool& tool);
    void add_json_tool();
    void add_web_search();
    void add_history();
    void choose();
    void read_allowed();
    bool allowed(const Tool& tool) const;
    Status take_name(std::string_view name, const Place& path);
    void begin(json::Writer& w) {
        if (!out_.list.empty()) out_.list += ',';
        w.begin_object();
        ++count_;
    }
    void mark(json::Writer& w, std::string_view cache_control) {
        if (cache_control.empty()) return;
        w.member_raw("cache_control", cache_control);
        ++out_.cache_marks;
    }

    Writing& writing_;
    const llm::Request& request_;
    const Turns& turns_;
    const llm::ResponseFormat& structured_;
    const bool thinking_;
    const bool own_;
    Tools out_;
    std::unordered_set<std::string> taken_;
    std::vector<std::string> allowed_;
    bool only_allowed_ = false;
    std::size_t count_ = 0;
    bool has_code_execution_ = false;
    bool has_web_search_ = false;
};

Status ToolPlanner::take_name(std::string_view name, const Place& path) {
    if (taken_.emplace(name).second || own_) return {};
    return bad_field(path.text("name"), fmt::format("a tool named \"{}\" is declared twice; tool names must be distinct", name));
}

Status ToolPlanner::add_function(const Tool& tool, const Place& path) {
    json::Document document;
    if (!own_ && tool.raw.find("\"input_schema\"") != std::string_view::npos && document.parse(tool.raw) && document.root()["input_schema"].is_object() && document.root()["name"].is_string()) {
        // Already in this dialect's own shape (E005).
        if (auto done = take_name(tool.name, path); !done) return done;
        json::Writer w(out_.list);
        if (!out_.list.empty()) out_.list += ',';
        w.raw(tool.raw);
        ++count_;
        if (!tool.cache_control.empty()) ++out_.cache_marks;
        return {};
    }
    const auto name = writing_.names.upstream(tool.name);
    if (auto done = take_name(name, path); !done) return done;
    json::Writer w(out_.list);
    begin(w);
    w.member("name", name);
    if (!tool.description.empty()) w.member("description", tool.description);
    const bool strict = tool.strict.value_or(false) && (own_ || writing_.traits.native_schema);
    std::optional<std::string> closed;
    if (strict && !own_ && is_object_schema(tool.parameters)) closed = strict_schema(tool.parameters);
    w.key("input_schema");
    std::string schema;
    if (own_ && !tool.parameters.empty()) schema = tool.parameters;
    else append_input_schema(schema, closed ? std::string_view(*closed) : tool.parameters);
    w.raw(schema);
    if (strict && (own_ || closed)) w.member("strict", true);
    else if (own_ && tool.strict) w.member("strict", *tool.strict);
    else if (tool.strict.value_or(false)) lose(writing_.losses, path.text("strict"), std::string(not_this_model));
    if (tool.defer_loading) w.member("defer_loading", *tool.defer_loading);
    static constexpr std::string_view kept[] = {"allowed_callers", "input_examples", "eager_input_streaming"};
    for (const auto& extra : tool.extra) {
        if (own_ || std::ranges::find(kept, extra.key) != std::end(kept)) w.key(extra.key).raw(extra.json);
        else lose(writing_.losses, path.text(extra.key), std::string(no_place));
    }
    if (!own_ && (tool.defer_loading || std::ranges::any_of(tool.extra, [](const auto& extra) { return extra.key == "allowed_callers" || extra.key == "input_examples"; })))
        writing_.need_beta("advanced-tool-use-2025-11-20");
    mark(w, tool.cache_control);
    w.end_object();
    return {};
}

/// Free text as a function of one string; the grammar stands in the description (wire-formats 10.3).
void ToolPlanner::add_custom(const Tool& tool) {
    const auto name = writing_.names.upstream(tool.name);
    taken_.emplace(name);
    writing_.memory.custom_tools.emplace_back(name);
    std::string description(tool.description);
    json::Document format;
    if (!tool.parameters.empty() && format.parse(tool.parameters)) {
        const auto root = format.root();
        const auto grammar = root["grammar"].is_object() ? root["grammar"] : root;
        if (grammar["definition"].is_string()) {
            if (!description.empty()) description += "\n\n";
            description += fmt::format("The input must follow this {} grammar:\n{}", grammar["syntax"].is_string() ? grammar["syntax"].string() : "", grammar["definition"].string());
        }
    }
    json::Writer w(out_.list);
    begin(w);
    w.member("name", name);
    if (!description.empty()) w.member("description", description);
    w.member_raw("input_schema", R"({"type":"object","properties":{"input":{"type":"string"}},"required":["input"]})");
    mark(w, tool.cache_control);
    w.end_object();
}

Status ToolPlanner::add_mcp(json::Value raw, const Place& path) {
    if (!raw["server_url"].is_string()) return missing_field(path.text("server_url"), "the upstream calls MCP servers by URL");
    json::Writer w(out_.mcp_servers);
    if (!out_.mcp_servers.empty()) out_.mcp_servers += ',';
    const auto label = raw["server_label"];
    w.begin_object().member("type", "url").member("url", raw["server_url"].string()).member("name", label.is_string() ? label.string() : std::string("mcp"));
    for (const auto& header : raw["headers"].members()) {
        const auto value = header.value.string();
        if (equals_ignoring_case(header.name.string(), "authorization")) w.member("authorization_token", starts_with_ignoring_case(value, "bearer ") ? value.substr(7) : value);
        else lose(writing_.losses, path.text("headers"), "the upstream sends an authorization token only");
    }
    if (raw["authorization"].is_string()) w.member("authorization_token", raw["authorization"].string());
    auto names = raw["allowed_tools"];
    if (names.is_object()) names = names["tool_names"];
    if (names.is_array()) w.key("tool_configuration").begin_object().member("enabled", true).member_raw("allowed_tools", names.raw()).end_object();
    w.end_object();
    writing_.need_beta("mcp-client-2025-04-04");
    return {};
}

Status ToolPlanner::add_hosted(const Tool& tool, const Place& path) {
    json::Document document;
    if (!document.parse(tool.raw)) return bad_field(path.text(), "cannot be read");
    const auto raw = document.root();
    if (tool.type == "mcp" && !own_) return add_mcp(raw, path);
    if (!own_ && !is_hosted_type(tool.type)) {
        if (tool.type == "web_search" || tool.type == "web_search_preview") {
            add_web_search();
            return {};
        }
        writing_.losses.add(path.text(), fmt::format("the upstream has no tool of the type \"{}\"", tool.type), llm::Severity::contract);
        return {};
    }
    // Some clients wrap the tool's settings as an OpenAI function: {type, function: {name, parameters: {display_width_px, ...}}}.
    const auto wrapped = raw["function"];
    const auto settings = wrapped.is_object() ? wrapped["parameters"] : raw;
    if (!own_ && tool.type.starts_with("computer_"))
        for (std::string_view field : {"display_width_px", "display_height_px"})
            if (!settings[field]) return missing_field(path.text(field), "a computer tool needs the size of its display (E006)");
    for (const auto& beta : hosted_betas)
        if (!own_ && tool.type.starts_with(beta.prefix)) writing_.need_beta(beta.value);
    if (tool.type.starts_with("code_execution_")) has_code_execution_ = true;
    if (tool.type.starts_with("web_search_")) has_web_search_ = true;
    const bool markable = !tool.type.starts_with("tool_search_");
    if (!tool.name.empty())
        if (auto done = take_name(tool.name, path); !done) return done;
    json::Writer w(out_.list);
    if (!wrapped.is_object() && (own_ || markable || tool.cache_control.empty())) {
        if (!out_.list.empty()) out_.list += ',';
        w.raw(tool.raw);
        ++count_;
        if (!tool.cache_control.empty()) ++out_.cache_marks;
        return {};
    }
    begin(w);
    w.member("type", tool.type).member("name", tool.name);
    for (const auto& member : settings.members())
        if (!member.is("type") && !member.is("name") && !member.is("cache_control")) w.key(member.name.string()).raw(member.value.raw());
    if (markable) mark(w, tool.cache_control);
    w.end_object();
    return {};
}

Status ToolPlanner::add(const Tool& tool, std::size_t index) {
    const Place path{index};
    if (only_allowed_ && !allowed(tool)) return {};
    switch (tool.kind) {
        case ToolKind::function: return is_hosted_type(tool.type) ? add_hosted(tool, path) : add_function(tool, path);
        case ToolKind::custom: add_custom(tool); return {};
        case ToolKind::hosted: return add_hosted(tool, path);
    }
    return {};
}

/// {"type":"allowed_tools","allowed_tools":{"mode","tools":[{type,function:{name}}]}}: only these are declared.
void ToolPlanner::read_allowed() {
    if (request_.tool_choice.mode != ToolChoiceMode::allowed) return;
    json::Document document;
    if (!document.parse(request_.tool_choice.raw)) return;
    const auto root = document.root();
    const auto list = root["allowed_tools"].is_object() ? root["allowed_tools"]["tools"] : root["tools"];
    for (json::Value each : list.items())
        for (const auto& holder : {each["function"], each["custom"], each})
            if (holder["name"].is_string()) {
                allowed_.push_back(holder["name"].string());
                break;
            }
    only_allowed_ = list.is_array();
}

bool ToolPlanner::allowed(const Tool& tool) const { return std::ranges::find(allowed_, tool.name) != allowed_.end(); }

/// Structured output for models without a native form: a tool whose arguments are the answer (E036, E037).
void ToolPlanner::add_json_tool() {
    std::string name(json_tool_name);
    while (taken_.contains(name)) name += "_";
    writing_.memory.json_tool = name;
    const bool any_object = structured_.kind == llm::FormatKind::json_object || !structured_.schema.starts_with('{');
    std::string schema;
    if (any_object) {
        schema = R"({"type":"object","properties":{},"additionalProperties":true})";
    } else if (is_object_schema(structured_.schema)) {
        append_input_schema(schema, structured_.schema);
        writing_.memory.json_tool_envelope = !has_property(structured_.schema, "values");
    } else {
        // The arguments of a tool are an object: anything else rides in an envelope that the reader takes off.
        json::Document document;
        std::string minified;
        if (document.parse(structured_.schema)) json::append_minified(minified, document.root());
        schema = R"({"type":"object","properties":{"values":)" + (minified.empty() ? std::string("{}") : minified) + R"(},"required":["values"]})";
    }
    std::string description = "Gives the answer to the user. Call this tool once with the whole answer as its arguments instead of writing text.";
    if (!structured_.name.empty() || !structured_.description.empty()) description += fmt::format(" The answer is {}: {}", structured_.name, structured_.description);
    json::Writer w(out_.list);
    begin(w);
    w.member("name", name).member("description", description).member_raw("input_schema", schema).end_object();
}

void ToolPlanner::add_web_search() {
    if (has_web_search_) return;
    has_web_search_ = true;
    json::Document document;
    const bool has_options = !request_.web_search_options.empty() && document.parse(request_.web_search_options);
    const auto options = has_options ? document.root() : json::Value{};
    const auto size = options["search_context_size"];
    json::Writer w(out_.list);
    begin(w);
    w.member("type", "web_search_20250305").member("name", "web_search").member("max_uses", size.equals("low") ? 1 : size.equals("high") ? 10 : 5);
    if (const auto place = options["user_location"]; place.is_object()) {
        const auto fields = place["approximate"].is_object() ? place["approximate"] : place;
        w.key("user_location").begin_object().member("type", "approximate");
        for (std::string_view key : {"city", "region", "country", "timezone"})
            if (fields[key].is_string()) w.member(key, fields[key].string());
        w.end_object();
    }
    w.end_object();
    taken_.emplace("web_search");
}

/// The vendor wants the tools of the history declared (E026).
void ToolPlanner::add_history() {
    for (const auto name : turns_.called) {
        if (!taken_.emplace(name).second) continue;
        json::Writer w(out_.list);
        begin(w);
        w.member("name", name).member_raw("input_schema", R"({"type":"object","properties":{}})").end_object();
    }
}

void ToolPlanner::choose() {
    const auto& choice = request_.tool_choice;
    const bool json_tool = !writing_.memory.json_tool.empty();
    std::string_view type;
    std::string name;
    switch (choice.mode) {
        case ToolChoiceMode::unset: break;
        case ToolChoiceMode::automatic: type = "auto"; break;
        case ToolChoiceMode::none: type = "none"; break;
        case ToolChoiceMode::required: type = "any"; break;
        case ToolChoiceMode::allowed: type = forces_a_call(choice) ? "any" : "auto"; break;
        case ToolChoiceMode::named:
            type = "tool";
            name = std::string(writing_.names.upstream(choice.name));
            break;
    }
    bool single = choice.parallel.has_value() && !*choice.parallel;
    if (json_tool) {
        const bool alone = count_ == 1 || type == "none";
        if (thinking_) {
            type = "auto";  // a forced call and thinking exclude each other
        } else if (alone) {
            type = "tool";
            name = writing_.memory.json_tool;
        } else if (type != "tool") {
            type = "any";
        }
        single = single || alone;
    }
    if (single && type.empty()) type = "auto";
    if (type.empty()) return;
    out_.forced = type == "any" || type == "tool";
    json::Writer w(out_.choice);
    w.begin_object().member("type", type);
    if (!name.empty()) w.member("name", name);
    if (type != "none" && (single || (own_ && choice.parallel))) w.member("disable_parallel_tool_use", single);
    w.end_object();
}

Result<Tools> ToolPlanner::plan() {
    read_allowed();
    std::size_t index = 0;
    for (const auto& tool : request_.tools)
        if (auto done = add(tool, index++); !done) return fail(std::move(done.error()));
    if (!own_ && !request_.web_search_options.empty()) add_web_search();
    if (turns_.has_container_upload && !has_code_execution_ && !own_) {
        json::Writer w(out_.list);
        begin(w);
        w.member("type", "code_execution_20250825").member("name", "code_execution").end_object();
        taken_.emplace("code_execution");
        writing_.need_beta("code-execution-2025-08-25");
    }
    const bool asks_for_none = count_ == 0 && !own_;
    if (asks_for_none && forces_a_call(request_.tool_choice) && request_.tools.empty()) return bad_field("tool_choice", "forces a tool call, but the request declares no tools");
    if (structured_.kind != llm::FormatKind::unset) add_json_tool();
    if (asks_for_none) {
        // What is declared for the vendor's sake only must not be called.
        if (!writing_.memory.json_tool.empty()) choose();
        else if (!turns_.called.empty()) out_.choice = R"({"type":"none"})";
        add_history();
        return std::move(out_);
    }
    if (!own_ && request_.tool_choice.mode == ToolChoiceMode::named && !taken_.contains(std::string(writing_.names.upstream(request_.tool_choice.name))))
        return bad_field("tool_choice", fmt::format("names the tool \"{}\", which the request does not declare", request_.tool_choice.name));
    choose();
    return std::move(out_);
}

}  // namespace

Result<Tools> plan_tools(Writing& writing, const Turns& turns, const llm::ResponseFormat& structured, bool thinking) {
    return ToolPlanner(writing, turns, structured, thinking).plan();
}

}  // namespace gotthard::dialect::anthropic
