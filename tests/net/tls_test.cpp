#include "net/tls.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "net/client.hpp"
#include "net/test_certificates.hpp"
#include "net/upstream_double.hpp"

namespace gotthard::net {
namespace {

constexpr Nanos second = 1'000'000'000;

class TlsTest : public ::testing::Test {
protected:
    std::unique_ptr<TlsServerContext> server(const Subject& subject = {}, std::string client_ca = {}) {
        const auto files = authority.issue(subject, "server");
        return TlsServerContext::make({.cert_file = files.cert, .key_file = files.key, .client_ca_file = std::move(client_ca)})
            .value();
    }

    std::shared_ptr<const TlsClientContext> trusting(TlsClientOptions options = {}) {
        if (options.ca_file.empty()) options.ca_file = authority.ca_file();
        return contexts.get(options).value();
    }

    std::shared_ptr<const UpstreamEndpoint> endpoint(const UpstreamDouble& upstream, std::shared_ptr<const TlsClientContext> tls,
                                                     const std::string& host = "127.0.0.1") {
        auto origin = upstream.origin();
        origin.host = host;
        return UpstreamEndpoint::make(origin, std::move(tls));
    }

    Result<SimpleResponse> fetch(std::shared_ptr<const UpstreamEndpoint> to, std::string body = {}) {
        return run(loop,
                   client.fetch(std::move(to),
                                {.method = "POST", .target = "/", .headers = "", .body = std::move(body), .limit = 64 << 20}));
    }

    void expect_refused(const Result<SimpleResponse>& answer, std::string_view detail) {
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().kind, FailureKind::upstream_unavailable);
        EXPECT_EQ(answer.error().message, "The upstream's TLS certificate was refused.");
        EXPECT_NE(answer.error().detail.find(detail), std::string::npos) << answer.error().detail;
    }

    void turn(int times = 20) {
        for (int i = 0; i < times; ++i) loop.poll();
    }

    ManualClock clock;
    Loop loop{clock};
    HttpClient client{loop};
    TlsClientContexts contexts;
    TestAuthority authority{"Test Root"};
};

TEST_F(TlsTest, RequestsAndAnswersPass) {
    const auto tls = server();
    UpstreamDouble upstream(loop, {{step::serve(answer_of("secret"))}}, tls.get());
    const auto answer = fetch(endpoint(upstream, trusting()), "hello");
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    EXPECT_EQ(answer->body, "secret");
    EXPECT_NE(upstream.requests().at(0).find("\r\n\r\nhello"), std::string::npos);
    EXPECT_TRUE(fetch(endpoint(upstream, trusting())).has_value());
    EXPECT_EQ(upstream.connections(), 1u);
}

TEST_F(TlsTest, LargeBodiesPassBothWays) {
    const auto tls = server();
    const std::string large(5 << 20, 'z');
    UpstreamDouble upstream(loop, {{step::serve(answer_of(large))}}, tls.get());
    const auto answer = fetch(endpoint(upstream, trusting()), large);
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    EXPECT_EQ(answer->body, large);
    EXPECT_EQ(upstream.requests().at(0).size() - upstream.requests().at(0).find("\r\n\r\n") - 4, large.size());
}

TEST_F(TlsTest, ACertificateOfAnUnknownAuthorityIsRefused) {
    const auto tls = server();
    const TestAuthority other("Other Root");
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}}, tls.get());
    expect_refused(fetch(endpoint(upstream, trusting({.ca_file = other.ca_file()}))), "local issuer");
    EXPECT_TRUE(upstream.requests().empty());
    const auto by_system = contexts.get({}).value();
    expect_refused(fetch(endpoint(upstream, by_system)), "local issuer");
}

TEST_F(TlsTest, ACertificateForAnotherNameOrAddressIsRefused) {
    const auto tls = server({.name = "api.example", .alternatives = "DNS:api.example,DNS:*.corp.example,IP:127.0.0.9"});
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}}, tls.get());
    expect_refused(fetch(endpoint(upstream, trusting(), "localhost")), "ostname mismatch");
    expect_refused(fetch(endpoint(upstream, trusting(), "127.0.0.1")), "IP address mismatch");
}

TEST_F(TlsTest, NamesAndAddressesOfTheCertificateAreAccepted) {
    const auto tls = server({.name = "whatever", .alternatives = "DNS:localhost,IP:127.0.0.1"});
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}}, tls.get());
    EXPECT_TRUE(fetch(endpoint(upstream, trusting(), "localhost")).has_value());
    EXPECT_TRUE(fetch(endpoint(upstream, trusting(), "127.0.0.1")).has_value());
}

