#include "imposter/reply.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>
#include <algorithm>
#include <numeric>
#include <thread>

#include "imposter/json_text.hpp"

namespace gotthard::imposter {
namespace {

bool send_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

/// Waits for `pause`; true when the peer closed meanwhile. An endless wait (negative) ends with the peer or with shutdown() by
/// the owner.
bool peer_closes_within(int descriptor, std::chrono::milliseconds pause) {
    const auto end = std::chrono::steady_clock::now() + pause;
    const bool endless = pause.count() < 0;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        if (!endless && left.count() <= 0) return false;
        pollfd waiting{descriptor, POLLRDHUP, 0};
        if (::poll(&waiting, 1, endless ? -1 : static_cast<int>(left.count())) > 0) return true;
    }
}

void reset_on_close(int descriptor) {
    const linger now{1, 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

const char* reason_of(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 302:
            return "Found";
        case 400:
            return "Bad Request";
        case 429:
            return "Too Many Requests";
        default:
            return "Scripted";
    }
}

std::string head_of(const Reply& reply) {
    std::string head = fmt::format("HTTP/1.1 {} {}\r\n", reply.status, reason_of(reply.status));
    for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
    switch (reply.framing) {
        case Framing::content_length:
            head += fmt::format("content-length: {}\r\n", reply.claimed_length.value_or(reply.body_size()));
            break;
        case Framing::chunked:
            head += "transfer-encoding: chunked\r\n";
            break;
        case Framing::until_close:
            head += "connection: close\r\n";
            break;
    }
    return head + "\r\n";
}

std::string framed(std::string_view bytes, Framing framing) {
    if (framing != Framing::chunked) return std::string(bytes);
    return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

enum class Sent { all, cut, peer_gone };

Sent send_pieces(int descriptor, const Reply& reply, std::string head) {
    std::size_t left = reply.cut_at.value_or(std::string::npos);
    for (std::size_t round = 0; round < reply.repeat; ++round) {
        for (const auto& piece : reply.pieces) {
            if (piece.pause.count() != 0) {
                if (!head.empty() && !send_all(descriptor, head)) return Sent::peer_gone;
                head.clear();
                if (peer_closes_within(descriptor, piece.pause)) return Sent::peer_gone;
            }
            const std::string_view bytes = std::string_view(piece.bytes).substr(0, std::min(left, piece.bytes.size()));
            const bool cut_here = bytes.size() < piece.bytes.size();
            const std::string wire = bytes.empty() ? "" : framed(bytes, reply.framing);
            if (!send_all(descriptor, head + wire)) return Sent::peer_gone;
            head.clear();
            left -= left == std::string::npos ? 0 : bytes.size();
            if (cut_here) return Sent::cut;
        }
    }
    if (!head.empty() && !send_all(descriptor, head)) return Sent::peer_gone;
    return reply.cut_at ? Sent::cut : Sent::all;
}

}  // namespace

Reply Reply::text(std::string body, std::string content_type, int status) {
    Reply reply;
    reply.status = status;
    reply.headers.emplace_back("content-type", std::move(content_type));
    reply.pieces.push_back({std::move(body), {}});
    return reply;
}

Reply Reply::json(std::string body, int status) { return text(std::move(body), "application/json", status); }

Reply Reply::chat_stream(const std::vector<std::string>& chunks) {
    Reply reply = text("", "text/event-stream; charset=utf-8");
    reply.framing = Framing::chunked;
    reply.pieces.clear();
    for (const auto& chunk : chunks) reply.pieces.push_back({"data: " + chunk + "\n\n", {}});
    reply.pieces.push_back({"data: [DONE]\n\n", {}});
    return reply;
}

Reply Reply::messages_stream(const std::vector<std::string>& events) {
    Reply reply = text("", "text/event-stream; charset=utf-8");
    reply.framing = Framing::chunked;
    reply.pieces.clear();
    for (const auto& event : events) reply.pieces.push_back({fmt::format("event: {}\ndata: {}\n\n", type_of(event), event), {}});
    return reply;
}

Reply Reply::redirect(std::string location) {
    Reply reply = text("moved", "text/plain", 302);
    reply.headers.emplace_back("location", std::move(location));
    return reply;
}

Reply Reply::garbage(std::string bytes) {
    Reply reply;
    reply.raw = std::move(bytes);
    reply.ending = Ending::close;
    return reply;
}

Reply&& Reply::header(std::string name, std::string value) && {
    headers.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
}

Reply&& Reply::cut_after(std::size_t bytes, Ending how) && {
    cut_at = bytes;
    ending = how;
    return std::move(*this);
}

Reply&& Reply::then_hang() && {
    ending = Ending::hang;
    return std::move(*this);
}

Reply&& Reply::claiming_length(std::size_t bytes) && {
    framing = Framing::content_length;
    claimed_length = bytes;
    return std::move(*this);
}

Reply&& Reply::paced(std::chrono::milliseconds pause) && {
    for (auto& piece : pieces) piece.pause = pause;
    return std::move(*this);
}

Reply&& Reply::in_pieces_of(std::size_t bytes) && {
    std::string whole;
    for (const auto& piece : pieces) whole += piece.bytes;
    pieces.clear();
    for (std::size_t at = 0; at < whole.size(); at += bytes) pieces.push_back({whole.substr(at, bytes), {}});
    return std::move(*this);
}

std::size_t Reply::body_size() const {
    return repeat * std::accumulate(pieces.begin(), pieces.end(), std::size_t{0},
                                    [](std::size_t sum, const Piece& piece) { return sum + piece.bytes.size(); });
}

bool send_reply(int descriptor, const Reply& reply, bool head_only, bool& peer_closed_early) {
    peer_closed_early = false;
    Sent sent = Sent::all;
    if (reply.raw) {
        if (!send_all(descriptor, *reply.raw)) sent = Sent::peer_gone;
    } else if (head_only) {
        if (!send_all(descriptor, head_of(reply))) sent = Sent::peer_gone;
    } else {
        sent = send_pieces(descriptor, reply, head_of(reply));
    }
    if (sent == Sent::peer_gone) {
        peer_closed_early = true;
        return false;
    }
    if (reply.ending == Ending::hang) {
        peer_closed_early = peer_closes_within(descriptor, std::chrono::milliseconds{-1});
        return false;
    }
    if (reply.ending == Ending::reset) reset_on_close(descriptor);
    if (reply.ending != Ending::complete || sent == Sent::cut || reply.framing == Framing::until_close) return false;
    if (!head_only && reply.framing == Framing::chunked) return send_all(descriptor, "0\r\n\r\n");
    return true;
}

}  // namespace gotthard::imposter
