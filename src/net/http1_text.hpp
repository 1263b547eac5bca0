// Characters of HTTP/1: which may stand where (RFC 9110 section 5, RFC 9112 section 3). For http1*.cpp only.
#pragma once

#include <emmintrin.h>

#include <array>
#include <bit>
#include <string_view>

namespace gotthard::net {

namespace detail {

enum : unsigned char { token_char = 1, method_char = 2, target_char = 4, host_char = 8 };

constexpr std::array<unsigned char, 256> make_character_classes() {
    std::array<unsigned char, 256> classes{};
    const auto mark = [&](std::string_view text, unsigned char what) {
        for (const char c : text) classes[static_cast<unsigned char>(c)] |= what;
    };
    for (int c = 'A'; c <= 'Z'; ++c) classes[static_cast<std::size_t>(c)] |= token_char | method_char | host_char;
    for (int c = 'a'; c <= 'z'; ++c) classes[static_cast<std::size_t>(c)] |= token_char | host_char;
    for (int c = '0'; c <= '9'; ++c) classes[static_cast<std::size_t>(c)] |= token_char | host_char;
    mark("!#$%&'*+-.^_`|~", token_char);
    mark("-_", method_char);
    for (int c = 0x21; c < 0x7f; ++c)
        if (c != '#') classes[static_cast<std::size_t>(c)] |= target_char;
    mark("-._~!$&'()*+;=:[]%", host_char);
    return classes;
}

inline constexpr auto character_classes = make_character_classes();

}  // namespace detail

inline bool is_of(char c, unsigned char what) { return (detail::character_classes[static_cast<unsigned char>(c)] & what) != 0; }
inline bool is_token_char(char c) { return is_of(c, detail::token_char); }
inline bool is_method_char(char c) { return is_of(c, detail::method_char); }
inline bool is_host_char(char c) { return is_of(c, detail::host_char); }
inline bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

/// The first control byte (tab is none) from `at` on, or `end`.
inline const char* find_control(const char* at, const char* const end) {
    const __m128i below = _mm_set1_epi8(0x1f);
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i del = _mm_set1_epi8(0x7f);
    while (end - at >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, below), bytes);
        const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low), _mm_cmpeq_epi8(bytes, del));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(bad));
        if (mask != 0) return at + std::countr_zero(mask);
        at += 16;
    }
    while (at != end && !is_control(*at)) ++at;
    return at;
}

inline const char* find_target_end(const char* at, const char* const end) {
    while (at != end && is_of(*at, detail::target_char)) ++at;
    return at;
}

inline std::string_view trim_blanks(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

}  // namespace gotthard::net
