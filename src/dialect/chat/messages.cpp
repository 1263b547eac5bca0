// Conversation -> chat messages (wire-formats.md 1.2 and 10.2; E068-E071, E076, E089, E091; CC-7, CC-9).
// From another dialect: every assistant turn with calls is followed at once by one tool message per call, then whatever else the
// same turn said; images and files of a result go into the user message after it. From chat itself messages keep their order.
#include <unordered_set>

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/chat/write.hpp"

namespace gotthard::dialect::chat {
namespace {

using llm::Media;
using llm::MediaSource;
using llm::Message;
using llm::Part;
using llm::PartKind;
using llm::Role;

constexpr std::string_view billing_mark = "x-anthropic-billing-header:";

struct Placed {
    const Message* message;
    const Part* part;
};
using Parts = std::vector<Placed>;

class MessageWriter {
public:
    explicit MessageWriter(Writing& writing) : to_(writing), json_(writing.json) {}
    Status write();

private:
    void instruction(const Message& message);
    void user(const Message& message);
    Status assistant(std::size_t first, std::size_t last);
    Status results(std::size_t after, const Parts& calls);
    void tool_message(const Message& message, const Part& result, std::string_view id, std::string_view name);
    void tool_calls(const Parts& calls);
    void reasoning(const Parts& parts);
    void content(const Parts& parts, bool as_list);
    void part(const Message& message, const Part& part, std::string_view mark);
    void media(const Message& message, const Part& part, std::string_view mark);
    void document(const Message& message, const Part& part, std::string_view mark);
    void text_part(std::string_view text, std::string_view mark);
    Status refuse_orphans(const Message& message);
    bool flush_pending();
    void extras(const Message& message);
    std::string_view mark_of(const Message& message, const Part& part, bool last);
    std::optional<std::string> text_of(const Message& message, const Part& part);
    bool writable(const Placed& placed);
    void lose_rest(const Message& message, const Part& part);