TEST_F(TlsTest, AnExpiredCertificateIsRefused) {
    const auto tls = server({.valid_from_days = -30, .valid_to_days = -1});
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}}, tls.get());
    expect_refused(fetch(endpoint(upstream, trusting())), "expired");
}

TEST_F(TlsTest, InsecureAcceptsAnything) {
    const auto tls =
        server({.name = "api.example", .alternatives = "DNS:api.example", .valid_from_days = -30, .valid_to_days = -1});
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}}, tls.get());
    EXPECT_TRUE(fetch(endpoint(upstream, contexts.get({.insecure = true}).value())).has_value());
}

TEST_F(TlsTest, ConnectionsOfDifferentTrustAreNotShared) {
    const auto tls = server({.name = "api.example", .alternatives = "DNS:api.example"});
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}}, tls.get());
    EXPECT_TRUE(fetch(endpoint(upstream, contexts.get({.insecure = true}).value())).has_value());
    expect_refused(fetch(endpoint(upstream, trusting())), "mismatch");
}

TEST_F(TlsTest, SessionsAreResumedPerOrigin) {
    const auto tls = server();
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(answer_of("x", "Connection: close\r\n")), step::finish()}},
                            tls.get());
    const auto context = trusting();
    auto sessions = std::make_shared<TlsSessionCache>();
    std::vector<bool> resumed;
    for (const std::string key : {"a", "a", "b"}) {
        Cancellation cancellation;
        auto socket = run(loop, connect_first(loop, {SocketAddress::loopback(upstream.port())}, second, 0, cancellation));
        auto stream = run(loop, tls_connect(std::move(*socket), *context, "127.0.0.1", sessions, key, 0, cancellation));
        ASSERT_TRUE(stream.has_value()) << stream.error().detail;
        resumed.push_back((*stream)->resumed());
        EXPECT_EQ((*stream)->alpn(), "http/1.1");
        const iovec request{.iov_base = const_cast<char*>("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), .iov_len = 27};
        ASSERT_TRUE((*stream)->write_now({&request, 1}).ok());
        std::string text;
        ASSERT_TRUE(loop.run_until([&] {
            char room[4096];
            IoResult got;
            while ((got = (*stream)->read_now(room)).ok()) text.append(room, got.count);
            return got.state == IoResult::State::end;
        }));
        EXPECT_NE(text.find("200"), std::string::npos);
    }
    EXPECT_EQ(resumed, (std::vector<bool>{false, true, false}));
}

TEST_F(TlsTest, AClientCertificateIsShownAndRequired) {
    const TestAuthority staff("Staff Root");
    const auto tls = server({}, staff.ca_file());
    UpstreamDouble upstream(loop, {{step::serve(answer_of("welcome"))}}, tls.get());
    EXPECT_FALSE(fetch(endpoint(upstream, trusting())).has_value());
    const auto stranger = authority.issue({.name = "stranger"}, "stranger");
    EXPECT_FALSE(fetch(endpoint(upstream, trusting({.cert_file = stranger.cert, .key_file = stranger.key}))).has_value());
    EXPECT_TRUE(upstream.requests().empty());
}

TEST_F(TlsTest, AClientCertificateOfTheRightAuthorityIsAccepted) {
    TestAuthority staff("Staff Root");
    const auto tls = server({}, staff.ca_file());
    UpstreamDouble upstream(loop, {{step::serve(answer_of("welcome"))}}, tls.get());
    const auto member = staff.issue({.name = "gateway"}, "member");
    const auto answer = fetch(endpoint(upstream, trusting({.cert_file = member.cert, .key_file = member.key})));
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    EXPECT_EQ(answer->body, "welcome");
    EXPECT_EQ(upstream.peer_subject(), "CN=gateway");
}

TEST_F(TlsTest, ACertificateIsReplacedWhileTheServerRuns) {
    const auto tls = server({.valid_from_days = -30, .valid_to_days = -1});
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}}, tls.get());
    EXPECT_FALSE(fetch(endpoint(upstream, trusting())).has_value());
    authority.issue({}, "server");
    ASSERT_TRUE(tls->reload().has_value());
    EXPECT_TRUE(fetch(endpoint(upstream, trusting())).has_value());
}

