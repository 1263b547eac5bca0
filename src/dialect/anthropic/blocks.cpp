#include "dialect/anthropic/blocks.hpp"

#include <initializer_list>

#include <fmt/format.h>

#include "dialect/common.hpp"

namespace gotthard::dialect::anthropic {

using llm::MediaSource;
using llm::Part;
using llm::PartKind;

std::string Place::text(std::string_view field) const {
    std::string out = message < 0 ? "system" : fmt::format("messages[{}]", message);
    if (block >= 0) out += message < 0 ? fmt::format("[{}]", block) : fmt::format(".content[{}]", block);
    if (inner >= 0) out += fmt::format(".content[{}]", inner);
    if (!field.empty()) {
        out += '.';
        out += field;
    }
    return out;
}

namespace {

class BlockReader {
public:
    BlockReader(json::Value block, Place place, Arena& arena) : block_(block), place_(place), arena_(arena) {}

    Result<Part> read();

private:
    struct Row {
        std::string_view type;
        PartKind kind;
        Status (BlockReader::*read)();
    };
    static const Row rows[];

    Status text();
    Status media();
    Status thinking();
    Status redacted();
    Status tool_use();
    Status tool_result();
    void opaque();
    Result<std::string_view> required_text(std::string_view key);
    /// Members that no field of Part holds.
    void keep_rest(std::initializer_list<std::string_view> known);

