#include "app/cli/blocking_stream.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace gotthard::app {
namespace {

std::unexpected<Failure> unreachable(std::string message) { return fail(FailureKind::upstream_unavailable, std::move(message)); }

void limit_waiting(int fd, std::chrono::seconds limit) {
    const timeval time{.tv_sec = limit.count(), .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

std::unexpected<Failure> broken(std::string_view what) {
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return fail(FailureKind::upstream_timeout, "The gateway did not answer in time.");
    return unreachable(fmt::format("The connection to the gateway broke while {}: {}.", what, std::strerror(errno)));
}

std::string tls_reason(SSL* tls) {
    const long verdict = SSL_get_verify_result(tls);
    if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
    const unsigned long error = ERR_peek_last_error();
    const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
    return reason == nullptr ? "the handshake was cut off" : reason;
}

}  // namespace

void BlockingStream::FreeTls::operator()(ssl_st* tls) const { SSL_free(tls); }
void BlockingStream::FreeTls::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Result<BlockingStream> BlockingStream::connect_unix(const std::string& path, std::chrono::seconds limit) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return unreachable(fmt::format("'{}' is too long for a socket's path.", path));
    std::memcpy(address.sun_path, path.data(), path.size());
    net::Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return unreachable(std::strerror(errno));
    limit_waiting(socket.fd(), limit);
    if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return unreachable(std::strerror(errno));
    return BlockingStream(std::move(socket));
}

Result<BlockingStream> BlockingStream::connect_tcp(const std::string& host, std::uint16_t port, bool tls,
                                                   std::chrono::seconds limit) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0)
        return unreachable(fmt::format("'{}' has no address: {}", host, gai_strerror(error)));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
    int error = ECONNREFUSED;
    for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
        net::Socket socket(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (!socket) continue;
        limit_waiting(socket.fd(), limit);
        if (::connect(socket.fd(), address->ai_addr, address->ai_addrlen) != 0) {
            error = errno;
            continue;
        }
        BlockingStream stream(std::move(socket));
        if (tls)
            if (auto status = stream.start_tls(host); !status) return std::unexpected(std::move(status.error()));
        return stream;
    }
    return unreachable(std::strerror(error == EINPROGRESS ? ETIMEDOUT : error));
}

Status BlockingStream::start_tls(const std::string& host) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
    SSL_CTX_set_default_verify_paths(context_.get());
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    tls_.reset(SSL_new(context_.get()));
    X509_VERIFY_PARAM* check = SSL_get0_param(tls_.get());
    if (X509_VERIFY_PARAM_set1_ip_asc(check, host.c_str()) != 1) {
        SSL_set_tlsext_host_name(tls_.get(), host.c_str());
        SSL_set1_host(tls_.get(), host.c_str());
    }
    SSL_set_fd(tls_.get(), socket_.fd());
    ERR_clear_error();
    if (SSL_connect(tls_.get()) != 1) return unreachable(fmt::format("no secure connection: {}", tls_reason(tls_.get())));
    return {};
}

Status BlockingStream::write(std::string_view text) {
    while (!text.empty()) {
        const auto sent = tls_ ? SSL_write(tls_.get(), text.data(), static_cast<int>(std::min<std::size_t>(text.size(), 1 << 20)))
                               : ::send(socket_.fd(), text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            if (!tls_ && errno == EINTR) continue;
            return broken("sending");
        }
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

Result<std::size_t> BlockingStream::read(std::span<char> room) {
    for (;;) {
        errno = 0;
        const auto got = tls_ ? SSL_read(tls_.get(), room.data(), static_cast<int>(room.size()))
                              : ::recv(socket_.fd(), room.data(), room.size(), 0);
        if (got > 0) return static_cast<std::size_t>(got);
        if (tls_ && SSL_get_error(tls_.get(), static_cast<int>(got)) == SSL_ERROR_ZERO_RETURN) return 0;
        if (!tls_ && got == 0) return 0;
        if (errno != EINTR) return broken("reading");
    }
}

}  // namespace gotthard::app
