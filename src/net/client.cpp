#include "net/client.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "net/content_coding.hpp"

namespace gotthard::net {
namespace {

constexpr int max_interims = 16;
constexpr std::size_t few_pieces = 12;

Failure malformed(std::string message, std::string detail) {
    return Failure(FailureKind::upstream_malformed, std::move(message)).because(std::move(detail));
}

Failure not_http(std::string detail) {
    return malformed("The upstream answered with something else than HTTP.", std::move(detail));
}

Failure ended_early(std::string detail) { return malformed("The upstream's answer ended early.", std::move(detail)); }

/// "timeout=5, max=100": 5 s; 0 when there is no timeout in it.
Nanos keep_alive_time(std::string_view header) {
    static constexpr std::string_view name = "timeout=";
    const auto at = header.find(name);
    if (at == std::string_view::npos) return 0;
    std::uint32_t seconds = 0;
    std::from_chars(header.data() + at + name.size(), header.data() + header.size(), seconds);
    return static_cast<Nanos>(std::min<std::uint32_t>(seconds, 86'400)) * 1'000'000'000;
}

/// Head and body as one array for one write.
class Pieces {
public:
    Pieces(std::string_view head, std::span<const iovec> body) {
        const std::size_t count = body.size() + 1;
        if (count > few_.size()) many_.resize(count);
        all_ = count > few_.size() ? std::span(many_) : std::span(few_).first(count);
        all_[0] = {.iov_base = const_cast<char*>(head.data()), .iov_len = head.size()};
        std::ranges::copy(body, all_.begin() + 1);
    }
    std::span<iovec> all() { return all_; }

private:
    std::array<iovec, few_pieces> few_;
    std::vector<iovec> many_;
    std::span<iovec> all_;
};

}  // namespace

std::string_view to_string(Phase phase) {
    static constexpr std::array<std::string_view, 5> names{"none", "connect", "headers", "idle", "total"};
    return names[static_cast<std::size_t>(phase)];
}

std::size_t BodyPiece::payload_size() const {
    std::size_t size = 0;
    for (const auto& span : payload) size += span.size();
    return size;
}

ClientExchange::~ClientExchange() { close(); }

Task<Status> ClientExchange::send(std::shared_ptr<const UpstreamEndpoint> endpoint, ClientRequest request,
                                  ClientTimeouts timeouts) {
    endpoint_ = std::move(endpoint);
    timeouts_ = timeouts;
    if (timeouts_.total != 0) total_at_ = client_.loop().now() + timeouts_.total;
    Status status = co_await attempt(request, false);
    if (!status && stale(status.error())) {
        repeated_ = true;
        client_.pool().forget(*endpoint_);
        close();
        status = co_await attempt(request, true);
    }
    if (!status) {
        failed_ = true;
        close();
    }
    co_return status;
}

/// A pooled connection that its peer had closed before anything of an answer came.
bool ClientExchange::stale(const Failure& failure) const {
    return reused_ && bytes_received_ == 0 && failure.kind == FailureKind::upstream_unavailable && !aborted();
}

Task<Status> ClientExchange::attempt(ClientRequest request, bool fresh) {
    if (aborted()) co_return fail(Cancellation::failure());
    if (!fresh) connection_ = client_.pool().take(*endpoint_);
    reused_ = connection_ != nullptr;
    if (!connection_) {
        auto stream = co_await client_.dialer().dial(*endpoint_, deadline(timeouts_.connect, Phase::connect), cancellation_);
        if (!stream) co_return fail(late(std::move(stream.error())));
        connection_ = std::make_unique<PooledConnection>(std::move(*stream), endpoint_, client_.loop().now());
        if (aborted()) co_return fail(Cancellation::failure());
    }
    connected_at_ = client_.loop().now();
    Pieces pieces(request.head, request.body);
    ByteStream& stream = *connection_->stream;
    stream.set_write_deadline(deadline(timeouts_.headers, Phase::headers));
    waiting_ = true;
    Status written = co_await stream.write_all(pieces.all());
    waiting_ = false;
    sent_at_ = client_.loop().now();
    whole_request_sent_ = written.has_value();
    if (aborted()) co_return fail(Cancellation::failure());
    // An upstream that refuses a request before it has read all of it may have answered all the same.
    const Nanos until = written ? deadline(timeouts_.headers, Phase::headers) : client_.loop().now() + 1;
    Status answered = co_await read_head(request, until);
    if (answered || aborted()) co_return answered;
    if (!written && bytes_received_ == 0) co_return fail(late(std::move(written.error())));
    co_return fail(late(std::move(answered.error())));
}

Task<Status> ClientExchange::read_head(ClientRequest request, Nanos until) {
    ByteStream& stream = *connection_->stream;
    stream.set_read_deadline(until);
    for (;;) {
        waiting_ = true;
        Status ready = co_await stream.readable();
        waiting_ = false;
        if (aborted()) co_return fail(Cancellation::failure());
        if (!ready) co_return fail(no_answer(std::move(ready.error())));
        // What must be kept is small: the head, and what came with it.
        const auto room = client_.loop().scratch().first(small_read);
        const IoResult got = stream.read_now(room);
        if (got.state == IoResult::State::would_block) continue;
        if (got.state == IoResult::State::failed) co_return fail(no_answer(stream.failure_of(got)));
        if (got.state == IoResult::State::end)
            co_return fail(
                no_answer(Failure(FailureKind::upstream_unavailable, "The upstream closed the connection without an answer.")));
        if (bytes_received_ == 0) first_byte_at_ = client_.loop().now();
        bytes_received_ += got.count;
        const std::size_t before = head_bytes_.size();
        head_bytes_.append({room.data(), got.count});
        auto state = parse_head(request, before);
        if (!state) co_return fail(std::move(state.error()));
        if (*state == HeadState::complete) break;
    }
    answered_ = true;
    keep_alive_ = head_.keep_alive;
    connection_->peer_keeps = keep_alive_time(head_.header("keep-alive"));
    decoder_ = BodyDecoder::of(head_);
    if (decoder_.finished()) finish();
    co_return Status();
}

Result<ClientExchange::HeadState> ClientExchange::parse_head(const ClientRequest& request, std::size_t before) {
    static constexpr std::string_view version = "HTTP/1.";
    for (;;) {
        const auto text = head_bytes_.view().substr(interim_bytes_);
        const std::size_t checked = before > interim_bytes_ ? before - interim_bytes_ : 0;
        if (!version.starts_with(text.substr(0, version.size())) && !text.starts_with(version))
            return fail(not_http("no HTTP/1 status line"));
        if (!may_complete_head(text, checked) && text.size() < request.limits.bytes) return HeadState::incomplete;
        const auto outcome = parse_response_head(text, head_, request.method, request.limits);
        if (outcome.malformed()) return fail(not_http(std::string(outcome.reason)));
        if (!outcome.complete()) return HeadState::incomplete;
        if (!head_.interim()) {
            unread_ = text.substr(outcome.consumed);
            return HeadState::complete;
        }
        if (head_.status == 101) return fail(not_http("101 without an upgrade"));
        if (++interims_ > max_interims) return fail(not_http("too many interim answers"));
        interim_bytes_ += outcome.consumed;
        before = 0;
    }
}

/// A connection that ended before the head of an answer was there.
Failure ClientExchange::no_answer(Failure failure) const {
    if (failure.kind == FailureKind::upstream_unavailable && bytes_received_ != 0)
        return ended_early("within the head: " + failure.detail);
    return failure;
}

void ClientExchange::release_head() {
    head_ = ResponseHead{};
    if (unread_.empty()) head_bytes_.release();
}

Task<Result<BodyPiece>> ClientExchange::read_some() {
    for (;;) {
        if (aborted()) {
            close();
            co_return fail(Cancellation::failure());
        }
        if (failed_ || !answered_) co_return fail(Failure(FailureKind::internal, "The upstream's answer cannot be read."));
        if (decoder_.finished()) co_return BodyPiece{.last = true};
        if (!unread_.empty()) {
            auto piece = next_piece();
            if (!piece || piece->last || !piece->payload.empty()) co_return piece;
            continue;
        }
        ByteStream& stream = *connection_->stream;
        body_bytes_.release();  // nothing is held while waiting
        stream.set_read_deadline(deadline(timeouts_.idle, Phase::idle));
        waiting_ = true;
        Status ready = co_await stream.readable();
        waiting_ = false;
        if (aborted()) continue;
        if (!ready) co_return cut_short(std::move(ready.error()));
        const auto room = body_bytes_.room(read_large_ ? large_read : small_read);
        const IoResult got = stream.read_now(room);
        switch (got.state) {
            case IoResult::State::would_block:
                break;
            case IoResult::State::failed:
                co_return cut_short(stream.failure_of(got));
            case IoResult::State::end:
                if (!decoder_.end_of_input())
                    co_return cut_short(ended_early("the connection was closed before the end of the body"));
                finish();
                break;
            case IoResult::State::ok:
                body_bytes_.commit(got.count);
                bytes_received_ += got.count;
                read_large_ = got.count >= small_read;
                unread_ = body_bytes_.view();
                break;
        }
    }
}

Result<BodyPiece> ClientExchange::next_piece() {
    const auto step = decoder_.step(unread_, spans_);
    if (step.error != nullptr) return cut_short(malformed("The upstream's answer is framed wrongly.", step.error));
    BodyPiece piece{.raw = unread_.substr(0, step.consumed),
                    .payload = std::span(spans_).first(step.spans),
                    .whole_chunks = step.whole_chunks,
                    .last = decoder_.finished()};
    unread_.remove_prefix(step.consumed);
    if (piece.last) finish();
    return piece;
}

std::unexpected<Failure> ClientExchange::cut_short(Failure failure) {
    failed_ = true;
    close();
    if (failure.kind == FailureKind::upstream_unavailable) return fail(ended_early("within the body: " + failure.detail));
    return fail(late(std::move(failure)));
}

Task<Result<std::string>> ClientExchange::read_all(std::size_t limit) {
    std::string codings;
    for (const auto& header : head_.headers)
        if (same_name(header.name, "content-encoding")) codings.append(codings.empty() ? "" : ",").append(header.value);
    auto decoder = ContentDecoder::make(codings, limit, BodyOf::upstream);
    if (!decoder) co_return fail(std::move(decoder.error()));
    std::string body;
    for (;;) {
        auto piece = co_await read_some();
        if (!piece) co_return fail(std::move(piece.error()));
        for (const auto& span : piece->payload) {
            if (auto status = decoder->feed(span, body); !status) {
                failed_ = true;
                close();
                co_return fail(std::move(status.error()));
            }
        }
        if (piece->last) break;
    }
    if (auto status = decoder->finish(); !status) co_return fail(std::move(status.error()));
    co_return body;
}

void ClientExchange::abort() {
    cancellation_.cancel();
    if (!connection_) return;
    if (waiting_)
        connection_->stream->abort(Cancellation::failure());
    else
        close();
}

Nanos ClientExchange::deadline(Nanos length, Phase phase) {
    const Nanos at = length == 0 ? 0 : client_.loop().now() + length;
    const bool total_first = total_at_ != 0 && (at == 0 || total_at_ < at);
    phase_ = total_first ? Phase::total : phase;
    return total_first ? total_at_ : at;
}

/// Says of a timeout which limit it was.
Failure ClientExchange::late(Failure failure) {
    if (failure.kind != FailureKind::upstream_timeout) return failure;
    timed_out_ = phase_;
    static constexpr std::array<std::string_view, 5> messages{
        "The upstream did not answer in time.", "The connection to the upstream was not made in time.",
        "The upstream did not begin its answer in time.", "The upstream's answer stopped coming.",
        "The upstream did not finish its answer in time."};
    failure.message = messages[static_cast<std::size_t>(phase_)];
    failure.detail = fmt::format("{} timeout{}{}", to_string(phase_), failure.detail.empty() ? "" : ": ", failure.detail);
    return failure;
}

void ClientExchange::finish() {
    const bool reusable =
        keep_alive_ && whole_request_sent_ && unread_.empty() && decoder_.kind() != BodyDecoder::Kind::until_close;
    if (!reusable) {
        close();
        return;
    }
    ++connection_->exchanges;
    client_.pool().give(std::move(connection_));
}

void ClientExchange::close() { connection_.reset(); }

std::string_view SimpleResponse::header(std::string_view name) const {
    for (const auto& [key, value] : headers)
        if (key == name) return value;
    return {};
}

HttpClient::HttpClient(Loop& loop, ResolverOptions resolver) : loop_(loop), dialer_(loop, std::move(resolver)), pool_(loop) {}

Task<Result<SimpleResponse>> HttpClient::fetch(std::shared_ptr<const UpstreamEndpoint> endpoint, SimpleRequest request,
                                               ClientTimeouts timeouts) {
    const bool has_body =
        !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
    std::string head;
    append_request_head(head, *endpoint, request.method, request.target,
                        has_body ? std::optional<std::uint64_t>(request.body.size()) : std::nullopt);
    head.append(request.headers).append("\r\n");
    iovec body{.iov_base = request.body.data(), .iov_len = request.body.size()};
    ClientExchange exchange(*this);
    const ClientRequest sent{
        .method = request.method, .head = head, .body = std::span(&body, request.body.empty() ? 0 : 1), .limits = {}};
    if (auto status = co_await exchange.send(std::move(endpoint), sent, timeouts); !status)
        co_return fail(std::move(status.error()));
    SimpleResponse response;
    response.status = exchange.head().status;
    for (const auto& header : exchange.head().headers) {
        std::string name(header.name);
        for (char& byte : name)
            if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + ('a' - 'A'));
        response.headers.emplace_back(std::move(name), header.value);
    }
    auto answer = co_await exchange.read_all(request.limit);
    if (!answer) co_return fail(std::move(answer.error()));
    response.body = std::move(*answer);
    co_return response;
}

void append_request_head(std::string& out, const UpstreamEndpoint& endpoint, std::string_view method, std::string_view target,
                         std::optional<std::uint64_t> content_length) {
    out.append(method)
        .append(" ")
        .append(endpoint.target_prefix())
        .append(target)
        .append(" HTTP/1.1\r\nHost: ")
        .append(endpoint.authority())
        .append("\r\n");
    out.append(endpoint.proxy_headers());
    if (content_length) out.append("Content-Length: ").append(fmt::format_int(*content_length).c_str()).append("\r\n");
}

}  // namespace gotthard::net
