#include "net/client.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "net/content_coding.hpp"
#include "net/upstream_double.hpp"

namespace gotthard::net {
namespace {

constexpr Nanos second = 1'000'000'000;

/// What one exchange came to.
struct Outcome {
    Result<int> status = 0;
    std::string body;  ///< What came before the end or the failure.
    std::string raw;
    Status ended;  ///< How the body ended.
    bool reused = false;
    bool repeated = false;
    Phase timed_out = Phase::none;
};

class ClientTest : public testing::Test {
protected:
    std::shared_ptr<const UpstreamEndpoint> endpoint(const UpstreamDouble& upstream, PoolLimits limits = {}) {
        return UpstreamEndpoint::make(upstream.origin(), nullptr, std::nullopt, limits);
    }

    static std::string head_of(std::string_view method, std::size_t length) {
        return fmt::format("{} /v1/x HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", method, length);
    }

    static Task<Outcome> converse(ClientExchange& exchange, std::shared_ptr<const UpstreamEndpoint> to, std::string method,
                                  std::string body, ClientTimeouts timeouts) {
        Outcome outcome;
        const auto head = head_of(method, body.size());
        iovec piece{.iov_base = body.data(), .iov_len = body.size()};
        auto sent = co_await exchange.send(
            std::move(to), {.method = method, .head = head, .body = std::span(&piece, body.empty() ? 0 : 1), .limits = {}},
            timeouts);
        outcome.reused = exchange.reused();
        outcome.repeated = exchange.repeated();
        if (!sent) {
            outcome.status = fail(std::move(sent.error()));
            outcome.timed_out = exchange.timed_out();
            co_return outcome;
        }
        outcome.status = exchange.head().status;
        for (;;) {
            auto piece_read = co_await exchange.read_some();
            if (!piece_read) {
                outcome.ended = fail(std::move(piece_read.error()));
                break;
            }
            for (const auto span : piece_read->payload) outcome.body += span;
            outcome.raw += piece_read->raw;
            if (piece_read->last) break;
        }
        outcome.timed_out = exchange.timed_out();
        co_return outcome;
    }

    Outcome ask(std::shared_ptr<const UpstreamEndpoint> to, std::string body = "{}", std::string method = "POST",
                ClientTimeouts timeouts = {}) {
        ClientExchange exchange(client);
        return run(loop, converse(exchange, std::move(to), std::move(method), std::move(body), timeouts));
    }

    void turn(int times = 20) {
        for (int i = 0; i < times; ++i) loop.poll();
    }

    ManualClock clock;
    Loop loop{clock};
    HttpClient client{loop};
};

TEST_F(ClientTest, SendsHeadAndBodyAndReadsTheAnswer) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(answer_of("hello", "X-Test: 1\r\n"))}});
    const auto outcome = ask(endpoint(upstream), "{\"a\":1}");
    ASSERT_EQ(outcome.status.value(), 200);
    EXPECT_EQ(outcome.body, "hello");
    EXPECT_TRUE(outcome.ended.has_value());
    ASSERT_EQ(upstream.requests().size(), 1u);
    EXPECT_EQ(upstream.requests()[0], head_of("POST", 7) + "{\"a\":1}");
}

TEST_F(ClientTest, ABodyOfManyPiecesIsSentUnchanged) {
    UpstreamDouble upstream(loop, {{step::serve(answer_of("ok"))}});
    std::vector<std::string> parts;
    std::string whole;
    for (int i = 0; i < 3000; ++i)
        whole += parts.emplace_back(static_cast<std::size_t>(i % 700), static_cast<char>('a' + i % 26));
    std::vector<iovec> pieces;
    for (auto& part : parts) pieces.push_back({.iov_base = part.data(), .iov_len = part.size()});
    const auto head = head_of("POST", whole.size());
    ClientExchange exchange(client);
    const auto status =
        run(loop, exchange.send(endpoint(upstream), {.method = "POST", .head = head, .body = pieces, .limits = {}}, {}));
    ASSERT_TRUE(status.has_value());
    EXPECT_EQ(run(loop, exchange.read_all(100)).value(), "ok");
    EXPECT_EQ(upstream.requests().at(0), head + whole);
    EXPECT_EQ(pieces[1].iov_len, 1u);
}

