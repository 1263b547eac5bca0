// The server side of HTTP/1: how requests come in.
#include "server_fixture.hpp"

namespace gotthard::net {
namespace {

using testing::second;
class ServerRequests : public testing::Serving {};

TEST_F(ServerRequests, AreAnsweredOnOneConnection) {
    serve(echo());
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(ask("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
                  "HTTP/1.1 200 OK\r\nx-path: /a\r\ncontent-length: 5\r\n\r\nhello");
    EXPECT_EQ(open, 1);
    EXPECT_EQ(connections.size(), 1U);
    far->finish();
    EXPECT_TRUE(closed());
    EXPECT_EQ(connections.size(), 0U);
}

TEST_F(ServerRequests, MayComeByteByByte) {
    serve(echo());
    const std::string text = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    std::string answer;
    for (const char c : text) answer += ask({&c, 1});
    EXPECT_EQ(answer, "HTTP/1.1 200 OK\r\nx-path: /a\r\ncontent-length: 5\r\n\r\nhello");
}

TEST_F(ServerRequests, MayBePipelined) {
    serve(echo());
    const std::string one = "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none";
    const std::string two = "POST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n";
    const std::string three = "GET /3 HTTP/1.1\r\nHost: x\r\n\r\n";
    const std::string expected =
        "HTTP/1.1 200 OK\r\nx-path: /1\r\ncontent-length: 3\r\n\r\none"
        "HTTP/1.1 200 OK\r\nx-path: /2\r\ncontent-length: 3\r\n\r\ntwo"
        "HTTP/1.1 200 OK\r\nx-path: /3\r\ncontent-length: 0\r\n\r\n";
    const std::string all = one + two + three;
    EXPECT_EQ(ask(all), expected);
    for (std::size_t cut = 1; cut < all.size(); cut += 3)
        EXPECT_EQ(ask(all.substr(0, cut)) + ask(all.substr(cut)), expected) << cut;
}

TEST_F(ServerRequests, WithLargeBodiesComeInOnePiece) {
    options.body_time = second;
    serve([](HttpRequest& request) { return echo_task(request); });
    std::string body(900'000, 'b');
    body.back() = 'e';
    const std::string chunk_line = "dbba0\r\n";  // 900000
    for (const std::string& text :
         {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + body,
          "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk_line + body + "\r\n0\r\n\r\n"}) {
        std::string answer;
        std::size_t sent = 0;
        EXPECT_TRUE(loop.run_until([&] {
            const ssize_t got = ::send(far->fd(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (got > 0) sent += static_cast<std::size_t>(got);
            answer += far->received();
            return answer.size() >= body.size() + 50;
        }));
        EXPECT_TRUE(answer.ends_with(body));
    }
}

TEST_F(ServerRequests, BodiesAreFollowedByReadableBytes) {
    std::size_t sum = 0;
    serve([&sum](HttpRequest& request) {
        return [](HttpRequest& r, std::size_t& out) -> Task<> {
            auto body = co_await r.read_body(1 << 20);
            for (int i = 0; i < 64; ++i)
                out += static_cast<unsigned char>(body->data()[body->size() + static_cast<std::size_t>(i)]);
            co_await r.respond(200, "", *body);
        }(request, sum);
    });
    const std::string body(5000, 'b');
    for (const std::string& text :
         {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n" + body,
          "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + body + "\r\n0\r\n\r\n"})
        EXPECT_TRUE(ask(text).starts_with("HTTP/1.1 200"));
}

TEST_F(ServerRequests, TooLargeAreRefusedBeforeTheyAreRead) {
    serve(echo());
    const auto answer = ask("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99000000\r\n\r\nsome of it");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 Content Too Large\r\nx-path") || answer.starts_with("HTTP/1.1 413 ")) << answer;
    EXPECT_NE(answer.find("connection: close"), std::string::npos);
    EXPECT_EQ(open, 1);  // lingers, so that the answer is not destroyed by a reset
    far->send("more of it");
    settle();
    EXPECT_TRUE(far->ended() || !far->was_reset());
    advance(options.linger_time);
    EXPECT_TRUE(closed());
}

TEST_F(ServerRequests, ChunkedOnesTooLargeAreRefusedOnTheWay) {
    serve(echo());
    std::string answer = ask("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 40 && answer.empty(); ++i) answer = ask("8000\r\n" + std::string(0x8000, 'a') + "\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
}

TEST_F(ServerRequests, WithBrokenChunksGetAnAnswerThatSaysSo) {
    serve(echo());
    const auto answer = ask("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 "));
    EXPECT_NE(answer.find("chunk size"), std::string::npos);
    advance(options.linger_time);
    EXPECT_TRUE(closed());
}

TEST_F(ServerRequests, MalformedOnesAreRefusedWithAReason) {
    serve(echo());
    const auto answer = ask("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n")) << answer;
    EXPECT_NE(answer.find(R"("code":"invalid_request")"), std::string::npos);
    EXPECT_NE(answer.find("connection: close\r\n"), std::string::npos);
    advance(options.linger_time);
    EXPECT_TRUE(closed());
}

TEST_F(ServerRequests, OversizeHeadsGet431) {
    serve(echo());
    const auto answer = ask("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(70'000, 'a'));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 431 ")) << answer.substr(0, 200);
}

TEST_F(ServerRequests, HeadsThatDripInRunOutOfTime) {
    serve(echo());
    std::string answer = ask("GET / HTTP/1.1\r\n");
    for (int i = 0; i < 9; ++i) {
        answer += ask("X: y\r\n");
        advance(second);
    }
    EXPECT_EQ(answer, "");
    advance(second);
    EXPECT_TRUE((answer = far->received()).starts_with("HTTP/1.1 408 ")) << answer;
    advance(options.linger_time);
    EXPECT_TRUE(closed());
}

TEST_F(ServerRequests, SilentConnectionsEndWithoutAnAnswer) {
    serve(echo());
    advance(options.head_time);
    EXPECT_TRUE(closed());
}

TEST_F(ServerRequests, IdleConnectionsLiveForTheIdleTime) {
    serve(echo());
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    advance(options.idle_time - second);
    EXPECT_EQ(open, 1);
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    advance(options.idle_time - second);
    EXPECT_EQ(open, 1);
    advance(second);
    EXPECT_TRUE(closed());
}

TEST_F(ServerRequests, BodiesThatStallEndInTime) {
    serve(echo());
    ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    advance(options.body_time);
    EXPECT_TRUE(far->received().starts_with("HTTP/1.1 408 "));
}

TEST_F(ServerRequests, BodiesThatDripEndInTime) {
    options.body_total_time = 60 * second;
    serve(echo());
    std::string answer = ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 60 && answer.empty(); ++i) {
        answer = ask("x");
        advance(second);
    }
    settle();
    answer += far->received();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 408 ")) << answer;
}

TEST_F(ServerRequests, AreAskedForTheirBodyOnlyWhenItIsWanted) {
    serve(echo());
    const std::string head = "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";
    EXPECT_EQ(ask(head), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(ask("hello"), "HTTP/1.1 200 OK\r\nx-path: /a\r\ncontent-length: 5\r\n\r\nhello");
    EXPECT_EQ(ask(head + "hello"), "HTTP/1.1 200 OK\r\nx-path: /a\r\ncontent-length: 5\r\n\r\nhello");
    const auto refused = ask("POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 50000000\r\n\r\n");
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 413 ")) << refused;
}

TEST_F(ServerRequests, CanBeReadInPieces) {
    std::string pieces;
    serve([&pieces](HttpRequest& request) {
        return [](HttpRequest& r, std::string& out) -> Task<> {
            for (;;) {
                auto piece = co_await r.read_body_some();
                if (!piece || piece->empty()) break;
                out.append(*piece).append("|");
            }
            co_await r.respond(200, "", "");
        }(request, pieces);
    });
    ask("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    const auto answers = ask("3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nfour");
    EXPECT_EQ(pieces, "one|two|three|four|");
    EXPECT_EQ(answers, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
}

TEST_F(ServerRequests, LeftUnreadAreReadAwayWhenSmall) {
    serve([](HttpRequest& request) { return [](HttpRequest& r) -> Task<> { co_await r.respond(404, "", ""); }(request); });
    EXPECT_EQ(ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345"),
              "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    EXPECT_EQ(ask("67890GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
}

TEST_F(ServerRequests, OfHttp10EndTheConnectionUnlessTheyAskToKeepIt) {
    serve(echo());
    EXPECT_EQ(ask("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
              "HTTP/1.1 200 OK\r\nx-path: /a\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n");
    EXPECT_EQ(ask("GET /a HTTP/1.0\r\n\r\n"), "HTTP/1.1 200 OK\r\nx-path: /a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    EXPECT_TRUE(closed());
}

TEST_F(ServerRequests, BehindTheLastOneDoNotDestroyItsAnswer) {
    serve(echo());
    const auto answer = ask("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(answer, "HTTP/1.1 200 OK\r\nx-path: /a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    EXPECT_TRUE(far->ended());
    EXPECT_FALSE(far->was_reset());
}

TEST_F(ServerRequests, KnowWhereTheyComeFrom) {
    serve(
        [](HttpRequest& request) { return [](HttpRequest& r) -> Task<> { co_await r.respond(200, "", r.remote()); }(request); });
    EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("127.0.0.1"));
}

}  // namespace
}  // namespace gotthard::net