    Writing& to_;
    json::Writer& json_;
    Parts pending_;                             // media of tool results, due in the next user message
    std::unordered_set<const Part*> answered_;  // results that stand behind their call already
};

/// What an opaque block of another dialect says in plain text; nullopt when it says nothing a model could read (CC-9).
std::optional<std::string> opaque_text(const Part& part) {
    if (part.type == "tool_reference") return fmt::format("Loaded tool: {}", part.name);
    if (part.type != "search_result" && part.type != "compaction") return std::nullopt;
    json::Document document;
    if (!document.parse(part.raw, {.lone_surrogates = true})) return std::nullopt;
    const auto root = document.root();
    std::string out;
    for (std::string_view key : {"title", "source"})
        if (root[key].is_string()) out += root[key].string() + "\n";
    if (root["content"].is_string()) out += root["content"].string();
    for (json::Value each : root["content"].items()) out += each["text"].string() + "\n";
    return out.empty() ? std::nullopt : std::optional(std::move(out));
}

/// The text that stands for a part, for those that are text on this surface.
std::optional<std::string> MessageWriter::text_of(const Message&, const Part& part) {
    if (part.kind == PartKind::text || part.kind == PartKind::refusal) return std::string(part.text);
    if (part.kind == PartKind::opaque && !to_.same_dialect()) return opaque_text(part);
    if (part.kind == PartKind::document && part.media.source == MediaSource::text) {
        std::string out;
        for (auto head : {part.media.filename, part.media.context})
            if (!head.empty()) out += std::string(head) + "\n\n";
        return out += part.media.data;
    }
    return std::nullopt;
}

/// Members of a part that this surface has no place for.
void MessageWriter::lose_rest(const Message& message, const Part& part) {
    if (!to_.same_dialect()) {
        lose_extras(to_.losses, path_of(message, part), part.extra);
        if (!part.citations.empty()) lose(to_.losses, path_of(message, part, "citations"), std::string(no_place));
        if (!part.media.context.empty() && part.media.source != MediaSource::text)
            lose(to_.losses, path_of(message, part, "context"), std::string(no_place));
    }
}

/// The cache mark to write on this part: its own, or on the last part the message's (E009, E011); elsewhere a loss (E076).
std::string_view MessageWriter::mark_of(const Message& message, const Part& part, bool last) {
    const auto mark = !part.cache_control.empty() ? part.cache_control : last ? message.cache_control : std::string_view{};
    if (mark.empty() || to_.keeps_marks()) return mark;
    const bool own = !part.cache_control.empty();
    lose(to_.losses, own ? path_of(message, part, "cache_control") : path_of(message) + ".cache_control", std::string(no_place));
    return {};
}

void MessageWriter::text_part(std::string_view text, std::string_view mark) {
    json_.begin_object().member("type", "text").member("text", text);
    if (!mark.empty()) json_.member_raw("cache_control", mark);
    json_.end_object();
}

/// OpenAI's word for an audio media type.
std::string_view audio_format(std::string_view media_type) {
    auto format = media_type.substr(media_type.starts_with("audio/") ? 6 : 0);
    if (format == "mpeg" || format.empty()) return format.empty() ? "wav" : "mp3";
    return format.starts_with("x-") ? format.substr(2) : format;
}

std::string data_url(const Media& media, std::string_view otherwise) {
    return fmt::format("data:{};base64,{}", media.media_type.empty() ? otherwise : media.media_type, media.data);
}

/// Whether a part has any form here; if not, the loss is told.
bool MessageWriter::writable(const Placed& placed) {
    const auto& [message, part] = placed;
    const auto refuse = [&](std::string_view field, std::string_view reason) {
        to_.losses.add(path_of(*message, *part), fmt::format("{}: {}", field, reason), severity_of(field));
        return false;
    };
    switch (part->kind) {
        case PartKind::image:
            return part->media.source != MediaSource::file_id ||
                   refuse("image", "a file of another provider cannot be sent; send the bytes or a URL");
        case PartKind::audio:
            return part->media.source == MediaSource::base64 || refuse("audio", "only base64 audio can be sent here");
        case PartKind::video:
            return to_.same_dialect() || to_.target.has(Quirk::own_engine) || refuse("video", no_place);
        case PartKind::document: {
            if (part->media.source == MediaSource::text) return true;
            const bool mistral = to_.target.has(Quirk::nine_character_call_ids);
            if (part->media.source == MediaSource::url)
                return mistral || to_.same_dialect() ||
                       refuse("document", "only documents sent as bytes can be passed on to this upstream");
            if (part->media.source == MediaSource::file_id)
                return to_.same_dialect() || refuse("document", "a file of another provider cannot be sent; send the bytes");
            return mistral || knows_files(to_.target) || refuse("document", "this upstream takes no files");
        }
        case PartKind::opaque:
            if (to_.same_dialect() || opaque_text(*part)) return true;
            return refuse(part->type, no_place);
        case PartKind::text:
        case PartKind::refusal:
            return true;
        default:
            return refuse("content", no_place);
    }
}

void MessageWriter::document(const Message& message, const Part& part, std::string_view mark) {
    const auto& media = part.media;
    if (to_.target.has(Quirk::nine_character_call_ids) && media.source != MediaSource::file_id) {
        json_.begin_object().member("type", "document_url");
        json_.member("document_url",
                     media.source == MediaSource::url ? std::string(media.data) : data_url(media, "application/pdf"));
        if (!media.filename.empty()) json_.member("document_name", media.filename);
        json_.end_object();
        return;
    }
    if (media.source == MediaSource::url) {
        json_.begin_object()
            .member("type", "file_url")
            .key("file_url")
            .begin_object()
            .member("url", media.data)
            .end_object()
            .end_object();
        return;
    }
    json_.begin_object().member("type", "file").key("file").begin_object();
    if (media.source == MediaSource::file_id)
        json_.member("file_id", media.data);
    else
        json_.member("file_data", data_url(media, "application/pdf"));
    if (!media.filename.empty())
        json_.member("filename", media.filename);
    else if (media.source == MediaSource::base64)
        json_.member("filename", "document.pdf");
    json_.end_object();
    if (!mark.empty()) json_.member_raw("cache_control", mark);
    json_.end_object();
}

void MessageWriter::media(const Message& message, const Part& part, std::string_view mark) {
    const auto& media = part.media;
    if (part.kind == PartKind::document) return document(message, part, mark);
    if (part.kind == PartKind::audio) {
        json_.begin_object().member("type", "input_audio").key("input_audio").begin_object();
        json_.member("data", media.data).member("format", audio_format(media.media_type)).end_object();
    } else {
        const bool image = part.kind == PartKind::image;
        const std::string_view key = image ? "image_url" : "video_url";
        json_.begin_object().member("type", key).key(key).begin_object();
        if (media.source == MediaSource::url)
            json_.member("url", media.data);
        else
            json_.member("url", data_url(media, image ? "image/png" : "video/mp4"));
        if (!media.detail.empty()) json_.member("detail", media.detail);
        json_.end_object();
    }
    if (!mark.empty()) json_.member_raw("cache_control", mark);
    json_.end_object();
}

void MessageWriter::part(const Message& message, const Part& part, std::string_view mark) {
    if (part.kind == PartKind::opaque && to_.same_dialect()) {
        json_.raw(part.raw);
    } else if (part.kind == PartKind::refusal && to_.same_dialect()) {
        json_.begin_object().member("type", "refusal").member("refusal", part.text).end_object();
    } else if (const auto text = text_of(message, part)) {
        text_part(*text, mark);
    } else {
        media(message, part, mark);
    }
}

/// `content` of a message: one string when all parts are text and nothing hangs on their borders, else a list.
void MessageWriter::content(const Parts& parts, bool as_list) {
    std::vector<std::string_view> marks;
    bool all_text = true, marked = false;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto& [message, part] = parts[i];
        lose_rest(*message, *part);
        marks.push_back(mark_of(*message, *part, i + 1 == parts.size() || parts[i + 1].message != message));
        marked = marked || !marks.back().empty();
        all_text = all_text && text_of(*message, *part).has_value();
    }
    json_.key("content");
    if (all_text && !marked && (!as_list || parts.size() == 0 || to_.target.has(Quirk::string_content_only))) {
        std::string joined;
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (i > 0) joined += "\n\n";
            joined += *text_of(*parts[i].message, *parts[i].part);
        }
        json_.string(joined);
        return;
    }
    json_.begin_array();
    for (std::size_t i = 0; i < parts.size(); ++i) part(*parts[i].message, *parts[i].part, marks[i]);
    json_.end_array();
}

