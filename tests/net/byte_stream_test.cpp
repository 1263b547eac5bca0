#include "net/byte_stream.hpp"

#include "loopback.hpp"

namespace gotthard::net {
namespace {

using testing::second;

class Streams : public testing::OnLoop {
protected:
    static Task<> read_into(ByteStream& stream, std::string& out, std::optional<Failure>& failure, int& reads) {
        char room[1024];
        for (;;) {
            auto got = co_await stream.read_some(room);
            ++reads;
            if (!got) {
                failure = got.error();
                co_return;
            }
            if (*got == 0) co_return;
            out.append(room, *got);
        }
    }
    static Task<> write(ByteStream& stream, std::string text, std::optional<Status>& result) {
        result = co_await stream.write_all(text);
    }

    std::string text;
    std::optional<Failure> failure;
    std::optional<Status> sent;
    int reads = 0;
};

TEST_F(Streams, ReadWhatComesUntilThePeerHasFinished) {
    auto pair = tcp_pair();
    spawn(read_into(*pair.near, text, failure, reads));
    pair.far.send("one ");
    settle();
    pair.far.send("two");
    settle();
    EXPECT_EQ(text, "one two");
    pair.far.finish();
    settle();
    EXPECT_EQ(reads, 3);
    EXPECT_FALSE(failure);
}

TEST_F(Streams, SeeTheEndThatCameWithTheLastBytes) {
    auto pair = tcp_pair();
    pair.far.send("last words");
    pair.far.finish();
    settle();
    spawn(read_into(*pair.near, text, failure, reads));
    settle();
    EXPECT_EQ(text, "last words");
    EXPECT_EQ(reads, 2);
}

TEST_F(Streams, WaitForASlowReaderAndLoseNothing) {
    auto pair = tcp_pair();
    const std::string much(8 << 20, 'x');
    spawn(write(*pair.near, much, sent));
    settle();
    EXPECT_FALSE(sent);
    std::size_t received = 0;
    EXPECT_TRUE(loop.run_until([&] {
        received += pair.far.received().size();
        return sent.has_value() && received == much.size();
    }));
    EXPECT_TRUE(sent->has_value());
}

TEST_F(Streams, WriteManyPiecesInOrder) {
    auto pair = unix_pair();
    std::vector<std::string> texts;
    std::string all;
    for (int i = 0; i < 3000; ++i) all += texts.emplace_back(std::to_string(i) + ",");
    std::vector<iovec> pieces;
    for (auto& piece : texts) pieces.push_back({piece.data(), piece.size()});
    spawn([](ByteStream& stream, std::span<iovec> what, std::optional<Status>& out) -> Task<> {
        out = co_await stream.write_all(what);
    }(*pair.near, pieces, sent));
    std::string got;
    EXPECT_TRUE(loop.run_until([&] {
        got += pair.far.received();
        return sent.has_value() && got.size() == all.size();
    }));
    EXPECT_EQ(got, all);
}

TEST_F(Streams, EndAReadAtItsDeadline) {
    auto pair = tcp_pair();
    pair.near->set_read_deadline(loop.now() + 10 * second);
    spawn(read_into(*pair.near, text, failure, reads));
    advance(9 * second);
    EXPECT_FALSE(failure);
    pair.near->set_read_deadline(loop.now() + 10 * second);
    advance(9 * second);
    EXPECT_FALSE(failure);
    advance(second);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->status, 408);
}

TEST_F(Streams, SayUpstreamTimeoutWhenAnUpstreamIsSlow) {
    auto pair = tcp_pair(Peer::upstream);
    pair.near->set_read_deadline(loop.now() + second);
    spawn(read_into(*pair.near, text, failure, reads));
    advance(second);
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->kind, FailureKind::upstream_timeout);
}

TEST_F(Streams, MoveTheWriteDeadlineWithProgress) {
    auto pair = tcp_pair();
    pair.near->set_write_deadline(loop.now() + second, second);
    spawn(write(*pair.near, std::string(16 << 20, 'x'), sent));
    for (int i = 0; i < 3; ++i) {
        settle();
        clock.advance(second * 3 / 4);
        for (int reads_left = 50; reads_left > 0; --reads_left) {
            pair.far.received();
            loop.poll();
        }
        if (sent) break;
    }
    EXPECT_TRUE(!sent || sent->has_value());
    if (!sent) {
        advance(2 * second);
        ASSERT_TRUE(sent);
        EXPECT_EQ(sent->error().kind, FailureKind::cancelled);
    }
}

TEST_F(Streams, AbortResumesTheReaderWithThatFailure) {
    auto pair = tcp_pair(Peer::upstream);
    spawn(read_into(*pair.near, text, failure, reads));
    pair.near->abort(Failure(FailureKind::cancelled, "the client went"));
    EXPECT_FALSE(failure);  // at the end of the turn, not inside abort()
    settle();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->message, "the client went");
    failure.reset();
    spawn(read_into(*pair.near, text, failure, reads));
    EXPECT_TRUE(failure);
}

TEST_F(Streams, MayBeDestroyedWhileSomebodyWaits) {
    auto pair = tcp_pair();
    spawn(read_into(*pair.near, text, failure, reads));
    pair.near.reset();
    settle();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->kind, FailureKind::cancelled);
}

TEST_F(Streams, TellOfAResetWhileNobodyReads) {
    auto pair = tcp_pair();
    bool gone = false;
    pair.near->on_hangup([&] { gone = true; });
    settle();
    EXPECT_FALSE(gone);
    pair.far.reset();
    settle();
    EXPECT_TRUE(gone);
    EXPECT_TRUE(pair.near->hung_up());
}

