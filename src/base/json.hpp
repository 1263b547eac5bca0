// JSON for the whole program: a strict parser that keeps the place of every value in its source, and a text writer.
//
// Document::parse reads RFC 8259 text into a flat tape of nodes. Values are (document, index) pairs: cheap to copy, valid as
// long as both the Document and the source text live. The source is never changed; every value knows its raw text, so that
// unknown fields and big numbers travel byte for byte and a single value can be replaced by a splice.
//
// Refused: anything but one JSON value, invalid UTF-8, control characters in strings, nesting beyond `Limits::depth`,
// and (unless allowed) escaped lone surrogates. Duplicate keys are accepted here; the last one is found by operator[].
// Where a repeated key would let two readers disagree, refuse it with find_duplicate().
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/failure.hpp"

namespace gotthard::json {

enum class Kind : std::uint8_t { missing, null, boolean, number, string, array, object };

std::string_view to_string(Kind kind);

struct Limits {
    std::uint32_t depth = 256;
    bool lone_surrogates = false;  ///< Accept them (decoded as U+FFFD). Off for clients, on for upstreams.
};

struct Node {
    std::uint32_t begin;  ///< First byte in the source; of a string: its opening quote.
    std::uint32_t end;    ///< One past the last byte.
    std::uint32_t next;   ///< Index of the node after this value and all that is inside it.
    std::uint32_t size;   ///< Members of an object, items of an array.
    Kind kind;
    bool flag;  ///< String: holds escapes. Boolean: true. Number: has a fraction or an exponent.
};

class Value;

class Document {
public:
    /// Reads `source` (at most 4 GiB; must outlive the values). A Document may be reused; its memory is kept.
    Status parse(std::string_view source, Limits limits = {});
    Value root() const;
    std::string_view source() const { return source_; }

private:
    friend class Value;
    friend class Parser;
    std::string_view source_;
    std::vector<Node> nodes_;
    std::vector<std::uint32_t> open_;  ///< The parser's stack; kept so that a reused Document allocates nothing.
};

class Value {
public:
    Value() = default;
    Value(const Document* document, std::uint32_t index) : document_(document), index_(index) {}

    Kind kind() const { return document_ == nullptr ? Kind::missing : node().kind; }
    explicit operator bool() const { return document_ != nullptr; }  ///< Present; null is present.
    bool is_null() const { return kind() == Kind::null; }
    bool is_string() const { return kind() == Kind::string; }
    bool is_number() const { return kind() == Kind::number; }
    bool is_boolean() const { return kind() == Kind::boolean; }
    bool is_array() const { return kind() == Kind::array; }
    bool is_object() const { return kind() == Kind::object; }
    bool is_true() const { return is_boolean() && node().flag; }

    std::string_view raw() const;              ///< The source text of the value. Missing: "".
    std::uint32_t begin() const { return node().begin; }
    std::uint32_t end_offset() const { return node().end; }

    /// The decoded string: a view of the source when it holds no escapes, else made in `arena`. Not a string: "".
    std::string_view text(Arena& arena) const;
    std::string string() const;                ///< The same as a std::string.
    bool equals(std::string_view text) const;  ///< Whether this is the string `text` (decoded).
    bool has_escapes() const { return is_string() && node().flag; }

    std::optional<std::int64_t> integer() const;  ///< Whole numbers, also "3.0" and "1e3"; else nullopt.
    std::optional<double> number() const;
    std::optional<bool> boolean() const;

    std::size_t size() const { return document_ == nullptr ? 0 : node().size; }
    Value operator[](std::string_view key) const;  ///< The last member of that name; missing when absent or no object.
    Value at(std::size_t item) const;              ///< Linear.

