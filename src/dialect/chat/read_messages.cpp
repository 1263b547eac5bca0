// Messages of a chat request (wire-formats.md 1.2): every role, every content part kind, tool calls old and new, and the
// reasoning of earlier turns in each spelling. Parts of an assistant turn stand as thinking, text, tool calls (E018).
#include <deque>

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/chat/read.hpp"
#include "dialect/common.hpp"

namespace gotthard::dialect::chat {
namespace {

using llm::Media;
using llm::MediaSource;
using llm::Message;
using llm::Part;
using llm::PartKind;
using llm::Role;

std::optional<Role> role_of(json::Value role) {
    struct Row {
        std::string_view word;
        Role role;
    };
    static constexpr Row rows[] = {{"system", Role::system},       {"developer", Role::developer}, {"user", Role::user},
                                   {"assistant", Role::assistant}, {"tool", Role::tool},           {"function", Role::tool}};
    for (const auto& row : rows)
        if (role.equals(row.word)) return row.role;
    return std::nullopt;
}

class MessageReader {
public:
    MessageReader(llm::Request& request, Arena& arena) : request_(request), arena_(arena) {}
    Status read(json::Value value, std::size_t index);

private:
    Status content(json::Value value, std::vector<Part>& parts, bool& is_string);
    Status part(json::Value value, Part& part);
    void media(json::Value value, std::string_view type, Part& part);
    Media media_of(std::string_view url, std::string_view format);
    Status tool_calls(json::Value calls, Message& message);
    void reasoning(json::Value value, Message& message);
    bool thinking_list(json::Value list, Message& message);
    Status result(json::Value value, Message& message);
    void members(json::Value value, Message& message);
    std::string_view made_id(std::size_t call);
    // Paths are made only where a fault is told.
    std::string path(std::string_view field = {}) const {
        return fmt::format("messages[{}]{}{}", index_, field.empty() ? "" : ".", field);
    }
    std::string part_path(const Part& part, std::string_view field = {}) const {
        return fmt::format("messages[{}].content[{}]{}{}", index_, part.source_part, field.empty() ? "" : ".", field);
    }
    std::string call_path(std::size_t call, std::string_view field = {}) const {
        return fmt::format("messages[{}].tool_calls[{}]{}{}", index_, call, field.empty() ? "" : ".", field);
    }