TEST_F(TlsTest, ABadFileIsNamedAndLeavesTheOldCertificateInUse) {
    const auto tls = server();
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}}, tls.get());
    const auto file = tls->options().cert_file;
    std::ofstream(file) << "not a certificate";
    const auto status = tls->reload();
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().kind, FailureKind::invalid_request);
    EXPECT_NE(status.error().message.find(file), std::string::npos);
    EXPECT_TRUE(fetch(endpoint(upstream, trusting())).has_value());
    EXPECT_FALSE(contexts.get({.ca_file = "/nonexistent/ca.pem"}).has_value());
    EXPECT_FALSE(contexts.get({.ca_file = authority.ca_file(), .cert_file = authority.ca_file()}).has_value());
}

TEST_F(TlsTest, OneTrustSetIsOneContextUntilItsFilesChange) {
    const auto first = trusting();
    EXPECT_EQ(first, trusting());
    EXPECT_NE(first, contexts.get({.insecure = true}).value());
    std::ofstream(authority.ca_file(), std::ios::app) << "\n";
    EXPECT_NE(first, trusting());
}

TEST_F(TlsTest, AnAnswerCutWithoutCloseNotifyIsNotAnEnd) {
    const auto tls = server();
    UpstreamDouble upstream(loop,
                            {{step::expect_request(), step::send("HTTP/1.1 200 OK\r\n\r\nhalf"), step::close()},
                             {step::expect_request(), step::send("HTTP/1.1 200 OK\r\n\r\nwhole"), step::finish(), step::hang()}},
                            tls.get());
    const auto cut = fetch(endpoint(upstream, trusting()));
    ASSERT_FALSE(cut.has_value());
    EXPECT_EQ(cut.error().kind, FailureKind::upstream_malformed);
    EXPECT_EQ(fetch(endpoint(upstream, trusting())).value().body, "whole");
}

TEST_F(TlsTest, APlainServerBehindHttpsIsUnavailable) {
    UpstreamDouble upstream(loop, {{step::send("HTTP/1.1 400 Bad Request\r\n\r\n"), step::close()}});
    auto origin = upstream.origin();
    origin.tls = true;
    const auto answer = fetch(UpstreamEndpoint::make(origin, trusting()));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().kind, FailureKind::upstream_unavailable);
    EXPECT_NE(answer.error().detail.find("TLS handshake"), std::string::npos);
}

TEST_F(TlsTest, AServerThatNeverAnswersTheHandshakeIsAConnectTimeout) {
    UpstreamDouble upstream(loop, {{step::hang()}});
    auto origin = upstream.origin();
    origin.tls = true;
    auto answer = start(client.fetch(UpstreamEndpoint::make(origin, trusting()), {},
                                     {.connect = 2 * second, .headers = 9 * second, .idle = 0, .total = 0}));
    ASSERT_TRUE(loop.run_until([&] { return upstream.open_connections() == 1; }));
    turn();
    EXPECT_FALSE(answer->has_value());
    clock.advance(3 * second);
    turn();
    ASSERT_TRUE(answer->has_value());
    EXPECT_EQ((*answer)->error().kind, FailureKind::upstream_timeout);
    EXPECT_NE((*answer)->error().detail.find("connect"), std::string::npos);
}

TEST_F(TlsTest, AbortDuringTheHandshakeClosesTheConnection) {
    UpstreamDouble upstream(loop, {{step::hang()}});
    auto origin = upstream.origin();
    origin.tls = true;
    ClientExchange exchange(client);
    auto status =
        start(exchange.send(UpstreamEndpoint::make(origin, trusting()),
                            {.method = "GET", .head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", .body = {}, .limits = {}}, {}));
    ASSERT_TRUE(loop.run_until([&] { return upstream.open_connections() == 1; }));
    exchange.abort();
    turn();
    ASSERT_TRUE(status->has_value());
    EXPECT_EQ((*status)->error().kind, FailureKind::cancelled);
    EXPECT_EQ(upstream.open_connections(), 0u);
}

TEST_F(TlsTest, GarbageInsteadOfAHandshakeFailsOnlyThatConnection) {
    const auto tls = server();
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}}, tls.get());
    auto plain = upstream.origin();
    plain.tls = false;
    EXPECT_FALSE(fetch(UpstreamEndpoint::make(plain)).has_value());
    EXPECT_EQ(upstream.handshakes_failed(), 1u);
    EXPECT_TRUE(fetch(endpoint(upstream, trusting())).has_value());
}

}  // namespace
}  // namespace gotthard::net