    class ItemIterator;
    class MemberIterator;
    struct Items;
    struct Members;
    Items items() const;      ///< Of an array; anything else has none.
    Members members() const;  ///< Of an object; anything else has none.

private:
    const Node& node() const;
    const Document* document_ = nullptr;
    std::uint32_t index_ = 0;
};

class Value::ItemIterator {
public:
    ItemIterator(const Document* document, std::uint32_t index) : document_(document), index_(index) {}
    Value operator*() const { return {document_, index_}; }
    ItemIterator& operator++();
    bool operator==(const ItemIterator& other) const { return index_ == other.index_; }

private:
    const Document* document_;
    std::uint32_t index_;
};

struct Member {
    Value name;  ///< Always a string.
    Value value;
    /// The name when it holds no escapes, else decoded into `arena`.
    std::string_view key(Arena& arena) const { return name.text(arena); }
    bool is(std::string_view key) const { return name.equals(key); }
};

class Value::MemberIterator {
public:
    MemberIterator(const Document* document, std::uint32_t index) : document_(document), index_(index) {}
    Member operator*() const { return {{document_, index_}, {document_, index_ + 1}}; }
    MemberIterator& operator++();
    bool operator==(const MemberIterator& other) const { return index_ == other.index_; }

private:
    const Document* document_;
    std::uint32_t index_;
};

struct Value::Items {
    ItemIterator first, last;
    ItemIterator begin() const { return first; }
    ItemIterator end() const { return last; }
};
struct Value::Members {
    MemberIterator first, last;
    MemberIterator begin() const { return first; }
    MemberIterator end() const { return last; }
};

/// A top-level key that is written with escapes, or one of `governed` that occurs twice: the name, else nullopt.
/// Such a body would let a policy see another value than the upstream does.
std::optional<std::string> find_ambiguous_key(Value object, std::span<const std::string_view> governed);

/// Appends `text` as a JSON string with quotes. Invalid UTF-8 becomes U+FFFD.
void append_string(std::string& out, std::string_view text);
/// The same without the quotes (for fragments of a longer string).
void append_escaped(std::string& out, std::string_view text);
/// Shortest text that reads back as the same double; NaN and infinities become null.
void append_number(std::string& out, double value);
/// Source text without blanks between tokens.
void append_minified(std::string& out, Value value);
std::string quoted(std::string_view text);

/// Appends JSON text to a string; commas are its business, balance is the caller's.
class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}

    Writer& begin_object() { return open('{'); }
    Writer& end_object() { return close('}'); }
    Writer& begin_array() { return open('['); }
    Writer& end_array() { return close(']'); }
    Writer& key(std::string_view name) {
        separate();
        append_string(out_, name);
        out_ += ':';
        after_key_ = true;
        return *this;
    }
    Writer& string(std::string_view text) { separate(); append_string(out_, text); return done(); }
    Writer& raw(std::string_view json) { separate(); out_ += json; return done(); }
    Writer& integer(std::int64_t value);
    Writer& number(double value) { separate(); append_number(out_, value); return done(); }
    Writer& boolean(bool value) { return raw(value ? "true" : "false"); }
    Writer& null() { return raw("null"); }

    Writer& member(std::string_view name, std::string_view text) { return key(name).string(text); }
    Writer& member(std::string_view name, const char* text) { return key(name).string(text); }
    Writer& member(std::string_view name, const std::string& text) { return key(name).string(text); }
    Writer& member(std::string_view name, bool value) { return key(name).boolean(value); }
    Writer& member(std::string_view name, std::int64_t value) { return key(name).integer(value); }
    Writer& member(std::string_view name, int value) { return key(name).integer(value); }
    Writer& member(std::string_view name, std::uint64_t value) { return key(name).integer(static_cast<std::int64_t>(value)); }
    Writer& member(std::string_view name, std::uint32_t value) { return key(name).integer(value); }
    Writer& member(std::string_view name, double value) { return key(name).number(value); }
    Writer& member_raw(std::string_view name, std::string_view json) { return key(name).raw(json); }
    Writer& member_null(std::string_view name) { return key(name).null(); }

    std::string& out() { return out_; }

private:
    void separate() {
        if (need_comma_ && !after_key_) out_ += ',';
        after_key_ = false;
    }
    Writer& open(char bracket) { separate(); out_ += bracket; need_comma_ = false; return *this; }
    Writer& close(char bracket) { out_ += bracket; return done(); }
    Writer& done() { need_comma_ = true; return *this; }

    std::string& out_;
    bool need_comma_ = false;
    bool after_key_ = false;
};

}  // namespace gotthard::json
