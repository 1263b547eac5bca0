#include "config/values.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/money.hpp"
#include "base/text.hpp"
#include "provider/upstream.hpp"

namespace gotthard::config {
namespace {

constexpr std::string_view yes[] = {"true", "True", "TRUE", "yes", "Yes", "on", "On"};
constexpr std::string_view no[] = {"false", "False", "FALSE", "no", "No", "off", "Off"};
constexpr std::int64_t longest_duration = 10LL * 366 * 86'400 * 1'000'000'000;

bool is_ip(int family, std::string_view text) {
    unsigned char bytes[16];
    return text.size() < 64 && inet_pton(family, std::string(text).c_str(), bytes) == 1;
}

std::string joined(std::string_view allowed, std::string_view last) {
    const auto choices = choices_of(allowed);
    std::string out;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i > 0) out += i + 1 == choices.size() ? fmt::format(" {} ", last) : ", ";
        out += fmt::format("`{}`", choices[i]);
    }
    return out;
}

using Found = std::optional<Complaint>;

Found about_boolean(const Key&, std::string_view text, std::string_view shown) {
    if (parse_boolean(text)) return std::nullopt;
    return Complaint{fmt::format("{} is neither true nor false", shown), "write `true` or `false`"};
}

Found about_whole(const Key& key, std::string_view text, std::string_view shown) {
    if (key.type == Type::threads && text == "auto") return std::nullopt;
    const auto range = parse_range(key.allowed).value_or(std::pair<std::uint64_t, std::uint64_t>{0, UINT64_MAX});
    const auto number = parse_integer<std::uint64_t>(text);
    if (number && *number >= range.first && *number <= range.second) return std::nullopt;
    return Complaint{fmt::format("{} is not a whole number from {} to {}", shown, range.first, range.second),
                     key.type == Type::threads
                         ? "write `auto` or a number"
                         : fmt::format("write a number, for instance {}", key.fallback.empty() ? "1" : key.fallback)};
}

Found about_duration(const Key& key, std::string_view text, std::string_view shown) {
    const auto length = parse_duration(text);
    const std::string example = fmt::format("write a number with a unit (ms, s, m, h, d, w), for instance `{}`",
                                            key.fallback.empty() ? "30s" : key.fallback);
    if (!length) return Complaint{fmt::format("{} is not a duration", shown), example};
    if (*length > longest_duration) return Complaint{fmt::format("{} is longer than ten years", shown), example};
    if (*length == 0 && key.allowed != "zero") return Complaint{fmt::format("{} must be longer than zero", shown), example};
    return std::nullopt;
}

Found about_bytes(const Key& key, std::string_view text, std::string_view shown) {
    const auto size = parse_bytes(text);
    if (!size)
        return Complaint{fmt::format("{} is not a size", shown),
                         fmt::format("write a number with a unit (KiB, MiB, GiB, KB, MB), for instance `{}`", key.fallback)};
    const auto range = parse_range(key.allowed);
    if (!range || (*size >= range->first && *size <= range->second)) return std::nullopt;
    const auto dots = key.allowed.find("..");
    return Complaint{fmt::format("{} is out of range", shown),
                     fmt::format("write a size from {} to {}", key.allowed.substr(0, dots), key.allowed.substr(dots + 2))};
}

Found about_money(const Key&, std::string_view text, std::string_view shown) {
    const auto sum = Money::parse(text);
    if (sum && *sum >= Money::nanos(0)) return std::nullopt;
    return Complaint{fmt::format("{} is not a price", shown),
                     "write USD as a decimal number with at most nine decimals, for instance `0.15`"};
}

Found about_time(const Key&, std::string_view text, std::string_view shown) {
    if (parse_time(text)) return std::nullopt;
    return Complaint{fmt::format("{} is not a time", shown), "write `2027-01-31` or `2027-01-31T12:00:00Z`"};
}

Found about_address(const Key& key, std::string_view text, std::string_view shown) {
    if (parse_address(text)) return std::nullopt;
    return Complaint{fmt::format("{} is not an address to listen on", shown),
                     fmt::format("write a literal address and a port, for instance `{}` or `[::1]:7300`", key.fallback)};
}

