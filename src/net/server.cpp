// The HTTP/1 server side: requests in. Answers are in server_answer.cpp.
#include "net/server.hpp"

#include <iostream>

#include "base/json.hpp"

namespace gotthard::net {
namespace {

constexpr std::size_t padding = 64;            // readable bytes behind a body
constexpr std::size_t first_room = 16 * 1024;  // for a body of unknown length, and the least step of one of known length
constexpr std::size_t drain_limit =
    64 * 1024;  // an unread body of at most this size is read away, so that the connection lives on
constexpr Nanos first_probe_wait = 1'000'000'000;
constexpr Nanos last_probe_wait = 16'000'000'000;
constexpr char nothing[padding] = {};  // an empty body, and what may be read behind it
constexpr std::string_view interim = "HTTP/1.1 100 Continue\r\n\r\n";

[[gnu::noinline]] Fault refusal(const HeadOutcome& outcome) {
    auto fault = std::make_unique<Failure>(FailureKind::invalid_request, std::string(outcome.reason));
    fault->status = outcome.status;
    return fault;
}

Fault broken_body(std::string_view reason) {
    return std::make_unique<Failure>(FailureKind::invalid_request, std::string(reason));
}

Failure cut_body() {
    return Failure(FailureKind::cancelled, "The client closed the connection before the request was complete.");
}

Failure too_large(std::size_t limit) {
    return Failure(FailureKind::body_too_large, "The request body is larger than the limit of " + std::to_string(limit) +
                                                    " bytes; send less, or have limits.body raised.");
}

std::string default_refusal_body(const Failure& failure) {
    std::string out;
    json::Writer(out)
        .begin_object()
        .key("error")
        .begin_object()
        .member("message", failure.message)
        .member("type", failure.status < 500 ? "invalid_request_error" : "server_error")
        .member_null("param")
        .member("code", to_string(failure.kind))
        .end_object()
        .end_object();
    return out;
}

}  // namespace

void HttpRequest::on_gone(std::move_only_function<void()> callback) {
    gone_callback_ = std::move(callback);
    if (gone_) tell_gone();
}

void HttpRequest::tell_gone() {
    gone_ = true;
    if (!gone_callback_) return;
    auto callback = std::move(gone_callback_);
    gone_callback_ = nullptr;
    callback();
}

ServerConnection::ServerConnection(std::unique_ptr<ByteStream> stream, const ServerOptions& options, ConnectionList* list,
                                   bool secure)
    : Drainable(list),
      stream_(std::move(stream)),
      options_(options),
      whole_body_(nothing, 0),
      draining_(list != nullptr && list->draining()) {
    secure_ = secure;
    remote_ = peer_address(stream_->fd()).host();
    stream_->on_hangup([this] { peer_lost(); });
    stream_->on_peer_finished([this] { probe_peer(); });
}

ServerConnection::~ServerConnection() = default;

void ServerConnection::drop_request() {
    if (taken_ != 0) {
        if (taken_ < input_.size()) {
            input_.erase_front(taken_);
        } else {
            input_.release();
        }
    }
    if (!ahead_.empty()) {
        std::swap(input_, ahead_);
        input_.room(padding);
    }
    ahead_.release();
    body_.release();
    pending_.release();
    head_.headers.release();
    taken_ = body_taken_ = 0;
    gone_callback_ = nullptr;
    answer_ = Answer::none;
    bytes_sent_ = 0;
    response_started_ = false;
    continue_owed_ = body_raw_ = head_request_ = false;
    whole_body_ = {nothing, 0};
    decoder_ = BodyDecoder::none();
}

/// False: more bytes are needed.
bool ServerConnection::parse_head(std::size_t checked, HeadOutcome& outcome) {
    if (input_.empty()) return false;
    if (checked != 0 && input_.size() < options_.head.bytes && !may_complete_head(input_.view(), checked)) return false;
    outcome = parse_request_head(input_.view(), head_, options_.head);
    return outcome.state != HeadOutcome::State::incomplete;
}

Task<bool> ServerConnection::next_request() {
    if (!first_) {
        if (!is_clean() && !co_await clean_up()) co_return false;
        drop_request();
    }
    Loop& loop = stream_->loop();
    Nanos deadline = loop.now() + (first_ || !input_.empty() ? options_.head_time : options_.idle_time);
    first_ = false;
    idle_ = input_.empty();
    HeadOutcome outcome;
    for (std::size_t checked = 0; !parse_head(checked, outcome);) {
        checked = input_.size();
        stream_->set_read_deadline(deadline);
        IoResult got;
        while ((got = stream_->read_now(loop.scratch())).state == IoResult::State::would_block) {
            Fault fault = co_await stream_->await_readable();
            if (fault == nullptr) continue;
            if (fault->status == 408 && !idle_) co_await refuse(std::move(fault));
            co_return false;
        }
        if (!got.ok()) co_return false;
        input_.room(got.count + padding);
        input_.append({loop.scratch().data(), got.count});
        if (idle_) deadline = loop.now() + options_.head_time;
        idle_ = false;
    }
    if (outcome.malformed()) {
        co_await refuse(refusal(outcome));
        co_return false;
    }
    taken_ = outcome.consumed;
    arrived_ = loop.now();
    decoder_ = BodyDecoder::of(head_);
    continue_owed_ = head_.expect_continue && head_.has_body();
    close_after_ = !head_.keep_alive;
    head_request_ = head_.method == "HEAD";
    chunks_pass_ = head_.minor_version == 1 && !head_request_;
    body_deadline_ = 0;
    stream_->set_read_deadline(0);
    co_return true;
}

bool ServerConnection::body_is_here() const {
    return decoder_.kind() == BodyDecoder::Kind::length && decoder_.remaining().value_or(0) <= input_.size() - taken_;
}

void ServerConnection::set_body_deadline() {
    const Nanos now = stream_->loop().now();
    if (body_deadline_ == 0) body_deadline_ = now + options_.body_total_time;
    stream_->set_read_deadline(std::min(now + options_.body_time, body_deadline_));
}

Task<Fault> ServerConnection::ask_for_body() {
    continue_owed_ = false;
    if (taken_ < input_.size()) co_return nullptr;  // it did not wait to be asked
    iovec piece{.iov_base = const_cast<char*>(interim.data()), .iov_len = interim.size()};
    stream_->set_write_deadline(stream_->loop().now() + options_.write_time);
    co_return co_await stream_->send_all({&piece, 1});
}

Task<Result<std::string_view>> ServerConnection::read_body(std::size_t limit) {
    if (decoder_.finished()) co_return whole_body_;
    if (head_.content_length.value_or(0) > limit) co_return fail(too_large(limit));
    if (body_is_here()) {
        taken_ += decoder_.step(input_.view().substr(taken_), {&whole_body_, 1}).consumed;
        continue_owed_ = false;
        co_return whole_body_;
    }
    if (continue_owed_) {
        if (const Fault fault = co_await ask_for_body()) co_return fail(std::move(*fault));
    }
    const Fault fault = co_await collect(limit);
    stream_->set_read_deadline(0);
    if (fault != nullptr) co_return fail(std::move(*fault));
    body_.room(padding);
    co_return whole_body_ = body_.view();
}

/// Undoes the framing of `raw` into body_; what follows the body goes to ahead_.
Fault ServerConnection::decode(std::string_view raw, std::size_t limit) {
    std::string_view spans[32];
    while (!raw.empty() && !decoder_.finished()) {
        const auto step = decoder_.step(raw, spans);
        if (step.error != nullptr) return broken_body(step.error);
        for (std::size_t i = 0; i < step.spans; ++i) {
            if (body_.size() + spans[i].size() > limit) return std::make_unique<Failure>(too_large(limit));
            body_.append(spans[i]);
        }
        raw.remove_prefix(step.consumed);
    }
    ahead_.append(raw);
    return nullptr;
}

/// A body of known length is read where it shall stand, and not beyond its end; room grows with what has come, not with
/// what was announced. Of a chunked one the framing must go first.
std::span<char> ServerConnection::room_for_body() {
    if (decoder_.kind() != BodyDecoder::Kind::length) return stream_->loop().scratch();
    const auto left = static_cast<std::size_t>(*decoder_.remaining());
    const auto room = body_.room(std::min(left, std::max(first_room, body_.size())) + padding);
    return room.first(std::min(left, room.size() - padding));
}

Task<Fault> ServerConnection::collect(std::size_t limit) {
    const bool in_place = decoder_.kind() == BodyDecoder::Kind::length;
    const auto here = input_.view().substr(taken_);
    taken_ = input_.size();
    if (in_place) body_.room(std::min<std::size_t>(*decoder_.remaining(), std::max(first_room, here.size() * 2)) + padding);
    if (Fault fault = decode(here, limit)) co_return fault;
    while (!decoder_.finished()) {
        const auto room = room_for_body();
        const IoResult got = stream_->read_now(room);
        if (got.state == IoResult::State::would_block) {
            set_body_deadline();
            if (Fault fault = co_await stream_->await_readable()) co_return fault;
            continue;
        }
        if (got.state == IoResult::State::failed) co_return std::make_unique<Failure>(stream_->failure_of(got));
        if (got.state == IoResult::State::end) co_return std::make_unique<Failure>(cut_body());
        const std::string_view raw(room.data(), got.count);
        if (in_place) {
            std::string_view piece;
            decoder_.step(raw, {&piece, 1});
            body_.commit(got.count);
        } else if (Fault fault = decode(raw, limit)) {
            co_return fault;
        }
    }
    co_return nullptr;
}

Task<Result<std::string_view>> ServerConnection::read_body_some() {
    if (continue_owed_) {
        if (const Fault fault = co_await ask_for_body()) co_return fail(std::move(*fault));
    }
    body_raw_ = true;
    while (!decoder_.finished()) {
        const bool from_input = taken_ < input_.size();
        const auto raw = from_input ? input_.view().substr(taken_) : body_.view().substr(body_taken_);
        if (!raw.empty()) {
            std::string_view piece;
            const auto step = decoder_.step(raw, {&piece, 1});
            if (step.error != nullptr) co_return fail(std::move(*broken_body(step.error)));
            (from_input ? taken_ : body_taken_) += step.consumed;
            if (decoder_.finished() && !from_input) ahead_.append(body_.view().substr(body_taken_));
            if (step.spans != 0) co_return piece;
            continue;
        }
        body_.clear();
        body_taken_ = 0;
        auto room = body_.room(first_room);
        if (const auto left = decoder_.remaining()) room = room.first(std::min<std::size_t>(room.size(), *left));
        const IoResult got = stream_->read_now(room);
        if (got.state == IoResult::State::would_block) {
            set_body_deadline();
            if (const Fault fault = co_await stream_->await_readable()) co_return fail(std::move(*fault));
            continue;
        }
        if (got.state == IoResult::State::failed) co_return fail(stream_->failure_of(got));
        if (got.state == IoResult::State::end) co_return fail(cut_body());
        body_.commit(got.count);
    }
    stream_->set_read_deadline(0);
    co_return std::string_view{};
}

/// Answered in full, read in full, and the connection goes on.
bool ServerConnection::is_clean() const {
    return answer_ == Answer::finished && decoder_.finished() && !close_after_ && !draining_ && !gone_ &&
           !probe_timer_.pending() && stream_->open();
}

/// After a request: true when the connection is fit for the next one.
Task<bool> ServerConnection::clean_up() {
    probe_timer_.cancel();
    stream_->set_read_deadline(0);
    if (answer_ == Answer::none && !gone_) {
        co_await refuse(std::make_unique<Failure>(FailureKind::internal, "The request was not answered."));
        co_return false;
    }
    if (answer_ == Answer::streaming) abort();
    if (gone_ || !stream_->open()) co_return false;
    const bool unread = !decoder_.finished();
    if (close_after_ || draining_) {
        if (unread || taken_ < input_.size() || !ahead_.empty()) co_await linger();
        co_return false;
    }
    if (unread) {  // small enough to read away: must_close_after_answer saw to that
        if (!body_raw_) body_.release();
        for (;;) {
            auto piece = co_await read_body_some();
            if (!piece) co_return false;
            if (piece->empty()) break;
        }
    }
    co_return true;
}

/// An unread body of at most this many bytes is read away instead of ending the connection.
bool ServerConnection::must_close_after_answer() {
    if (close_after_ || draining_) return true;
    if (decoder_.finished()) return false;
    const auto left = decoder_.remaining();
    return continue_owed_ || !left || *left > drain_limit;
}

/// Says that nothing more will come, then reads for a while what the client still sends: closing at once would reset the
/// connection and might destroy the answer on its way.
Task<> ServerConnection::linger() {
    stream_->finish_writing();
    stream_->set_read_deadline(stream_->loop().now() + options_.linger_time);
    for (std::size_t drained = 0; drained < options_.linger_bytes;) {
        const IoResult got = stream_->read_now(stream_->loop().scratch());
        if (got.state == IoResult::State::would_block) {
            if (co_await stream_->await_readable() != nullptr) break;
            continue;
        }
        if (!got.ok()) break;
        drained += got.count;
    }
    stream_->close();
}

Task<> ServerConnection::refuse(Fault failure) {
    close_after_ = true;
    if (answer_ == Answer::none && !response_started_ && stream_->open()) {
        const std::string body = options_.refusal_body ? options_.refusal_body(*failure) : default_refusal_body(*failure);
        co_await respond(failure->status, "content-type: application/json\r\n", body);
    }
    if (stream_->open()) co_await linger();
}

void ServerConnection::peer_lost() {
    probe_timer_.cancel();
    tell_gone();
}

/// The client has sent its FIN while the handler is at work. Whether it still reads is learnt by writing to it.
void ServerConnection::probe_peer() {
    if (idle_ || gone_ || !stream_->open()) return;
    if (options_.half_close_is_gone) return peer_lost();
    if (response_started_ || head_.minor_version == 0) return;
    const iovec piece{.iov_base = const_cast<char*>(interim.data()), .iov_len = interim.size()};
    const IoResult sent = stream_->write_now({&piece, 1});
    if (sent.state == IoResult::State::failed) return peer_lost();
    if (sent.ok() && sent.count != interim.size()) {  // nobody reads: the buffer is full
        stream_->abort(cut_body());
        return peer_lost();
    }
    probe_wait_ = probe_wait_ == 0 ? first_probe_wait : std::min(probe_wait_ * 2, last_probe_wait);
    probe_timer_ = stream_->loop().after(probe_wait_, [this] { probe_peer(); });
}

void ServerConnection::drain() {
    draining_ = true;
    if (idle_) stream_->abort(Failure(FailureKind::cancelled, "The server is shutting down."));
}

void ServerConnection::abandon() {
    stream_->abort(Failure(FailureKind::cancelled, "The server is shutting down."));
    peer_lost();
}

Task<> serve_http(std::unique_ptr<ByteStream> stream, const ServerOptions& options, const RequestHandler& handler,
                  ConnectionList* list, bool secure) {
    ServerConnection connection(std::move(stream), options, list, secure);
    while (co_await connection.next_request()) {
        try {
            co_await handler(connection);
        } catch (const std::exception& error) {
            std::string line;
            json::Writer(line)
                .begin_object()
                .member("level", "error")
                .member("event", "bug")
                .member("message", error.what())
                .end_object();
            std::clog << line + "\n";
        }
    }
}

}  // namespace gotthard::net
