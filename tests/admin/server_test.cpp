// The admin API over a connection: heads, bodies, and the stream of records.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "admin/server.hpp"
#include "admin/world.hpp"
#include "net/tcp.hpp"

namespace gotthard::admin::test {
namespace {

constexpr Nanos second = 1'000'000'000;

/// One client at the other end of a socket pair; time stands still unless told.
class Connection : public testing::Test {
protected:
    explicit Connection() : loop_(world_.clock) {
        options_.send_date = false;
        options_.refusal_body = refusal_body;
        handler_ = [this](net::HttpRequest& request) { return serve(request, *world_.services, trust_); };
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) ADD_FAILURE() << "no socket pair";
        client_ = net::Socket(ends[0]);
        auto stream = std::make_unique<net::TcpStream>(net::Socket(ends[1]), net::Peer::client, loop_);
        net::spawn(net::serve_http(std::move(stream), options_, handler_, &connections_));
    }
    ~Connection() override {
        connections_.abandon_all();
        turn();
    }

    void turn() {
        for (int i = 0; i < 10; ++i) loop_.poll();
    }
    void send(std::string_view text) {
        ASSERT_EQ(write(client_.fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
        turn();
    }
    /// What has come so far.
    std::string received() {
        turn();
        char room[65536];
        for (;;) {
            const auto got = read(client_.fd(), room, sizeof room);
            if (got <= 0) break;
            received_.append(room, static_cast<std::size_t>(got));
            turn();
        }
        return received_;
    }
    void wait(Nanos time) {
        world_.clock.advance(time);
        turn();
    }
    std::string authorization() const { return "authorization: Bearer " + world_.token + "\r\n"; }

    World world_;
    net::Loop loop_;
    net::ServerOptions options_;
    net::RequestHandler handler_;
    net::ConnectionList connections_;
    net::Socket client_;
    Trust trust_ = Trust::token;
    std::string received_;
};

TEST_F(Connection, AnswersAreNeverCachedAndNeverGuessedAt) {
    send("GET /api/v1/keys HTTP/1.1\r\nhost: a\r\n" + authorization() + "\r\n");
    const auto answer = received();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_NE(answer.find("content-type: application/json\r\n"), std::string::npos);
    EXPECT_NE(answer.find("cache-control: no-store\r\n"), std::string::npos);
    EXPECT_NE(answer.find("x-content-type-options: nosniff\r\n"), std::string::npos);
}

TEST_F(Connection, ABodyIsReadOnlyFromACallerWhoIsKnown) {
    send("POST /api/v1/keys HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
    EXPECT_TRUE(received().starts_with("HTTP/1.1 401 "));
}

TEST_F(Connection, AKeyIsMadeOverTheSocketWithoutAToken) {
    trust_ = Trust::socket;
    send(
        "POST /api/v1/keys HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{\"name\":\"ci\"}");
    const auto answer = received();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 201 ")) << answer;
    EXPECT_NE(answer.find("location: /api/v1/keys/"), std::string::npos);
    EXPECT_NE(answer.find("sk-gw-"), std::string::npos);
}

TEST_F(Connection, ABodyBeyondOneMebibyteIs413) {
    send("POST /api/v1/keys HTTP/1.1\r\nhost: a\r\n" + authorization() + "content-length: 1048577\r\n\r\n");
    EXPECT_TRUE(received().starts_with("HTTP/1.1 413 "));
    EXPECT_NE(received().find("application/problem+json"), std::string::npos);
}

TEST_F(Connection, DeletingAnswers204WithoutABody) {
    const auto issued = world_.identity->create_key({.name = "ci", .team = {}, .models = {}});
    send("DELETE /api/v1/keys/" + issued->row.id + " HTTP/1.1\r\nhost: a\r\n" + authorization() + "\r\n");
    const auto answer = received();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 204 "));
    EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

class Stream : public Connection {
protected:
    void open(std::string_view query = "", std::string_view headers = "") {
        send("GET /api/v1/requests/stream" + std::string(query) + " HTTP/1.1\r\nhost: a\r\n" + authorization() +
             std::string(headers) + "\r\n");
    }
    std::size_t events() {
        const auto text = received();
        std::size_t count = 0;
        for (auto at = text.find("event: request\n"); at != std::string::npos; at = text.find("event: request\n", at + 1))
            ++count;
        return count;
    }
};

TEST_F(Stream, ShowsWhatComesAfterItWasOpened) {
    world_.add_request("fast", "ci", 200);
    open();
    EXPECT_NE(received().find("content-type: text/event-stream\r\n"), std::string::npos);
    wait(second);
    EXPECT_EQ(events(), 0U);
    world_.add_request("fast", "ci", 200);
    world_.add_request("smart", "ci", 200);
    wait(second);
    EXPECT_EQ(events(), 2U);
    EXPECT_NE(received().find("id: 3\n"), std::string::npos);
    wait(second);
    EXPECT_EQ(events(), 2U);
}

TEST_F(Stream, GoesOnWhereAClientLeftOff) {
    for (int i = 0; i < 3; ++i) world_.add_request("fast", "ci", 200);
    open("", "last-event-id: 1\r\n");
    wait(second);
    EXPECT_EQ(events(), 2U);
}

TEST_F(Stream, ShowsOnlyWhatTheFilterLetsThrough) {
    open("?key=web&status=5xx");
    world_.add_request("fast", "ci", 200);
    world_.add_request("fast", "web", 200);
    world_.add_request("fast", "web", 503);
    wait(second);
    EXPECT_EQ(events(), 1U);
}

TEST_F(Stream, KeepsAQuietConnectionAlive) {
    open();
    for (int i = 0; i < 40; ++i) wait(second / 2);
    EXPECT_NE(received().find(": keepalive\n\n"), std::string::npos);
}

TEST_F(Stream, EndsWhenTheGatewayGoesDown) {
    open();
    world_.draining = true;
    wait(second);
    EXPECT_NE(received().find("\r\n0\r\n\r\n"), std::string::npos);
}

TEST_F(Stream, EndsWhenTheClientGoes) {
    open();
    (void)received();
    client_ = net::Socket();
    wait(second);
    world_.add_request("fast", "ci", 200);
    wait(second);
    wait(second);
    EXPECT_EQ(connections_.size(), 0U);
}

TEST_F(Stream, ABadFilterIsAProblemAndNotAStream) {
    open("?status=odd");
    EXPECT_TRUE(received().starts_with("HTTP/1.1 400 "));
    EXPECT_NE(received().find("application/problem+json"), std::string::npos);
}

}  // namespace
}  // namespace gotthard::admin::test