TEST_F(Streams, TellOfAFinWhileNobodyReadsAndNotAsAHangup) {
    auto pair = tcp_pair();
    bool gone = false;
    bool finished = false;
    pair.near->on_hangup([&] { gone = true; });
    pair.near->on_peer_finished([&] { finished = true; });
    pair.far.finish();
    settle();
    EXPECT_TRUE(finished);
    EXPECT_FALSE(gone);
}

TEST_F(Streams, TellLateListenersAtOnce) {
    auto pair = tcp_pair();
    pair.far.reset();
    settle();
    bool gone = false;
    pair.near->on_hangup([&] { gone = true; });
    EXPECT_TRUE(gone);
}

TEST_F(Streams, MayBeDestroyedByTheirOwnCallback) {
    auto pair = tcp_pair();
    pair.near->on_hangup([&] { pair.near.reset(); });
    pair.far.reset();
    settle();
    EXPECT_EQ(pair.near, nullptr);
}

TEST_F(Streams, FailWithTheUpstreamsFaultWhenItResets) {
    auto pair = tcp_pair(Peer::upstream);
    spawn(read_into(*pair.near, text, failure, reads));
    pair.far.reset();
    settle();
    ASSERT_TRUE(failure);
    EXPECT_EQ(failure->kind, FailureKind::upstream_unavailable);
    EXPECT_FALSE(failure->detail.empty());
}

TEST_F(Streams, CloseWithResetIsSeenAsAnError) {
    auto pair = tcp_pair();
    pair.near->close_with_reset();
    settle();
    pair.far.received();
    EXPECT_TRUE(pair.far.was_reset());
}

class Connecting : public testing::OnLoop {
protected:
    static Task<> dial(SocketAddress to, Nanos deadline, std::optional<Result<std::unique_ptr<TcpStream>>>& out) {
        out = co_await connect(std::move(to), deadline);
    }
    std::optional<Result<std::unique_ptr<TcpStream>>> result;
};

TEST_F(Connecting, GivesAStream) {
    auto listener = listen_on(SocketAddress::loopback(0));
    ASSERT_TRUE(listener);
    int accepted = 0;
    Acceptor acceptor(loop, listener->fd(), [&](Socket) { ++accepted; });
    spawn(dial(local_address(listener->fd()), 0, result));
    EXPECT_TRUE(loop.run_until([&] { return result.has_value() && accepted == 1; }));
    EXPECT_TRUE(result->has_value());
}

TEST_F(Connecting, SaysThatNobodyListens) {
    SocketAddress nobody;
    {
        auto listener = listen_on(SocketAddress::loopback(0));
        nobody = local_address(listener->fd());
    }
    spawn(dial(nobody, 0, result));
    EXPECT_TRUE(loop.run_until([&] { return result.has_value(); }));
    ASSERT_FALSE(result->has_value());
    EXPECT_EQ(result->error().kind, FailureKind::upstream_unavailable);
    EXPECT_EQ(result->error().message.find("127.0.0.1"), std::string::npos);  // never an upstream address
}

TEST_F(Connecting, EndsAtItsDeadline) {
    // A backlog that is full: the kernel drops further connection requests.
    Socket listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto any = SocketAddress::loopback(0);
    ASSERT_EQ(::bind(listener.fd(), any.get(), any.length()), 0);
    ASSERT_EQ(::listen(listener.fd(), 0), 0);
    const auto address = local_address(listener.fd());
    std::vector<std::optional<Result<std::unique_ptr<TcpStream>>>> dialled(8);
    for (auto& one : dialled) spawn(dial(address, loop.now() + second, one));
    settle();
    advance(second);
    ASSERT_TRUE(dialled.back());
    ASSERT_FALSE(dialled.back()->has_value());
    EXPECT_EQ(dialled.back()->error().kind, FailureKind::upstream_timeout);
}

TEST(Addresses, AreReadAndWritten) {
    for (const char* text : {"127.0.0.1:7300", "[::1]:7300", "0.0.0.0:80", "unix:/tmp/some.sock"})
        EXPECT_EQ(SocketAddress::parse(text)->to_string(), text);
    EXPECT_EQ(SocketAddress::parse(":7300")->to_string(), "0.0.0.0:7300");
    EXPECT_EQ(SocketAddress::parse("localhost:7300")->to_string(), "127.0.0.1:7300");
    EXPECT_TRUE(SocketAddress::parse("127.0.0.1:1")->is_loopback());
    EXPECT_TRUE(SocketAddress::parse("[::1]:1")->is_loopback());
    EXPECT_FALSE(SocketAddress::parse(":1")->is_loopback());
    for (const char* text : {"", "7300", "host:80", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:1x", "[::1:80", "unix:"})
        EXPECT_FALSE(SocketAddress::parse(text)) << text;
}

TEST(Listening, SaysWhoHoldsTheAddress) {
    Socket taken(::socket(AF_INET, SOCK_STREAM, 0));
    const auto any = SocketAddress::loopback(0);
    ASSERT_EQ(::bind(taken.fd(), any.get(), any.length()), 0);
    ASSERT_EQ(::listen(taken.fd(), 1), 0);
    auto second_socket = listen_on(local_address(taken.fd()));
    ASSERT_FALSE(second_socket);
    EXPECT_NE(second_socket.error().message.find("Another process"), std::string::npos);
}

TEST(Listening, ReplacesAStaleSocketFileButNotALiveOne) {
    const std::string path = "/tmp/gotthard-net-test-" + std::to_string(::getpid()) + ".sock";
    const auto address = *SocketAddress::unix_path(path);
    {
        auto first = listen_on(address);
        ASSERT_TRUE(first);
        EXPECT_FALSE(listen_on(address));
    }
    EXPECT_TRUE(listen_on(address));
    ::unlink(path.c_str());
}

}  // namespace
}  // namespace gotthard::net
