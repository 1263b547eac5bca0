// From an endpoint to a connected stream: resolve, race the addresses (happy eyeballs, RFC 8305), pass the proxy, shake
// hands. One loop's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/cancellation.hpp"
#include "net/dns.hpp"
#include "net/tls.hpp"
#include "net/url.hpp"

namespace gotthard::net {

struct PoolLimits {
    std::size_t max_idle = 256;        ///< Kept open per endpoint and shard.
    Nanos idle_time = 60'000'000'000;  ///< Some engines close after 5 s: that is noticed, and a race costs one repeat.
    Nanos max_age = 600'000'000'000;   ///< From the connection's start; so that changes in DNS are followed.
};

/// An upstream as the client sees it: immutable, shared by shards, made once per configuration.
class UpstreamEndpoint {
public:
    /// `tls` must be set for https origins.
    static std::shared_ptr<const UpstreamEndpoint> make(Origin origin, std::shared_ptr<const TlsClientContext> tls = nullptr,
                                                        std::optional<Proxy> proxy = std::nullopt, PoolLimits limits = {});

    const Origin& origin() const { return origin_; }
    const std::string& authority() const { return authority_; }  ///< For the Host header.
    const std::shared_ptr<const TlsClientContext>& tls() const { return tls_; }
    const std::optional<Proxy>& proxy() const { return proxy_; }
    const PoolLimits& limits() const { return limits_; }
    /// What goes in front of the path in the request line: "http://host:port" through a proxy, else empty.
    const std::string& target_prefix() const { return target_prefix_; }
    /// Header lines that every request needs: "Proxy-Authorization: ...\r\n" or nothing. A secret.
    const std::string& proxy_headers() const { return proxy_headers_; }
    /// Connections may be shared by all endpoints of one key.
    const std::string& key() const { return key_; }

private:
    UpstreamEndpoint() = default;
    Origin origin_;
    std::string authority_;
    std::shared_ptr<const TlsClientContext> tls_;
    std::optional<Proxy> proxy_;
    PoolLimits limits_;
    std::string target_prefix_;
    std::string proxy_headers_;
    std::string key_;
};

/// The first address that answers. The next one is tried after `stagger`, or at once when one refuses.
/// upstream_unavailable (with every reason in the detail), upstream_timeout, cancelled.
Task<Result<Socket>> connect_first(Loop& loop, std::vector<SocketAddress> addresses, Nanos stagger, Nanos deadline,
                                   Cancellation& cancellation);
/// Families in turn, the first one's first: RFC 8305 section 4.
std::vector<SocketAddress> interleave_families(const std::vector<SocketAddress>& addresses);

class Dialer {
public:
    Dialer(Loop& loop, ResolverOptions options = {});

    /// `endpoint` must live until then.
    Task<Result<std::unique_ptr<ByteStream>>> dial(const UpstreamEndpoint& endpoint, Nanos deadline, Cancellation& cancellation);
    Resolver& resolver() { return resolver_; }
    std::uint64_t dialled() const { return dialled_; }

private:
    static constexpr Nanos stagger = 250'000'000;
    Task<Result<Socket>> tunnel(Socket socket, const UpstreamEndpoint& endpoint, Nanos deadline, Cancellation& cancellation);

    Loop& loop_;
    Resolver resolver_;
    std::shared_ptr<TlsSessionCache> sessions_ = std::make_shared<TlsSessionCache>();
    std::uint64_t dialled_ = 0;
};

}  // namespace gotthard::net
