#include "base/id.hpp"

#include "base/text.hpp"

namespace gotthard {

Id Id::make(Micros wall, Random& random) {
    Id id;
    id.high_ = static_cast<std::uint64_t>(wall / 1000) << 16 | 0x7000 | (random.next() & 0x0fff);
    id.low_ = (random.next() & 0x3fff'ffff'ffff'ffffULL) | 0x8000'0000'0000'0000ULL;
    return id;
}

void Id::write(char* to) const {
    static constexpr char digits[] = "0123456789abcdef";
    const auto put = [&to](std::uint64_t word, int from, int count) {
        for (int i = 0; i < count; ++i) *to++ = digits[word >> (from - 4 * i) & 15];
    };
    put(high_, 60, 8);
    *to++ = '-';
    put(high_, 28, 4);
    *to++ = '-';
    put(high_, 12, 4);
    *to++ = '-';
    put(low_, 60, 4);
    *to++ = '-';
    put(low_, 44, 12);
}

void Id::append_to(std::string& out) const {
    const auto at = out.size();
    out.resize(at + 36);
    write(out.data() + at);
}

std::string Id::text() const {
    std::string out;
    append_to(out);
    return out;
}

std::optional<Id> Id::parse(std::string_view text) {
    if (text.size() != 36) return std::nullopt;
    std::uint64_t words[2] = {0, 0};
    int digits = 0;
    for (std::size_t i = 0; i < 36; ++i) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text[i] != '-') return std::nullopt;
            continue;
        }
        const char c = to_lower(text[i]);
        if (!is_digit(c) && !(c >= 'a' && c <= 'f')) return std::nullopt;
        auto& word = words[digits++ / 16];
        word = word << 4 | static_cast<std::uint64_t>(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    Id id;
    id.high_ = words[0];
    id.low_ = words[1];
    return id;
}

}  // namespace gotthard
