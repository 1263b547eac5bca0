// One connection to a running gateway for short programs: a Unix socket, TCP or TLS, blocking, with a time limit per operation.
// The data path never uses it.
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/failure.hpp"
#include "net/byte_stream.hpp"

struct ssl_st;
struct ssl_ctx_st;

namespace gotthard::app {

class BlockingStream {
public:
    static Result<BlockingStream> connect_unix(const std::string& path, std::chrono::seconds limit);
    /// `tls`: with the system's certificates (SSL_CERT_FILE and SSL_CERT_DIR are honoured); the name is checked.
    static Result<BlockingStream> connect_tcp(const std::string& host, std::uint16_t port, bool tls, std::chrono::seconds limit);

    Status write(std::string_view text);
    /// Bytes read; 0: the other side has finished.
    Result<std::size_t> read(std::span<char> room);

private:
    struct FreeTls {
        void operator()(ssl_st* tls) const;
        void operator()(ssl_ctx_st* context) const;
    };
    explicit BlockingStream(net::Socket socket) : socket_(std::move(socket)) {}
    Status start_tls(const std::string& host);

    net::Socket socket_;
    std::unique_ptr<ssl_ctx_st, FreeTls> context_;
    std::unique_ptr<ssl_st, FreeTls> tls_;
};

}  // namespace gotthard::app
