// Single values of the configuration: text to value, and what is wrong when there is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "config/keys.hpp"

namespace gotthard::config {

/// "true", "false" and YAML's other spellings of them.
std::optional<bool> parse_boolean(std::string_view text);

struct Address {
    std::string host;  ///< A literal address; IPv6 without brackets.
    std::uint16_t port = 0;
};
/// "127.0.0.1:7300", "[::1]:7300", "localhost:7300" (127.0.0.1), ":7300" (every address).
std::optional<Address> parse_address(std::string_view text);
bool is_loopback_address(std::string_view host);

/// RFC 3339, or "2027-01-31" (its first instant, UTC).
std::optional<Micros> parse_time(std::string_view text);

/// "1..10", "1KiB..1MiB" as whole numbers.
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_range(std::string_view allowed);

/// What is wrong with a value, and what to write instead. `shown` stands for the value in the sentence.
struct Complaint {
    std::string message;
    std::string remedy;
};
/// nullopt: `text` is a value of the key's type. Only for types that are one text.
std::optional<Complaint> complaint_about(const Key& key, std::string_view text, std::string_view shown);

}  // namespace gotthard::config
