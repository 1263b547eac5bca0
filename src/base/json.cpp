#include "base/json.hpp"

#include <emmintrin.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/text.hpp"

namespace gotthard::json {
namespace {

constexpr bool is_hex(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }

int hex_value(char c) { return is_digit(c) ? c - '0' : to_lower(c) - 'a' + 10; }

std::uint32_t hex4(const char* at) {
    return static_cast<std::uint32_t>(hex_value(at[0]) << 12 | hex_value(at[1]) << 8 | hex_value(at[2]) << 4 | hex_value(at[3]));
}

bool is_high_surrogate(std::uint32_t c) { return c >= 0xd800 && c < 0xdc00; }
bool is_low_surrogate(std::uint32_t c) { return c >= 0xdc00 && c < 0xe000; }

char* put_utf8(char* to, std::uint32_t c) {
    if (c < 0x80) {
        *to++ = static_cast<char>(c);
    } else if (c < 0x800) {
        *to++ = static_cast<char>(0xc0 | c >> 6);
        *to++ = static_cast<char>(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *to++ = static_cast<char>(0xe0 | c >> 12);
        *to++ = static_cast<char>(0x80 | (c >> 6 & 0x3f));
        *to++ = static_cast<char>(0x80 | (c & 0x3f));
    } else {
        *to++ = static_cast<char>(0xf0 | c >> 18);
        *to++ = static_cast<char>(0x80 | (c >> 12 & 0x3f));
        *to++ = static_cast<char>(0x80 | (c >> 6 & 0x3f));
        *to++ = static_cast<char>(0x80 | (c & 0x3f));
    }
    return to;
}

/// First byte at or after `at` that a plain string cannot hold: quote, backslash or control character. `end` if none.
const char* find_special(const char* at, const char* end) {
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
    while (end - at >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes);
        const __m128i hit = _mm_or_si128(is_control, _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        const int mask = _mm_movemask_epi8(hit);
        if (mask != 0) return at + std::countr_zero(static_cast<unsigned>(mask));
        at += 16;
    }
    while (at < end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
    return at;
}

/// Decodes the inside of a string whose escapes have been checked. Returns the end of what was written.
char* decode(std::string_view inside, char* to) {
    const char* at = inside.data();
    const char* end = at + inside.size();
    while (at < end) {
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        switch (at[1]) {
            case 'b': *to++ = '\b'; break;
            case 'f': *to++ = '\f'; break;
            case 'n': *to++ = '\n'; break;
            case 'r': *to++ = '\r'; break;
            case 't': *to++ = '\t'; break;
            case 'u': {
                std::uint32_t c = hex4(at + 2);
                if (is_high_surrogate(c) && end - at >= 12 && at[6] == '\\' && at[7] == 'u' && is_low_surrogate(hex4(at + 8))) {
                    c = 0x10000 + ((c - 0xd800) << 10) + (hex4(at + 8) - 0xdc00);
                    at += 6;
                } else if (is_high_surrogate(c) || is_low_surrogate(c)) {
                    c = 0xfffd;
                }
                to = put_utf8(to, c);
                at += 4;
                break;
            }
            default: *to++ = at[1];
        }
        at += 2;
    }
    return to;
}

}  // namespace

std::string_view to_string(Kind kind) {
    static constexpr std::string_view names[] = {"nothing", "null", "a boolean", "a number", "a string", "an array", "an object"};
    return names[static_cast<std::size_t>(kind)];
}

class Parser {
public:
    Parser(std::string_view source, Limits limits, std::vector<Node>& nodes, std::vector<std::uint32_t>& open)
        : begin_(source.data()), at_(begin_), end_(begin_ + source.size()), limits_(limits), nodes_(nodes), open_(open) {
        open_.clear();
    }

    Status run() {
        bool ok = value();
        while (ok && !open_.empty()) ok = inside();
        if (ok) {
            skip_blanks();
            if (at_ != end_) ok = bad("unexpected text after the value");
        }
        if (ok) return {};
        return fail(FailureKind::invalid_request, fmt::format("invalid JSON at byte {}: {}", at_ - begin_, reason_));
    }

private:
    bool bad(const char* reason) {
        reason_ = reason;
        return false;
    }

    void skip_blanks() {
        while (at_ < end_ && is_space(*at_)) ++at_;
    }

    std::uint32_t here() const { return static_cast<std::uint32_t>(at_ - begin_); }

    void leaf(const char* from, Kind kind, bool flag) {
        const auto index = static_cast<std::uint32_t>(nodes_.size());
        nodes_.push_back({static_cast<std::uint32_t>(from - begin_), here(), index + 1, 0, kind, flag});
    }

    bool value() {
        skip_blanks();
        if (at_ == end_) return bad("the text ends where a value should stand");
        switch (*at_) {
            case '{': return begin_container(Kind::object);
            case '[': return begin_container(Kind::array);
            case '"': return string();
            case 't': return word("true", Kind::boolean, true);
            case 'f': return word("false", Kind::boolean, false);
            case 'n': return word("null", Kind::null, false);
            default: return number();
        }
    }

    bool begin_container(Kind kind) {
        if (open_.size() >= limits_.depth) return bad("nested too deeply");
        open_.push_back(static_cast<std::uint32_t>(nodes_.size()));
        nodes_.push_back({here(), 0, 0, 0, kind, false});
        ++at_;
        return true;
    }

    /// One step inside the innermost open container: its end, or its next item.
    bool inside() {
        const std::uint32_t index = open_.back();
        const bool object = nodes_[index].kind == Kind::object;
        skip_blanks();
        if (at_ == end_) return bad("the text ends inside an object or array");
        if (*at_ == (object ? '}' : ']')) {
            ++at_;
            nodes_[index].end = here();
            nodes_[index].next = static_cast<std::uint32_t>(nodes_.size());
            open_.pop_back();
            return true;
        }
        if (nodes_[index].size > 0) {
            if (*at_ != ',') return bad("expected a comma");
            ++at_;
            skip_blanks();
        }
        ++nodes_[index].size;
        if (object) {
            if (at_ == end_ || *at_ != '"') return bad("expected a member name in double quotes");
            if (!string()) return false;
            skip_blanks();
            if (at_ == end_ || *at_ != ':') return bad("expected a colon after a member name");
            ++at_;
        }
        return value();
    }

    bool string() {
        const char* from = at_++;
        bool escapes = false;
        while (true) {
            at_ = find_special(at_, end_);
            if (at_ == end_) return bad("a string has no end");
            if (*at_ == '"') break;
            if (*at_ != '\\') return bad("a control character stands in a string; write it as an escape");
            escapes = true;
            if (!escape()) return false;
        }
        ++at_;
        leaf(from, Kind::string, escapes);
        return true;
    }

    bool escape() {
        if (end_ - at_ < 2) return bad("a string has no end");
        const char c = at_[1];
        if (c != 'u') {
            if (std::memchr("\"\\/bfnrt", c, 8) == nullptr) return bad("unknown escape in a string");
            at_ += 2;
            return true;
        }
        if (!four_hex(at_ + 2)) return bad("\\u needs four hexadecimal digits");
        const std::uint32_t unit = hex4(at_ + 2);
        if (is_high_surrogate(unit) && end_ - at_ >= 12 && at_[6] == '\\' && at_[7] == 'u' && four_hex(at_ + 8) && is_low_surrogate(hex4(at_ + 8))) {
            at_ += 12;
            return true;
        }
        if ((is_high_surrogate(unit) || is_low_surrogate(unit)) && !limits_.lone_surrogates) return bad("a surrogate escape without its other half is no character");
        at_ += 6;
        return true;
    }

    bool four_hex(const char* from) const { return end_ - from >= 4 && is_hex(from[0]) && is_hex(from[1]) && is_hex(from[2]) && is_hex(from[3]); }

    bool word(std::string_view text, Kind kind, bool flag) {
        if (static_cast<std::size_t>(end_ - at_) < text.size() || std::memcmp(at_, text.data(), text.size()) != 0) return bad("unexpected character");
        const char* from = at_;
        at_ += text.size();
        leaf(from, kind, flag);
        return true;
    }

    bool digits() {
        const char* from = at_;
        while (at_ < end_ && is_digit(*at_)) ++at_;
        return at_ > from;
    }

    bool number() {
        const char* from = at_;
        if (*at_ == '-') ++at_;
        if (at_ == end_ || !is_digit(*at_)) {
            at_ = from;
            return bad("unexpected character");
        }
        if (*at_ == '0') ++at_;
        else digits();
        bool fraction = false;
        if (at_ < end_ && *at_ == '.') {
            ++at_;
            fraction = true;
            if (!digits()) return bad("a number needs a digit after its point");
        }
        if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
            ++at_;
            fraction = true;
            if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
            if (!digits()) return bad("a number needs a digit in its exponent");
        }
        leaf(from, Kind::number, fraction);
        return true;
    }

    const char* begin_;
    const char* at_;
    const char* end_;
    Limits limits_;
    std::vector<Node>& nodes_;
    std::vector<std::uint32_t>& open_;
    const char* reason_ = "";
};

Status Document::parse(std::string_view source, Limits limits) {
    nodes_.clear();
    source_ = source;
    if (source.size() > 0xffff'fff0U) return fail(FailureKind::body_too_large, "the JSON text is larger than 4 GiB");
    if (!is_utf8(source)) {
        source_ = {};
        return fail(FailureKind::invalid_request, "invalid JSON: the text is not valid UTF-8");
    }
    auto status = Parser(source, limits, nodes_, open_).run();
    if (!status) nodes_.clear();
    return status;
}

Value Document::root() const { return nodes_.empty() ? Value() : Value(this, 0); }

const Node& Value::node() const { return document_->nodes_[index_]; }

std::string_view Value::raw() const {
    if (document_ == nullptr) return {};
    return document_->source_.substr(node().begin, node().end - node().begin);
}

std::string_view Value::text(Arena& arena) const {
    if (!is_string()) return {};
    const std::string_view inside = raw().substr(1, raw().size() - 2);
    if (!node().flag) return inside;
    char* to = static_cast<char*>(arena.allocate(inside.size(), 1));
    return {to, static_cast<std::size_t>(decode(inside, to) - to)};
}

std::string Value::string() const {
    if (!is_string()) return {};
    const std::string_view inside = raw().substr(1, raw().size() - 2);
    if (!node().flag) return std::string(inside);
    std::string out(inside.size(), '\0');
    out.resize(static_cast<std::size_t>(decode(inside, out.data()) - out.data()));
    return out;
}

bool Value::equals(std::string_view text) const {
    if (!is_string()) return false;
    if (node().flag) return string() == text;
    return raw().substr(1, raw().size() - 2) == text;
}

std::optional<double> Value::number() const {
    if (!is_number()) return std::nullopt;
    double value = 0;
    const auto text = raw();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::int64_t> Value::integer() const {
    if (!is_number()) return std::nullopt;
    if (!node().flag) return parse_integer<std::int64_t>(raw());
    const auto value = number();
    if (!value || std::trunc(*value) != *value || std::abs(*value) > 9.0e15) return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

std::optional<bool> Value::boolean() const {
    if (!is_boolean()) return std::nullopt;
    return node().flag;
}

Value Value::operator[](std::string_view key) const {
    Value found;
    for (const auto& member : members())
        if (member.is(key)) found = member.value;
    return found;
}

Value Value::at(std::size_t item) const {
    for (Value value : items())
        if (item-- == 0) return value;
    return {};
}

Value::ItemIterator& Value::ItemIterator::operator++() {
    index_ = document_->nodes_[index_].next;
    return *this;
}

Value::MemberIterator& Value::MemberIterator::operator++() {
    index_ = document_->nodes_[index_ + 1].next;
    return *this;
}

Value::Items Value::items() const {
    if (!is_array()) return {{document_, 0}, {document_, 0}};
    return {{document_, index_ + 1}, {document_, node().next}};
}

Value::Members Value::members() const {
    if (!is_object()) return {{document_, 0}, {document_, 0}};
    return {{document_, index_ + 1}, {document_, node().next}};
}

std::optional<std::string> find_ambiguous_key(Value object, std::span<const std::string_view> governed) {
    std::uint64_t seen = 0;
    for (const auto& member : object.members()) {
        if (member.name.has_escapes()) return member.name.string();
        for (std::size_t i = 0; i < governed.size() && i < 64; ++i) {
            if (!member.is(governed[i])) continue;
            if (seen >> i & 1) return std::string(governed[i]);
            seen |= 1ULL << i;
        }
    }
    return std::nullopt;
}

void append_escaped(std::string& out, std::string_view text) {
    if (!is_utf8(text)) {
        std::string repaired;
        for (std::size_t i = 0; i < text.size();) {
            std::size_t length = 1;
            while (length <= 4 && i + length <= text.size() && !is_utf8(text.substr(i, length))) ++length;
            if (length <= 4 && i + length <= text.size()) repaired += text.substr(i, length);
            else repaired += "\xef\xbf\xbd", length = 1;
            i += length;
        }
        return append_escaped(out, repaired);
    }
    const char* at = text.data();
    const char* end = at + text.size();
    while (at < end) {
        const char* special = find_special(at, end);
        out.append(at, special);
        if (special == end) break;
        switch (*special) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            default: fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(*special));
        }
        at = special + 1;
    }
}

void append_string(std::string& out, std::string_view text) {
    out += '"';
    append_escaped(out, text);
    out += '"';
}

void append_number(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    char digits[40];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    out.append(digits, end);
}

void append_minified(std::string& out, Value value) {
    switch (value.kind()) {
        case Kind::object: {
            char separator = '{';
            for (const auto& member : value.members()) {
                out += separator;
                out += member.name.raw();
                out += ':';
                append_minified(out, member.value);
                separator = ',';
            }
            out += separator == '{' ? "{}" : "}";
            break;
        }
        case Kind::array: {
            char separator = '[';
            for (Value item : value.items()) {
                out += separator;
                append_minified(out, item);
                separator = ',';
            }
            out += separator == '[' ? "[]" : "]";
            break;
        }
        default: out += value.raw();
    }
}

std::string quoted(std::string_view text) {
    std::string out;
    append_string(out, text);
    return out;
}

Writer& Writer::integer(std::int64_t value) {
    separate();
    append_integer(out_, value);
    return done();
}

}  // namespace gotthard::json