TEST_F(ClientTest, KeepsTheConnectionForTheNextRequest) {
    UpstreamDouble upstream(loop, {{step::serve(answer_of("again"))}});
    const auto to = endpoint(upstream);
    EXPECT_FALSE(ask(to).reused);
    EXPECT_EQ(client.pool().idle(), 1u);
    for (int i = 0; i < 5; ++i) {
        const auto outcome = ask(to);
        EXPECT_TRUE(outcome.reused);
        EXPECT_EQ(outcome.body, "again");
    }
    EXPECT_EQ(upstream.connections(), 1u);
    EXPECT_EQ(upstream.requests().size(), 6u);
}

TEST_F(ClientTest, ReadsChunksAndSaysWhichCanBePassedOn) {
    const std::string body = chunk("data: 1\n\n") + chunk("data: 2\n\n") + "0\r\n\r\n";
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(chunked_head() + body), step::hang()}});
    const auto outcome = ask(endpoint(upstream));
    EXPECT_EQ(outcome.body, "data: 1\n\ndata: 2\n\n");
    EXPECT_EQ(outcome.raw, body);
    EXPECT_TRUE(outcome.ended.has_value());
    EXPECT_EQ(client.pool().idle(), 1u);
}

TEST_F(ClientTest, WholeChunksAreHandedOutWithTheirFraming) {
    UpstreamDouble upstream(loop,
                            {{step::expect_request(), step::send(chunked_head() + chunk("one") + chunk("two")), step::hang()}});
    ClientExchange exchange(client);
    const auto head = head_of("POST", 0);
    ASSERT_TRUE(
        run(loop, exchange.send(endpoint(upstream), {.method = "POST", .head = head, .body = {}, .limits = {}}, {})).has_value());
    const auto piece = run(loop, exchange.read_some()).value();
    EXPECT_EQ(piece.whole_chunks, piece.raw.size());
    EXPECT_EQ(piece.raw, chunk("one") + chunk("two"));
    ASSERT_EQ(piece.payload.size(), 2u);
    EXPECT_EQ(piece.payload[1], "two");
    EXPECT_FALSE(piece.last);
    exchange.release_head();
    exchange.abort();
}

TEST_F(ClientTest, AnAnswerWithoutLengthEndsWithTheConnection) {
    UpstreamDouble upstream(
        loop, {{step::expect_request(), step::send("HTTP/1.1 200 OK\r\n\r\nuntil the end"), step::finish(), step::hang()}});
    const auto outcome = ask(endpoint(upstream));
    EXPECT_EQ(outcome.body, "until the end");
    EXPECT_TRUE(outcome.ended.has_value());
    EXPECT_EQ(client.pool().idle(), 0u);
}

TEST_F(ClientTest, HeadAnd204AnswersHaveNoBody) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
                                    step::expect_request(), step::send("HTTP/1.1 204 No Content\r\n\r\n"), step::hang()}});
    const auto to = endpoint(upstream);
    EXPECT_EQ(ask(to, "", "HEAD").body, "");
    const auto second_outcome = ask(to);
    EXPECT_EQ(second_outcome.status.value(), 204);
    EXPECT_TRUE(second_outcome.reused);
}

TEST_F(ClientTest, InterimAnswersAreSkipped) {
    UpstreamDouble upstream(
        loop, {{step::expect_request(), step::send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
                step::send(answer_of("final"))}});
    EXPECT_EQ(ask(endpoint(upstream)).body, "final");
}

TEST_F(ClientTest, EndlessInterimAnswersAndUpgradesAreRefused) {
    UpstreamDouble upstream(
        loop, {{step::expect_request(), step::send("HTTP/1.1 100 Continue\r\n\r\n", 30), step::hang()},
               {step::expect_request(), step::send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), step::hang()}});
    for (int i = 0; i < 2; ++i) EXPECT_EQ(ask(endpoint(upstream)).status.error().kind, FailureKind::upstream_malformed);
}

TEST_F(ClientTest, RedirectsAreAnswersLikeAnyOther) {
    UpstreamDouble upstream(loop, {{step::serve(answer_of("", "Location: http://elsewhere/\r\n", 302))}});
    EXPECT_EQ(ask(endpoint(upstream)).status.value(), 302);
    EXPECT_EQ(upstream.requests().size(), 1u);
}

