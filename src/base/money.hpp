// Money is an integer number of nano-dollars (1e-9 USD). No floating point anywhere near it.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace gotthard {

class Money {
public:
    constexpr Money() = default;
    static constexpr Money nanos(std::int64_t value) { return Money(value); }
    static constexpr Money dollars(std::int64_t value) { return Money(value * 1'000'000'000); }
    /// The price of something that has no price: neither zero nor a sum. Adding to it keeps it unknown.
    static constexpr Money unknown() { return Money(std::numeric_limits<std::int64_t>::min()); }

    constexpr bool known() const { return value_ != std::numeric_limits<std::int64_t>::min(); }
    constexpr std::int64_t count() const { return value_; }
    constexpr auto operator<=>(const Money&) const = default;
    constexpr Money operator+(Money other) const { return known() && other.known() ? Money(value_ + other.value_) : unknown(); }
    constexpr Money operator-(Money other) const { return known() && other.known() ? Money(value_ - other.value_) : unknown(); }
    constexpr Money& operator+=(Money other) { return *this = *this + other; }

    /// Decimal USD with no more digits than needed, up to nine: "0.000001234", "12", "-0.5". Unknown: "".
    std::string text() const;
    /// Reads what text() writes (also "$1.50" and surrounding blanks). More than nine decimals, or overflow: nullopt.
    static std::optional<Money> parse(std::string_view text);

private:
    explicit constexpr Money(std::int64_t value) : value_(value) {}
    std::int64_t value_ = 0;
};

}  // namespace gotthard
