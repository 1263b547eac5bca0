// UUIDv7: 48 bits of milliseconds, then random bits. Sorts by time of making.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace gotthard {

class Id {
public:
    Id() = default;
    static Id make(Micros wall, Random& random);
    static std::optional<Id> parse(std::string_view text);

    std::string text() const;              ///< 36 characters, lower case.
    void append_to(std::string& out) const;
    void write(char* to) const;            ///< Exactly 36 characters.
    bool empty() const { return high_ == 0 && low_ == 0; }
    std::uint64_t high() const { return high_; }
    std::uint64_t low() const { return low_; }
    bool operator==(const Id&) const = default;

private:
    std::uint64_t high_ = 0;
    std::uint64_t low_ = 0;
};

}  // namespace gotthard