TEST_F(ClientTest, TheHeadMayArriveByteByByte) {
    Script script{step::expect_request()};
    for (const char byte : answer_of("slow", "X: y\r\n")) script.push_back(step::send(std::string(1, byte)));
    script.push_back(step::hang());
    UpstreamDouble upstream(loop, {script});
    const auto outcome = ask(endpoint(upstream));
    EXPECT_EQ(outcome.body, "slow");
    EXPECT_EQ(client.pool().idle(), 1u);
}

TEST_F(ClientTest, ARefusedConnectionIsUnavailableAndNamesNoAddress) {
    const auto port = closed_port();
    const auto outcome = ask(UpstreamEndpoint::make({.tls = false, .host = "127.0.0.1", .port = port}));
    ASSERT_FALSE(outcome.status.has_value());
    const auto& failure = outcome.status.error();
    EXPECT_EQ(failure.kind, FailureKind::upstream_unavailable);
    EXPECT_EQ(failure.message.find("127.0.0.1"), std::string::npos);
    EXPECT_NE(failure.detail.find(std::to_string(port)), std::string::npos);
    EXPECT_EQ(failure.retry, Retry::next_target);
}

TEST_F(ClientTest, AConnectionClosedOrResetWithoutAnAnswerIsUnavailable) {
    UpstreamDouble upstream(loop,
                            {{step::expect_request(), step::close()}, {step::expect_request(), step::reset()}, {step::reset()}});
    for (int i = 0; i < 3; ++i) {
        const auto outcome = ask(endpoint(upstream));
        ASSERT_FALSE(outcome.status.has_value());
        EXPECT_EQ(outcome.status.error().kind, FailureKind::upstream_unavailable);
        EXPECT_FALSE(outcome.repeated);
    }
    EXPECT_EQ(upstream.connections(), 3u);
}

TEST_F(ClientTest, AnAnswerCutAnywhereIsAFailureAndNeverAnEnd) {
    const std::string by_length = answer_of("0123456789", "A: b\r\n");
    const std::string by_chunks = chunked_head() + chunk("hello") + chunk("world") + "0\r\n\r\n";
    for (const auto& whole : {by_length, by_chunks}) {
        for (std::size_t cut = 1; cut < whole.size(); ++cut) {
            for (const auto& end : {step::close(), step::reset()}) {
                UpstreamDouble upstream(loop, {{step::expect_request(), step::send(whole.substr(0, cut)), end}});
                const auto outcome = ask(endpoint(upstream));
                const auto* failure = !outcome.status  ? &outcome.status.error()
                                      : !outcome.ended ? &outcome.ended.error()
                                                       : nullptr;
                ASSERT_NE(failure, nullptr) << cut << " of " << whole;
                const bool reset = end.what == Step::What::reset;  // may overtake the bytes
                ASSERT_TRUE(failure->kind == FailureKind::upstream_malformed ||
                            (reset && failure->kind == FailureKind::upstream_unavailable))
                    << cut;
                ASSERT_EQ(client.pool().idle(), 0u);
            }
        }
    }
}

TEST_F(ClientTest, GarbageIsNotAnAnswer) {
    for (const std::string garbage :
         {"SSH-2.0-OpenSSH_9.2\r\n", "\x15\x03\x01\x00\x02\x02\x16", "<html><body>hello</body></html>", "HTTP/2.0 200 OK\r\n\r\n",
          "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
          "HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"}) {
        UpstreamDouble upstream(loop, {{step::expect_request(), step::send(garbage), step::hang()}});
        const auto outcome = ask(endpoint(upstream));
        ASSERT_FALSE(outcome.status.has_value()) << garbage;
        EXPECT_EQ(outcome.status.error().kind, FailureKind::upstream_malformed) << garbage;
    }
}

TEST_F(ClientTest, WrongChunkFramingIsAFailureAfterTheGoodPart) {
    UpstreamDouble upstream(
        loop, {{step::expect_request(), step::send(chunked_head() + chunk("good") + "zz\r\nbad\r\n"), step::hang()}});
    const auto outcome = ask(endpoint(upstream));
    ASSERT_FALSE(outcome.ended.has_value());
    EXPECT_EQ(outcome.ended.error().kind, FailureKind::upstream_malformed);
}

