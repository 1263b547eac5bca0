#include "net/shard.hpp"

#include <future>

#include "loopback.hpp"
#include "net/server.hpp"

namespace gotthard::net {
namespace {

Task<> hello(HttpRequest& request) { co_await request.respond(200, "", "hello"); }

class Shards : public ::testing::Test {
protected:
    SocketAddress listen(ShardGroup& group, const SocketAddress& address) {
        auto bound = group.listen(address, [this](Socket socket, Shard& shard) {
            spawn(serve_http(std::make_unique<TcpStream>(std::move(socket), Peer::client), options, handler, &shard.connections));
        });
        EXPECT_TRUE(bound);
        return *bound;
    }
    /// A blocking client.
    static Socket dial(const SocketAddress& to) {
        Socket socket(::socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(::connect(socket.fd(), to.get(), to.length()), 0);
        return socket;
    }
    static std::string ask(const Socket& socket) {
        constexpr std::string_view text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        EXPECT_EQ(::send(socket.fd(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
        char room[1024];
        const ssize_t got = ::recv(socket.fd(), room, sizeof room, 0);
        return got > 0 ? std::string(room, static_cast<std::size_t>(got)) : "";
    }

    SystemClock clock;
    ServerOptions options;
    RequestHandler handler = hello;
};

TEST_F(Shards, ServeOnEveryThreadAndStop) {
    ShardGroup group(clock, 3);
    const auto address = listen(group, SocketAddress::loopback(0));
    std::atomic<int> begun = 0;
    std::atomic<int> ended = 0;
    group.start([&](Shard&) { ++begun; }, [&](Shard&) { ++ended; });
    EXPECT_EQ(begun, 3);
    std::vector<Socket> clients;
    for (int i = 0; i < 30; ++i) {
        clients.push_back(dial(address));
        EXPECT_TRUE(ask(clients.back()).ends_with("hello"));
    }
    EXPECT_EQ(group.connections(), 30U);
    EXPECT_EQ(group.accepted(), 30U);
    group.stop();
    EXPECT_EQ(ended, 3);
    char room[16];
    for (auto& client : clients) EXPECT_LE(::recv(client.fd(), room, sizeof room, 0), 0);
}

TEST_F(Shards, DrainClosesIdleConnectionsAndRefusesNewOnes) {
    ShardGroup group(clock, 2);
    const auto address = listen(group, SocketAddress::loopback(0));
    group.start();
    auto client = dial(address);
    ask(client);
    EXPECT_TRUE(group.drain(std::chrono::seconds(10)));
    char room[16];
    EXPECT_EQ(::recv(client.fd(), room, sizeof room, 0), 0);
    Socket late(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_NE(::connect(late.fd(), address.get(), address.length()), 0);
}

Task<> never(HttpRequest& request) {
    Signal gone;
    request.on_gone([&gone] { gone.set(); });
    co_await gone.wait();
}

TEST_F(Shards, DrainGivesUpWhenItIsInterruptedAndStopEndsTheRest) {
    handler = never;
    ShardGroup group(clock, 1);
    const auto address = listen(group, SocketAddress::loopback(0));
    group.start();
    auto client = dial(address);
    constexpr std::string_view text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    ASSERT_GT(::send(client.fd(), text.data(), text.size(), 0), 0);
    while (group.connections() == 0) std::this_thread::yield();
    std::promise<void> served;
    group.shard(0).loop.post([&] { served.set_value(); });
    served.get_future().wait();
    EXPECT_FALSE(group.drain(std::chrono::seconds(10), [] { return true; }));
    group.stop();
}

TEST_F(Shards, ServeAUnixSocketAndRemoveItsFile) {
    const std::string path = "/tmp/gotthard-shard-test-" + std::to_string(::getpid()) + ".sock";
    ShardGroup group(clock, 2);
    const auto address = listen(group, *SocketAddress::unix_path(path));
    group.start();
    EXPECT_TRUE(ask(dial(address)).ends_with("hello"));
    group.stop();
    EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST_F(Shards, RunPostedWorkOnEachThread) {
    ShardGroup group(clock, 2);
    group.start();
    std::atomic<unsigned> seen = 0;
    std::promise<void> both;
    group.post_all([&](Shard& shard) {
        EXPECT_EQ(&Loop::current(), &shard.loop);
        if (++seen == 2) both.set_value();
    });
    both.get_future().wait();
}

}  // namespace
}  // namespace gotthard::net
