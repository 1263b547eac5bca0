#include "app/cli/humane.hpp"

#include <ctime>

#include <fmt/format.h>

#include "base/money.hpp"
#include "base/text.hpp"

namespace gotthard::app {
namespace {

struct Unit {
    std::int64_t seconds;
    std::string_view name;
    std::int64_t least = 1;  ///< Fewer of them are said in the next unit: 30 days, not a month.
};
constexpr Unit units[] = {
    {86'400 * 365, "year", 2}, {86'400 * 30, "month", 2}, {86'400, "day"}, {3'600, "hour"}, {60, "minute"}, {1, "second"}};

/// Three significant digits of a number below 1000.
std::string three_digits(double value) {
    return value < 9.995   ? fmt::format("{:.2f}", value)
           : value < 99.95 ? fmt::format("{:.1f}", value)
                           : fmt::format("{:.0f}", value);
}

}  // namespace

std::string humane_duration(std::int64_t micros) {
    if (micros < 0) return "-";
    if (micros < 1'000) return fmt::format("{} µs", micros);
    if (micros < 999'500) return fmt::format("{} ms", three_digits(static_cast<double>(micros) / 1e3));
    if (micros < 59'950'000) return fmt::format("{} s", three_digits(static_cast<double>(micros) / 1e6));
    const std::int64_t seconds = (micros + 500'000) / 1'000'000;
    if (seconds < 3'600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
    if (seconds < 86'400) return fmt::format("{}h {:02}m", seconds / 3'600, seconds / 60 % 60);
    return fmt::format("{}d {:02}h", seconds / 86'400, seconds / 3'600 % 24);
}

std::string humane_count(std::int64_t count) {
    if (count < 0) return "-";
    if (count < 10'000) return fmt::format("{}", count);
    double value = static_cast<double>(count);
    for (const char* suffix : {"k", "M", "G"}) {
        value /= 1'000;
        if (value < 999.5) return three_digits(value) + suffix;
    }
    return three_digits(value / 1'000) + "T";
}

std::string humane_bytes(std::uint64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    double value = static_cast<double>(bytes);
    for (const char* suffix : {"KiB", "MiB", "GiB"}) {
        value /= 1024;
        if (value < 1000) return fmt::format("{} {}", three_digits(value), suffix);
    }
    return fmt::format("{} TiB", three_digits(value / 1024));
}

std::string humane_money(std::string_view decimal) {
    const auto money = Money::parse(decimal);
    if (decimal.empty() || !money) return "-";
    const double dollars = static_cast<double>(money->count()) / 1e9;
    const double size = dollars < 0 ? -dollars : dollars;
    if (money->count() == 0) return "$0";
    int decimals = 2;
    for (double step = 0.1; decimals < 9 && size < step; step /= 10) ++decimals;
    return fmt::format("{}${:.{}f}", dollars < 0 ? "-" : "", size, decimals);
}

std::string humane_time(std::string_view rfc3339) {
    const auto micros = parse_rfc3339(rfc3339);
    if (!micros) return "-";
    const std::time_t seconds = static_cast<std::time_t>(*micros / 1'000'000);
    std::tm local{};
    localtime_r(&seconds, &local);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local)};
}

std::string humane_distance(std::string_view rfc3339, std::int64_t now) {
    const auto micros = parse_rfc3339(rfc3339);
    if (!micros) return "-";
    const std::int64_t seconds = (*micros - now) / 1'000'000;
    const std::int64_t size = seconds < 0 ? -seconds : seconds;
    for (const auto& unit : units) {
        const std::int64_t count = (size + unit.seconds / 20) / unit.seconds;  // nearly a whole one counts
        if (count < unit.least) continue;
        const auto words = fmt::format("{} {}{}", count, unit.name, count == 1 ? "" : "s");
        return seconds < 0 ? words + " ago" : "in " + words;
    }
    return "now";
}

}  // namespace gotthard::app
