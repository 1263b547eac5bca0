#include "net/tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "net/url.hpp"

namespace gotthard::net {
namespace {

constexpr std::size_t record_size = 16384;
constexpr unsigned char client_protocols[] = "\x08http/1.1";

std::string openssl_error() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) return "no reason given";
    char text[256];
    ERR_error_string_n(code, text, sizeof text);
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : text;
}

Failure bad_file(std::string_view role, std::string_view path) {
    const std::string why = openssl_error();
    return Failure(FailureKind::invalid_request,
                   fmt::format("The {} '{}' cannot be used: {}. Give the path of a readable PEM file.", role, path, why));
}

int no_passphrase(char*, int, int, void*) { return 0; }

std::unique_ptr<SSL_CTX, SslDeleter> new_context(const SSL_METHOD* method) {
    std::unique_ptr<SSL_CTX, SslDeleter> context(SSL_CTX_new(method));
    if (!context) return nullptr;
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_default_passwd_cb(context.get(), &no_passphrase);
    SSL_CTX_set_read_ahead(context.get(), 1);
    return context;
}

Status load_identity(SSL_CTX* context, const std::string& cert_file, const std::string& key_file) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1) return fail(bad_file("certificate file", cert_file));
    const std::string& key = key_file.empty() ? cert_file : key_file;
    if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) return fail(bad_file("private key file", key));
    if (SSL_CTX_check_private_key(context) != 1) return fail(bad_file("private key file", key));
    return {};
}

/// Where distributions other than the one OpenSSL was built for keep their authorities.
void trust_system(SSL_CTX* context) {
    SSL_CTX_set_default_verify_paths(context);
    if (access(X509_get_default_cert_dir(), R_OK) == 0 || access(X509_get_default_cert_file(), R_OK) == 0) return;
    for (const char* bundle : {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                               "/etc/ssl/cert.pem"})
        if (access(bundle, R_OK) == 0 && SSL_CTX_load_verify_locations(context, bundle, nullptr) == 1) return;
    ERR_clear_error();
}

std::string stamp_of(const std::string& path) {
    struct stat status{};
    if (path.empty() || stat(path.c_str(), &status) != 0) return "-";
    return fmt::format("{}.{}.{}.{}", status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size, status.st_ino);
}

}  // namespace

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::make(const TlsClientOptions& options) {
    static std::atomic<std::uint64_t> next_id{1};
    std::shared_ptr<TlsClientContext> context(new TlsClientContext);
    context->context_ = new_context(TLS_client_method());
    if (!context->context_) return fail(Failure(FailureKind::internal, "TLS could not be set up.").because(openssl_error()));
    SSL_CTX* raw = context->context_.get();
    context->id_ = next_id.fetch_add(1);
    context->insecure_ = options.insecure;
    ERR_clear_error();
    if (options.ca_file.empty())
        trust_system(raw);
    else if (SSL_CTX_load_verify_locations(raw, options.ca_file.c_str(), nullptr) != 1)
        return fail(bad_file("CA file", options.ca_file));
    if (!options.cert_file.empty())
        if (auto status = load_identity(raw, options.cert_file, options.key_file); !status)
            return fail(std::move(status.error()));
    SSL_CTX_set_verify(raw, options.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_alpn_protos(raw, client_protocols, sizeof client_protocols - 1);
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(raw, &TlsStream::session_arrived);
    return context;
}

Result<std::shared_ptr<const TlsClientContext>> TlsClientContexts::get(const TlsClientOptions& options) {
    const auto key =
        fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}", options.ca_file, options.cert_file, options.key_file, options.insecure,
                    stamp_of(options.ca_file), stamp_of(options.cert_file), stamp_of(options.key_file));
    const std::lock_guard lock(mutex_);
    std::erase_if(contexts_, [](const auto& entry) { return entry.second.expired(); });
    if (const auto found = contexts_.find(key); found != contexts_.end())
        if (auto context = found->second.lock()) return context;
    auto context = TlsClientContext::make(options);
    if (context) contexts_[key] = *context;
    return context;
}

Result<std::unique_ptr<TlsServerContext>> TlsServerContext::make(TlsServerOptions options) {
    std::unique_ptr<TlsServerContext> server(new TlsServerContext(std::move(options)));
    if (auto status = server->reload(); !status) return fail(std::move(status.error()));
    return server;
}

