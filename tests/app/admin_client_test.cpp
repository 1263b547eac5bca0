// The command line's HTTP client against scripted answers, good and bad.
#include <gtest/gtest.h>

#include "app/cli/admin_client.hpp"
#include "app/fake_gateway.hpp"

namespace gotthard::app::test {
namespace {

AdminClient over_socket(const FakeGateway& gateway) {
    ServerAddress address;
    address.socket_path = gateway.directory() + "/admin.sock";
    return AdminClient(std::move(address));
}

TEST(ServerAddress, ReadsUrlsAndRefusesTheRest) {
    const auto plain = ServerAddress::parse_url("http://127.0.0.1:7301", Secret());
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->text(), "http://127.0.0.1:7301");
    const auto secure = ServerAddress::parse_url("HTTPS://gw.example/prefix/", Secret("t"));
    ASSERT_TRUE(secure);
    EXPECT_TRUE(secure->tls);
    EXPECT_EQ(secure->port, 443);
    EXPECT_EQ(secure->base_path, "/prefix");
    EXPECT_EQ(ServerAddress::parse_url("http://[::1]:7301", Secret())->host, "::1");
    for (const auto* url : {"", "gw.example", "ftp://gw", "http://", "http://:80", "http://a:0", "http://a:99999", "http://a:x",
                            "http://u:p@a", "http://a?x=1", "http://a b", "http://[::1", "http://a\r\nx: y"})
        EXPECT_FALSE(ServerAddress::parse_url(url, Secret())) << url;
}

TEST(AdminClient, SendsTheTokenOverTcpAndNoneOverTheSocket) {
    FakeGateway gateway;
    gateway.answer("GET /api/v1/status", "{}");
    AdminClient tcp(*ServerAddress::parse_url(gateway.url(), Secret("token-1")));
    EXPECT_TRUE(tcp.call("GET", "/api/v1/status"));
    EXPECT_NE(gateway.last_request().find("authorization: Bearer token-1\r\n"), std::string::npos);
    EXPECT_TRUE(over_socket(gateway).call("GET", "/api/v1/status"));
    EXPECT_EQ(gateway.last_request().find("authorization"), std::string::npos);
}

TEST(AdminClient, SendsBodyAndIfMatch) {
    FakeGateway gateway;
    gateway.answer("PATCH /api/v1/keys/x", R"({"id":"x"})");
    const auto answer = over_socket(gateway).call("PATCH", "/api/v1/keys/x", R"({"name":"a"})", "\"3\"");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->etag, "\"7\"");
    EXPECT_EQ(answer->body, R"({"id":"x"})");
    EXPECT_NE(gateway.last_request().find("if-match: \"3\"\r\n"), std::string::npos);
    EXPECT_TRUE(gateway.last_request().ends_with("\r\n\r\n{\"name\":\"a\"}"));
}

TEST(AdminClient, ReadsEveryFraming) {
    FakeGateway gateway;
    auto client = over_socket(gateway);
    gateway.answer("GET /a", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    EXPECT_EQ(client.call("GET", "/a")->body, "hello world");
    gateway.answer("GET /b", "HTTP/1.1 200 OK\r\n\r\nuntil the end");
    EXPECT_EQ(client.call("GET", "/b")->body, "until the end");
    gateway.answer("GET /c", "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_EQ(client.call("GET", "/c")->body, "");
    gateway.answer("GET /d", "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    EXPECT_EQ(client.call("GET", "/d")->body, "ok");
}

TEST(AdminClient, AProblemBecomesTheGatewaysOwnWords) {
    FakeGateway gateway;
    gateway.answer("GET /a", R"({"detail":"There is no key 'x'.","code":"not_found","field":"id"})", 404);
    const auto answer = over_socket(gateway).call("GET", "/a");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().status, 404);
    EXPECT_EQ(answer.error().message, "There is no key 'x'.");
    EXPECT_EQ(answer.error().param, "id");
    gateway.answer("GET /b", "<html>", 502);
    EXPECT_NE(over_socket(gateway).call("GET", "/b").error().message.find("502"), std::string::npos);
}

TEST(AdminClient, CutAndGarbledAnswersAreFailures) {
    FakeGateway gateway;
    auto client = over_socket(gateway);
    for (const auto* text :
         {"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel",
          "HTTP/1.1 200 OK\r\n", "HTTP/9.9 what", "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"}) {
        gateway.answer("GET /a", text);
        EXPECT_FALSE(client.call("GET", "/a")) << text;
    }
}

TEST(AdminClient, WithoutAGatewayItSaysHowToReachOne) {
    ServerAddress address;
    address.socket_path = "/nonexistent/admin.sock";
    const auto missing = AdminClient(address).call("GET", "/");
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().message.find("gotthard serve"), std::string::npos);
    const auto refused = AdminClient(*ServerAddress::parse_url("http://127.0.0.1:1", Secret())).call("GET", "/");
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.find("http://127.0.0.1:1"), std::string::npos);
    address.socket_path = std::string(200, 'x');
    EXPECT_FALSE(AdminClient(address).call("GET", "/"));
}

TEST(AdminClient, FollowsEventsUntilToldToStop) {
    FakeGateway gateway;
    const std::string events =
        ": hello\n\nid: 1\nevent: request\ndata: {\"seq\":1}\n\nid: 2\nevent: request\ndata: {\"seq\":2}\n\n";
    gateway.answer("GET /s", "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + events);
    std::vector<std::string> seen;
    EXPECT_TRUE(over_socket(gateway).follow("/s", [&](const SseEvent& event) {
        if (event.has_data) seen.emplace_back(event.data);
        return true;
    }));
    EXPECT_EQ(seen, (std::vector<std::string>{"{\"seq\":1}", "{\"seq\":2}"}));
    seen.clear();
    EXPECT_TRUE(over_socket(gateway).follow("/s", [&](const SseEvent& event) {
        if (event.has_data) seen.emplace_back(event.data);
        return seen.empty();
    }));
    EXPECT_EQ(seen.size(), 1U);
    gateway.answer("GET /s", R"({"detail":"no"})", 401);
    EXPECT_EQ(over_socket(gateway).follow("/s", [](const SseEvent&) { return true; }).error().message, "no");
}

TEST(PercentEncode, LeavesOnlyWhatNeedsNoEscape) {
    EXPECT_EQ(percent_encode("lab/*&a=b c"), "lab%2F%2A%26a%3Db%20c");
    EXPECT_EQ(percent_encode("A-z_0.9~"), "A-z_0.9~");
    EXPECT_EQ(percent_encode("ä"), "%C3%A4");
}

}  // namespace
}  // namespace gotthard::app::test
