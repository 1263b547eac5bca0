#include "net/upstream_double.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "net/http1.hpp"

namespace gotthard::net {

std::string answer_of(std::string_view body, std::string_view headers, int status) {
    return fmt::format("HTTP/1.1 {} {}\r\n{}Content-Length: {}\r\n\r\n{}", status, reason_phrase(status), headers, body.size(),
                       body);
}

std::string chunked_head(std::string_view headers) {
    return fmt::format("HTTP/1.1 200 OK\r\n{}Transfer-Encoding: chunked\r\n\r\n", headers);
}

std::string chunk(std::string_view data) { return fmt::format("{:x}\r\n{}\r\n", data.size(), data); }

UpstreamDouble::UpstreamDouble(Loop& loop, std::vector<Script> scripts, const TlsServerContext* tls)
    : loop_(loop), scripts_(std::move(scripts)), tls_(tls) {
    listener_ = std::move(listen_on(SocketAddress::loopback(0)).value());
    port_ = local_address(listener_.fd()).port();
    acceptor_ = std::make_unique<Acceptor>(loop_, listener_.fd(),
                                           [this](Socket socket) { spawn(play(std::move(socket), connections_++)); });
}

UpstreamDouble::~UpstreamDouble() {
    stop_listening();
    for (ByteStream* stream : std::vector(streams_)) stream->abort(Failure(FailureKind::cancelled, "The test is over."));
    for (int turns = 0; open_ != 0 && turns < 1000; ++turns) loop_.poll();
}

void UpstreamDouble::stop_listening() {
    acceptor_.reset();
    listener_ = Socket();
}

Task<> UpstreamDouble::play(Socket socket, std::size_t number) {
    std::unique_ptr<ByteStream> stream;
    TlsStream* secure = nullptr;
    if (tls_ != nullptr)
        stream.reset(secure = new TlsStream(std::move(socket), Peer::client, tls_->current().get()));
    else
        stream = std::make_unique<TcpStream>(std::move(socket), Peer::client, loop_);
    ++open_;
    streams_.push_back(stream.get());
    Status ready;
    if (secure != nullptr) ready = co_await secure->handshake(0);
    if (!ready)
        ++handshakes_failed_;
    else if (secure != nullptr)
        peer_subject_ = secure->peer_subject();
    if (ready) co_await follow(*stream, scripts_[std::min(number, scripts_.size() - 1)]);
    std::erase(streams_, stream.get());
    --open_;
}

Task<> UpstreamDouble::follow(ByteStream& stream, const Script& script) {
    std::string input;
    for (const Step& step : script) {
        switch (step.what) {
            case Step::What::expect_request:
            case Step::What::expect_head:
                if (!co_await read_request(stream, input, step.what == Step::What::expect_request)) co_return;
                break;
            case Step::What::send:
                for (std::size_t i = 0; i < step.repeat; ++i) {
                    auto sent = co_await stream.write_all(step.text);
                    if (!sent) co_return;
                }
                break;
            case Step::What::finish:
                stream.finish_writing();
                break;
            case Step::What::close:
                stream.close();
                co_return;
            case Step::What::reset:
                stream.close_with_reset();
                co_return;
            case Step::What::hang: {
                char room[4096];
                for (;;) {
                    auto got = co_await stream.read_some(room);
                    if (!got || *got == 0) co_return;
                }
            }
            case Step::What::serve:
                while (co_await read_request(stream, input, true)) {
                    auto sent = co_await stream.write_all(step.text);
                    if (!sent) co_return;
                }
                co_return;
        }
    }
}

Task<bool> UpstreamDouble::read_request(ByteStream& stream, std::string& input, bool with_body) {
    char room[16384];
    for (;;) {
        RequestHead head;
        auto outcome = parse_request_head(input, head);
        if (outcome.malformed() && input.starts_with("CONNECT ") && input.find("\r\n\r\n") != std::string::npos)
            outcome = {.state = HeadOutcome::State::complete,
                       .consumed = input.find("\r\n\r\n") + 4,
                       .reason = {}};  // what only a proxy is asked
        if (outcome.complete()) {
            const std::size_t size =
                outcome.consumed + (with_body ? static_cast<std::size_t>(head.content_length.value_or(0)) : 0);
            if (input.size() >= size) {
                requests_.push_back(input.substr(0, size));
                input.erase(0, size);
                co_return true;
            }
        }
        auto got = co_await stream.read_some(room);
        if (!got || *got == 0) co_return false;
        input.append(room, *got);
    }
}

std::uint16_t closed_port() {
    const auto listener = listen_on(SocketAddress::loopback(0)).value();
    return local_address(listener.fd()).port();
}

}  // namespace gotthard::net