void MessageWriter::extras(const Message& message) {
    if (!to_.same_dialect()) return lose_extras(to_.losses, path_of(message), message.extra);
    for (const auto& extra : message.extra)
        if (extra.key != "reasoning_details" && extra.key != "thinking_blocks") json_.member_raw(extra.key, extra.json);
    if (message.name.empty()) return;
    if (to_.target.has(Quirk::tool_choice_any))
        lose(to_.losses, path_of(message) + ".name", "the upstream takes names on tool messages only");
    else
        json_.member("name", message.name);
}

void MessageWriter::instruction(const Message& message) {
    Parts parts;
    for (const auto& part : message.parts) {
        if (part.kind == PartKind::text && part.text.starts_with(billing_mark)) {
            // It varies per request and speaks to its own vendor only (E014).
            lose(to_.losses, path_of(message, part), "the billing header is for its own vendor");
        } else if (writable({&message, &part})) {
            parts.push_back({&message, &part});
        }
    }
    if (parts.empty() && !to_.same_dialect()) return;
    const bool developer = message.role == Role::developer && to_.rules.reasoning && !to_.target.has(Quirk::no_developer_role);
    json_.begin_object();
    json_.member("role", !to_.rules.instructions ? "user" : developer ? "developer" : "system");
    content(parts, to_.same_dialect() && !message.content_is_string);
    extras(message);
    json_.end_object();
}

