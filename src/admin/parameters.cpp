// Reading the query parameters that several lists share, and writing what several answers share.
#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "base/id.hpp"
#include "base/text.hpp"

namespace gotthard::admin {
namespace {

std::unexpected<Failure> wrong(std::string_view name, std::string message) {
    return fail(Failure(FailureKind::invalid_request, std::move(message)).at(std::string(name)));
}

/// "429", "4xx", "5xx".
Result<std::optional<std::int64_t>> read_status(std::string_view text) {
    if (text.empty()) return std::nullopt;
    if (text.size() == 3 && text.substr(1) == "xx" && text[0] >= '1' && text[0] <= '5') return text[0] - '0';
    const auto number = parse_integer<std::int64_t>(text);
    if (number && *number >= 100 && *number <= 599) return *number;
    return wrong("status", "'status' must be an HTTP status like 429, or a class like 4xx or 5xx.");
}

}  // namespace

Result<std::size_t> read_limit(const Parameters& parameters, std::size_t usual, std::size_t most) {
    if (!parameters.has("limit")) return usual;
    const auto number = parse_integer<std::size_t>(parameters.get("limit"));
    if (!number || *number == 0 || *number > most)
        return wrong("limit", fmt::format("'limit' must be a number from 1 to {}.", most));
    return *number;
}

Result<Micros> read_time(const Parameters& parameters, std::string_view name, Micros now) {
    const auto text = parameters.get(name);
    if (text.empty()) return 0;
    if (const auto micros = parse_rfc3339(text)) return *micros;
    if (const auto back = parse_duration(text)) return std::max<Micros>(now - *back / 1000, 1);
    return wrong(name, fmt::format("'{}' must be a time like 2026-01-31T12:00:00Z, or a duration back from now like 7d.", name));
}

Result<store::RequestFilter> read_filter(const Parameters& parameters, Micros now) {
    store::RequestFilter filter;
    const auto key = parameters.get("key");
    (Id::parse(key) ? filter.key_id : filter.key_alias) = key;
    filter.team = parameters.get("team");
    filter.model = parameters.get("model");
    filter.provider = parameters.get("provider");
    filter.target = parameters.get("target");
    filter.route = parameters.get("route");
    filter.endpoint = parameters.get("endpoint");
    filter.outcome = parameters.get("outcome");
    filter.session_id = parameters.get("session");
    auto status = read_status(parameters.get("status"));
    if (!status) return std::unexpected(std::move(status.error()));
    filter.status = *status;
    auto since = read_time(parameters, "from", now);
    if (!since) return std::unexpected(std::move(since.error()));
    auto until = read_time(parameters, "to", now);
    if (!until) return std::unexpected(std::move(until.error()));
    filter.since = *since;
    filter.until = *until;
    return filter;
}

void write_text_or_null(json::Writer& writer, std::string_view name, std::string_view text) {
    if (text.empty())
        writer.member_null(name);
    else
        writer.member(name, text);
}

void write_time_or_null(json::Writer& writer, std::string_view name, Micros at) {
    if (at == 0)
        writer.member_null(name);
    else
        writer.member(name, rfc3339(at));
}

}  // namespace gotthard::admin
