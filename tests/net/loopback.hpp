// A loop on a clock that tests advance, and connected sockets on it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "base/clock.hpp"
#include "net/loop.hpp"
#include "net/tcp.hpp"

namespace gotthard::net::testing {

inline constexpr Nanos second = 1'000'000'000;
inline constexpr Nanos millisecond = 1'000'000;

/// The far end of a connection: plain, non-blocking, driven by the test.
class Far {
public:
    explicit Far(Socket socket) : socket_(std::move(socket)) {}

    void send(std::string_view text) {
        EXPECT_EQ(::send(socket_.fd(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    /// Everything that is there now.
    std::string received() {
        std::string out;
        char room[65536];
        for (ssize_t got; (got = ::recv(socket_.fd(), room, sizeof room, 0)) != 0;) {
            if (got < 0) {
                reset_ = reset_ || errno == ECONNRESET;
                return out;
            }
            out.append(room, static_cast<std::size_t>(got));
        }
        ended_ = true;
        return out;
    }
    bool ended() const { return ended_; }  ///< received() saw the end.
    bool was_reset() const { return reset_; }
    void finish() { ::shutdown(socket_.fd(), SHUT_WR); }
    void close() { socket_ = Socket(); }
    void reset() {
        const linger at_once{.l_onoff = 1, .l_linger = 0};
        setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close();
    }
    int fd() const { return socket_.fd(); }

private:
    Socket socket_;
    bool ended_ = false;
    bool reset_ = false;
};

struct Pair {
    std::unique_ptr<TcpStream> near;
    Far far;
};

class OnLoop : public ::testing::Test {
protected:
    void TearDown() override { settle(); }  // what was destroyed with somebody waiting wakes him at the end of a turn

    /// Turns until nothing more happens.
    void settle() {
        for (int i = 0; i < 20; ++i) loop.poll();
    }
    void advance(Nanos by) {
        clock.advance(by);
        settle();
    }

    Pair unix_pair(Peer peer = Peer::client) {
        int fds[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        return {std::make_unique<TcpStream>(Socket(fds[0]), peer, loop), Far(Socket(fds[1]))};
    }
    /// Over the loopback interface, where FIN and RST exist.
    Pair tcp_pair(Peer peer = Peer::client) {
        auto listener = listen_on(SocketAddress::loopback(0));
        EXPECT_TRUE(listener);
        Socket far(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto address = local_address(listener->fd());
        EXPECT_EQ(::connect(far.fd(), address.get(), address.length()), 0);
        ::fcntl(far.fd(), F_SETFL, O_NONBLOCK);
        const int on = 1;
        setsockopt(far.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        Socket near(::accept4(listener->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        EXPECT_TRUE(near);
        return {std::make_unique<TcpStream>(std::move(near), peer, loop), Far(std::move(far))};
    }

    ManualClock clock;
    Loop loop{clock};
};

}  // namespace gotthard::net::testing
