// The command line's way to the running gateway: HTTP/1.1 over the admin socket, or over --server URL with --token T.
// Blocking; one connection per call.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/failure.hpp"
#include "base/secret.hpp"
#include "base/sse.hpp"

namespace gotthard::app {

/// Where the gateway listens.
struct ServerAddress {
    std::string socket_path;  ///< Used when `host` is empty.
    std::string host;
    std::uint16_t port = 0;
    bool tls = false;
    std::string base_path;  ///< Of the URL, without the last slash; usually empty.
    Secret token;

    /// "http://127.0.0.1:7301", "https://gw.example/prefix". Credentials in it are refused.
    static Result<ServerAddress> parse_url(std::string_view url, Secret token);
    std::string text() const;
};

struct AdminAnswer {
    int status = 0;
    std::string etag;
    std::string body;
};

class AdminClient {
public:
    explicit AdminClient(ServerAddress address) : address_(std::move(address)) {}

    /// The answer of a good call (2xx). A problem becomes a Failure with the gateway's own words; no gateway:
    /// upstream_unavailable, which says how to reach or start one.
    Result<AdminAnswer> call(std::string_view method, std::string_view path, std::string_view body = {},
                             std::string_view if_match = {});

    /// Reads server-sent events until the gateway ends them or `seen` says false.
    Status follow(std::string_view path, const std::function<bool(const SseEvent&)>& seen);

    const ServerAddress& address() const { return address_; }

private:
    ServerAddress address_;
};

/// `text` for a query string.
std::string percent_encode(std::string_view text);

}  // namespace gotthard::app