/// Media that tool results brought, as a user message of its own. False when there were none.
bool MessageWriter::flush_pending() {
    if (pending_.empty()) return false;
    json_.begin_object().member("role", "user");
    content(std::exchange(pending_, {}), true);
    json_.end_object();
    return true;
}

void MessageWriter::user(const Message& message) {
    Parts parts = std::exchange(pending_, {});
    for (const auto& part : message.parts) {
        if (part.kind == PartKind::tool_result) {
            if (!answered_.contains(&part)) tool_message(message, part, to_.ids.upstream(part.id), part.name);
        } else if (writable({&message, &part})) {
            parts.push_back({&message, &part});
        }
    }
    if (message.role == Role::tool) {
        pending_.insert(pending_.begin(), parts.begin(), parts.end());
        return;
    }
    if (parts.empty() && !to_.same_dialect()) return extras(message);
    json_.begin_object().member("role", "user");
    const bool single = parts.size() == 1 && parts[0].part->kind == PartKind::text;
    content(parts, to_.same_dialect() ? !message.content_is_string : !single);
    extras(message);
    json_.end_object();
}

/// A tool's result as one message (E069); media wait for the next user message (E070).
void MessageWriter::tool_message(const Message& message, const Part& result, std::string_view id, std::string_view name) {
    Parts texts;
    bool moved = false;
    for (const auto& part : result.content) {
        const Placed placed{&message, &part};
        if (!writable(placed)) continue;
        if (text_of(message, part) || (to_.same_dialect() && part.kind == PartKind::opaque))
            texts.push_back(placed);
        else
            pending_.push_back(placed), moved = true;
    }
    lose_rest(message, result);
    const auto mark = mark_of(message, result, true);
    json_.begin_object().member("role", "tool").member("tool_call_id", id);
    if (!name.empty() && to_.target.has(Quirk::tool_choice_any)) json_.member("name", name);
    const bool as_list =
        to_.same_dialect() && !message.content_is_string && !texts.empty() && !to_.target.has(Quirk::string_content_only);
    if (as_list) {
        content(texts, true);
    } else {
        std::string text;
        for (const auto& [owner, part] : texts) {
            if (!text.empty()) text += '\n';
            const auto piece = text_of(*owner, *part);
            text += piece ? *piece : std::string(part->raw);
            if (!part->cache_control.empty()) (void)mark_of(*owner, *part, false);
        }
        if (text.empty() && moved) text = "The result is in the next user message.";
        if (result.is_error) text = "Tool error: " + text;
        json_.key("content");
        if (mark.empty())
            json_.string(text);
        else {
            json_.begin_array();
            text_part(text, mark);
            json_.end_array();
        }
    }
    if (to_.same_dialect()) extras(message);
    json_.end_object();
}

void MessageWriter::tool_calls(const Parts& calls) {
    if (calls.empty()) return;
    json_.key("tool_calls").begin_array();
    for (const auto& [message, part] : calls) {
        json_.begin_object().member("id", to_.ids.upstream(part->id));
        if (part->call_kind == llm::CallKind::custom) {
            json_.member("type", "custom")
                .key("custom")
                .begin_object()
                .member("name", to_.names.upstream(part->name))
                .member("input", part->arguments)
                .end_object();
        } else {
            const auto arguments = trim(part->arguments).empty() ? std::string_view("{}") : part->arguments;
            json_.member("type", "function")
                .key("function")
                .begin_object()
                .member("name", to_.names.upstream(part->name))
                .member("arguments", arguments)
                .end_object();
        }
        if (to_.same_dialect())
            for (const auto& extra : part->extra) json_.member_raw(extra.key, extra.json);
        else
            lose_rest(*message, *part);
        (void)mark_of(*message, *part, false);
        json_.end_object();
    }
    json_.end_array();
}

