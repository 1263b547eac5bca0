#include "app/cli/admin_client.hpp"

#include <array>
#include <vector>

#include <fmt/format.h>

#include "app/cli/blocking_stream.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "net/http1.hpp"

namespace gotthard::app {
namespace {

constexpr std::chrono::seconds time_limit{60};
constexpr std::size_t max_answer = 64u << 20;

std::unexpected<Failure> garbled(std::string_view why) {
    return fail(FailureKind::upstream_malformed, fmt::format("What answers there is not a gotthard admin listener: {}", why));
}

/// Reads one answer: its head, then its body piece by piece.
class AnswerReader {
public:
    AnswerReader(BlockingStream& stream, std::string_view method) : stream_(stream), method_(method) {}

    Status read_head() {
        for (;;) {
            const auto outcome = net::parse_response_head(input_, head_, method_);
            if (outcome.malformed()) return garbled(outcome.reason);
            if (outcome.complete()) {
                status_ = head_.status;
                etag_ = head_.header("etag");
                const bool interim = head_.interim();
                decoder_ = net::BodyDecoder::of(head_);
                head_ = {};
                input_.erase(0, outcome.consumed);
                if (!interim) return {};
                continue;
            }
            auto got = fill();
            if (!got) return std::unexpected(std::move(got.error()));
            if (*got == 0) return garbled("the connection ended before an answer.");
        }
    }

    /// The next payload, appended to `out`; false at the end of the body.
    Result<bool> read_body(std::string& out) {
        for (;;) {
            if (decoder_.finished()) return false;
            if (!input_.empty()) {
                std::array<std::string_view, 16> spans;
                const auto step = decoder_.step(input_, spans);
                if (step.error != nullptr) return garbled(step.error);
                for (std::size_t i = 0; i < step.spans; ++i) out += spans[i];
                input_.erase(0, step.consumed);
                if (step.spans != 0) return true;
                if (step.consumed != 0) continue;
            }
            auto got = fill();
            if (!got) return std::unexpected(std::move(got.error()));
            if (*got == 0) {
                if (decoder_.end_of_input()) return false;
                return fail(FailureKind::upstream_unavailable, "The gateway ended the connection in the middle of its answer.");
            }
        }
    }

    Status read_whole_body(std::string& out) {
        for (;;) {
            auto more = read_body(out);
            if (!more) return std::unexpected(std::move(more.error()));
            if (!*more) return {};
            if (out.size() > max_answer) return garbled("the answer has more than 64 MiB.");
        }
    }

    int status() const { return status_; }
    const std::string& etag() const { return etag_; }

private:
    Result<std::size_t> fill() {
        std::array<char, 16 * 1024> room;
        auto got = stream_.read(room);
        if (got) input_.append(room.data(), *got);
        return got;
    }

