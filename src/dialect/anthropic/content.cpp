// Planned blocks as JSON, and what may be in them: images, documents, tool results.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/anthropic/write.hpp"

namespace gotthard::dialect::anthropic {

using llm::MediaSource;
using llm::Part;
using llm::PartKind;

bool is_messages_block(std::string_view type) {
    static constexpr std::string_view known[] = {"server_tool_use", "mcp_tool_use", "container_upload", "compaction", "search_result", "tool_reference", "tool_addition", "tool_removal"};
    return std::ranges::find(known, type) != std::end(known) || type.ends_with("_tool_result");
}

namespace {

/// `format` written beside a file or image wins over what the bytes show (E042, E043).
std::string_view stated_format(const Part& part) {
    for (const auto& extra : part.extra)
        if (extra.key == "format" && extra.json.size() >= 2 && extra.json.front() == '"') return extra.json.substr(1, extra.json.size() - 2);
    return {};
}

struct Bytes {
    std::string_view media_type, data;
};

/// Base64 media, also out of a data URL that a reader left in place.
Bytes bytes_of(const Part& part) {
    const auto& media = part.media;
    Bytes out{media.media_type, media.data};
    if (const auto url = parse_data_url(media.data); url && url->base64) out = {url->media_type, url->data};
    if (const auto stated = stated_format(part); !stated.empty()) out.media_type = stated;
    if (out.media_type.empty()) out.media_type = sniff_media_type(out.data);
    // Bare names, as they stand in `format`.
    static constexpr std::pair<std::string_view, std::string_view> bare[] = {{"png", "image/png"},   {"jpeg", "image/jpeg"}, {"jpg", "image/jpeg"}, {"image/jpg", "image/jpeg"},
                                                                             {"gif", "image/gif"},   {"webp", "image/webp"}, {"pdf", "application/pdf"}};
    for (const auto& [name, type] : bare)
        if (equals_ignoring_case(out.media_type, name)) out.media_type = type;
    return out;
}

bool is_inline(const Part& part) {
    return part.media.source == MediaSource::base64 || (part.media.source == MediaSource::url && starts_with_ignoring_case(part.media.data, "data:"));
}

bool is_text_type(std::string_view type, std::string_view filename) {
    if (type.starts_with("text/") || type == "application/json" || type == "application/xml" || type == "application/yaml") return true;
    if (!type.empty() && type != "application/octet-stream") return false;
    for (std::string_view ending : {".txt", ".md", ".csv", ".json", ".xml", ".html", ".yaml", ".yml", ".log", ".py", ".js", ".ts"})
        if (lower(filename).ends_with(ending)) return true;
    return false;
}

enum class FileForm : std::uint8_t { image, document, container_upload };

FileForm form_of_file(const Part& part) {
    std::string_view type = stated_format(part);
    if (type.empty()) type = part.media.media_type;
    if (part.kind == PartKind::image || type.starts_with("image/")) return FileForm::image;
    if (type.empty() || type == "application/pdf" || type == "text/plain") return FileForm::document;
    return FileForm::container_upload;
}

}  // namespace

bool is_container_upload(const Part& part) {
    return part.kind == PartKind::document && part.media.source == MediaSource::file_id && form_of_file(part) == FileForm::container_upload;
}

namespace {

Status refuse(const std::string& path, std::string what) {
    Failure failure(FailureKind::unsupported_feature, path + ": " + what);
    failure.param = path;
    return fail(std::move(failure));
}

Status check_url(const Part& part, const std::string& path, std::string_view what) {
    if (starts_with_ignoring_case(part.media.data, "https://")) return {};
    return refuse(path, fmt::format("the upstream loads {} from https URLs only, and this gateway does not fetch them; send an https URL or the bytes as a base64 data URL", what));
}

Status check_image(const Part& part, const std::string& path) {
    if (part.media.source == MediaSource::file_id) return {};
    if (!is_inline(part)) return check_url(part, path, "images");
    static constexpr std::string_view taken[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};
    const auto type = bytes_of(part).media_type;
    if (std::ranges::find(taken, type) != std::end(taken)) return {};
    return refuse(path, fmt::format("the upstream takes png, jpeg, gif and webp images; this one is {}", type.empty() ? "of no type that can be told from its bytes" : type));
}

Status check_document(const Part& part, const std::string& path) {
    if (part.media.source == MediaSource::file_id || part.media.source == MediaSource::text) return {};
    if (!is_inline(part)) return check_url(part, path, "documents");
    const auto bytes = bytes_of(part);
    if (bytes.media_type == "application/pdf") return {};
    if (is_text_type(bytes.media_type, part.media.filename)) {
        const auto text = from_base64(bytes.data);
        if (text && is_utf8(*text)) return {};
        return bad_field(path, "the text file is not base64 of UTF-8 text");
    }
    return refuse(path, fmt::format("the upstream takes PDF and text documents; this one is {}", bytes.media_type.empty() ? "of no type that can be told" : bytes.media_type));
}

}  // namespace

Status check_media(Writing& writing, const Part& part, const std::string& path) {
    if (part.kind == PartKind::audio || part.kind == PartKind::video) {
        writing.losses.add(path, part.kind == PartKind::audio ? "the upstream takes no audio" : "the upstream takes no video", llm::Severity::contract);
        return {};
    }
    if (part.kind != PartKind::image && part.kind != PartKind::document) return {};
    if (writing.own()) return {};
    if (!part.media.detail.empty() && part.media.detail != "auto") lose(writing.losses, path + ".detail", std::string(no_place));
    if (part.media.source == MediaSource::none) return bad_field(path, "holds no data, URL or file id");
    if (part.media.source == MediaSource::file_id) writing.need_beta("files-api-2025-04-14");
    return part.kind == PartKind::image ? check_image(part, path) : check_document(part, path);
}

namespace {

class BlockWriter {
public:
    /// `own`: the blocks come from a client of this dialect and keep members that are not known here.
    BlockWriter(bool own, std::string& out) : own_(own), w_(out) {}
    void list(const std::vector<Block>& blocks);
    void block(const Block& block);

private:
    void open(std::string_view type) { w_.begin_object().member("type", type); }
    void close(const Part& part, std::string_view cache_control);
    void text(std::string_view type, const Block& block);
    void image(const Part& part, std::string_view cache_control);
    void document(const Part& part, std::string_view cache_control);
    void result(const Block& block);
    void result_content(const Block& block);
    void opaque(const Part& part, std::string_view cache_control);