    llm::Request& request_;
    Arena& arena_;
    std::size_t index_ = 0;
    struct OpenCall {
        std::string_view id, name;
    };
    std::deque<OpenCall> open_;  // calls of the last assistant turn that have no result yet
};

std::string_view MessageReader::made_id(std::size_t call) {
    return arena_.copy(derived_id("call_", fmt::format("message {} call {}", index_, call), 24));
}

/// A URL, or the bytes of a data URL. An explicit format wins over the URL's type, the bytes win over a missing or wrong one
/// (E042).
Media MessageReader::media_of(std::string_view url, std::string_view format) {
    Media media;
    const auto data = parse_data_url(url);
    if (!data || !data->base64) {
        media.source = MediaSource::url;
        media.data = url;
        media.media_type = format;
        return media;
    }
    media.source = MediaSource::base64;
    media.data = data->data;
    const auto seen = sniff_media_type(data->data);
    media.media_type = !format.empty() ? format : !seen.empty() ? seen : data->media_type;
    return media;
}

void MessageReader::media(json::Value value, std::string_view type, Part& part) {
    const auto body = value[type];
    const auto text = [&](std::string_view key) { return body.is_object() ? body[key].text(arena_) : std::string_view{}; };
    std::string_view format = text("format");
    if (format.empty()) format = value["format"].text(arena_);
    const std::string_view url = body.is_string() ? body.text(arena_) : text("url");
    if (type == "image_url" || type == "video_url") {
        part.kind = type == "image_url" ? PartKind::image : PartKind::video;
        part.media = media_of(url, format);
        part.media.detail = text("detail");
    } else if (type == "input_audio") {
        part.kind = PartKind::audio;
        part.media = body.is_object() ? media_of(text("data"), {}) : media_of(url, {});
        if (part.media.source == MediaSource::url && !url.starts_with("http")) part.media.source = MediaSource::base64;
        if (!format.empty()) part.media.media_type = arena_.concat("audio/", format);
    } else if (type == "document_url" || type == "file_url") {
        part.kind = PartKind::document;
        part.media = media_of(url, format);
        part.media.filename = value["document_name"].text(arena_);
    } else {
        part.kind = PartKind::document;
        if (const auto id = text("file_id"); !id.empty()) {
            part.media = {.source = MediaSource::file_id, .media_type = format, .data = id};
        } else {
            const auto data = text("file_data");
            part.media = media_of(data, format);
            if (part.media.source == MediaSource::url && !data.starts_with("http")) {
                part.media.source = MediaSource::base64;
                if (part.media.media_type.empty()) part.media.media_type = sniff_media_type(data);
            }
        }
        part.media.filename = text("filename");
    }
}

Status MessageReader::part(json::Value value, Part& part) {
    if (value.is_string()) {
        part.text = value.text(arena_);
        return {};
    }
    if (!value.is_object()) return wrong_type(part_path(part), "an object", value);
    const auto type = value["type"];
    if (!type.is_string() && !value["text"].is_string()) {
        if (!type) return missing_field(part_path(part, "type"), "send text, image_url, input_audio, file or refusal");
        return wrong_type(part_path(part, "type"), "a string", type);
    }
    const auto name = type.is_string() ? type.text(arena_) : std::string_view("text");
    static constexpr std::string_view media_types[] = {"image_url", "input_audio",  "file",
                                                       "video_url", "document_url", "file_url"};
    if (name == "text" || name == "refusal") {
        part.kind = name == "text" ? PartKind::text : PartKind::refusal;
        const auto text = value[name];
        if (!text.is_string())
            return text ? Status(wrong_type(part_path(part, name), "a string", text))
                        : Status(missing_field(part_path(part, name), "send the text"));
        part.text = text.text(arena_);
    } else if (std::ranges::find(media_types, name) != std::end(media_types)) {
        const auto body = value[name];
        if (!body.is_object() && !body.is_string())
            return body ? Status(wrong_type(part_path(part, name), "an object", body))
                        : Status(missing_field(part_path(part, name), "send what the part's type names"));
        media(value, name, part);
    } else if (name == "thinking") {
        part.kind = PartKind::thinking;
        std::string joined = value["thinking"].string();
        for (json::Value each : value["thinking"].items()) joined += each["text"].string();
        part.text = arena_.copy(joined);
        part.signature = value["signature"].text(arena_);
    } else {
        part.kind = PartKind::opaque;
        part.type = name;
        part.raw = value.raw();
    }
    for (const auto& member : value.members()) {
        if (member.value.is_null()) continue;
        if (member.is("cache_control"))
            part.cache_control = member.value.raw();
        else if (part.kind != PartKind::opaque && !member.is("type") && !member.is(name) && !member.is("format") &&
                 !member.is("signature") && !member.is("document_name"))
            part.extra.push_back({member.key(arena_), member.value.raw()});
    }
    return {};
}

Status MessageReader::content(json::Value value, std::vector<Part>& parts, bool& is_string) {
    if (!value || value.is_null()) return {};
    if (value.is_string()) {
        is_string = true;
        parts.emplace_back().text = value.text(arena_);
        return {};
    }
    if (!value.is_array()) return wrong_type(path("content"), "a string or an array of parts", value);
    std::uint32_t index = 0;
    for (json::Value each : value.items()) {
        Part made;
        made.source_part = index;
        if (auto read = part(each, made); !read) return read;
        parts.push_back(std::move(made));
        ++index;
    }
    return {};
}

/// thinking_blocks (LiteLLM) or reasoning_details (OpenRouter): thinking with signatures. False when nothing was in it.
bool MessageReader::thinking_list(json::Value list, Message& message) {
    bool any = false;
    for (json::Value each : list.items()) {
        Part part;
        const auto type = each["type"];
        if (type.equals("redacted_thinking") || type.equals("reasoning.encrypted")) {
            part.kind = PartKind::redacted_thinking;
            part.text = each["data"].text(arena_);
        } else {
            part.kind = PartKind::thinking;
            for (std::string_view key : {"thinking", "text", "summary"})
                if (part.text.empty()) part.text = each[key].text(arena_);
            part.signature = each["signature"].text(arena_);
        }
        if (part.text.empty() && part.signature.empty()) continue;
        any = true;
        message.parts.push_back(part);
    }
    return any;
}

void MessageReader::reasoning(json::Value value, Message& message) {
    bool told = false;
    for (std::string_view key : {"thinking_blocks", "reasoning_details"}) {
        const auto list = value[key];
        if (list.size() == 0) continue;
        if (!told) told = thinking_list(list, message);
        message.extra.push_back({key, list.raw()});
    }
    for (std::string_view key : {"reasoning_content", "reasoning"}) {
        const auto text = value[key].text(arena_);
        if (text.empty() || told) continue;
        told = true;
        Part& part = message.parts.emplace_back();
        part.kind = PartKind::thinking;
        part.text = text;
    }
}

Status MessageReader::tool_calls(json::Value calls, Message& message) {
    if (!calls || calls.is_null()) return {};
    if (!calls.is_array()) return wrong_type(path("tool_calls"), "an array", calls);
    std::size_t number = 0;
    for (json::Value each : calls.items()) {
        if (!each.is_object()) return wrong_type(call_path(number), "an object", each);
        Part part;
        part.kind = PartKind::tool_call;
        const bool custom = each["type"].equals("custom");
        const std::string_view holder = custom ? "custom" : "function";
        const auto body = each[holder];
        if (!body.is_object())
            return missing_field(call_path(number, holder), "send an object with the name and the arguments of the call");
        part.call_kind = custom ? llm::CallKind::custom : llm::CallKind::function;
        part.name = body["name"].text(arena_);
        if (part.name.empty()) return missing_field(call_path(number, holder) + ".name", "every call needs the name of its tool");
        const auto arguments = body[custom ? "input" : "arguments"];
        if (arguments.is_string())
            part.arguments = arguments.text(arena_);
        else if (arguments.is_object())
            part.arguments = arguments.raw();
        else if (arguments && !arguments.is_null())
            return wrong_type(call_path(number, holder) + ".arguments", "a string that holds JSON", arguments);
        part.id = each["id"].text(arena_);
        if (part.id.empty()) part.id = made_id(number);
        if (each["cache_control"].is_object()) part.cache_control = each["cache_control"].raw();
        for (const auto& member : each.members())
            if (!member.is("id") && !member.is("type") && !member.is(holder) && !member.is("index") &&
                !member.is("cache_control") && !member.value.is_null())
                part.extra.push_back({member.key(arena_), member.value.raw()});
        open_.push_back({part.id, part.name});
        message.parts.push_back(part);
        ++number;
    }
    return {};
}

/// A tool result. Without an id (role `function`, or careless clients) it answers the first open call of its name, else the first
/// (E023).
Status MessageReader::result(json::Value value, Message& message) {
    Part part;
    part.kind = PartKind::tool_result;
    part.name = value["name"].text(arena_);
    part.id = value["tool_call_id"].text(arena_);
    bool is_string = false;
    if (auto read = content(value["content"], part.content, is_string); !read) return read;
    message.content_is_string = is_string;
    const auto fits = [&](const OpenCall& call) {
        return part.id.empty() ? part.name.empty() || call.name == part.name : call.id == part.id;
    };
    auto found = std::ranges::find_if(open_, fits);
    if (found == open_.end() && part.id.empty() && !open_.empty()) found = open_.begin();
    if (found != open_.end()) {
        part.id = found->id;
        open_.erase(found);
    }
    if (value["is_error"].is_true()) part.is_error = true;
    message.parts.push_back(std::move(part));
    return {};
}

void MessageReader::members(json::Value value, Message& message) {
    static constexpr std::string_view known[] = {
        "role",      "content", "name",          "tool_calls",      "function_call",     "tool_call_id",
        "refusal",   "prefix",  "cache_control", "thinking_blocks", "reasoning_details", "reasoning_content",
        "reasoning", "is_error"};
    for (const auto& member : value.members()) {
        const auto key = member.key(arena_);
        if (member.value.is_null() || std::ranges::find(known, key) != std::end(known)) continue;
        if (key == "annotations" && member.value.is_array()) {
            for (auto& part : message.parts)
                if (part.kind == PartKind::text && member.value.size() > 0) part.citations = member.value.raw();
            continue;
        }
        message.extra.push_back({key, member.value.raw()});
    }
}

Status MessageReader::read(json::Value value, std::size_t index) {
    index_ = index;
    if (!value.is_object()) return wrong_type(path(), "an object", value);
    const auto role = value["role"];
    if (!role) return missing_field(path("role"), "send developer, system, user, assistant, tool or function");
    if (!role.is_string()) return wrong_type(path("role"), "a string", role);
    const auto known = role_of(role);
    if (!known)
        return bad_field(path("role"),
                         fmt::format("'{}' is no role of this dialect; send developer, system, user, assistant, tool or function",
                                     utf8_prefix(role.text(arena_), 64)));
    Message message;
    message.role = *known;
    message.source_message = static_cast<std::int32_t>(index);
    message.name = value["name"].text(arena_);
    message.prefix = value["prefix"].is_true();
    if (value["cache_control"].is_object()) message.cache_control = value["cache_control"].raw();
    if (message.role == Role::tool) {
        message.name = {};
        if (auto read = result(value, message); !read) return read;
    } else {
        if (message.role == Role::assistant) {
            open_.clear();
            reasoning(value, message);
        }
        if (auto read = content(value["content"], message.parts, message.content_is_string); !read) return read;
        if (value["refusal"].is_string() && value["refusal"].raw().size() > 2) {
            Part& refusal = message.parts.emplace_back();
            refusal.kind = PartKind::refusal;
            refusal.text = value["refusal"].text(arena_);
        }
        if (message.role == Role::assistant) {
            if (auto read = tool_calls(value["tool_calls"], message); !read) return read;
            if (const auto call = value["function_call"]; call["name"].is_string() && call["name"].raw().size() > 2) {
                Part& part = message.parts.emplace_back();
                part.kind = PartKind::tool_call;
                part.name = call["name"].text(arena_);
                part.arguments = call["arguments"].is_object() ? call["arguments"].raw() : call["arguments"].text(arena_);
                part.id = made_id(0);
                open_.push_back({part.id, part.name});
            }
        }
    }
    members(value, message);
    request_.messages.push_back(std::move(message));
    return {};
}

}  // namespace

Status read_messages(json::Value messages, llm::Request& request, Arena& arena) {
    if (!messages.is_array()) return wrong_type("messages", "an array", messages);
    MessageReader reader(request, arena);
    std::size_t index = 0;
    for (json::Value each : messages.items())
        if (auto read = reader.read(each, index++); !read) return read;
    return {};
}

}  // namespace gotthard::dialect::chat