    json::Value block_;
    Place place_;
    Arena& arena_;
    Part part_;
};

const BlockReader::Row BlockReader::rows[] = {
    {"text", PartKind::text, &BlockReader::text},
    {"image", PartKind::image, &BlockReader::media},
    {"document", PartKind::document, &BlockReader::media},
    {"thinking", PartKind::thinking, &BlockReader::thinking},
    {"redacted_thinking", PartKind::redacted_thinking, &BlockReader::redacted},
    {"tool_use", PartKind::tool_call, &BlockReader::tool_use},
    {"tool_result", PartKind::tool_result, &BlockReader::tool_result},
};

Result<std::string_view> BlockReader::required_text(std::string_view key) {
    const auto value = block_[key];
    if (!value) return missing_field(place_.text(key), "a string is required here");
    if (!value.is_string()) return wrong_type(place_.text(key), "a string", value);
    return value.text(arena_);
}

void BlockReader::keep_rest(std::initializer_list<std::string_view> known) {
    for (const auto& member : block_.members()) {
        const auto key = member.key(arena_);
        if (key == "type" || key == "cache_control" || std::ranges::find(known, key) != known.end()) continue;
        part_.extra.push_back({key, member.value.raw()});
    }
}

Status BlockReader::text() {
    auto text = required_text("text");
    if (!text) return fail(std::move(text.error()));
    part_.text = *text;
    part_.citations = raw_of(block_["citations"]);
    keep_rest({"text", "citations"});
    return {};
}

/// The text of a document whose source is a list of text blocks; nullopt when it holds anything else.
std::optional<std::string> joined_content(json::Value content) {
    if (content.is_string()) return content.string();
    if (!content.is_array()) return std::nullopt;
    std::string out;
    for (json::Value block : content.items()) {
        if (!block["type"].equals("text") || !block["text"].is_string()) return std::nullopt;
        if (!out.empty()) out += '\n';
        out += block["text"].string();
    }
    return out;
}

Status BlockReader::media() {
    const auto source = block_["source"];
    if (!source) return missing_field(place_.text("source"), "give the bytes as base64, a url or a file_id");
    if (!source.is_object()) return wrong_type(place_.text("source"), "an object", source);
    struct Form {
        std::string_view type;
        MediaSource source;
        std::string_view key;
    };
    static constexpr Form forms[] = {{"base64", MediaSource::base64, "data"}, {"url", MediaSource::url, "url"}, {"file", MediaSource::file_id, "file_id"}, {"text", MediaSource::text, "data"}};
    auto& media = part_.media;
    for (const auto& form : forms) {
        if (!source["type"].equals(form.type)) continue;
        const auto data = source[form.key];
        const auto field = fmt::format("source.{}", form.key);
        if (!data) return missing_field(place_.text(field), "a string is required here");
        if (!data.is_string()) return wrong_type(place_.text(field), "a string", data);
        media.source = form.source;
        media.data = data.text(arena_);
        media.media_type = source["media_type"].text(arena_);
    }
    if (media.source == MediaSource::none) {
        const auto content = source["type"].equals("content") ? joined_content(source["content"]) : std::nullopt;
        if (!content) {
            opaque();
            return {};
        }
        media.source = MediaSource::text;
        media.data = arena_.copy(*content);
        media.media_type = "text/plain";
        part_.raw = block_.raw();
    }
    media.filename = block_["title"].text(arena_);
    media.context = block_["context"].text(arena_);
    part_.citations = raw_of(block_["citations"]);
    keep_rest({"source", "title", "context", "citations"});
    return {};
}

Status BlockReader::thinking() {
    auto text = required_text("thinking");
    if (!text) return fail(std::move(text.error()));
    part_.text = *text;
    part_.signature = block_["signature"].text(arena_);
    keep_rest({"thinking", "signature"});
    return {};
}

Status BlockReader::redacted() {
    auto data = required_text("data");
    if (!data) return fail(std::move(data.error()));
    part_.text = *data;
    keep_rest({"data"});
    return {};
}

Status BlockReader::tool_use() {
    auto id = required_text("id");
    if (!id) return fail(std::move(id.error()));
    auto name = required_text("name");
    if (!name) return fail(std::move(name.error()));
    const auto input = block_["input"];
    if (input && !input.is_object() && !input.is_null()) return wrong_type(place_.text("input"), "an object", input);
    part_.id = *id;
    part_.name = *name;
    part_.arguments = input.is_object() ? input.raw() : std::string_view("{}");
    keep_rest({"id", "name", "input"});
    return {};
}

Status BlockReader::tool_result() {
    auto id = required_text("tool_use_id");
    if (!id) return fail(std::move(id.error()));
    part_.id = *id;
    part_.is_error = block_["is_error"].is_true();
    const auto content = block_["content"];
    if (content && !content.is_null()) {
        bool as_string = false;
        if (place_.inner >= 0) return bad_field(place_.text(), "a tool_result cannot hold a tool_result");
        auto parts = read_content(content, place_, arena_, as_string);
        if (!parts) return fail(std::move(parts.error()));
        part_.content = std::move(*parts);
    }
    keep_rest({"tool_use_id", "is_error", "content"});
    return {};
}

void BlockReader::opaque() {
    part_.kind = PartKind::opaque;
    part_.type = block_["type"].text(arena_);
    part_.raw = block_.raw();
    if (part_.type == "tool_reference") part_.name = block_["tool_name"].text(arena_);
}

Result<Part> BlockReader::read() {
    if (!block_.is_object()) return wrong_type(place_.text(), "a content block (an object)", block_);
    const auto type = block_["type"];
    if (!type) return missing_field(place_.text("type"), "every content block names its type");
    if (!type.is_string()) return wrong_type(place_.text("type"), "a string", type);
    const auto cache = block_["cache_control"];
    if (cache && !cache.is_null() && !cache.is_object()) return wrong_type(place_.text("cache_control"), "an object", cache);
    part_.cache_control = raw_of(cache);
    part_.source_part = static_cast<std::uint32_t>(std::max<std::int64_t>(place_.inner >= 0 ? place_.inner : place_.block, 0));
    for (const auto& row : rows) {
        if (!type.equals(row.type)) continue;
        part_.kind = row.kind;
        if (auto done = (this->*row.read)(); !done) return fail(std::move(done.error()));
        return std::move(part_);
    }
    opaque();
    return std::move(part_);
}

}  // namespace

Result<std::vector<Part>> read_content(json::Value content, Place place, Arena& arena, bool& content_is_string) {
    std::vector<Part> parts;
    content_is_string = content.is_string();
    if (content_is_string) {
        parts.emplace_back().text = content.text(arena);
        return parts;
    }
    if (!content) return missing_field(place.text(place.message < 0 ? "" : "content"), "a string or a list of content blocks is required");
    if (!content.is_array()) return wrong_type(place.text(place.message < 0 ? "" : "content"), "a string or a list of content blocks", content);
    parts.reserve(content.size());
    const bool nested = place.block >= 0;
    std::int64_t index = 0;
    for (json::Value block : content.items()) {
        (nested ? place.inner : place.block) = index++;
        auto part = BlockReader(block, place, arena).read();
        if (!part) return fail(std::move(part.error()));
        parts.push_back(std::move(*part));
    }
    return parts;
}

}  // namespace gotthard::dialect::anthropic