TEST_F(ClientTest, AHeadThatNeverEndsIsBounded) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send("HTTP/1.1 200 OK\r\n"),
                                    step::send("X-Filler: " + std::string(1000, 'x') + "\r\n", 100'000), step::hang()}});
    const auto outcome = ask(endpoint(upstream));
    ASSERT_FALSE(outcome.status.has_value());
    EXPECT_EQ(outcome.status.error().kind, FailureKind::upstream_malformed);
}

TEST_F(ClientTest, MoreBytesThanAnnouncedAreDroppedWithTheConnection) {
    UpstreamDouble upstream(
        loop, {{step::expect_request(), step::send(answer_of("five5") + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
                step::hang()}});
    const auto to = endpoint(upstream);
    EXPECT_EQ(ask(to).body, "five5");
    EXPECT_EQ(client.pool().idle(), 0u);
}

TEST_F(ClientTest, BytesThatComeWhileIdleNeverAnswerTheNextRequest) {
    UpstreamDouble upstream(
        loop, {{step::expect_request(), step::send(answer_of("one")), step::send(answer_of("poison")), step::hang()},
               {step::serve(answer_of("two"))}});
    const auto to = endpoint(upstream);
    EXPECT_EQ(ask(to).body, "one");
    turn();
    EXPECT_EQ(ask(to).body, "two");
}

TEST_F(ClientTest, AStalePooledConnectionIsReplacedOnceByAFreshOne) {
    // The first connection dies exactly when the second request arrives: the close cannot have been noticed while idle.
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(answer_of("one")), step::expect_request(), step::close()},
                                   {step::serve(answer_of("two"))}});
    const auto to = endpoint(upstream);
    EXPECT_EQ(ask(to).body, "one");
    const auto outcome = ask(to, "{\"n\":2}");
    ASSERT_TRUE(outcome.status.has_value());
    EXPECT_EQ(outcome.body, "two");
    EXPECT_TRUE(outcome.repeated);
    EXPECT_EQ(upstream.requests().back(), head_of("POST", 7) + "{\"n\":2}");
    EXPECT_EQ(upstream.connections(), 2u);
}

TEST_F(ClientTest, AStaleConnectionIsNotReplacedTwice) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(answer_of("one")), step::expect_request(), step::reset()},
                                   {step::expect_request(), step::close()}});
    const auto to = endpoint(upstream);
    EXPECT_EQ(ask(to).body, "one");
    const auto outcome = ask(to);
    ASSERT_FALSE(outcome.status.has_value());
    EXPECT_TRUE(outcome.repeated);
    EXPECT_EQ(upstream.connections(), 2u);
}

TEST_F(ClientTest, NothingIsRepeatedOnceAByteOfAnAnswerHasCome) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(answer_of("one")), step::expect_request(),
                                    step::send("HTTP/1.1 2"), step::close()},
                                   {step::serve(answer_of("two"))}});
    const auto to = endpoint(upstream);
    EXPECT_EQ(ask(to).body, "one");
    const auto outcome = ask(to);
    ASSERT_FALSE(outcome.status.has_value());
    EXPECT_EQ(outcome.status.error().kind, FailureKind::upstream_malformed);
    EXPECT_FALSE(outcome.repeated);
    EXPECT_EQ(upstream.connections(), 1u);
}

TEST_F(ClientTest, AnIdleConnectionThatItsPeerClosesLeavesThePoolAtOnce) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(answer_of("one")), step::finish(), step::hang()},
                                   {step::serve(answer_of("two"))}});
    const auto to = endpoint(upstream);
    EXPECT_EQ(ask(to).body, "one");
    turn();
    EXPECT_EQ(client.pool().idle(), 0u);
    const auto outcome = ask(to);
    EXPECT_EQ(outcome.body, "two");
    EXPECT_FALSE(outcome.repeated);
}

TEST_F(ClientTest, ConnectionCloseIsHonoured) {
    UpstreamDouble upstream(loop, {{step::serve(answer_of("bye", "Connection: close\r\n"))}});
    const auto to = endpoint(upstream);
    ask(to);
    EXPECT_EQ(client.pool().idle(), 0u);
    ask(to);
    EXPECT_EQ(upstream.connections(), 2u);
}

