// Writes Exchange::caller.
#include "base/text.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {
namespace {

/// The value of `key` in a query string, percent-decoded.
std::string query_value(std::string_view query, std::string_view key) {
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        if (pair.size() > key.size() && pair.starts_with(key) && pair[key.size()] == '=') return percent_decode(pair.substr(key.size() + 1), true);
        if (end == std::string_view::npos) break;
        query.remove_prefix(end + 1);
    }
    return {};
}

}  // namespace

Status Gateway::authenticate(Exchange& x) {
    if (!x.snapshot->require_keys) {
        x.caller = identity::anonymous_caller();
        return {};
    }
    const auto& head = x.http->head();
    const std::string from_query = head.query.empty() ? std::string() : query_value(head.query, "key");
    const auto key = identity::find_key({.authorization = head.headers.get("authorization"),
                                         .x_api_key = head.headers.get("x-api-key"),
                                         .x_goog_api_key = head.headers.get("x-goog-api-key"),
                                         .api_key = head.headers.get("api-key"),
                                         .query_key = from_query});
    if (key.empty()) {
        metrics_.auth_refused("missing");
        return fail(FailureKind::invalid_api_key, "no API key was sent; put a key of this gateway into Authorization: Bearer, x-api-key or api-key");
    }
    auto caller = authenticator_.authenticate(key, x.arrived_wall);
    if (!caller) {
        metrics_.auth_refused(to_string(caller.error().kind));
        return fail(std::move(caller.error()));
    }
    x.caller = std::move(*caller);
    return {};
}

}  // namespace gotthard::spine