Found about_url(const Key& key, std::string_view text, std::string_view shown) {
    if (key.type == Type::proxy && (text == "none" || text.empty())) return std::nullopt;
    std::string plain(text);
    if (key.type == Type::proxy) {  // may hold user:password@
        const auto scheme = plain.find("://");
        const auto at = plain.rfind('@');
        if (scheme != std::string::npos && at != std::string::npos && at > scheme) plain.erase(scheme + 3, at - scheme - 2);
        if (plain.starts_with("https://"))
            return Complaint{"a proxy that is itself reached over TLS is not supported", "write `http://host:port`"};
    }
    const auto parsed = provider::parse_base_url(plain);
    if (parsed) return std::nullopt;
    const bool local = key.type == Type::proxy;
    return Complaint{fmt::format("{} is not usable: {}", local ? "the proxy's address" : shown, parsed.error().message),
                     local ? "write `http://host:port`, or `none`" : "write for instance `https://api.example.com/v1`"};
}

Found about_choice(const Key& key, std::string_view text, std::string_view shown) {
    const auto later = choices_of(key.later_choices);
    if (std::ranges::find(later, text) != later.end())
        return Complaint{fmt::format("`{}` is not available in this version", text), fmt::format("write `{}`", key.fallback)};
    const auto choices = choices_of(key.allowed);
    if (std::ranges::find(choices, text) != choices.end()) return std::nullopt;
    return Complaint{fmt::format("{} is none of {}", shown, joined(key.allowed, "and")),
                     fmt::format("write {}", joined(key.allowed, "or"))};
}

Found about_text(const Key&, std::string_view text, std::string_view shown) {
    if (!text.empty()) return std::nullopt;
    return Complaint{fmt::format("{} is empty", shown), "write a value, or leave the key out"};
}

struct Rule {
    Type type;
    Found (*complaint)(const Key&, std::string_view, std::string_view);
};
constexpr Rule rules[] = {
    {Type::boolean, about_boolean}, {Type::whole, about_whole}, {Type::threads, about_whole}, {Type::duration, about_duration},
    {Type::bytes, about_bytes},     {Type::money, about_money}, {Type::time, about_time},     {Type::address, about_address},
    {Type::url, about_url},         {Type::proxy, about_url},   {Type::choice, about_choice}, {Type::choices, about_choice},
    {Type::text, about_text},       {Type::secret, about_text}, {Type::path, about_text},     {Type::texts, about_text},
    {Type::account, about_text},
};

}  // namespace

std::optional<bool> parse_boolean(std::string_view text) {
    if (std::ranges::find(yes, text) != std::end(yes)) return true;
    if (std::ranges::find(no, text) != std::end(no)) return false;
    return std::nullopt;
}

std::optional<Address> parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const auto port = parse_integer<std::uint16_t>(text.substr(colon + 1));
    if (!port) return std::nullopt;
    if (host.empty() || host == "*") return Address{"0.0.0.0", *port};
    if (host == "localhost") return Address{"127.0.0.1", *port};
    if (host.starts_with('[') && host.ends_with(']') && is_ip(AF_INET6, host.substr(1, host.size() - 2)))
        return Address{lower(host.substr(1, host.size() - 2)), *port};
    if (is_ip(AF_INET, host)) return Address{std::string(host), *port};
    return std::nullopt;
}

bool is_loopback_address(std::string_view host) { return host.starts_with("127.") || host == "::1" || host == "localhost"; }

std::optional<Micros> parse_time(std::string_view text) {
    if (text.size() == 10) return parse_rfc3339(std::string(text) + "T00:00:00Z");
    return parse_rfc3339(text);
}

std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_range(std::string_view allowed) {
    const auto dots = allowed.find("..");
    if (dots == std::string_view::npos) return std::nullopt;
    const auto low = parse_bytes(allowed.substr(0, dots)), high = parse_bytes(allowed.substr(dots + 2));
    if (!low || !high) return std::nullopt;
    return std::pair{*low, *high};
}

std::optional<Complaint> complaint_about(const Key& key, std::string_view text, std::string_view shown) {
    for (const Rule& rule : rules)
        if (rule.type == key.type) return rule.complaint(key, text, shown);
    return std::nullopt;
}

}  // namespace gotthard::config