Status TlsServerContext::reload() {
    auto context = load(options_);
    if (!context) return fail(std::move(context.error()));
    context_.store(std::move(*context));
    return {};
}

Result<std::shared_ptr<SSL_CTX>> TlsServerContext::load(TlsServerOptions& options) {
    auto context = new_context(TLS_server_method());
    if (!context) return fail(Failure(FailureKind::internal, "TLS could not be set up.").because(openssl_error()));
    if (auto status = load_identity(context.get(), options.cert_file, options.key_file); !status)
        return fail(std::move(status.error()));
    static constexpr unsigned char session_context[] = "gotthard";
    SSL_CTX_set_session_id_context(context.get(), session_context, sizeof session_context - 1);
    SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_num_tickets(context.get(), 1);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // tickets only: nothing is kept per client
    SSL_CTX_set_alpn_select_cb(context.get(), &TlsServerContext::select_protocol, &options);
    if (!options.client_ca_file.empty()) {
        ERR_clear_error();
        if (SSL_CTX_load_verify_locations(context.get(), options.client_ca_file.c_str(), nullptr) != 1)
            return fail(bad_file("client CA file", options.client_ca_file));
        STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(options.client_ca_file.c_str());
        if (names == nullptr) return fail(bad_file("client CA file", options.client_ca_file));
        SSL_CTX_set_client_CA_list(context.get(), names);
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    return std::shared_ptr<SSL_CTX>(context.release(), SslDeleter{});
}

int TlsServerContext::select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                                      unsigned in_size, void* self) {
    for (const auto& ours : static_cast<const TlsServerOptions*>(self)->alpn) {
        for (unsigned at = 0; at < in_size && at + 1 + in[at] <= in_size; at += 1 + in[at]) {
            if (ours.size() != in[at] || std::memcmp(ours.data(), in + at + 1, ours.size()) != 0) continue;
            *out = in + at + 1;
            *out_size = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::unique_ptr<SSL_SESSION, SslDeleter> TlsSessionCache::take(const std::string& key) {
    const auto found = sessions_.find(key);
    if (found == sessions_.end()) return nullptr;
    auto& list = found->second;
    while (!list.empty()) {
        auto session = std::move(list.back());
        list.pop_back();
        if (SSL_SESSION_is_resumable(session.get()) == 0) continue;
        if (SSL_SESSION_get_protocol_version(session.get()) < TLS1_3_VERSION) {  // may be used again and again
            SSL_SESSION_up_ref(session.get());
            list.emplace_back(session.get());
        }
        return session;
    }
    sessions_.erase(found);
    return nullptr;
}

void TlsSessionCache::put(const std::string& key, SSL_SESSION* session) {
    if (sessions_.size() >= max_keys && !sessions_.contains(key)) sessions_.clear();
    auto& list = sessions_[key];
    if (list.size() >= max_per_key) list.erase(list.begin());
    list.emplace_back(session);
}

TlsStream::TlsStream(Socket socket, Peer peer, SSL_CTX* context, Loop& loop)
    : ByteStream(std::move(socket), peer, loop), ssl_(SSL_new(context)) {
    BIO* bio = ssl_ ? BIO_new(socket_method()) : nullptr;
    if (bio == nullptr) {
        abort(Failure(FailureKind::internal, "TLS could not be set up.").because(openssl_error()));
        return;
    }
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_app_data(ssl_.get(), this);
    if (peer == Peer::client)
        SSL_set_accept_state(ssl_.get());
    else
        SSL_set_connect_state(ssl_.get());
}

TlsStream::~TlsStream() {
    if (ssl_ && !broken_)
        SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // else OpenSSL voids the session
}

BIO_METHOD* TlsStream::socket_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
        BIO_meth_set_read(made, &TlsStream::socket_read);
        BIO_meth_set_write(made, &TlsStream::socket_write);
        BIO_meth_set_ctrl(made, &TlsStream::socket_control);
        return made;
    }();
    return method;
}

int TlsStream::socket_read(BIO* bio, char* room, int size) {
    auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    for (;;) {
        const ssize_t got = ::recv(stream.fd(), room, static_cast<std::size_t>(size), 0);
        if (got > 0) {
            stream.socket_drained_ = got < size;
            return static_cast<int>(got);
        }
        if (got == 0) {
            BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
            return 0;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN)
            BIO_set_retry_read(bio);
        else
            stream.socket_error_ = errno;
        return -1;
    }
}

int TlsStream::socket_write(BIO* bio, const char* data, int size) {
    auto& stream = *static_cast<TlsStream*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    for (;;) {
        const ssize_t sent = ::send(stream.fd(), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
        if (sent >= 0) return static_cast<int>(sent);
        if (errno == EINTR) continue;
        if (errno == EAGAIN)
            BIO_set_retry_write(bio);
        else
            stream.socket_error_ = errno;
        return -1;
    }
}

long TlsStream::socket_control(BIO* bio, int command, long, void*) {
    switch (command) {
        case BIO_CTRL_FLUSH:
            return 1;
        case BIO_CTRL_EOF:
            return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
        default:
            return 0;
    }
}

/// Translates what OpenSSL says about a call that did not succeed. `blocked(crossed)` is settled by the caller.
IoResult TlsStream::outcome_of(int result) {
    switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ:
            return IoResult::blocked();
        case SSL_ERROR_WANT_WRITE:
            return IoResult::blocked(true);
        case SSL_ERROR_ZERO_RETURN:
            return IoResult::end();
        default:
            break;
    }
    broken_ = true;
    const unsigned long code = ERR_peek_last_error();
    if (socket_error_ != 0) {
        ERR_clear_error();
        return IoResult::failed(socket_error_, "TLS");
    }
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        error_ = "the connection ended without close_notify";
        return IoResult::failed(0, "the TLS connection ended without close_notify");
    }
    error_ = openssl_error();
    return IoResult::failed(0, "TLS protocol error");
}