TEST_F(ClientTest, IdleAndOldConnectionsAreClosed) {
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}});
    const auto to = endpoint(upstream, {.max_idle = 8, .idle_time = 60 * second, .max_age = 100 * second});
    ask(to);
    clock.advance(59 * second);
    turn();
    EXPECT_TRUE(ask(to).reused);
    clock.advance(50 * second);
    turn();
    EXPECT_EQ(client.pool().idle(), 0u);  // idle for 50 s only, but 109 s old
    ask(to);
    clock.advance(61 * second);
    turn();
    EXPECT_EQ(client.pool().idle(), 0u);
    EXPECT_EQ(upstream.connections(), 2u);
    turn();
    EXPECT_EQ(upstream.open_connections(), 0u);
}

TEST_F(ClientTest, AConnectionIsGivenUpBeforeItsPeerSaidItWould) {
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x", "Keep-Alive: timeout=5, max=100\r\n"))}});
    const auto to = endpoint(upstream);
    ask(to);
    clock.advance(3 * second);
    turn();
    EXPECT_TRUE(ask(to).reused);
    clock.advance(4 * second + second / 2);
    turn();
    EXPECT_FALSE(ask(to).reused);
    EXPECT_EQ(upstream.connections(), 2u);
}

TEST_F(ClientTest, NoMoreIdleConnectionsThanAllowedAreKept) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(answer_of("x")), step::hang()}});
    const auto to = endpoint(upstream, {.max_idle = 2, .idle_time = 60 * second, .max_age = 600 * second});
    std::vector<std::unique_ptr<ClientExchange>> exchanges;
    std::vector<std::shared_ptr<std::optional<Outcome>>> outcomes;
    for (int i = 0; i < 5; ++i) {
        exchanges.push_back(std::make_unique<ClientExchange>(client));
        outcomes.push_back(start(converse(*exchanges.back(), to, "POST", "{}", {})));
    }
    ASSERT_TRUE(
        loop.run_until([&] { return std::ranges::all_of(outcomes, [](const auto& each) { return each->has_value(); }); }));
    EXPECT_EQ(upstream.connections(), 5u);
    EXPECT_EQ(client.pool().idle(), 2u);
}

TEST_F(ClientTest, EndpointsOfOneKeyShareConnectionsAndOthersDoNot) {
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}});
    ask(endpoint(upstream));
    EXPECT_TRUE(ask(endpoint(upstream)).reused);
    auto other = upstream.origin();
    other.host = "localhost";
    EXPECT_FALSE(ask(UpstreamEndpoint::make(other)).reused);
}

// E250: the four limits are told apart.
TEST_F(ClientTest, SilenceBeforeTheHeadIsAHeadersTimeout) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::hang()}});
    ClientExchange exchange(client);
    auto outcome = start(converse(exchange, endpoint(upstream), "POST", "{}",
                                  {.connect = second, .headers = 5 * second, .idle = 9 * second, .total = 99 * second}));
    ASSERT_TRUE(loop.run_until([&] { return !upstream.requests().empty(); }));
    turn();
    clock.advance(5 * second - 1);
    turn();
    EXPECT_FALSE(outcome->has_value());
    clock.advance(2);
    turn();
    ASSERT_TRUE(outcome->has_value());
    EXPECT_EQ((*outcome)->status.error().kind, FailureKind::upstream_timeout);
    EXPECT_EQ((*outcome)->timed_out, Phase::headers);
    EXPECT_NE((*outcome)->status.error().detail.find("headers"), std::string::npos);
    turn();
    EXPECT_EQ(upstream.open_connections(), 0u);
}

