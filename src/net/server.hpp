// HTTP on the server side. A handler sees an HttpRequest, whatever the version of HTTP beneath; ServerConnection is the
// HTTP/1 one. One coroutine serves a connection, one request at a time.
//
//   Task<> hello(HttpRequest& request) {
//       auto body = co_await request.read_body(1 << 20);
//       if (!body) { co_await request.respond(body.error().status, "", "..."); co_return; }
//       co_await request.respond(200, "content-type: text/plain\r\n", "hello");
//   }
//   spawn(serve_http(std::move(stream), options, hello));
//
// Header blocks given to respond and start_stream are finished lines ("name: value\r\n"...) without Content-Length,
// Transfer-Encoding, Connection, Keep-Alive and Date: those are the connection's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/byte_buffer.hpp"
#include "net/byte_stream.hpp"
#include "net/http1.hpp"
#include "net/shard.hpp"

namespace gotthard::net {

/// How the bytes given to HttpRequest::write are framed.
enum class Framing : std::uint8_t {
    payload,  ///< Body bytes; the connection frames them.
    chunks,   ///< Whole HTTP/1 chunks, size lines included, without the last one. Only when chunks_pass() says yes.
};

/// One request being answered. Views from head() and read_body live until the handler returns.
class HttpRequest {
public:
    virtual ~HttpRequest() = default;

    const RequestHead& head() const { return head_; }

    /// The whole body in one piece, followed by 64 readable bytes. `body_too_large` (413) as soon as it is known to exceed
    /// `limit`, `invalid_request` when its framing is broken, `cancelled` when the client went. Asks for it when the client waits
    /// to be asked.
    virtual Task<Result<std::string_view>> read_body(std::size_t limit) = 0;
    /// The next piece of the body, empty at its end; the view lives until the next call. Not to be mixed with read_body.
    virtual Task<Result<std::string_view>> read_body_some() = 0;

    /// The whole answer in one write.
    virtual Task<Status> respond(int status, std::string_view headers, std::string_view body) = 0;

    /// Begins an answer of unknown length. The head leaves with the first write, or with an empty one.
    virtual void start_stream(int status, std::string_view headers) = 0;
    /// Waits while the client is slow. The array is used up. The failure of a write means that the client has gone.
    virtual Task<Status> write(std::span<iovec> pieces, Framing framing) = 0;
    /// Ends the answer; `last` goes in the same write. Not called: the answer is cut so that it cannot look finished.
    virtual Task<Status> finish(std::string_view last = {}) = 0;
    /// Ends the connection (HTTP/2: the stream) so that the client sees an error.
    virtual void abort() = 0;

    Task<Status> write(std::string_view text);

    /// Whether write() takes Framing::chunks for this answer.
    bool chunks_pass() const { return chunks_pass_; }
    bool response_started() const { return response_started_; }
    /// Bytes of the answer handed to the kernel so far, head and framing included.
    std::uint64_t bytes_sent() const { return bytes_sent_; }
    /// When the last byte of the head was read (monotonic).
    Nanos arrived() const { return arrived_; }
    /// The address at the other end, as text without the port.
    std::string_view remote() const { return remote_; }
    bool secure() const { return secure_; }

    /// Called once when the client goes away, at once if it has gone. A client that only finished sending is asked with an
    /// interim "100 Continue": one that has closed answers with a reset (and is gone), a half-closed one reads on. The callback
    /// must not destroy the request; it cancels what the handler waits for.
    void on_gone(std::move_only_function<void()> callback);
    bool gone() const { return gone_; }

protected:
    void tell_gone();