IoResult TlsStream::try_read(std::span<char> room) {
    if (!ssl_) return IoResult::failed(ENOMEM, "TLS");
    ERR_clear_error();
    if (handshaking_) {
        const int result = SSL_do_handshake(ssl_.get());
        return result == 1 ? IoResult::done(1, false) : outcome_of(result);
    }
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), room.data(), room.size(), &got);
    if (result == 1) return IoResult::done(got, socket_drained_ && SSL_has_pending(ssl_.get()) == 0);
    return outcome_of(result);
}

IoResult TlsStream::try_writev(std::span<const iovec> pieces) {
    // Small pieces leave in one record: head and first body bytes belong together.
    thread_local char record[record_size];
    if (!ssl_) return IoResult::failed(ENOMEM, "TLS");
    std::size_t total = 0;
    std::size_t skip = 0;  // bytes of pieces.front() that are gone
    while (!pieces.empty()) {
        const char* data = static_cast<const char*>(pieces.front().iov_base) + skip;
        std::size_t size = pieces.front().iov_len - skip;
        if (size < record_size && pieces.size() > 1) {
            std::memcpy(record, data, size);
            for (const auto& piece : pieces.subspan(1)) {
                const std::size_t part = std::min(piece.iov_len, record_size - size);
                if (part != 0) std::memcpy(record + size, piece.iov_base, part);
                size += part;
                if (size == record_size) break;
            }
            data = record;
        }
        if (size == 0) break;
        ERR_clear_error();
        std::size_t sent = 0;
        const int result = SSL_write_ex(ssl_.get(), data, size, &sent);
        if (result != 1) {
            if (total != 0) break;  // the same bytes are tried again by the next call
            IoResult outcome = outcome_of(result);
            outcome.crossed = outcome.state == IoResult::State::would_block && !outcome.crossed;
            return outcome;
        }
        total += sent;
        skip += sent;
        while (!pieces.empty() && skip >= pieces.front().iov_len) {
            skip -= pieces.front().iov_len;
            pieces = pieces.subspan(1);
        }
    }
    return IoResult::done(total, false);
}

void TlsStream::finish_writing() {
    if (!open() || !ssl_ || broken_) return;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    ::shutdown(fd(), SHUT_WR);
}

std::string_view TlsStream::alpn() const {
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
    return {reinterpret_cast<const char*>(protocol), size};
}

bool TlsStream::resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

std::string TlsStream::peer_subject() const {
    X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return {};
    BIO* bio = BIO_new(BIO_s_mem());
    X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    std::string subject(text, static_cast<std::size_t>(size));
    BIO_free(bio);
    return subject;
}