TEST_F(ClientTest, SilenceWithinTheBodyIsAnIdleTimeout) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(chunked_head() + chunk("first")), step::hang()}});
    ClientExchange exchange(client);
    auto outcome = start(converse(exchange, endpoint(upstream), "POST", "{}",
                                  {.connect = second, .headers = 5 * second, .idle = 9 * second, .total = 99 * second}));
    ASSERT_TRUE(loop.run_until([&] { return exchange.bytes_received() > 0; }));
    turn();
    clock.advance(8 * second);
    turn();
    EXPECT_FALSE(outcome->has_value());
    clock.advance(2 * second);
    turn();
    ASSERT_TRUE(outcome->has_value());
    EXPECT_EQ((*outcome)->body, "first");
    EXPECT_EQ((*outcome)->ended.error().kind, FailureKind::upstream_timeout);
    EXPECT_EQ((*outcome)->timed_out, Phase::idle);
}

TEST_F(ClientTest, TheTotalLimitEndsAStreamThatKeepsComing) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(chunked_head() + chunk("first")), step::hang()}});
    ClientExchange exchange(client);
    auto outcome = start(converse(exchange, endpoint(upstream), "POST", "{}",
                                  {.connect = second, .headers = 5 * second, .idle = 60 * second, .total = 7 * second}));
    ASSERT_TRUE(loop.run_until([&] { return exchange.bytes_received() > 0; }));
    turn();
    clock.advance(8 * second);
    turn();
    ASSERT_TRUE(outcome->has_value());
    EXPECT_EQ((*outcome)->timed_out, Phase::total);
}

TEST_F(ClientTest, AnUpstreamThatDoesNotTakeTheRequestTimesOut) {
    // Nobody reads the body, and the kernel's buffers fill up; the upstream is itself busy with sending.
    UpstreamDouble stuck(loop, {{step::expect_head(), step::send(std::string(1 << 20, 'x'), 64)}});
    ClientExchange exchange(client);
    auto outcome = start(converse(exchange, endpoint(stuck), "POST", std::string(64 << 20, 'b'),
                                  {.connect = second, .headers = 5 * second, .idle = 9 * second, .total = 0}));
    ASSERT_TRUE(loop.run_until([&] { return !stuck.requests().empty(); }));
    turn(200);
    clock.advance(6 * second);
    turn(200);
    ASSERT_TRUE(outcome->has_value());
    EXPECT_FALSE((*outcome)->status.has_value());
}

TEST_F(ClientTest, AnAnswerToARequestThatWasNotReadToItsEndIsStillSeen) {
    UpstreamDouble upstream(
        loop, {{step::expect_head(), step::send(answer_of("too large", "Connection: close\r\n", 413)), step::close()}});
    const auto outcome = ask(endpoint(upstream), std::string(8 << 20, 'b'));
    if (outcome.status.has_value()) {
        EXPECT_EQ(outcome.status.value(), 413);
    } else {
        EXPECT_EQ(outcome.status.error().kind, FailureKind::upstream_unavailable);  // the reset overtook the answer
    }
    EXPECT_EQ(client.pool().idle(), 0u);
}

// E251, E253, E254: the upstream is closed at once, whatever is being waited for.
TEST_F(ClientTest, AbortWhileWaitingForTheHeadClosesTheUpstream) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::hang()}});
    ClientExchange exchange(client);
    auto outcome = start(converse(exchange, endpoint(upstream), "POST", "{}", {}));
    ASSERT_TRUE(loop.run_until([&] { return !upstream.requests().empty(); }));
    turn();
    exchange.abort();
    EXPECT_FALSE(outcome->has_value());
    turn();
    ASSERT_TRUE(outcome->has_value());
    EXPECT_EQ((*outcome)->status.error().kind, FailureKind::cancelled);
    EXPECT_EQ(upstream.open_connections(), 0u);
    EXPECT_FALSE((*outcome)->repeated);
}

TEST_F(ClientTest, AbortWhileReadingResumesTheReaderWithCancelled) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(chunked_head() + chunk("x")), step::hang()}});
    ClientExchange exchange(client);
    auto outcome = start(converse(exchange, endpoint(upstream), "POST", "{}", {}));
    ASSERT_TRUE(loop.run_until([&] { return exchange.bytes_received() > 0; }));
    turn();
    exchange.abort();
    turn();
    ASSERT_TRUE(outcome->has_value());
    EXPECT_EQ((*outcome)->ended.error().kind, FailureKind::cancelled);
    EXPECT_EQ(upstream.open_connections(), 0u);
}

