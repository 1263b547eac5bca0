#include "net/dialer.hpp"

#include <gtest/gtest.h>

#include "net/client.hpp"
#include "net/test_certificates.hpp"
#include "net/upstream_double.hpp"

namespace gotthard::net {
namespace {

constexpr Nanos second = 1'000'000'000;
constexpr Nanos millisecond = 1'000'000;

SocketAddress address(std::string_view text) { return SocketAddress::parse(text).value(); }

/// A listener whose queue is full: a connect to it neither succeeds nor fails.
class FullListener {
public:
    FullListener() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const auto any = SocketAddress::loopback(0);
        if (::bind(listener_.fd(), any.get(), any.length()) != 0 || ::listen(listener_.fd(), 0) != 0) std::abort();
        for (int i = 0; i < 4; ++i) {
            auto& filler = fillers_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            const auto here = local_address(listener_.fd());
            [[maybe_unused]] const int pending = ::connect(filler.fd(), here.get(), here.length());
        }
    }
    SocketAddress where() const { return local_address(listener_.fd()); }

private:
    Socket listener_;
    std::vector<Socket> fillers_;
};

class DialerTest : public ::testing::Test {
protected:
    void turn(int times = 20) {
        for (int i = 0; i < times; ++i) loop.poll();
    }

    Result<SimpleResponse> fetch(std::shared_ptr<const UpstreamEndpoint> to) {
        return run(loop, client.fetch(std::move(to), {.method = "GET", .target = "/x"}));
    }

    ManualClock clock;
    Loop loop{clock};
    HttpClient client{loop};
    Cancellation cancellation;
};

TEST_F(DialerTest, FamiliesTakeTurns) {
    const auto mixed = interleave_families(
        {address("[::1]:1"), address("[::2]:1"), address("[::3]:1"), address("127.0.0.1:1"), address("127.0.0.2:1")});
    std::vector<std::string> text;
    for (const auto& each : mixed) text.push_back(each.to_string());
    EXPECT_EQ(text, (std::vector<std::string>{"[::1]:1", "127.0.0.1:1", "[::2]:1", "127.0.0.2:1", "[::3]:1"}));
    EXPECT_TRUE(interleave_families({}).empty());
}

TEST_F(DialerTest, ARefusedAddressIsFollowedByTheNextAtOnce) {
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}});
    const auto refused = SocketAddress::loopback(closed_port());
    const auto socket = run(loop, connect_first(loop, {refused, refused, SocketAddress::loopback(upstream.port())},
                                                250 * millisecond, 0, cancellation));
    ASSERT_TRUE(socket.has_value());
    EXPECT_EQ(peer_address(socket->fd()).port(), upstream.port());
}

TEST_F(DialerTest, ASilentAddressIsOvertakenAfterTheStagger) {
    FullListener silent;
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}});
    auto socket = start(
        connect_first(loop, {silent.where(), SocketAddress::loopback(upstream.port())}, 250 * millisecond, 0, cancellation));
    turn();
    EXPECT_FALSE(socket->has_value());
    clock.advance(249 * millisecond);
    turn();
    EXPECT_EQ(upstream.connections(), 0u);
    clock.advance(2 * millisecond);
    ASSERT_TRUE(loop.run_until([&] { return socket->has_value(); }));
    EXPECT_EQ(peer_address((*socket)->value().fd()).port(), upstream.port());
}

TEST_F(DialerTest, AllReasonsAreInTheDetail) {
    const auto one = closed_port();
    const auto failed =
        run(loop, connect_first(loop, {SocketAddress::loopback(one), address("[::1]:9")}, 250 * millisecond, 0, cancellation));
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().kind, FailureKind::upstream_unavailable);
    EXPECT_NE(failed.error().detail.find(std::to_string(one)), std::string::npos);
    EXPECT_NE(failed.error().detail.find("[::1]:9"), std::string::npos);
    EXPECT_EQ(failed.error().message.find("::1"), std::string::npos);
}

