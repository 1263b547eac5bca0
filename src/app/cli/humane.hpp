// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gotthard::app {

/// Microseconds: "38 µs", "4.2 ms", "1.24 s", "2m 03s". Negative: "-".
std::string humane_duration(std::int64_t micros);
/// "950", "1.2k", "3.4M". Negative: "-".
std::string humane_count(std::int64_t count);
/// "512 B", "1.5 MiB".
std::string humane_bytes(std::uint64_t bytes);
/// A decimal string of USD as "$0.0042": two digits that say something, cents at least. "": "-".
std::string humane_money(std::string_view decimal);
/// RFC 3339 as local "2026-11-25 14:03:22". "": "-".
std::string humane_time(std::string_view rfc3339);
/// "in 3 days", "2 hours ago" of an RFC 3339 time against `now` (microseconds). "": "-".
std::string humane_distance(std::string_view rfc3339, std::int64_t now);

}  // namespace gotthard::app
