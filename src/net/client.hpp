// HTTP/1.1 towards upstreams: one HttpClient per loop, one ClientExchange per request. Bytes of the answer are handed out as
// they come, with their framing, so that a relay can pass them on untouched.
//
//   ClientExchange exchange(client);
//   auto status = co_await exchange.send(endpoint, {.method = "POST", .head = head, .body = pieces}, timeouts);
//   if (!status) ...                                          // nothing of an answer was seen
//   relay(exchange.head().status, exchange.head().headers);
//   for (;;) {
//       auto piece = co_await exchange.read_some();           // Result<BodyPiece>
//       if (!piece) ...                                       // cut short, idle, cancelled: never looks like an end
//       ... piece->payload or piece->raw ...
//       if (piece->last) break;
//   }
//
// Life cycle: an exchange sends once. Its connection goes back to the pool when the answer has been read to its end, and is
// closed otherwise (abort(), destructor). abort() may be called at any time from the same thread: whatever waits is resumed
// at the end of the turn with `cancelled`. An exchange must not be destroyed while an operation on it waits, nor outlive its
// client. Redirects are answers like any other.
//
// Failures: no connection (refused, DNS, TLS, reset before an answer): upstream_unavailable. Too slow: upstream_timeout, the
// phase (connect, headers, idle, total) stands in timed_out(). No HTTP, or an answer that ends early: upstream_malformed.
// Messages never hold an address; details may.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/byte_buffer.hpp"
#include "net/dialer.hpp"
#include "net/http1.hpp"
#include "net/pool.hpp"

namespace gotthard::net {

/// Lengths; 0: no limit.
struct ClientTimeouts {
    Nanos connect = 2'000'000'000;   ///< Name, TCP, proxy and TLS together.
    Nanos headers = 60'000'000'000;  ///< For sending, and again from then to the end of the answer's head.
    Nanos idle = 60'000'000'000;     ///< Without any byte of the answer's body.
    Nanos total = 600'000'000'000;   ///< All of it, from send().
};

enum class Phase : std::uint8_t { none, connect, headers, idle, total };
std::string_view to_string(Phase phase);

/// What to send. Everything must stay until send() has returned.
struct ClientRequest {
    std::string_view method = "POST";  ///< As in the head; decides whether the answer has a body.
    std::string_view head;             ///< Request line, headers, empty line; see append_request_head.
    std::span<const iovec> body;       ///< Any number of pieces; not copied, not changed.
    HeadLimits limits;                 ///< Of the answer's head.
};

/// A stretch of the answer's body. Views live until the next call on the exchange.
struct BodyPiece {
    std::string_view raw;                       ///< As it came, framing included.
    std::span<const std::string_view> payload;  ///< The body bytes in `raw`, in order.
    std::size_t whole_chunks =
        0;  ///< Chunked: leading bytes of `raw` that can be passed on with their framing and hold all of `payload`; else 0.
    bool last = false;  ///< The body is complete with this piece.

    std::size_t payload_size() const;
};

class HttpClient;

class ClientExchange {
public:
    explicit ClientExchange(HttpClient& client) : client_(client) {}
    ClientExchange(const ClientExchange&) = delete;
    ClientExchange& operator=(const ClientExchange&) = delete;
    ~ClientExchange();

    /// Connects or reuses, sends, reads the head of the final answer (1xx are skipped). A pooled connection that turns out to
    /// have been closed before any byte of an answer is replaced once by a fresh one.
    Task<Status> send(std::shared_ptr<const UpstreamEndpoint> endpoint, ClientRequest request, ClientTimeouts timeouts);

    /// Valid after a good send(), until release_head().
    const ResponseHead& head() const { return head_; }
    /// Gives the head's memory back; for streams that stay open for long.
    void release_head();

    /// The next stretch; empty with `last` when the body has ended already.
    Task<Result<BodyPiece>> read_some();
    /// The whole body, content codings undone, or upstream_malformed above `limit`.
    Task<Result<std::string>> read_all(std::size_t limit);
    bool complete() const { return answered_ && decoder_.finished() && !failed_; }

