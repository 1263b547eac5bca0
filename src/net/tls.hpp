// TLS 1.2 and 1.3 on our own descriptors, by OpenSSL 3. Contexts are immutable and shared by all threads, one per set of
// trust; streams belong to one loop. The private memory of an idle stream is given back (SSL_MODE_RELEASE_BUFFERS).
//
//   auto context = TlsServerContext::make({.cert_file = ..., .key_file = ...});
//   auto stream = co_await tls_accept(std::move(socket), *context, deadline);
//
// Client side: the certificate is verified against the system's authorities or the given ones, and the name or address
// against it, unless `insecure`. Sessions are resumed per origin (TlsSessionCache). An end without close_notify is a failure,
// not an end.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/byte_stream.hpp"
#include "net/cancellation.hpp"
#include "net/task.hpp"

namespace gotthard::net {

struct SslDeleter {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};

/// What to trust and how to show ourselves to an upstream. Files are PEM.
struct TlsClientOptions {
    std::string ca_file;    ///< Empty: the system's authorities. Else only these.
    std::string cert_file;  ///< Our certificate chain; empty: none.
    std::string key_file;   ///< Empty: in cert_file.
    bool insecure = false;  ///< No verification at all.
    bool operator==(const TlsClientOptions&) const = default;
};

class TlsClientContext {
public:
    /// invalid_request that names the file and what is wrong with it.
    static Result<std::shared_ptr<const TlsClientContext>> make(const TlsClientOptions& options);
    SSL_CTX* get() const { return context_.get(); }
    std::uint64_t id() const { return id_; }  ///< Never used again for another context.
    bool insecure() const { return insecure_; }

private:
    TlsClientContext() = default;
    std::unique_ptr<SSL_CTX, SslDeleter> context_;
    std::uint64_t id_ = 0;
    bool insecure_ = false;
};

/// One context per trust set for all who ask; any thread. Files that changed make a new context.
class TlsClientContexts {
public:
    Result<std::shared_ptr<const TlsClientContext>> get(const TlsClientOptions& options);

private:
    std::mutex mutex_;
    std::unordered_map<std::string, std::weak_ptr<const TlsClientContext>> contexts_;
};

struct TlsServerOptions {
    std::string cert_file;
    std::string key_file;                          ///< Empty: in cert_file.
    std::string client_ca_file;                    ///< Set: clients must show a certificate signed by one of these.
    std::vector<std::string> alpn = {"http/1.1"};  ///< In order of preference.
};

class TlsServerContext {
public:
    static Result<std::unique_ptr<TlsServerContext>> make(TlsServerOptions options);
    /// Reads the files again. Any thread. On failure the old certificate stays in use.
    Status reload();
    std::shared_ptr<SSL_CTX> current() const { return context_.load(); }
    const TlsServerOptions& options() const { return options_; }

private:
    explicit TlsServerContext(TlsServerOptions options) : options_(std::move(options)) {}
    static Result<std::shared_ptr<SSL_CTX>> load(TlsServerOptions& options);
    static int select_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                               unsigned in_size, void* self);

    TlsServerOptions options_;
    std::atomic<std::shared_ptr<SSL_CTX>> context_;
};

/// Sessions to resume, by origin and context. One loop's.
class TlsSessionCache {
public:
    std::unique_ptr<SSL_SESSION, SslDeleter> take(const std::string& key);
    void put(const std::string& key, SSL_SESSION* session);  ///< Takes the reference.
    std::size_t size() const { return sessions_.size(); }

private:
    static constexpr std::size_t max_keys = 1024;
    static constexpr std::size_t max_per_key = 4;
    using Sessions = std::vector<std::unique_ptr<SSL_SESSION, SslDeleter>>;
    std::unordered_map<std::string, Sessions> sessions_;
};

class TlsStream final : public ByteStream {
public:
    TlsStream(Socket socket, Peer peer, SSL_CTX* context, Loop& loop = Loop::current());
    ~TlsStream() override;

    IoResult try_read(std::span<char> room) override;
    IoResult try_writev(std::span<const iovec> pieces) override;
    void finish_writing() override;

    std::string_view alpn() const;  ///< The protocol agreed on; empty when none was.
    bool resumed() const;
    std::string peer_subject() const;  ///< Of the verified peer certificate, one line (RFC 2253); empty without one.

    /// Sets name checks, SNI and a session to resume. Before handshake(), client side.
    Status prepare_client(const TlsClientContext& context, const std::string& host, std::shared_ptr<TlsSessionCache> sessions,
                          std::string session_key);
    Task<Status> handshake(Nanos deadline);

private:
    friend class TlsClientContext;
    static int session_arrived(SSL* ssl, SSL_SESSION* session);
    static BIO_METHOD* socket_method();
    static int socket_read(BIO* bio, char* room, int size);
    static int socket_write(BIO* bio, const char* data, int size);
    static long socket_control(BIO* bio, int command, long number, void* pointer);
    IoResult outcome_of(int result);
    Failure handshake_failure(const Failure& failure) const;

    std::unique_ptr<SSL, SslDeleter> ssl_;
    std::shared_ptr<TlsSessionCache> sessions_;
    std::string session_key_;
    std::string error_;  ///< OpenSSL's words about the last fatal error, for the log.
    int socket_error_ = 0;
    bool handshaking_ = false;
    bool socket_drained_ = false;
    bool broken_ = false;
};

/// Server side: the stream after its handshake, or why there is none (Origin::client).
Task<Result<std::unique_ptr<TlsStream>>> tls_accept(Socket socket, const TlsServerContext& context, Nanos deadline);

/// Client side, on a connected socket. `host`: name or address that the certificate must be for. `session_key` names the origin.
Task<Result<std::unique_ptr<TlsStream>>> tls_connect(Socket socket, const TlsClientContext& context, std::string host,
                                                     std::shared_ptr<TlsSessionCache> sessions, std::string session_key,
                                                     Nanos deadline, Cancellation& cancellation);

}  // namespace gotthard::net