    BlockingStream& stream_;
    std::string_view method_;
    std::string input_;
    net::ResponseHead head_;
    net::BodyDecoder decoder_;
    int status_ = 0;
    std::string etag_;
};

Result<BlockingStream> connect(const ServerAddress& address) {
    auto stream = address.host.empty() ? BlockingStream::connect_unix(address.socket_path, time_limit)
                                       : BlockingStream::connect_tcp(address.host, address.port, address.tls, time_limit);
    if (stream) return stream;
    auto failure = std::move(stream.error());
    const auto remedy = address.host.empty()
                            ? std::string(
                                  "Is it running ('gotthard serve'), and with this data directory (--data)? Another machine's is "
                                  "reached with --server URL --token T.")
                            : std::string("Is the URL that of its admin listener (port 7301 unless configured)?");
    failure.message = fmt::format("No gateway answers at {} ({}). {}", address.text(), failure.message, remedy);
    return std::unexpected(std::move(failure));
}

std::string request_text(const ServerAddress& address, std::string_view method, std::string_view path, std::string_view body,
                         std::string_view if_match, std::string_view accept) {
    std::string text =
        fmt::format("{} {}{} HTTP/1.1\r\nhost: {}\r\naccept: {}\r\nuser-agent: gotthard-cli\r\nconnection: close\r\n", method,
                    address.base_path, path, address.host.empty() ? "gotthard" : address.host, accept);
    if (!address.token.empty()) text.append("authorization: Bearer ").append(address.token.reveal()).append("\r\n");
    if (!if_match.empty()) text += fmt::format("if-match: {}\r\n", if_match);
    if (!body.empty()) text += "content-type: application/json\r\n";
    if (!body.empty() || method != "GET") text += fmt::format("content-length: {}\r\n", body.size());
    return text.append("\r\n").append(body);
}

/// What the gateway said was wrong.
Failure failure_of(int status, std::string_view body) {
    Failure failure(FailureKind::upstream_error, fmt::format("The gateway answered {}.", status));
    failure.status = status;
    json::Document document;
    if (!document.parse(body)) return failure;
    const auto root = document.root();
    if (root["detail"].is_string()) failure.message = root["detail"].string();
    failure.code = root["code"].string();
    failure.param = root["field"].string();
    return failure;
}

Result<BlockingStream> send(const ServerAddress& address, const std::string& request) {
    auto stream = connect(address);
    if (!stream) return stream;
    if (auto sent = stream->write(request); !sent) return std::unexpected(std::move(sent.error()));
    return stream;
}

}  // namespace

Result<ServerAddress> ServerAddress::parse_url(std::string_view url, Secret token) {
    const auto wrong = [&](std::string_view why) {
        return fail(FailureKind::invalid_request,
                    fmt::format("'{}' is not a server URL: {}. Write it like http://127.0.0.1:7301.", url, why));
    };
    ServerAddress address;
    address.token = std::move(token);
    std::string_view rest = url;
    if (starts_with_ignoring_case(rest, "https://"))
        address.tls = true;
    else if (!starts_with_ignoring_case(rest, "http://"))
        return wrong("it begins with neither http:// nor https://");
    rest.remove_prefix(address.tls ? 8 : 7);
    const auto slash = rest.find_first_of("/?#");
    auto authority = rest.substr(0, slash);
    if (slash != std::string_view::npos) address.base_path = rest.substr(slash);
    if (address.base_path.find_first_of("?#") != std::string::npos) return wrong("it has a query");
    while (address.base_path.ends_with('/')) address.base_path.pop_back();
    for (const char c : url)
        if (static_cast<unsigned char>(c) <= ' ' || c == 0x7F) return wrong("it holds blanks");
    if (authority.find('@') != std::string_view::npos)
        return fail(FailureKind::invalid_request, "Give the token with --token, not inside the URL.");
    std::string_view port;
    if (authority.starts_with('[')) {
        const auto close = authority.find(']');
        if (close == std::string_view::npos) return wrong("']' is missing");
        port = authority.substr(close + 1);
        address.host = authority.substr(1, close - 1);
    } else {
        const auto colon = authority.find(':');
        address.host = authority.substr(0, colon);
        port = colon == std::string_view::npos ? std::string_view() : authority.substr(colon);
    }
    if (address.host.empty()) return wrong("the host is missing");
    if (port.empty()) {
        address.port = address.tls ? 443 : 80;
    } else {
        const auto number = parse_integer<std::uint16_t>(port.substr(1));
        if (port.front() != ':' || !number || *number == 0) return wrong("its port is not a number from 1 to 65535");
        address.port = *number;
    }
    return address;
}

std::string ServerAddress::text() const {
    if (host.empty()) return socket_path;
    const bool six = host.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}{}", tls ? "https" : "http", six ? "[" : "", host, six ? "]" : "", port, base_path);
}

Result<AdminAnswer> AdminClient::call(std::string_view method, std::string_view path, std::string_view body,
                                      std::string_view if_match) {
    auto stream = send(address_, request_text(address_, method, path, body, if_match, "application/json"));
    if (!stream) return std::unexpected(std::move(stream.error()));
    AnswerReader reader(*stream, method);
    AdminAnswer answer;
    if (auto status = reader.read_head(); !status) return std::unexpected(std::move(status.error()));
    if (auto status = reader.read_whole_body(answer.body); !status) return std::unexpected(std::move(status.error()));
    answer.status = reader.status();
    answer.etag = reader.etag();
    if (answer.status < 200 || answer.status > 299) return fail(failure_of(answer.status, answer.body));
    return answer;
}

Status AdminClient::follow(std::string_view path, const std::function<bool(const SseEvent&)>& seen) {
    auto stream = send(address_, request_text(address_, "GET", path, {}, {}, "text/event-stream"));
    if (!stream) return std::unexpected(std::move(stream.error()));
    AnswerReader reader(*stream, "GET");
    if (auto status = reader.read_head(); !status) return status;
    std::string piece;
    if (reader.status() != 200) {
        if (auto status = reader.read_whole_body(piece); !status) return status;
        return fail(failure_of(reader.status(), piece));
    }
    SseReader events;
    for (;;) {
        piece.clear();
        auto more = reader.read_body(piece);
        if (!more) return std::unexpected(std::move(more.error()));
        if (!*more) return {};
        events.feed(piece);
        while (const SseEvent* event = events.next())
            if (!seen(*event)) return {};
        if (auto status = events.status(); !status) return status;
    }
}

std::string percent_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.' || c == '~')
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

}  // namespace gotthard::app