TEST_F(ClientTest, AbortBetweenReadsClosesAtOnce) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send(chunked_head() + chunk("x")), step::hang()}});
    ClientExchange exchange(client);
    const auto head = head_of("POST", 0);
    ASSERT_TRUE(
        run(loop, exchange.send(endpoint(upstream), {.method = "POST", .head = head, .body = {}, .limits = {}}, {})).has_value());
    exchange.abort();
    turn();
    EXPECT_EQ(upstream.open_connections(), 0u);
    EXPECT_EQ(run(loop, exchange.read_some()).error().kind, FailureKind::cancelled);
}

TEST_F(ClientTest, AbortBeforeSendSendsNothing) {
    UpstreamDouble upstream(loop, {{step::serve(answer_of("x"))}});
    ClientExchange exchange(client);
    exchange.abort();
    EXPECT_EQ(run(loop, converse(exchange, endpoint(upstream), "POST", "{}", {})).status.error().kind, FailureKind::cancelled);
    EXPECT_EQ(upstream.connections(), 0u);
}

TEST_F(ClientTest, AnEndlessBodyNeedsNoMoreMemoryThanOnePiece) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send("HTTP/1.1 200 OK\r\n\r\n"),
                                    step::send(std::string(1 << 20, 'x'), 1000), step::hang()}});
    ClientExchange exchange(client);
    const auto head = head_of("POST", 0);
    ASSERT_TRUE(
        run(loop, exchange.send(endpoint(upstream), {.method = "POST", .head = head, .body = {}, .limits = {}}, {})).has_value());
    std::size_t total = 0;
    while (total < (50u << 20)) {
        const auto piece = run(loop, exchange.read_some());
        ASSERT_TRUE(piece.has_value());
        ASSERT_LE(piece->raw.size(), 64u * 1024);
        total += piece->payload_size();
    }
    exchange.abort();
}

TEST_F(ClientTest, ReadAllStopsAtItsLimit) {
    UpstreamDouble upstream(loop, {{step::expect_request(), step::send("HTTP/1.1 200 OK\r\n\r\n"),
                                    step::send(std::string(1 << 16, 'x'), 1000), step::hang()}});
    const auto answer = run(
        loop,
        client.fetch(endpoint(upstream), {.method = "GET", .target = "/models", .headers = "", .body = "", .limit = 1 << 20}));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().kind, FailureKind::upstream_malformed);
    turn();
    EXPECT_EQ(upstream.open_connections(), 0u);
}

TEST_F(ClientTest, FetchGivesStatusHeadersAndTheDecodedBody) {
    const auto coded = encode_body(Coding::gzip, "{\"data\":[]}").value();
    UpstreamDouble upstream(loop, {{step::serve(answer_of(coded, "Content-Encoding: gzip\r\nX-Thing: 7\r\n"))}});
    const auto answer = run(
        loop,
        client.fetch(endpoint(upstream), {.method = "GET", .target = "/v1/models", .headers = "Accept: */*\r\n", .body = ""}));
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "{\"data\":[]}");
    EXPECT_EQ(answer->header("x-thing"), "7");
    EXPECT_EQ(upstream.requests()[0],
              fmt::format("GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAccept: */*\r\n\r\n", upstream.port()));
}

TEST_F(ClientTest, ManyRequestsAtOnceAllComeBack) {
    UpstreamDouble upstream(loop, {{step::serve(answer_of("many"))}});
    const auto to = endpoint(upstream);
    std::vector<std::unique_ptr<ClientExchange>> exchanges;
    std::vector<std::shared_ptr<std::optional<Outcome>>> outcomes;
    for (int i = 0; i < 200; ++i) {
        exchanges.push_back(std::make_unique<ClientExchange>(client));
        outcomes.push_back(start(converse(*exchanges.back(), to, "POST", "{}", {})));
        if (i % 3 == 0) exchanges.back()->abort();
        if (i % 7 == 0) turn(2);
    }
    ASSERT_TRUE(
        loop.run_until([&] { return std::ranges::all_of(outcomes, [](const auto& each) { return each->has_value(); }); }));
    int good = 0;
    for (const auto& outcome : outcomes) good += (*outcome)->status.has_value() && (*outcome)->body == "many" ? 1 : 0;
    EXPECT_GE(good, 133);
}

}  // namespace
}  // namespace gotthard::net
