#include "net/tcp.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace gotthard::net {
namespace {

constexpr int backlog = 4096;
constexpr Nanos pause_without_descriptors = 100'000'000;

std::string error_text(int error) {
    char room[128];
    return strerror_r(error, room, sizeof room);
}

void set_option(int fd, int level, int option) {
    const int on = 1;
    setsockopt(fd, level, option, &on, sizeof on);
}

Failure bad_address(std::string_view text) {
    return Failure(
        FailureKind::invalid_request,
        "'" + std::string(text) +
            "' is not an address to listen on or connect to; write it as 127.0.0.1:7300, [::1]:7300, :7300 or unix:/path.");
}

Failure cannot_connect(int error) {
    return Failure(FailureKind::upstream_unavailable, "The upstream cannot be reached.").because(error_text(error));
}

Failure cannot_listen(const SocketAddress& address, int error) {
    std::string text = "Cannot listen on " + address.to_string() + ": " + error_text(error) + ".";
    if (error == EADDRINUSE) text += " Another process has this address: stop it, or listen elsewhere.";
    if (error == EACCES)
        text += " Choose a port from 1024 up or a folder this user may write to, or give the process the right to bind it.";
    if (error == EADDRNOTAVAIL) text += " This machine has no such address.";
    return Failure(FailureKind::invalid_request, std::move(text));
}

// A socket file on which nobody answers is left over from a process that died.
void remove_stale_socket(const SocketAddress& address, const char* path) {
    struct stat status{};
    if (::lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) return;
    const Socket probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (probe && ::connect(probe.fd(), address.get(), address.length()) != 0 && errno == ECONNREFUSED) ::unlink(path);
}

}  // namespace

SocketAddress::SocketAddress(const sockaddr* address, socklen_t length) : length_(std::min<socklen_t>(length, sizeof storage_)) {
    if (address != nullptr) std::memcpy(&storage_, address, length_);
}

Result<SocketAddress> SocketAddress::unix_path(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != std::string_view::npos)
        return fail(FailureKind::invalid_request,
                    "The socket path '" + std::string(path) + "' is empty or longer than 107 bytes; choose a shorter one.");
    std::memcpy(address.sun_path, path.data(), path.size());
    return SocketAddress(reinterpret_cast<const sockaddr*>(&address),
                         static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1));
}

SocketAddress SocketAddress::loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return SocketAddress(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
    if (text.starts_with("unix:")) return unix_path(text.substr(5));
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return fail(bad_address(text));
    std::uint16_t port = 0;
    const auto digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc{} || end != digits.data() + digits.size()) return fail(bad_address(text));

    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        if (inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), &address.sin6_addr) != 1)
            return fail(bad_address(text));
        return SocketAddress(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (host == "localhost") host = "127.0.0.1";
    if (host.empty() || host == "*") host = "0.0.0.0";
    if (inet_pton(AF_INET, std::string(host).c_str(), &address.sin_addr) != 1) return fail(bad_address(text));
    return SocketAddress(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

std::string SocketAddress::host() const {
    char room[INET6_ADDRSTRLEN] = {};
    switch (family()) {
        case AF_INET:
            return inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage_).sin_addr, room, sizeof room);
        case AF_INET6:
            return inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr, room, sizeof room);
        case AF_UNIX:
            return length_ > offsetof(sockaddr_un, sun_path) ? reinterpret_cast<const sockaddr_un&>(storage_).sun_path : "";
        default:
            return "";
    }
}

std::string SocketAddress::to_string() const {
    if (is_unix()) return "unix:" + host();
    const std::string port_text = std::to_string(port());
    return family() == AF_INET6 ? "[" + host() + "]:" + port_text : host() + ":" + port_text;
}

std::uint16_t SocketAddress::port() const {
    if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
    if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage_).sin6_port);
    return 0;
}

void SocketAddress::set_port(std::uint16_t port) {
    if (family() == AF_INET) reinterpret_cast<sockaddr_in&>(storage_).sin_port = htons(port);
    if (family() == AF_INET6) reinterpret_cast<sockaddr_in6&>(storage_).sin6_port = htons(port);
}

bool SocketAddress::is_loopback() const {
    if (family() == AF_INET) return (ntohl(reinterpret_cast<const sockaddr_in&>(storage_).sin_addr.s_addr) >> 24) == 127;
    if (family() == AF_INET6) return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr);
    return is_unix();
}

