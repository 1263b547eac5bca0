#include <gtest/gtest.h>

#include "net/http1.hpp"

namespace gotthard::net {
namespace {

struct Parsed {
    HeadOutcome outcome;
    ResponseHead head;
    BodyDecoder::Kind body;
};

Parsed parse(std::string_view text, std::string_view method = "POST") {
    Parsed parsed;
    parsed.outcome = parse_response_head(text, parsed.head, method);
    parsed.body = BodyDecoder::of(parsed.head).kind();
    return parsed;
}

TEST(ResponseHead, IsReadWithViewsIntoTheInput) {
    const auto [outcome, head, body] =
        parse("HTTP/1.1 429 Too Many\xe9 Requests\r\nRetry-After: 3\r\nContent-Length: 5\r\n\r\nhello");
    ASSERT_TRUE(outcome.complete());
    EXPECT_EQ(head.status, 429);
    EXPECT_EQ(head.reason, "Too Many\xe9 Requests");
    EXPECT_EQ(head.header("retry-after"), "3");
    EXPECT_EQ(head.content_length, 5U);
    EXPECT_TRUE(head.keep_alive);
    EXPECT_EQ(body, BodyDecoder::Kind::length);
}

TEST(ResponseHead, MayLackAReason) {
    EXPECT_TRUE(parse("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").outcome.complete());
    EXPECT_TRUE(parse("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n").outcome.complete());
}

struct Framed {
    std::string_view method;
    std::string_view text;
    BodyDecoder::Kind body;
    bool keep_alive;
};

TEST(ResponseHead, DecidesHowTheBodyEnds) {
    using enum BodyDecoder::Kind;
    for (const auto& row : {
             Framed{"POST", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", length, true},
             Framed{"POST", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", length, true},
             Framed{"POST", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", none, true},
             Framed{"POST", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunked, true},
             Framed{"POST", "HTTP/1.1 200 OK\r\n\r\n", until_close, false},
             Framed{"POST", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n", length, false},
             Framed{"POST", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", length, false},
             Framed{"POST", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", length, true},
             Framed{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", none, true},
             Framed{"HEAD", "HTTP/1.1 200 OK\r\n\r\n", none, true},
             Framed{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", none, true},
             Framed{"GET", "HTTP/1.1 204 No Content\r\n\r\n", none, true},
             Framed{"GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", none, false},
             Framed{"GET", "HTTP/1.1 100 Continue\r\n\r\n", none, true},
         }) {
        const auto [outcome, head, body] = parse(row.text, row.method);
        ASSERT_TRUE(outcome.complete()) << row.text << outcome.reason;
        EXPECT_EQ(body, row.body) << row.text;
        EXPECT_EQ(head.keep_alive, row.keep_alive) << row.text;
    }
}

TEST(ResponseHead, RefusesWhatCannotBeTrusted) {
    using namespace std::string_view_literals;
    for (const std::string_view text : {
             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"sv,
             "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"sv,
             "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n"sv,
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"sv,
             "HTTP/1.1 200 OK\nContent-Length: 5\n\n"sv,
             "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"sv,
             "HTTP/1.1 200 OK\r\nX : a\r\n\r\n"sv,
             "HTTP/1.1 200 O\0K\r\n\r\n"sv,
             "HTTP/1.1 20 OK\r\n\r\n"sv,
             "HTTP/1.1 2000 OK\r\n\r\n"sv,
             "HTTP/1.1 099 OK\r\n\r\n"sv,
             "HTTP/1.1  200 OK\r\n\r\n"sv,
             "HTTP/2 200\r\n\r\n"sv,
             "HTTP/2.0 200 OK\r\n\r\n"sv,
             "ICY 200 OK\r\n\r\n"sv,
             "<html>not http</html>"sv,
             "\x15\x03\x01\x00\x02\x02\x50"sv,
         })
        EXPECT_TRUE(parse(text).outcome.malformed()) << text;
}

TEST(ResponseHead, CanArriveByteByByte) {
    constexpr std::string_view text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n";
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_EQ(parse(text.substr(0, size)).outcome.state, HeadOutcome::State::incomplete);
}

}  // namespace
}  // namespace gotthard::net