    bool own_;
    json::Writer w_;
};

void BlockWriter::close(const Part& part, std::string_view cache_control) {
    if (own_)
        for (const auto& extra : part.extra) w_.key(extra.key).raw(extra.json);
    if (!cache_control.empty()) w_.member_raw("cache_control", cache_control);
    w_.end_object();
}

void BlockWriter::list(const std::vector<Block>& blocks) {
    w_.begin_array();
    for (const auto& each : blocks) block(each);
    w_.end_array();
}

void BlockWriter::text(std::string_view type, const Block& block) {
    open(type);
    w_.member("text", block.text);
    if (own_ && !block.part->citations.empty()) w_.member_raw("citations", block.part->citations);
    close(*block.part, block.cache_control);
}

void BlockWriter::image(const Part& part, std::string_view cache_control) {
    open("image");
    w_.key("source").begin_object();
    if (part.media.source == MediaSource::file_id) {
        w_.member("type", "file").member("file_id", part.media.data);
    } else if (is_inline(part)) {
        const auto bytes = bytes_of(part);
        w_.member("type", "base64").member("media_type", bytes.media_type).member("data", bytes.data);
    } else {
        w_.member("type", "url").member("url", part.media.data);
    }
    w_.end_object();
    close(part, cache_control);
}

void BlockWriter::document(const Part& part, std::string_view cache_control) {
    const auto& media = part.media;
    if (!part.raw.empty()) return opaque(part, cache_control);
    if (media.source == MediaSource::file_id && form_of_file(part) == FileForm::image) return image(part, cache_control);
    if (media.source == MediaSource::file_id && form_of_file(part) == FileForm::container_upload) {
        open("container_upload");
        w_.member("file_id", media.data);
        return close(part, cache_control);
    }
    open("document");
    w_.key("source").begin_object();
    if (media.source == MediaSource::file_id) {
        w_.member("type", "file").member("file_id", media.data);
    } else if (media.source == MediaSource::text) {
        w_.member("type", "text").member("media_type", "text/plain").member("data", media.data);
    } else if (!is_inline(part)) {
        w_.member("type", "url").member("url", media.data);
    } else if (const auto bytes = bytes_of(part); bytes.media_type == "application/pdf") {
        w_.member("type", "base64").member("media_type", "application/pdf").member("data", bytes.data);
    } else {
        w_.member("type", "text").member("media_type", "text/plain").member("data", from_base64(bytes.data).value_or(std::string()));
    }
    w_.end_object();
    if (!media.filename.empty()) w_.member("title", media.filename);
    if (!media.context.empty()) w_.member("context", media.context);
    if (!part.citations.empty()) w_.member_raw("citations", part.citations);
    close(part, cache_control);
}

void BlockWriter::result_content(const Block& block) {
    std::vector<Block> inner;
    for (const auto& each : block.part->content) {
        if (each.kind == PartKind::text && trim(each.text).empty()) continue;
        if (each.kind == PartKind::audio || each.kind == PartKind::video) continue;
        if (each.kind == PartKind::opaque && !is_messages_block(each.type)) continue;
        inner.push_back({.part = &each, .text = each.text, .cache_control = own_ ? each.cache_control : std::string_view{}});
    }
    if (inner.empty()) {
        if (!block.text.empty()) w_.member("content", block.text);
        return;
    }
    w_.key("content");
    if (inner.size() == 1 && inner.front().part->kind == PartKind::text && inner.front().cache_control.empty()) w_.string(inner.front().text);
    else list(inner);
}

void BlockWriter::result(const Block& block) {
    open("tool_result");
    w_.member("tool_use_id", block.id);
    result_content(block);
    if (block.part->is_error) w_.member("is_error", true);
    close(*block.part, block.cache_control);
}

/// A block that only this dialect knows goes as it came; a mark that was taken off or put on is the only edit.
void BlockWriter::opaque(const Part& part, std::string_view cache_control) {
    json::Document document;
    if (cache_control == part.cache_control || !document.parse(part.raw, {.lone_surrogates = true})) {
        w_.raw(part.raw);
        return;
    }
    w_.begin_object();
    for (const auto& member : document.root().members())
        if (!member.is("cache_control")) w_.key(member.name.string()).raw(member.value.raw());
    close(part, cache_control);
}

void BlockWriter::block(const Block& block) {
    const Part& part = *block.part;
    switch (part.kind) {
        case PartKind::text:
        case PartKind::refusal: return text("text", block);
        case PartKind::image: return image(part, block.cache_control);
        case PartKind::document: return document(part, block.cache_control);
        case PartKind::thinking:
            open("thinking");
            w_.member("thinking", part.text).member("signature", part.signature);
            return close(part, {});
        case PartKind::redacted_thinking:
            open("redacted_thinking");
            w_.member("data", part.text);
            return close(part, {});
        case PartKind::tool_call:
            open("tool_use");
            w_.member("id", block.id).member("name", block.name).member_raw("input", block.input);
            return close(part, block.cache_control);
        case PartKind::tool_result: return result(block);
        case PartKind::opaque: return opaque(part, block.cache_control);
        case PartKind::audio:
        case PartKind::video: return;
    }
}

/// One plain text needs no list.
bool is_plain(const std::vector<Block>& blocks) {
    if (blocks.size() != 1) return false;
    const auto& block = blocks.front();
    return (block.part->kind == PartKind::text || block.part->kind == PartKind::refusal) && block.cache_control.empty() && block.part->citations.empty() && block.part->extra.empty();
}

void append_content(const std::vector<Block>& blocks, bool own, std::string& out) {
    if (is_plain(blocks)) json::append_string(out, blocks.front().text);
    else BlockWriter(own, out).list(blocks);
}

}  // namespace

void append_system(const Turns& turns, std::string& out) { append_content(turns.system, turns.own, out); }

void append_messages(const Turns& turns, std::string& out) {
    bool first = true;
    for (const auto& turn : turns.turns) {
        out += first ? "{\"role\":\"" : ",{\"role\":\"";
        first = false;
        out += turn.role == llm::Role::assistant ? "assistant" : turn.role == llm::Role::system ? "system" : "user";
        out += "\",\"content\":";
        append_content(turn.blocks, turns.own, out);
        out += '}';
    }
}

}  // namespace gotthard::dialect::anthropic
