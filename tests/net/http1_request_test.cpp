#include <gtest/gtest.h>

#include "net/http1.hpp"

namespace gotthard::net {
namespace {

constexpr std::string_view hello =
    "POST /v1/chat/completions?beta=true HTTP/1.1\r\n"
    "Host: gateway.example:7300\r\n"
    "Authorization:  Bearer abc \t\r\n"
    "content-length: 12\r\n"
    "X-Empty:\r\n"
    "\r\n";

RequestHead parsed(std::string_view text, HeadLimits limits = {}) {
    RequestHead head;
    const auto outcome = parse_request_head(text, head, limits);
    EXPECT_TRUE(outcome.complete()) << outcome.reason << "\n" << text;
    EXPECT_EQ(outcome.consumed, text.size());
    return head;
}

HeadOutcome outcome_of(std::string_view text, HeadLimits limits = {}) {
    RequestHead head;
    return parse_request_head(text, head, limits);
}

TEST(RequestHead, IsReadWithViewsIntoTheInput) {
    const auto head = parsed(hello);
    EXPECT_EQ(head.method, "POST");
    EXPECT_EQ(head.target, "/v1/chat/completions?beta=true");
    EXPECT_EQ(head.path, "/v1/chat/completions");
    EXPECT_EQ(head.query, "beta=true");
    EXPECT_EQ(head.host, "gateway.example:7300");
    EXPECT_EQ(head.header("AUTHORIZATION"), "Bearer abc");
    EXPECT_EQ(head.header("x-empty"), "");
    EXPECT_TRUE(head.headers.find("x-empty").has_value());
    EXPECT_FALSE(head.headers.find("x-absent").has_value());
    EXPECT_EQ(head.content_length, 12U);
    EXPECT_TRUE(head.keep_alive);
    EXPECT_EQ(head.headers.size(), 4U);
}

TEST(RequestHead, CanArriveByteByByte) {
    for (std::size_t size = 0; size < hello.size(); ++size)
        EXPECT_EQ(outcome_of(hello.substr(0, size)).state, HeadOutcome::State::incomplete) << size;
}

TEST(RequestHead, IsOnlyTriedAgainWhenItMayBeComplete) {
    for (std::size_t size = 1; size < hello.size(); ++size)
        EXPECT_FALSE(may_complete_head(hello.substr(0, size), size - 1)) << size;
    EXPECT_TRUE(may_complete_head(hello, hello.size() - 1));
    EXPECT_TRUE(may_complete_head("GET / HTTP/1.1\n\n", 10));  // bare line feeds are seen too, and refused
}

TEST(RequestHead, StopsAtItsEmptyLine) {
    RequestHead head;
    const std::string two = std::string(hello) + "GET /next HTTP/1.1\r\n";
    EXPECT_EQ(parse_request_head(two, head).consumed, hello.size());
}

struct Connection {
    const char* text;
    bool keep_alive;
};

TEST(RequestHead, KnowsWhetherTheConnectionGoesOn) {
    for (const auto& [text, keep_alive] : {
             Connection{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
             Connection{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
             Connection{"GET / HTTP/1.1\r\nHost: a\r\nConnection: foo , Close\r\n\r\n", false},
             Connection{"GET / HTTP/1.0\r\n\r\n", false},
             Connection{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
             Connection{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
         })
        EXPECT_EQ(parsed(text).keep_alive, keep_alive) << text;
}

TEST(RequestHead, TakesAbsoluteTargetsApart) {
    auto head = parsed("GET http://other.example/v1/models?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(head.path, "/v1/models");
    EXPECT_EQ(head.query, "limit=1");
    EXPECT_EQ(head.host, "other.example");
    head = parsed("GET HTTPS://other.example?x HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(head.path, "/");
    EXPECT_EQ(head.query, "x");
    head = parsed("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(head.path, "*");
}

TEST(RequestHead, KnowsChunkedExpectAndUpgrade) {
    const auto head = parsed(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nExpect: 100-Continue\r\nConnection: Upgrade\r\nUpgrade: "
        "websocket\r\n\r\n");
    EXPECT_TRUE(head.chunked);
    EXPECT_TRUE(head.has_body());
    EXPECT_TRUE(head.expect_continue);
    EXPECT_TRUE(head.upgrade);
}

TEST(RequestHead, MayFollowAFewEmptyLines) { EXPECT_EQ(parsed("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n").method, "GET"); }

TEST(RequestHead, KeepsBytesAbove127InValues) {
    EXPECT_EQ(parsed("GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\xff\r\n\r\n").header("x"), "\xc3\xa9\xff");
}

struct Refused {
    const char* what;
    std::string_view text;
    int status;
    const char* reason;  // a part of it
};

using namespace std::string_view_literals;
const Refused refused[] = {
    {"CL with TE", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "both"},
    {"TE with CL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", 400, "both"},
    {"CL twice, equal", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 400, "more than once"},
    {"CL twice, different", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400,
     "more than once"},
    {"CL as a list", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n", 400, "decimal"},
    {"CL with a plus", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", 400, "decimal"},
    {"CL negative", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\n", 400, "decimal"},
    {"CL hexadecimal", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\n", 400, "decimal"},
    {"CL empty", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, "Content-Length"},
    {"CL too large", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, "Content-Length"},
    {"CL with a blank inside", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3 3\r\n\r\n", 400, "decimal"},
    {"TE other", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "not supported"},
    {"TE identity", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400, "nothing else"},
    {"TE chunked not last", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 400, "nothing else"},
    {"TE chunked twice in a list", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 400,
     "nothing else"},
    {"TE chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
     "more than once"},
    {"TE xchunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 400, "nothing else"},
    {"TE quoted", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", 400, "nothing else"},
    {"TE with vertical tab",
     "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0b"
     "chunked\r\n\r\n",
     400, "control"},
    {"TE with a tab behind it", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\t\r\n\r\n", 400, "tab"},
    {"CL with a tab before it", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\t5\r\n\r\n", 400, "tab"},
    {"TE on 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "1.0"},
    {"bare LF after the first line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "line feed"},
    {"bare LF after a header", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400, "line feed"},
    {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "line feed"},
    {"bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n", 400, "carriage return"},
    {"CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400, "carriage return"},
    {"obs-fold", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400, "folded"},
    {"obs-fold with a tab", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n", 400, "folded"},
    {"blank before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded"},
    {"NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"sv, 400, "control"},
    {"NUL in a name", "GET / HTTP/1.1\r\nHost: a\r\nX\0Y: b\r\n\r\n"sv, 400, "not allowed"},
    {"NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv, 400, "target"},
    {"DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\x7f\r\n\r\n", 400, "control"},
    {"space before the colon", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\n", 400, "before its colon"},
    {"tab before the colon", "GET / HTTP/1.1\r\nHost: a\r\nX\t: 3\r\n\r\n", 400, "before its colon"},
    {"no colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400, "not allowed"},
    {"no name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, "no name"},
    {"name not ASCII", "GET / HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: b\r\n\r\n", 400, "not allowed"},
    {"Host missing", "GET / HTTP/1.1\r\nX: b\r\n\r\n", 400, "Host header is missing"},
    {"Host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "more than once"},
    {"Host empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "Host"},
    {"Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "Host"},
    {"Host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "Host"},
    {"Host as a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400, "Host"},
    {"lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "method"},
    {"method with a bracket", "GE{T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "method"},
    {"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "method"},
    {"very long method", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n", 400, "method"},
    {"two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
    {"blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "version"},
    {"blank behind the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, "first line"},
    {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
    {"target without a slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "begin with"},
    {"target not ASCII", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target"},
    {"other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "begin with"},
    {"absolute without host", "GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "host"},
    {"absolute with user", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "host"},
    {"star with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "OPTIONS"},
    {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501, "CONNECT"},
    {"HTTP 0.9", "GET /\r\n\r\n", 400, "target"},
    {"HTTP 2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "HTTP/1.1"},
    {"HTTP 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505, "HTTP/1.1"},
    {"HTTP 1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400, "first line"},
    {"lower-case http", "GET / http/1.1\r\nHost: a\r\n\r\n", 400, "version"},
    {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"sv, 400, "method"},
    {"JSON", "{\"model\": \"x\"}", 400, "method"},
    {"another expectation", "POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n", 417, "100-continue"},
    {"five empty lines", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", 400, "empty lines"},
};

TEST(RequestHead, RefusesWhatTwoServersMightReadDifferently) {
    for (const auto& row : refused) {
        const auto outcome = outcome_of(row.text);
        ASSERT_TRUE(outcome.malformed()) << row.what;
        EXPECT_EQ(outcome.status, row.status) << row.what << ": " << outcome.reason;
        EXPECT_NE(outcome.reason.find(row.reason), std::string_view::npos) << row.what << ": " << outcome.reason;
    }
}

TEST(RequestHead, RefusesTheSameWhenTheBytesDripIn) {
    for (const auto& row : refused) {
        std::size_t size = 1;
        while (size < row.text.size() && !outcome_of(row.text.substr(0, size)).malformed()) {
            EXPECT_FALSE(outcome_of(row.text.substr(0, size)).complete()) << row.what;
            ++size;
        }
        EXPECT_TRUE(outcome_of(row.text.substr(0, size)).malformed()) << row.what;
    }
}

TEST(RequestHead, IsBoundedInBytesAndHeaders) {
    const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\n";
    EXPECT_EQ(outcome_of(begin + "X: " + std::string(70'000, 'a')).status, 431);
    EXPECT_EQ(outcome_of(begin + "X: " + std::string(70'000, 'a') + "\r\n\r\n").status, 431);
    EXPECT_EQ(outcome_of("GET /" + std::string(70'000, 'a')).status, 414);
    std::string many = begin;
    for (int i = 0; i < 199; ++i) many += "X: a\r\n";
    EXPECT_TRUE(outcome_of(many + "\r\n").complete());
    EXPECT_EQ(outcome_of(many + "X: a\r\n\r\n").status, 431);
    EXPECT_TRUE(outcome_of(begin + "X: " + std::string(1000, 'a') + "\r\n\r\n", {.bytes = 2000}).complete());
    EXPECT_EQ(outcome_of(begin + "X: " + std::string(2000, 'a') + "\r\n\r\n", {.bytes = 2000}).status, 431);
}

TEST(HeaderList, ComparesNamesWithoutCaseButNotByLuck) {
    HeaderList list;
    list.add("X-Api-Key", "1");
    list.add("x-api-key", "2");
    EXPECT_EQ(list.get("X-API-KEY"), "1");
    EXPECT_EQ(list.count("x-api-key"), 2U);
    EXPECT_EQ(list.get("x_api_key"), "");  // '-' and '_' differ; so do '@' and '`', though 0x20 apart
    EXPECT_FALSE(same_name("a@", "a`"));
    EXPECT_FALSE(same_name("[", "{"));
    list.add("Accept-Encoding", "gzip, br;q=1");
    EXPECT_TRUE(list.has_token("accept-encoding", "GZIP"));
    EXPECT_FALSE(list.has_token("accept-encoding", "br"));
}

TEST(HeaderList, GrowsAndMoves) {
    HeaderList list;
    for (int i = 0; i < 150; ++i) list.add("name", "value");
    HeaderList moved = std::move(list);
    EXPECT_EQ(moved.size(), 150U);
    EXPECT_EQ(moved[149].value, "value");
    moved.release();
    EXPECT_TRUE(moved.empty());
}

}  // namespace
}  // namespace gotthard::net