IoResult TcpStream::try_read(std::span<char> room) {
    for (;;) {
        const ssize_t got = ::recv(fd(), room.data(), room.size(), 0);
        if (got > 0) return IoResult::done(static_cast<std::size_t>(got), static_cast<std::size_t>(got) < room.size());
        if (got == 0) return IoResult::end();
        if (errno == EAGAIN) return IoResult::blocked();
        if (errno != EINTR) return IoResult::failed(errno);
    }
}

IoResult TcpStream::try_writev(std::span<const iovec> pieces) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    for (;;) {
        const ssize_t sent = pieces.size() == 1 ? ::send(fd(), pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
                                                : ::sendmsg(fd(), &message, MSG_NOSIGNAL);
        if (sent >= 0) return IoResult::done(static_cast<std::size_t>(sent), false);
        if (errno == EAGAIN) return IoResult::blocked();
        if (errno != EINTR) return IoResult::failed(errno);
    }
}

void TcpStream::finish_writing() {
    if (open()) ::shutdown(fd(), SHUT_WR);
}

Task<Result<std::unique_ptr<TcpStream>>> connect(SocketAddress address, Nanos deadline) {
    Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) co_return fail(cannot_connect(errno));
    if (!address.is_unix()) set_option(socket.fd(), IPPROTO_TCP, TCP_NODELAY);
    const bool connected = ::connect(socket.fd(), address.get(), address.length()) == 0;
    if (!connected && errno != EINPROGRESS) co_return fail(cannot_connect(errno));

    auto stream = std::make_unique<TcpStream>(std::move(socket), Peer::upstream);
    if (!connected) {
        stream->expect_connection();
        stream->set_write_deadline(deadline);
        auto ready = co_await stream->writable();
        if (!ready && ready.error().kind == FailureKind::upstream_timeout)
            co_return fail(FailureKind::upstream_timeout, "The connection to the upstream was not made in time.");
        if (!ready) co_return fail(std::move(ready.error()));
        stream->set_write_deadline(0);
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(stream->fd(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) co_return fail(cannot_connect(error));
    }
    co_return stream;
}

Result<Socket> listen_on(const SocketAddress& address, int mode) {
    Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return fail(cannot_listen(address, errno));
    if (address.is_unix()) {
        remove_stale_socket(address, address.host().c_str());
        const mode_t before = ::umask(0777 & ~static_cast<mode_t>(mode));
        const int bound = ::bind(socket.fd(), address.get(), address.length());
        const int error = errno;
        ::umask(before);
        if (bound != 0) return fail(cannot_listen(address, error));
        ::chmod(address.host().c_str(), static_cast<mode_t>(mode));
    } else {
        set_option(socket.fd(), SOL_SOCKET, SO_REUSEADDR);
        set_option(socket.fd(), SOL_SOCKET, SO_REUSEPORT);
        set_option(socket.fd(), IPPROTO_TCP, TCP_NODELAY);  // accepted sockets inherit it
        if (address.family() == AF_INET6) set_option(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY);
        if (::bind(socket.fd(), address.get(), address.length()) != 0) return fail(cannot_listen(address, errno));
    }
    if (::listen(socket.fd(), backlog) != 0) return fail(cannot_listen(address, errno));
    return socket;
}

SocketAddress local_address(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
    return SocketAddress(reinterpret_cast<const sockaddr*>(&storage), length);
}

SocketAddress peer_address(int fd) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {};
    return SocketAddress(reinterpret_cast<const sockaddr*>(&storage), length);
}

Acceptor::Acceptor(Loop& loop, int listener, Accepted accepted)
    : loop_(loop), listener_(listener), accepted_(std::move(accepted)), reserve_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
    loop_.add(listener_, EPOLLIN, *this);
}

Acceptor::~Acceptor() { loop_.remove(listener_, *this); }

void Acceptor::accept_waiting() {
    for (;;) {
        Socket socket(::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket) {
            accepted_(std::move(socket));
            continue;
        }
        switch (errno) {
            case EAGAIN:
                return;
            case EMFILE:
            case ENFILE:
                out_of_descriptors();
                [[fallthrough]];
            case ENOBUFS:
            case ENOMEM:
                pause_ = loop_.after(pause_without_descriptors, [this] { accept_waiting(); });
                return;
            case EBADF:
            case EINVAL:
            case ENOTSOCK:
                return;
            default:
                continue;  // what went wrong with this one connection is not our concern
        }
    }
}

void Acceptor::out_of_descriptors() {
    reserve_ = Socket();
    { const Socket shed(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)); }
    reserve_ = Socket(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace gotthard::net