int TlsStream::session_arrived(SSL* ssl, SSL_SESSION* session) {
    auto* stream = static_cast<TlsStream*>(SSL_get_app_data(ssl));
    if (stream == nullptr || !stream->sessions_) return 0;
    stream->sessions_->put(stream->session_key_, session);
    return 1;
}

Status TlsStream::prepare_client(const TlsClientContext& context, const std::string& host,
                                 std::shared_ptr<TlsSessionCache> sessions, std::string session_key) {
    if (!ssl_) return fail(FailureKind::internal, "TLS could not be set up.");
    const bool address = is_ip_literal(host);
    bool good = true;
    if (!address) good = SSL_set_tlsext_host_name(ssl_.get(), host.c_str()) == 1;
    if (!context.insecure()) {
        X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl_.get());
        X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        good = good && (address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str())
                                : X509_VERIFY_PARAM_set1_host(parameters, host.c_str(), host.size())) == 1;
    }
    if (!good) return fail(Failure(FailureKind::internal, "TLS could not be set up.").because(openssl_error()));
    sessions_ = std::move(sessions);
    session_key_ = std::move(session_key);
    if (sessions_)
        if (auto session = sessions_->take(session_key_)) SSL_set_session(ssl_.get(), session.get());
    return {};
}

Failure TlsStream::handshake_failure(const Failure& failure) const {
    if (failure.kind == FailureKind::upstream_timeout)
        return Failure(FailureKind::upstream_timeout, "The connection to the upstream was not made in time.")
            .because("TLS handshake");
    if (aborted() || (failure.kind != FailureKind::upstream_unavailable && failure.kind != FailureKind::cancelled))
        return failure;
    std::string detail = "TLS handshake: " + (error_.empty() ? failure.detail : error_);
    const long verdict = ssl_ ? SSL_get_verify_result(ssl_.get()) : X509_V_OK;
    if (peer() == Peer::client)
        return Failure(FailureKind::cancelled, "The client's TLS handshake failed.").because(std::move(detail));
    if (verdict == X509_V_OK)
        return Failure(FailureKind::upstream_unavailable, "No TLS connection to the upstream could be made.")
            .because(std::move(detail));
    return Failure(FailureKind::upstream_unavailable, "The upstream's TLS certificate was refused.")
        .because(detail + ": " + X509_verify_cert_error_string(verdict));
}

Task<Status> TlsStream::handshake(Nanos deadline) {
    handshaking_ = true;
    set_read_deadline(deadline);
    char unused = 0;
    auto got = co_await read_some({&unused, 1});
    handshaking_ = false;
    set_read_deadline(0);
    if (got && *got == 0)
        got = fail(Failure(peer() == Peer::client ? FailureKind::cancelled : FailureKind::upstream_unavailable,
                           "The connection ended during the TLS handshake."));
    if (!got) co_return fail(handshake_failure(got.error()));
    co_return Status();
}

Task<Result<std::unique_ptr<TlsStream>>> tls_accept(Socket socket, const TlsServerContext& context, Nanos deadline) {
    const auto current = context.current();
    auto stream = std::make_unique<TlsStream>(std::move(socket), Peer::client, current.get());
    auto status = co_await stream->handshake(deadline);
    if (!status) co_return fail(std::move(status.error()));
    co_return std::move(stream);
}

Task<Result<std::unique_ptr<TlsStream>>> tls_connect(Socket socket, const TlsClientContext& context, std::string host,
                                                     std::shared_ptr<TlsSessionCache> sessions, std::string session_key,
                                                     Nanos deadline, Cancellation& cancellation) {
    auto stream = std::make_unique<TlsStream>(std::move(socket), Peer::upstream, context.get());
    if (auto status = stream->prepare_client(context, host, std::move(sessions), std::move(session_key)); !status)
        co_return fail(std::move(status.error()));
    const Cancellation::Hook hook(
        cancellation, [](void* self) { static_cast<TlsStream*>(self)->abort(Cancellation::failure()); }, stream.get());
    if (cancellation.cancelled()) co_return fail(Cancellation::failure());
    auto status = co_await stream->handshake(deadline);
    if (!status) co_return fail(std::move(status.error()));
    co_return std::move(stream);
}

}  // namespace gotthard::net