/// Reasoning of an earlier turn goes back to those who want it, in their spelling; to others it is a loss (E091).
void MessageWriter::reasoning(const Parts& parts) {
    if (parts.empty()) return;
    const Message& first = *parts.front().message;
    const bool details = to_.keeps_marks();
    if (details || to_.target.has(Quirk::replays_reasoning) || to_.target.has(Quirk::own_engine)) {
        for (const auto& extra : first.extra)
            if (to_.same_dialect() && details && extra.key == "reasoning_details")
                return void(json_.member_raw(extra.key, extra.json));
    } else {
        for (const auto& [message, part] : parts)
            to_.losses.add(path_of(*message, *part), "the upstream does not take the reasoning of earlier turns");
        return;
    }
    if (details) {
        json_.key("reasoning_details").begin_array();
        std::int64_t index = 0;
        for (const auto& [message, part] : parts) {
            json_.begin_object();
            if (part->kind == PartKind::redacted_thinking)
                json_.member("type", "reasoning.encrypted").member("data", part->text);
            else
                json_.member("type", "reasoning.text").member("text", part->text);
            if (!part->signature.empty() && is_claude(to_.target)) json_.member("signature", part->signature);
            if (is_claude(to_.target)) json_.member("format", "anthropic-claude-v1");
            json_.member("index", index++).end_object();
        }
        json_.end_array();
        return;
    }
    std::string text;
    for (const auto& [message, part] : parts) {
        if (part->kind == PartKind::redacted_thinking)
            to_.losses.add(path_of(*message, *part), std::string(no_place));
        else
            text += part->text;
    }
    if (!text.empty()) json_.member(to_.target.has(Quirk::reasoning_field) ? "reasoning" : "reasoning_content", text);
}

Status MessageWriter::assistant(std::size_t first, std::size_t last) {
    const auto& messages = to_.request.messages;
    Parts texts, thoughts, calls, refusals;
    std::unordered_set<std::string_view> seen;
    for (std::size_t i = first; i <= last; ++i)
        for (const auto& part : messages[i].parts) {
            const Placed placed{&messages[i], &part};
            switch (part.kind) {
                case PartKind::thinking:
                case PartKind::redacted_thinking:
                    thoughts.push_back(placed);
                    break;
                case PartKind::tool_call:
                    if (seen.insert(part.id).second)
                        calls.push_back(placed);
                    else
                        lose(to_.losses, path_of(messages[i], part), "the call is repeated");
                    break;
                case PartKind::refusal:
                    (messages[i].content_is_string || !to_.same_dialect() || last > first || messages[i].parts.size() == 1
                         ? refusals
                         : texts)
                        .push_back(placed);
                    break;
                default:
                    if (writable(placed)) texts.push_back(placed);
            }
        }
    const Message& message = messages[first];
    json_.begin_object().member("role", "assistant");
    std::erase_if(texts, [&](const Placed& placed) {  // what is no text has no place in an assistant turn
        if (text_of(*placed.message, *placed.part) || to_.same_dialect()) return false;
        to_.losses.add(path_of(*placed.message, *placed.part), std::string(no_place), severity_of("image"));
        return true;
    });
    const bool as_list = to_.same_dialect() && !message.content_is_string && !to_.target.has(Quirk::string_content_only);
    if (!texts.empty() && (as_list || to_.keeps_marks())) {
        content(texts, as_list);
    } else if (!texts.empty()) {
        std::string joined;
        for (const auto& [owner, part] : texts) {
            lose_rest(*owner, *part);
            (void)mark_of(*owner, *part, false);
            joined += text_of(*owner, *part).value_or("");
        }
        json_.member("content", joined);
    } else if ((calls.empty() && refusals.empty()) || to_.target.has(Quirk::tool_choice_any)) {
        json_.member("content", "");
    } else {
        json_.member_null("content");
    }
    for (const auto& refusal : refusals) json_.member("refusal", refusal.part->text);
    reasoning(thoughts);
    if (message.prefix) {
        if (to_.target.has(Quirk::tool_choice_any) || to_.target.has(Quirk::own_engine) || to_.target.provider == "deepseek")
            json_.member("prefix", true);
        else
            lose(to_.losses, path_of(message) + ".prefix", std::string(no_place));
    }
    tool_calls(calls);
    for (const auto& part : message.parts)
        if (to_.same_dialect() && !part.citations.empty()) json_.member_raw("annotations", part.citations);
    for (std::size_t i = first; i <= last; ++i) extras(messages[i]);
    json_.end_object();
    return results(last + 1, calls);
}

