// Where an upstream lives: http and https URLs as the configuration writes them, and the proxy that leads there.
//
// Only what a base URL may hold is accepted: scheme, host (name, IPv4, [IPv6]), port, path, query. User information and
// fragments are refused, so that no secret hides in an address that gets logged. Values are immutable once made.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.hpp"

namespace gotthard::net {

/// Scheme, host and port.
struct Origin {
    bool tls = false;
    std::string host;  ///< Lower case; IPv6 without brackets.
    std::uint16_t port = 80;

    bool operator==(const Origin&) const = default;
    /// For the Host header: "host", "host:8080", "[::1]:8080"; the default port is left out.
    std::string authority() const;
    /// "host:443", always with the port: for CONNECT.
    std::string host_and_port() const;
    std::string to_string() const;  ///< "https://host"
};

struct BaseUrl {
    Origin origin;
    std::string path;   ///< "" or "/v1": never ends in a slash.
    std::string query;  ///< Without '?'.
};

/// invalid_request with what is wrong in words, for `gotthard check`.
Result<BaseUrl> parse_base_url(std::string_view text);
/// "10.1.2.3", "::1" without brackets.
bool is_ip_literal(std::string_view host);

struct Proxy {
    Origin origin;              ///< Spoken to in plain HTTP.
    std::string authorization;  ///< "Basic ..." or empty. A secret.
    bool operator==(const Proxy&) const = default;
};

/// "http://user:password@host:port", "host:port". A port left out means 80.
Result<Proxy> parse_proxy(std::string_view text);

/// Which proxy, if any, leads to an origin. Loopback addresses are always reached directly.
class ProxySettings {
public:
    using Environment = std::function<std::optional<std::string>(const std::string& name)>;

    ProxySettings() = default;
    /// http_proxy, https_proxy, all_proxy, no_proxy, in lower case first, then in upper case. A proxy that cannot be used
    /// (https, socks5, malformed) is a failure that names the variable, not its value.
    static Result<ProxySettings> from_environment(const Environment& environment);
    static ProxySettings of(std::optional<Proxy> http, std::optional<Proxy> https, std::string_view no_proxy);

    std::optional<Proxy> select(const Origin& origin) const;

private:
    struct Exception {
        std::string suffix;  ///< Name: matches itself and what ends in "." + itself.
        bool any = false;    ///< "*"
        bool address = false;
        std::uint8_t bytes[16] = {};  ///< IPv4 mapped into IPv6.
        unsigned prefix_bits = 128;
        std::uint16_t port = 0;  ///< 0: every port.
    };
    static std::vector<Exception> parse_exceptions(std::string_view text);

    std::optional<Proxy> http_;
    std::optional<Proxy> https_;
    std::vector<Exception> exceptions_;
};

}  // namespace gotthard::net
