#include "llm/estimate.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.hpp"

namespace gotthard::llm {
namespace {

// Everything in thousandths of a token.
using Milli = std::int64_t;

enum class Script : std::uint8_t { letter, digit, space, line, punctuation, accented, ideograph, other, continuation };

constexpr std::array<Milli, 9> weight = {
    190,   // letter: five of an English word
    750,   // digit: one to three a token
    220,   // blank: mostly part of the word behind it
    500,   // line end
    500,   // punctuation of prose and JSON
    600,   // Latin with marks, Greek, Cyrillic, Arabic, Hebrew
    1200,  // Chinese, Japanese, Korean
    2000,  // everything beyond, emoji above all
    0,     // continuation bytes of UTF-8
};

// Keys, hashes and base64 have no words: a letter of theirs costs this much more.
constexpr std::size_t long_word = 20;
constexpr Milli beyond_a_word = 380;

constexpr std::array<Script, 256> make_scripts() {
    std::array<Script, 256> table{};
    for (int i = 0; i < 256; ++i) {
        const char c = static_cast<char>(i);
        Script script = Script::punctuation;
        if (is_alpha(c))
            script = Script::letter;
        else if (is_digit(c))
            script = Script::digit;
        else if (c == '\n')
            script = Script::line;
        else if (i == ' ' || i == '\t' || i == '\r')
            script = Script::space;
        if (i >= 0x80 && i < 0xC0)
            script = Script::continuation;
        else if (i >= 0xC0 && i < 0xE0)
            script = Script::accented;
        else if (i >= 0xE3 && i <= 0xED)
            script = Script::ideograph;
        else if (i >= 0xE0)
            script = Script::other;
        table[static_cast<std::size_t>(i)] = script;
    }
    return table;
}
constexpr auto scripts = make_scripts();

/// What each byte weighs, and what it weighs more beyond a long word.
struct ByteWeight {
    std::uint16_t plain = 0;
    std::uint16_t beyond = 0;
    std::uint16_t in_word = 0;  ///< 1 for letters and digits.
};

constexpr std::array<ByteWeight, 256> make_weights() {
    std::array<ByteWeight, 256> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        const Script script = scripts[i];
        table[i].plain = static_cast<std::uint16_t>(weight[static_cast<std::size_t>(script)]);
        table[i].beyond = script == Script::letter ? static_cast<std::uint16_t>(beyond_a_word) : 0;
        table[i].in_word = script == Script::letter || script == Script::digit ? 1 : 0;
    }
    return table;
}
constexpr auto weights = make_weights();

Milli weight_of_all(std::string_view text) {
    Milli sum = 0;
    std::size_t run = 0;  // letters and digits since the word began
    for (unsigned char c : text) {
        const ByteWeight& byte = weights[c];
        run = (run + 1) * byte.in_word;
        sum += byte.plain + (run > long_word ? byte.beyond : 0);
    }
    return sum;
}

/// Long texts are sampled: one block of every eight, spread evenly. The same text gives the same weight.
Milli text_weight(std::string_view text) {
    constexpr std::size_t block = 256, stride = 8 * block, all_of_it = 4096;
    if (text.size() <= all_of_it) return weight_of_all(text);
    Milli sum = 0;
    std::size_t seen = 0;
    for (std::size_t at = 0; at < text.size(); at += stride) {
        const auto piece = text.substr(at, block);
        sum += weight_of_all(piece);
        seen += piece.size();
    }
    return static_cast<Milli>(static_cast<double>(sum) * static_cast<double>(text.size()) / static_cast<double>(seen));
}

constexpr Milli per_message = 5000;
constexpr Milli per_conversation = 4000;
constexpr Milli typical_image = 1'200'000;
constexpr Milli around_document = 30'000;
constexpr Milli typical_document = 1'600'000;

struct Overhead {
    Milli any_tool, tool, structured, citations, thinking;
};
/// What the vendor of a dialect writes around tools, schemas and cited documents.
constexpr Overhead anthropic_overhead{500'000, 22'000, 200'000, 550'000, 29'000};
constexpr Overhead chat_overhead{15'000, 8'000, 10'000, 0, 0};

struct Size {
    std::uint32_t width, height;
};

std::uint32_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
}

/// The frame header of a JPEG: a chain of segments FF xx LL LL; C0 to CF (but C4, C8, CC) hold height and width.
std::optional<Size> jpeg_size(std::string_view bytes) {
    for (std::size_t at = 2; at + 9 < bytes.size();) {
        if (static_cast<unsigned char>(bytes[at]) != 0xFF) return std::nullopt;
        const auto marker = static_cast<unsigned char>(bytes[at + 1]);
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC)
            return Size{big_endian(bytes, at + 7, 2), big_endian(bytes, at + 5, 2)};
        at += 2 + big_endian(bytes, at + 2, 2);
    }
    return std::nullopt;
}

std::optional<Size> size_of(std::string_view base64_text) {
    constexpr std::size_t head = 64 * 1024;
    const auto part = base64_text.substr(0, std::min(base64_text.size(), head));
    const auto bytes = from_base64(part.substr(0, part.size() / 4 * 4));
    if (!bytes || bytes->size() < 24) return std::nullopt;
    const std::string_view view = *bytes;
    if (view.starts_with("\x89PNG")) return Size{big_endian(view, 16, 4), big_endian(view, 20, 4)};
    if (view.starts_with("GIF8"))
        return Size{static_cast<unsigned char>(view[6]) + 256u * static_cast<unsigned char>(view[7]),
                    static_cast<unsigned char>(view[8]) + 256u * static_cast<unsigned char>(view[9])};
    if (view.starts_with("\xFF\xD8")) return jpeg_size(view);
    return std::nullopt;
}

/// width x height / 750, after the vendor has shrunk the image to 1568 pixels on its long side.
Milli image_weight(std::string_view base64_text) {
    const auto size = size_of(base64_text);
    if (!size || size->width == 0 || size->height == 0) return typical_image;
    double width = size->width, height = size->height;
    const double longest = std::max(width, height);
    if (longest > 1568) width *= 1568 / longest, height *= 1568 / longest;
    return std::min<Milli>(static_cast<Milli>(width * height / 750 * 1000) + 10'000, 1'600'000);
}

class Estimator {
public:
    explicit Estimator(const Request& request)
        : request_(request), overhead_(request.dialect == DialectId::anthropic ? anthropic_overhead : chat_overhead) {}

    Milli sum() {
        sum_ = per_conversation;
        for (const auto& message : request_.messages) {
            sum_ += per_message + text_weight(message.name);
            for (const auto& part : message.parts) add(part);
        }
        for (const auto& tool : request_.tools)
            sum_ += overhead_.tool + (tool.kind == ToolKind::hosted ? text_weight(tool.raw)
                                                                    : text_weight(tool.name) + text_weight(tool.description) +
                                                                          text_weight(tool.parameters));
        if (!request_.tools.empty()) sum_ += overhead_.any_tool;
        if (request_.response_format.kind == FormatKind::json_schema)
            sum_ += overhead_.structured + text_weight(request_.response_format.schema);
        if (request_.thinking.mode == ThinkingMode::enabled || request_.thinking.mode == ThinkingMode::adaptive)
            sum_ += overhead_.thinking;
        return sum_;
    }

private:
    void add(const Part& part) {
        switch (part.kind) {
            case PartKind::text:
            case PartKind::refusal:
                sum_ += text_weight(part.text);
                return;
            case PartKind::thinking:
                sum_ += text_weight(part.text);
                return;
            case PartKind::redacted_thinking:
                return;
            case PartKind::tool_call:
                sum_ += per_message + text_weight(part.name) + text_weight(part.arguments);
                return;
            case PartKind::tool_result:
                sum_ += per_message;
                for (const auto& inner : part.content) add(inner);
                return;
            case PartKind::image:
                sum_ += part.media.source == MediaSource::base64 ? image_weight(part.media.data) : typical_image;
                return;
            case PartKind::document:
                document(part);
                return;
            case PartKind::audio:
            case PartKind::video:
                sum_ += std::max<Milli>(typical_image, static_cast<Milli>(part.media.data.size()) * 4);
                return;
            case PartKind::opaque:
                sum_ += text_weight(part.raw.substr(0, 1 << 20));
                return;
        }
    }

    void document(const Part& part) {
        if (part.media.source == MediaSource::text)
            sum_ += around_document + text_weight(part.media.data);
        else
            sum_ += std::max<Milli>(typical_document, static_cast<Milli>(part.media.data.size()) * 100);
        if (!part.citations.empty()) sum_ += overhead_.citations;
    }

    const Request& request_;
    const Overhead& overhead_;
    Milli sum_ = 0;
};

std::int64_t tokens(Milli weight_sum) { return std::max<std::int64_t>(1, (weight_sum + 999) / 1000); }

}  // namespace

std::int64_t estimate_input_tokens(const Request& request) { return tokens(Estimator(request).sum()); }
std::int64_t estimate_text_tokens(std::string_view text) { return text.empty() ? 0 : tokens(text_weight(text)); }
std::int64_t estimate_image_tokens(std::string_view base64_text) { return tokens(image_weight(base64_text)); }

}  // namespace gotthard::llm
