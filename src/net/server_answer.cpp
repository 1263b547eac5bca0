// The HTTP/1 server side: answers out.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

#include "net/server.hpp"

namespace gotthard::net {
namespace {

constexpr std::size_t inline_pieces = 16;
constexpr std::string_view line_end = "\r\n";
constexpr std::string_view last_chunk = "0\r\n\r\n";

/// "date: Tue, 15 Nov 1994 08:12:31 GMT\r\n"; made anew when the second has passed.
std::string_view date_line(const Loop& loop) {
    struct Cache {
        Nanos checked = -1;
        std::time_t second = -1;
        char text[48];
        std::size_t size = 0;
    };
    thread_local Cache cache;
    if (cache.checked == loop.now()) return {cache.text, cache.size};
    cache.checked = loop.now();
    const auto second = static_cast<std::time_t>(loop.clock().wall() / 1'000'000);
    if (second != cache.second) {
        cache.second = second;
        std::tm parts{};
        gmtime_r(&second, &parts);
        static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        const int size =
            std::snprintf(cache.text, sizeof cache.text, "date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n", days[parts.tm_wday],
                          parts.tm_mday, months[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
        cache.size = static_cast<std::size_t>(std::max(size, 0));
    }
    return {cache.text, cache.size};
}

iovec piece_of(std::string_view text) { return {.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()}; }

/// The pieces of one write; beyond a few they go to the heap.
class Pieces {
public:
    explicit Pieces(std::size_t expected) {
        if (expected > inline_pieces) {
            heap_.resize(expected);
            at_ = heap_.data();
        }
        first_ = at_;
    }
    void add(std::string_view text) {
        if (!text.empty()) *at_++ = piece_of(text);
    }
    void add(std::span<const iovec> pieces) { at_ = std::ranges::copy(pieces, at_).out; }
    std::span<iovec> all() { return {first_, at_}; }

private:
    iovec inline_[inline_pieces];
    std::vector<iovec> heap_;
    iovec* at_ = inline_;
    iovec* first_ = nullptr;
};

Status status_of(const Fault& fault) {
    if (fault != nullptr) return fail(std::move(*fault));
    return {};
}

std::size_t total(std::span<const iovec> pieces) {
    std::size_t sum = 0;
    for (const iovec& piece : pieces) sum += piece.iov_len;
    return sum;
}

}  // namespace

Task<Status> HttpRequest::write(std::string_view text) {
    iovec piece = piece_of(text);
    co_return co_await write(std::span<iovec>(&piece, text.empty() ? 0 : 1), Framing::payload);
}

/// `length`: none for a body that ends with its last chunk or with the connection.
void ServerConnection::write_head(ByteBuffer& out, int status, std::string_view headers, std::optional<std::size_t> length) {
    char* const begin = out.room(headers.size() + 256).data();
    char* at = begin;
    const auto put = [&at](std::string_view text) {
        std::memcpy(at, text.data(), text.size());
        at += text.size();
    };
    const bool bodyless_status = status == 204 || status < 200;
    put("HTTP/1.1 ");
    at = std::to_chars(at, at + 4, std::clamp(status, 100, 999)).ptr;
    *at++ = ' ';
    put(reason_phrase(status));
    put(line_end);
    if (options_.send_date) put(date_line(stream_->loop()));
    put(headers);
    if (length && !bodyless_status && status != 304) {
        put("content-length: ");
        at = std::to_chars(at, at + 20, *length).ptr;
        put(line_end);
    }
    if (!length && chunked_answer_) put("transfer-encoding: chunked\r\n");
    if (close_after_) {
        put("connection: close\r\n");
    } else if (head_.minor_version == 0) {
        put("connection: keep-alive\r\n");
    }
    put(line_end);
    out.commit(static_cast<std::size_t>(at - begin));
}

/// In one write where the kernel takes it; waits otherwise.
Task<Fault> ServerConnection::send(std::span<iovec> pieces) {
    response_started_ = true;
    const std::size_t bytes = total(pieces);
    stream_->set_write_deadline(stream_->loop().now() + options_.write_time, options_.write_time);
    Fault fault = co_await stream_->send_all(pieces);
    if (fault == nullptr) {
        bytes_sent_ += bytes;
    } else {
        gone_ = true;
    }
    co_return fault;
}

Task<Status> ServerConnection::respond(int status, std::string_view headers, std::string_view body) {
    if (answer_ != Answer::none) co_return fail(FailureKind::internal, "The request was answered twice.");
    close_after_ = must_close_after_answer();
    answer_ = Answer::finished;
    ByteBuffer head;
    write_head(head, status, headers, body.size());
    iovec pieces[2] = {piece_of(head.view()), piece_of(body)};
    const Fault fault = co_await send({pieces, body.empty() || body_suppressed(status) ? 1U : 2U});
    co_return status_of(fault);
}

void ServerConnection::start_stream(int status, std::string_view headers) {
    if (answer_ != Answer::none) return;
    silent_stream_ = body_suppressed(status);
    chunked_answer_ = head_.minor_version == 1 && status != 204 && status != 304;
    chunks_pass_ = chunked_answer_ && !silent_stream_;
    close_after_ = must_close_after_answer() || (!chunked_answer_ && !silent_stream_);
    answer_ = Answer::streaming;
    pending_.clear();
    write_head(pending_, status, headers, std::nullopt);
}

Task<Status> ServerConnection::write(std::span<iovec> pieces, Framing framing) {
    if (answer_ != Answer::streaming) co_return fail(FailureKind::internal, "There is no answer to write to.");
    const std::size_t bytes = silent_stream_ ? 0 : total(pieces);
    if (bytes == 0 && pending_.empty()) co_return Status{};
    char size_room[24];
    Pieces out(pieces.size() + 3);
    out.add(pending_.view());
    if (bytes != 0) {
        const bool frame = chunked_answer_ && framing == Framing::payload;
        if (frame) out.add(chunk_size_line(size_room, bytes));
        out.add(pieces);
        if (frame) out.add(line_end);
    }
    const Fault fault = co_await send(out.all());
    pending_.release();
    co_return status_of(fault);
}

Task<Status> ServerConnection::finish(std::string_view last) {
    if (answer_ != Answer::streaming) co_return fail(FailureKind::internal, "There is no answer to finish.");
    char size_room[24];
    Pieces out(5);
    out.add(pending_.view());
    if (!silent_stream_) {
        if (chunked_answer_ && !last.empty()) out.add(chunk_size_line(size_room, last.size()));
        out.add(last);
        if (chunked_answer_ && !last.empty()) out.add(line_end);
        if (chunked_answer_) out.add(last_chunk);
    }
    const Fault fault = co_await send(out.all());
    pending_.release();
    if (fault == nullptr) answer_ = Answer::finished;
    co_return status_of(fault);
}

void ServerConnection::abort() {
    // A chunked answer shows that its end is missing; any other must end in an error.
    if (chunked_answer_ && response_started_) {
        stream_->close();
    } else {
        stream_->close_with_reset();
    }
    peer_lost();
}

}  // namespace gotthard::net