    /// The client went away, or nobody wants the rest.
    void abort();
    bool aborted() const { return cancellation_.cancelled(); }

    bool reused() const { return reused_; }      ///< The answer came over a connection that had served before.
    bool repeated() const { return repeated_; }  ///< A stale connection had to be replaced.
    Phase timed_out() const { return timed_out_; }
    Nanos sent_at() const { return sent_at_; }  ///< When the last byte of the request had been handed to the kernel.
    Nanos connected_at() const { return connected_at_; }
    Nanos first_byte_at() const { return first_byte_at_; }
    std::uint64_t bytes_received() const { return bytes_received_; }

private:
    static constexpr std::size_t spans_per_piece = 32;
    static constexpr std::size_t small_read = 16 * 1024;
    static constexpr std::size_t large_read = 64 * 1024;

    Task<Status> attempt(ClientRequest request, bool fresh);
    Task<Status> read_head(ClientRequest request, Nanos until);
    enum class HeadState : std::uint8_t { complete, incomplete };
    Result<HeadState> parse_head(const ClientRequest& request, std::size_t before);
    Failure no_answer(Failure failure) const;
    Result<BodyPiece> next_piece();
    std::unexpected<Failure> cut_short(Failure failure);
    Nanos deadline(Nanos length, Phase phase);
    Failure late(Failure failure);
    bool stale(const Failure& failure) const;
    void finish();
    void close();

    HttpClient& client_;
    std::shared_ptr<const UpstreamEndpoint> endpoint_;
    std::unique_ptr<PooledConnection> connection_;
    Cancellation cancellation_;
    ResponseHead head_;
    BodyDecoder decoder_;
    ByteBuffer head_bytes_;  ///< The head and what came with it.
    ByteBuffer body_bytes_;
    std::size_t interim_bytes_ = 0;  ///< Of head_bytes_: 1xx answers.
    std::string_view unread_;        ///< Received, not yet handed out; within one of the two.
    std::array<std::string_view, spans_per_piece> spans_;
    ClientTimeouts timeouts_;
    Nanos total_at_ = 0;
    Nanos sent_at_ = 0;
    Nanos connected_at_ = 0;
    Nanos first_byte_at_ = 0;
    std::uint64_t bytes_received_ = 0;
    Phase phase_ = Phase::none;  ///< Which limit the running deadline stands for.
    Phase timed_out_ = Phase::none;
    std::uint8_t interims_ = 0;
    bool waiting_ = false;  ///< An operation on the stream is under way.
    bool keep_alive_ = false;
    bool whole_request_sent_ = false;
    bool answered_ = false;
    bool failed_ = false;
    bool reused_ = false;
    bool repeated_ = false;
    bool read_large_ = false;
};

/// A whole answer in memory.
struct SimpleResponse {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case.
    std::string body;                                          ///< Content codings undone.
    std::string_view header(std::string_view name) const;      ///< `name` in lower case; the first value or empty.
};

struct SimpleRequest {
    std::string method = "GET";
    std::string target = "/";  ///< Path and query.
    std::string headers;       ///< Finished lines, without Host, Content-Length and Connection.
    std::string body;
    std::size_t limit = 8 << 20;  ///< Of the decoded answer.
};

class HttpClient {
public:
    explicit HttpClient(Loop& loop, ResolverOptions resolver = {});

    /// One request, one answer in memory. For background work; statuses are not judged.
    Task<Result<SimpleResponse>> fetch(std::shared_ptr<const UpstreamEndpoint> endpoint, SimpleRequest request,
                                       ClientTimeouts timeouts = {});

    Loop& loop() { return loop_; }
    ConnectionPool& pool() { return pool_; }
    Dialer& dialer() { return dialer_; }

private:
    Loop& loop_;
    Dialer dialer_;
    ConnectionPool pool_;
};

/// Appends "METHOD target HTTP/1.1", Host, what the endpoint's proxy needs, and Content-Length when there is one. The caller adds
/// its own header lines and the empty line.
void append_request_head(std::string& out, const UpstreamEndpoint& endpoint, std::string_view method, std::string_view target,
                         std::optional<std::uint64_t> content_length);

}  // namespace gotthard::net
