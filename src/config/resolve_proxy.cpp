// Which forward proxy stands between us and an upstream: the provider's own, the general one, or the environment's.
#include <fmt/format.h>

#include "base/text.hpp"
#include "config/resolve.hpp"
#include "config/values.hpp"

namespace gotthard::config {
namespace {

std::optional<Proxy> parse_proxy(std::string text) {
    if (text.find("://") == std::string::npos) text = "http://" + text;
    const auto scheme = text.find("://");
    const auto at = text.rfind('@');
    Proxy proxy;
    if (at != std::string::npos && at > scheme) {
        const std::string user = percent_decode(std::string_view(text).substr(scheme + 3, at - scheme - 3));
        proxy.authorization = Secret("Basic " + base64(user));
        text.erase(scheme + 3, at - scheme - 2);
    }
    const auto url = provider::parse_base_url(text);
    if (!url || url->secure) return std::nullopt;
    proxy.host = url->host;
    proxy.port = url->port;
    return proxy;
}

/// An entry of NO_PROXY: "*", "host", ".suffix", "host:port"; a name covers its subdomains.
bool covers(std::string_view entry, const provider::BaseUrl& target) {
    if (entry == "*") return true;
    if (const auto colon = entry.rfind(':'); colon != std::string_view::npos && entry.find(':') == colon) {
        if (parse_integer<std::uint16_t>(entry.substr(colon + 1)) != target.port) return false;
        entry = entry.substr(0, colon);
    }
    if (entry.starts_with("*.")) entry.remove_prefix(1);
    if (entry.starts_with('.')) entry.remove_prefix(1);
    if (entry.empty()) return false;
    const std::string name = lower(entry);
    return target.host == name || target.host.ends_with("." + name);
}

std::string first_of(const provider::Environment& environment, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names)
        if (const auto value = environment(name); value && !trim(*value).empty()) return std::string(trim(*value));
    return {};
}

}  // namespace

std::optional<Proxy> resolve_proxy(const View& own, const View& general, const provider::BaseUrl& target,
                                   const provider::Environment& environment, Faults& faults) {
    const View& said = own.given() ? own : general;
    if (said.given()) {
        if (said.text() == "none" || (!own.given() && is_loopback_address(target.host))) return std::nullopt;
        return parse_proxy(said.text());
    }
    if (is_loopback_address(target.host)) return std::nullopt;
    const std::string text = target.secure ? first_of(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
                                           : first_of(environment, {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"});
    if (text.empty()) return std::nullopt;
    const std::string except = first_of(environment, {"no_proxy", "NO_PROXY"});
    for (const std::string_view entry : split_list(except))
        if (covers(entry, target)) return std::nullopt;
    auto proxy = parse_proxy(text);
    if (!proxy)
        faults.warning({}, "proxy", "the proxy in the environment is not usable and is not used",
                       "set HTTPS_PROXY and HTTP_PROXY to http://host:port, or give `proxy`");
    return proxy;
}

}  // namespace gotthard::config
