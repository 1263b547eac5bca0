#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include <fmt/format.h>
#include <simdjson.h>

namespace gotthard {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = to_lower(c);
    return out;
}

std::vector<std::string_view> split_list(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto at = text.find(separator);
        const auto part = trim(text.substr(0, at));
        if (!part.empty()) parts.push_back(part);
        if (at == std::string_view::npos) break;
        text.remove_prefix(at + 1);
    }
    return parts;
}

bool glob_match(std::string_view pattern, std::string_view name) {
    std::size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = n;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
            ++p, ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    if (a.size() > 128 || b.size() > 128) return std::max(a.size(), b.size());
    std::array<std::size_t, 129> row;
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            const std::size_t change = diagonal + (to_lower(a[i - 1]) == to_lower(b[j - 1]) ? 0 : 1);
            row[j] = std::min({above + 1, row[j - 1] + 1, change});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::vector<std::string> closest_names(std::string_view name, std::span<const std::string> known, std::size_t count) {
    struct Scored {
        std::size_t distance;
        const std::string* name;
    };
    std::vector<Scored> scored;
    const std::string wanted = lower(name);
    for (const auto& candidate : known) {
        const std::string have = lower(candidate);
        std::size_t distance = edit_distance(wanted, have);
        if (have.find(wanted) != std::string::npos || wanted.find(have) != std::string::npos) distance = std::min<std::size_t>(distance, 2);
        if (distance <= std::max<std::size_t>(3, wanted.size() / 2)) scored.push_back({distance, &candidate});
    }
    std::ranges::sort(scored, [](const Scored& a, const Scored& b) { return a.distance != b.distance ? a.distance < b.distance : *a.name < *b.name; });
    std::vector<std::string> out;
    for (const auto& entry : scored) {
        if (out.size() == count) break;
        out.push_back(*entry.name);
    }
    return out;
}

std::string hex(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (unsigned char c : bytes) {
        out += digits[c >> 4];
        out += digits[c & 15];
    }
    return out;
}

std::string base64(std::string_view bytes) {
    static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t left = bytes.size() - i;
        const std::uint32_t word = static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << 16 |
                                   (left > 1 ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + 1])) << 8 : 0) |
                                   (left > 2 ? static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i + 2])) : 0);
        out += alphabet[word >> 18];
        out += alphabet[word >> 12 & 63];
        out += left > 1 ? alphabet[word >> 6 & 63] : '=';
        out += left > 2 ? alphabet[word & 63] : '=';
    }
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    const auto value_of = [](char c) -> int {
        if (c >= 'A' && c <= 'Z') return c - 'A';
        if (c >= 'a' && c <= 'z') return c - 'a' + 26;
        if (is_digit(c)) return c - '0' + 52;
        if (c == '+' || c == '-') return 62;
        if (c == '/' || c == '_') return 63;
        return -1;
    };
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t word = 0;
    int bits = 0;
    for (char c : text) {
        const int value = value_of(c);
        if (value < 0) return std::nullopt;
        word = word << 6 | static_cast<std::uint32_t>(value);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(word >> bits & 0xff);
        }
    }
    return out;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::int64_t nanos;
    };
    static constexpr std::array units{Unit{"ns", 1},
                                      Unit{"us", 1'000},
                                      Unit{"ms", 1'000'000},
                                      Unit{"s", 1'000'000'000},
                                      Unit{"m", 60'000'000'000},
                                      Unit{"h", 3'600'000'000'000},
                                      Unit{"d", 86'400'000'000'000},
                                      Unit{"w", 604'800'000'000'000}};
    text = trim(text);
    if (text.empty()) return std::nullopt;
    std::int64_t total = 0;
    while (!text.empty()) {
        std::size_t digits = 0;
        while (digits < text.size() && is_digit(text[digits])) ++digits;
        const auto amount = parse_integer<std::int64_t>(text.substr(0, digits));
        if (!amount) return std::nullopt;
        text.remove_prefix(digits);
        std::size_t letters = 0;
        while (letters < text.size() && is_alpha(text[letters])) ++letters;
        const auto unit = std::ranges::find(units, text.substr(0, letters), &Unit::name);
        if (unit == units.end()) return std::nullopt;
        std::int64_t part = 0;
        if (__builtin_mul_overflow(*amount, unit->nanos, &part) || __builtin_add_overflow(total, part, &total)) return std::nullopt;
        text.remove_prefix(letters);
    }
    return total;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::uint64_t bytes;
    };
    static constexpr std::array units{Unit{"", 1},          Unit{"B", 1},       Unit{"KB", 1'000},        Unit{"MB", 1'000'000}, Unit{"GB", 1'000'000'000},
                                      Unit{"KiB", 1 << 10}, Unit{"MiB", 1 << 20}, Unit{"GiB", 1ULL << 30}};
    text = trim(text);
    std::size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits])) ++digits;
    const auto amount = parse_integer<std::uint64_t>(text.substr(0, digits));
    const auto name = trim(text.substr(digits));
    const auto unit = std::ranges::find_if(units, [&](const Unit& u) { return equals_ignoring_case(u.name, name); });
    if (!amount || unit == units.end() || *amount > std::numeric_limits<std::uint64_t>::max() / unit->bytes) return std::nullopt;
    return *amount * unit->bytes;
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::string_view utf8_prefix(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    std::size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end);
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
    const auto digit = [](char c) -> int {
        if (is_digit(c)) return c - '0';
        c = to_lower(c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    };
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
            out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
            i += 2;
        } else {
            out += plus_is_space && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

std::string rfc3339(std::int64_t micros) {
    using namespace std::chrono;
    const sys_time<microseconds> at{microseconds(micros)};
    const auto day = floor<days>(at);
    const year_month_day date{day};
    const hh_mm_ss time{at - day};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()), time.hours().count(), time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
    using namespace std::chrono;
    if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto y = parse_integer<int>(text.substr(0, 4));
    const auto mo = parse_integer<unsigned>(text.substr(5, 2));
    const auto d = parse_integer<unsigned>(text.substr(8, 2));
    if (!y || !mo || !d) return std::nullopt;
    const year_month_day date{year(*y), month(*mo), day(*d)};
    if (!date.ok()) return std::nullopt;
    std::int64_t micros = duration_cast<microseconds>(sys_days(date).time_since_epoch()).count();
    if (text.size() == 10) return micros;
    if (text.size() < 20 || (text[10] != 'T' && text[10] != ' ' && text[10] != 't') || text[13] != ':' || text[16] != ':') return std::nullopt;
    const auto h = parse_integer<int>(text.substr(11, 2));
    const auto mi = parse_integer<int>(text.substr(14, 2));
    const auto s = parse_integer<int>(text.substr(17, 2));
    if (!h || !mi || !s || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
    micros += ((*h * 60LL + *mi) * 60 + *s) * 1'000'000;
    text.remove_prefix(19);
    if (!text.empty() && text[0] == '.') {
        std::int64_t scale = 100'000;
        text.remove_prefix(1);
        while (!text.empty() && is_digit(text[0])) {
            micros += (text[0] - '0') * scale;
            scale /= 10;
            text.remove_prefix(1);
        }
    }
    if (text == "Z" || text == "z") return micros;
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
    const auto oh = parse_integer<int>(text.substr(1, 2));
    const auto om = parse_integer<int>(text.substr(4, 2));
    if (!oh || !om) return std::nullopt;
    const std::int64_t offset = (*oh * 60LL + *om) * 60'000'000;
    return text[0] == '+' ? micros - offset : micros + offset;
}

bool equals_in_constant_time(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    unsigned char difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) difference = static_cast<unsigned char>(difference | (a[i] ^ b[i]));
    return difference == 0;
}

std::uint32_t crc32(std::string_view bytes) {
    static constexpr auto table = [] {
        std::array<std::uint32_t, 256> rows{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            std::uint32_t value = i;
            for (int bit = 0; bit < 8; ++bit) value = value & 1 ? 0xedb88320U ^ (value >> 1) : value >> 1;
            rows[i] = value;
        }
        return rows;
    }();
    std::uint32_t value = ~0U;
    for (unsigned char c : bytes) value = table[(value ^ c) & 0xff] ^ (value >> 8);
    return ~value;
}

}  // namespace gotthard