    RequestHead head_;
    std::string remote_;
    std::move_only_function<void()> gone_callback_;
    std::uint64_t bytes_sent_ = 0;
    Nanos arrived_ = 0;
    bool secure_ = false;
    bool chunks_pass_ = false;
    bool response_started_ = false;
    bool gone_ = false;
};

using RequestHandler = std::function<Task<>(HttpRequest& request)>;

struct ServerOptions {
    HeadLimits head;
    Nanos head_time = 10'000'000'000;         ///< From a head's first byte (or the connection's start) to its last.
    Nanos idle_time = 75'000'000'000;         ///< Between requests.
    Nanos body_time = 30'000'000'000;         ///< Without any byte while a body is read.
    Nanos body_total_time = 600'000'000'000;  ///< From the first to the last byte of a body.
    Nanos write_time = 60'000'000'000;        ///< Without progress while an answer is written.
    Nanos linger_time = 1'000'000'000;  ///< How long to drain what a client still sends after an answer that ends the connection.
    std::size_t linger_bytes = 1 << 20;
    bool send_date = true;
    bool half_close_is_gone = false;  ///< A client's FIN while it waits means that it has gone; else it is asked (E257).
    /// The body and its headers for refusals before a handler is there. Default: a JSON error object.
    std::function<std::string(const Failure& failure)> refusal_body;
};

/// HTTP/1.0 and 1.1 over one stream.
class ServerConnection final : public HttpRequest, private Drainable {
public:
    /// `options` must outlive the connection; `list` may be null.
    ServerConnection(std::unique_ptr<ByteStream> stream, const ServerOptions& options, ConnectionList* list = nullptr,
                     bool secure = false);
    ~ServerConnection() override;

    /// Waits for a request and reads its head. False: the connection is done (closed by the peer, idle for too long, refused,
    /// draining). Finishes what the previous request left undone: unread body, unfinished answer.
    Task<bool> next_request();

    Task<Result<std::string_view>> read_body(std::size_t limit) override;
    Task<Result<std::string_view>> read_body_some() override;
    Task<Status> respond(int status, std::string_view headers, std::string_view body) override;
    void start_stream(int status, std::string_view headers) override;
    Task<Status> write(std::span<iovec> pieces, Framing framing) override;
    Task<Status> finish(std::string_view last) override;
    void abort() override;
    using HttpRequest::write;

    ByteStream& stream() { return *stream_; }

private:
    enum class Answer : std::uint8_t { none, streaming, finished };

    // Reading: server.cpp
    bool parse_head(std::size_t checked, HeadOutcome& outcome);
    void drop_request();
    bool body_is_here() const;
    Task<Fault> ask_for_body();
    Task<Fault> collect(std::size_t limit);
    std::span<char> room_for_body();
    Fault decode(std::string_view raw, std::size_t limit);
    void set_body_deadline();
    bool is_clean() const;
    [[gnu::noinline]] Task<bool> clean_up();  // noinline: its frame must not become part of an idle connection's
    Task<> linger();
    [[gnu::noinline]] Task<> refuse(Fault failure);
    // Writing: server_answer.cpp
    void write_head(ByteBuffer& out, int status, std::string_view headers, std::optional<std::size_t> length);
    bool must_close_after_answer();
    Task<Fault> send(std::span<iovec> pieces);
    bool body_suppressed(int status) const { return head_request_ || status == 204 || status == 304; }
    // The peer
    void peer_lost();
    void probe_peer();
    void drain() override;
    void abandon() override;

    std::unique_ptr<ByteStream> stream_;
    const ServerOptions& options_;
    ByteBuffer input_;    ///< Head and what came with it; empty between requests unless the client pipelines.
    ByteBuffer body_;     ///< A body that did not come with its head: decoded by read_body, raw by read_body_some.
    ByteBuffer ahead_;    ///< What came behind a body that did not come with its head.
    ByteBuffer pending_;  ///< The head of a stream, not yet sent.
    BodyDecoder decoder_;
    std::string_view whole_body_;  ///< What read_body has given.
    Timer probe_timer_;
    Nanos probe_wait_ = 0;
    Nanos body_deadline_ = 0;     ///< For the whole body.
    std::size_t taken_ = 0;       ///< Bytes of input_ used up.
    std::size_t body_taken_ = 0;  ///< Bytes of body_ used up by read_body_some.
    Answer answer_ = Answer::none;
    bool first_ = true;
    bool idle_ = true;
    bool draining_ = false;
    bool continue_owed_ = false;
    bool close_after_ = false;
    bool head_request_ = false;
    bool chunked_answer_ = false;
    bool body_raw_ = false;       ///< body_ holds bytes with their framing.
    bool silent_stream_ = false;  ///< The answer's status or the method forbids a body.
};

/// Serves `stream` until it ends. The stream is already past its TLS handshake when `secure`. `options` and `handler` must
/// outlive it. An exception out of the handler (a bug) answers 500 when nothing has been sent, is printed by `std::clog`, and
/// closes the connection.
Task<> serve_http(std::unique_ptr<ByteStream> stream, const ServerOptions& options, const RequestHandler& handler,
                  ConnectionList* list = nullptr, bool secure = false);

}  // namespace gotthard::net
