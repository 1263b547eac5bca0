// Small words about text: ASCII only, no locale.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gotthard {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (to_lower(a[i]) != to_lower(b[i])) return false;
    return true;
}

constexpr bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() && equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string lower(std::string_view text);

/// Splits at `separator`; blanks around the parts are cut off, empty parts are left out.
std::vector<std::string_view> split_list(std::string_view text, char separator = ',');

/// A whole decimal integer, nothing before or after it.
template <class Int>
std::optional<Int> parse_integer(std::string_view text) {
    Int value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

template <class Int>
void append_integer(std::string& out, Int value) {
    char digits[24];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    out.append(digits, end);
}

/// Shell-like match of a whole name: `*` any run (slashes too), `?` one character. Case counts.
bool glob_match(std::string_view pattern, std::string_view name);

/// Edit distance, for "did you mean". Bounded work: names longer than 128 bytes count as far away.
std::size_t edit_distance(std::string_view a, std::string_view b);
/// Up to `count` of `known` nearest to `name`, best first; only those that are plausibly meant.
std::vector<std::string> closest_names(std::string_view name, std::span<const std::string> known, std::size_t count);

std::string hex(std::string_view bytes);
std::string base64(std::string_view bytes);
/// Standard or URL alphabet, padding optional, blanks inside refused. Not base64: nullopt.
std::optional<std::string> from_base64(std::string_view text);

/// "10s", "250ms", "2m", "1h30m", "7d", "2w" -> nanoseconds. A bare number is refused, so is a negative length.
std::optional<std::int64_t> parse_duration(std::string_view text);
/// "32MiB", "64KiB", "10MB", "1024" (bytes).
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// Whether the bytes are UTF-8 without surrogates or overlong forms.
bool is_utf8(std::string_view text);
/// The longest prefix of at most `limit` bytes that ends on a code point.
std::string_view utf8_prefix(std::string_view text, std::size_t limit);

/// %XX decoded once; a bad escape stays as it is. `plus_is_space` for query strings.
std::string percent_decode(std::string_view text, bool plus_is_space = false);

/// Microseconds since 1970 as "2026-11-25T13:43:05.123456Z".
std::string rfc3339(std::int64_t micros);
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

/// Compares all bytes whatever they are: the time tells nothing but the length.
bool equals_in_constant_time(std::string_view a, std::string_view b);

std::uint32_t crc32(std::string_view bytes);

}  // namespace gotthard