TEST_F(DialerTest, SilenceEndsAtTheDeadlineOrWithCancellation) {
    FullListener silent;
    auto late = start(connect_first(loop, {silent.where()}, 250 * millisecond, loop.now() + 2 * second, cancellation));
    Cancellation other;
    auto cancelled = start(connect_first(loop, {silent.where()}, 250 * millisecond, 0, other));
    turn();
    clock.advance(3 * second);
    turn();
    ASSERT_TRUE(late->has_value());
    EXPECT_EQ((*late)->error().kind, FailureKind::upstream_timeout);
    EXPECT_FALSE(cancelled->has_value());
    other.cancel();
    turn();
    ASSERT_TRUE(cancelled->has_value());
    EXPECT_EQ((*cancelled)->error().kind, FailureKind::cancelled);
}

TEST_F(DialerTest, PlainRequestsGoToTheProxyInAbsoluteForm) {
    UpstreamDouble proxy(loop, {{step::serve(answer_of("by proxy"))}});
    const auto settings = parse_proxy("http://user:pass@127.0.0.1:" + std::to_string(proxy.port())).value();
    const auto to = UpstreamEndpoint::make({.tls = false, .host = "api.example.test", .port = 8080}, nullptr, settings);
    EXPECT_EQ(fetch(to).value().body, "by proxy");
    EXPECT_EQ(proxy.requests().at(0),
              "GET http://api.example.test:8080/x HTTP/1.1\r\nHost: api.example.test:8080\r\nProxy-Authorization: Basic "
              "dXNlcjpwYXNz\r\n\r\n");
}

TEST_F(DialerTest, SecureRequestsGoThroughATunnel) {
    // The double speaks only one layer, so the handshake behind the tunnel meets plain text: what matters here is the CONNECT.
    UpstreamDouble proxy(loop, {{step::expect_head(), step::send("HTTP/1.1 200 Connection established\r\n\r\n"), step::hang()}});
    const auto settings = parse_proxy("http://user:pass@127.0.0.1:" + std::to_string(proxy.port())).value();
    TestAuthority authority("Root");
    TlsClientContexts contexts;
    const auto to = UpstreamEndpoint::make({.tls = true, .host = "api.example.test", .port = 443},
                                           contexts.get({.ca_file = authority.ca_file()}).value(), settings);
    auto answer = start(client.fetch(to, {}));
    ASSERT_TRUE(loop.run_until([&] { return !proxy.requests().empty(); }));
    EXPECT_EQ(
        proxy.requests().at(0),
        "CONNECT api.example.test:443 HTTP/1.1\r\nHost: api.example.test:443\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n");
    turn();
    EXPECT_FALSE(answer->has_value());
    clock.advance(3 * second);
    turn();
    ASSERT_TRUE(answer->has_value());
    EXPECT_EQ((*answer)->error().kind, FailureKind::upstream_timeout);
}

TEST_F(DialerTest, AProxyThatRefusesIsUnavailable) {
    TestAuthority authority("Root");
    TlsClientContexts contexts;
    const auto tls = contexts.get({.ca_file = authority.ca_file()}).value();
    for (const std::string refusal :
         {"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 403 Forbidden\r\n\r\n",
          "garbage\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nbytes of its own"}) {
        UpstreamDouble proxy(loop, {{step::expect_head(), step::send(refusal), step::hang()}});
        const auto to = UpstreamEndpoint::make({.tls = true, .host = "api.example.test", .port = 443}, tls,
                                               Proxy{{.tls = false, .host = "127.0.0.1", .port = proxy.port()}, {}});
        const auto answer = fetch(to);
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().kind, FailureKind::upstream_unavailable) << refusal;
        EXPECT_NE(answer.error().message.find("proxy"), std::string::npos) << answer.error().message;
    }
}

TEST_F(DialerTest, EndpointsBehindDifferentProxiesDoNotShareConnections) {
    const Origin origin{.tls = true, .host = "api.example.test", .port = 443};
    const Proxy proxy{{.tls = false, .host = "p", .port = 1}, {}};
    EXPECT_NE(UpstreamEndpoint::make(origin)->key(), UpstreamEndpoint::make(origin, nullptr, proxy)->key());
    EXPECT_EQ(UpstreamEndpoint::make(origin)->key(), UpstreamEndpoint::make(origin)->key());
    EXPECT_TRUE(UpstreamEndpoint::make(origin, nullptr, proxy)->target_prefix().empty());
}

}  // namespace
}  // namespace gotthard::net
