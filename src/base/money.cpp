#include "base/money.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace gotthard {

std::string Money::text() const {
    if (!known()) return {};
    const bool negative = value_ < 0;
    const auto absolute = negative ? 0 - static_cast<std::uint64_t>(value_) : static_cast<std::uint64_t>(value_);
    std::string out = fmt::format("{}{}.{:09}", negative ? "-" : "", absolute / 1'000'000'000, absolute % 1'000'000'000);
    out.resize(out.find_last_not_of('0') + 1);
    if (out.back() == '.') out.pop_back();
    return out;
}

std::optional<Money> Money::parse(std::string_view text) {
    text = trim(text);
    bool negative = false;
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
        negative = text[0] == '-';
        text.remove_prefix(1);
    }
    if (!text.empty() && text[0] == '$') text.remove_prefix(1);
    const auto dot = text.find('.');
    const std::string_view whole = text.substr(0, dot);
    const std::string_view fraction = dot == std::string_view::npos ? std::string_view{} : text.substr(dot + 1);
    if (whole.empty() && fraction.empty()) return std::nullopt;
    if (fraction.size() > 9 || whole.size() > 9) return std::nullopt;
    std::int64_t value = 0;
    for (char c : whole) {
        if (!is_digit(c)) return std::nullopt;
        value = value * 10 + (c - '0');
    }
    for (std::size_t i = 0; i < 9; ++i) {
        const char c = i < fraction.size() ? fraction[i] : '0';
        if (!is_digit(c)) return std::nullopt;
        value = value * 10 + (c - '0');
    }
    return Money(negative ? -value : value);
}

}  // namespace gotthard