/// The tool messages of a turn's calls, in the order the client answered them. A call that nobody answers would be refused.
Status MessageWriter::results(std::size_t after, const Parts& calls) {
    if (calls.empty() || (to_.same_dialect() && !to_.target.repair)) return {};
    const auto& messages = to_.request.messages;
    std::unordered_set<std::string_view> open;
    for (const auto& call : calls) open.insert(call.part->id);
    const auto name_of = [&](std::string_view id) -> std::string_view {
        for (const auto& call : calls)
            if (call.part->id == id) return to_.names.upstream(call.part->name);
        return {};
    };
    for (std::size_t i = after; i < messages.size() && messages[i].role != Role::assistant; ++i)
        for (const auto& part : messages[i].parts) {
            if (part.kind != PartKind::tool_result || open.erase(part.id) == 0) continue;
            answered_.insert(&part);
            tool_message(messages[i], part, to_.ids.upstream(part.id), name_of(part.id));
        }
    for (const auto& [message, part] : calls) {
        if (!open.contains(part->id)) continue;
        if (!to_.target.repair)
            return bad_field(
                path_of(*message, *part),
                fmt::format(
                    "the tool call '{}' has no result: send one tool result for every call before the next assistant turn",
                    part->id));
        json_.begin_object()
            .member("role", "tool")
            .member("tool_call_id", to_.ids.upstream(part->id))
            .member("content", "No result was recorded.")
            .end_object();
    }
    return {};
}

/// A result that answers no call would be refused; repair mode leaves it out.
Status MessageWriter::refuse_orphans(const Message& message) {
    if (to_.same_dialect()) return {};
    for (const auto& part : message.parts) {
        if (part.kind != PartKind::tool_result || answered_.contains(&part)) continue;
        if (!to_.target.repair)
            return bad_field(
                path_of(message, part),
                fmt::format("the tool result answers no call: '{}' is not the id of a call in the assistant turn before it",
                            part.id));
        lose(to_.losses, path_of(message, part), "the result answers no call");
        answered_.insert(&part);
    }
    return {};
}

Status MessageWriter::write() {
    const auto& messages = to_.request.messages;
    json_.key("messages").begin_array();
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const auto& message = messages[i];
        if (message.role == Role::system || message.role == Role::developer) {
            instruction(message);
            continue;
        }
        if (message.role != Role::assistant) {
            if (auto checked = refuse_orphans(message); !checked) return checked;
            user(message);
            continue;
        }
        flush_pending();
        std::size_t last = i;
        while (!to_.same_dialect() && last + 1 < messages.size() && messages[last + 1].role == Role::assistant) ++last;
        if (auto written = assistant(i, last); !written) return written;
        i = last;
    }
    flush_pending();
    json_.end_array();
    return {};
}

}  // namespace

Status write_messages(Writing& writing) { return MessageWriter(writing).write(); }

}  // namespace gotthard::dialect::chat
