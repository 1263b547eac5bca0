// TCP and Unix-domain sockets: addresses, streams, listeners. TCP_NODELAY on every TCP stream.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>

#include "net/byte_stream.hpp"

namespace gotthard::net {

class SocketAddress {
public:
    SocketAddress() = default;
    SocketAddress(const sockaddr* address, socklen_t length);

    /// "127.0.0.1:7300", "[::1]:7300", ":7300" (all addresses), "unix:/path". Numbers only, no names.
    static Result<SocketAddress> parse(std::string_view text);
    static SocketAddress loopback(std::uint16_t port);
    static Result<SocketAddress> unix_path(std::string_view path);

    std::string to_string() const;  ///< In the form that parse reads.
    std::string host() const;       ///< The address without the port.
    std::uint16_t port() const;     ///< 0 for Unix sockets.
    void set_port(std::uint16_t port);
    int family() const { return storage_.ss_family; }
    bool is_unix() const { return family() == AF_UNIX; }
    bool is_loopback() const;  ///< 127/8, ::1, Unix.
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    socklen_t length() const { return length_; }

private:
    sockaddr_storage storage_{};
    socklen_t length_ = 0;
};

class TcpStream final : public ByteStream {
public:
    TcpStream(Socket socket, Peer peer, Loop& loop = Loop::current()) : ByteStream(std::move(socket), peer, loop) {}

    IoResult try_read(std::span<char> room) override;
    IoResult try_writev(std::span<const iovec> pieces) override;
    void finish_writing() override;

    /// A connect is under way: writable() waits for its outcome.
    void expect_connection() { mark_full(); }

    /// Takes the descriptor out of the loop and gives it away, for a TlsStream on top.
    Socket release() { return release_socket(); }
};

/// A connected stream to an upstream, or `upstream_unavailable`, or `upstream_timeout` when `deadline` (0: none) passes first.
Task<Result<std::unique_ptr<TcpStream>>> connect(SocketAddress address, Nanos deadline);

/// A socket bound and listening, non-blocking. TCP: SO_REUSEPORT, so that every shard has its own. Unix: an old socket file
/// that nobody answers on is replaced; `mode` is set on the file. Failure: `invalid_request`, says what to do.
Result<Socket> listen_on(const SocketAddress& address, int mode = 0600);
/// The address a socket is bound to.
SocketAddress local_address(int fd);
SocketAddress peer_address(int fd);

/// Accepts until EAGAIN whenever the loop says so, and gives each socket to `accepted` (non-blocking, close-on-exec, no delay).
/// Out of descriptors: pauses for 100 ms and sheds one waiting connection, instead of spinning.
class Acceptor final : EventSource {
public:
    using Accepted = std::function<void(Socket socket)>;
    /// `listener` may be shared between shards (Unix sockets); it must outlive the acceptor.
    Acceptor(Loop& loop, int listener, Accepted accepted);
    ~Acceptor();

    /// Takes what waits now. Called by the loop, and once more before the listener is closed.
    void accept_waiting();

private:
    void on_events(std::uint32_t) override { accept_waiting(); }
    void out_of_descriptors();

    Loop& loop_;
    int listener_;
    Accepted accepted_;
    Socket reserve_;  ///< Given up for a moment to shed a connection when there are no descriptors left.
    Timer pause_;
};

}  // namespace gotthard::net
