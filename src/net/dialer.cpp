#include "net/dialer.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "net/byte_buffer.hpp"
#include "net/http1.hpp"

namespace gotthard::net {
namespace {

constexpr std::size_t max_proxy_head = 16 * 1024;

std::string error_text(int error) {
    char room[128];
    return strerror_r(error, room, sizeof room);
}

Failure cannot_connect(std::string detail) {
    return Failure(FailureKind::upstream_unavailable, "The upstream cannot be reached.").because(std::move(detail));
}

Failure not_in_time(std::string detail) {
    return Failure(FailureKind::upstream_timeout, "The connection to the upstream was not made in time.")
        .because(std::move(detail));
}

Failure proxy_failure(std::string message, std::string detail) {
    return Failure(FailureKind::upstream_unavailable, std::move(message)).because(std::move(detail));
}

/// Several connects at once; the first that succeeds wins. Lives in the frame of connect_first.
class ConnectRace {
public:
    ConnectRace(Loop& loop, std::vector<SocketAddress> addresses, Nanos stagger)
        : loop_(loop), addresses_(std::move(addresses)), stagger_(stagger) {
        start_next();
    }

    Signal& decided() { return decided_; }
    Socket take_winner() { return std::move(winner_); }
    std::string reasons() const { return reasons_; }

private:
    class Attempt final : public EventSource {
    public:
        Attempt(ConnectRace& race, std::size_t index, Socket socket) : race_(race), index_(index), socket_(std::move(socket)) {
            race_.loop_.add(socket_.fd(), EPOLLOUT, *this);
        }
        ~Attempt() {
            if (socket_) race_.loop_.remove(socket_.fd(), *this);
        }
        void on_events(std::uint32_t) override {
            int error = 0;
            socklen_t size = sizeof error;
            getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
            race_.loop_.remove(socket_.fd(), *this);
            race_.ended(index_, std::move(socket_), error);
        }

    private:
        ConnectRace& race_;
        std::size_t index_;
        Socket socket_;
    };

    void start_next() {
        while (next_ < addresses_.size() && !decided_.is_set()) {
            const std::size_t index = next_++;
            const SocketAddress& address = addresses_[index];
            Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
            const int on = 1;
            if (socket && !address.is_unix()) setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            const int status = socket ? ::connect(socket.fd(), address.get(), address.length()) : -1;
            if (status != 0 && errno != EINPROGRESS) {
                note(index, errno);
                continue;
            }
            ++running_;
            attempts_.push_back(std::make_unique<Attempt>(*this, index, std::move(socket)));
            if (next_ < addresses_.size()) timer_ = loop_.after(stagger_, [this] { start_next(); });
            return;
        }
        if (running_ == 0 && next_ >= addresses_.size()) decided_.set();
    }

    void ended(std::size_t index, Socket socket, int error) {
        --running_;
        if (decided_.is_set()) return;
        if (error == 0) {
            winner_ = std::move(socket);
            timer_.cancel();
            decided_.set();
            return;
        }
        note(index, error);
        start_next();
    }

    void note(std::size_t index, int error) {
        if (!reasons_.empty()) reasons_ += "; ";
        reasons_ += addresses_[index].to_string() + ": " + error_text(error);
    }

    Loop& loop_;
    std::vector<SocketAddress> addresses_;
    Nanos stagger_;
    std::size_t next_ = 0;
    std::size_t running_ = 0;
    std::vector<std::unique_ptr<Attempt>> attempts_;
    Timer timer_;
    Signal decided_;
    Socket winner_;
    std::string reasons_;
};

}  // namespace

std::shared_ptr<const UpstreamEndpoint> UpstreamEndpoint::make(Origin origin, std::shared_ptr<const TlsClientContext> tls,
                                                               std::optional<Proxy> proxy, PoolLimits limits) {
    std::shared_ptr<UpstreamEndpoint> endpoint(new UpstreamEndpoint);
    endpoint->authority_ = origin.authority();
    endpoint->key_ = fmt::format("{}://{}|{}|", origin.tls ? "https" : "http", origin.host_and_port(), tls ? tls->id() : 0);
    if (proxy) {
        endpoint->key_ += proxy->origin.host_and_port() + "|" + proxy->authorization;
        if (!origin.tls) {
            endpoint->target_prefix_ = origin.to_string();
            if (!proxy->authorization.empty()) endpoint->proxy_headers_ = "Proxy-Authorization: " + proxy->authorization + "\r\n";
        }
    }
    endpoint->origin_ = std::move(origin);
    endpoint->tls_ = std::move(tls);
    endpoint->proxy_ = std::move(proxy);
    endpoint->limits_ = limits;
    return endpoint;
}

std::vector<SocketAddress> interleave_families(const std::vector<SocketAddress>& addresses) {
    if (addresses.empty()) return {};
    std::vector<SocketAddress> first, second, mixed;
    for (const auto& address : addresses) (address.family() == addresses.front().family() ? first : second).push_back(address);
    for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
        if (i < first.size()) mixed.push_back(first[i]);
        if (i < second.size()) mixed.push_back(second[i]);
    }
    return mixed;
}

Task<Result<Socket>> connect_first(Loop& loop, std::vector<SocketAddress> addresses, Nanos stagger, Nanos deadline,
                                   Cancellation& cancellation) {
    if (cancellation.cancelled()) co_return fail(Cancellation::failure());
    ConnectRace race(loop, interleave_families(addresses), stagger);
    const Cancellation::Hook hook(cancellation, [](void* signal) { static_cast<Signal*>(signal)->set(); }, &race.decided());
    const bool in_time = co_await race.decided().wait(deadline);
    if (cancellation.cancelled()) co_return fail(Cancellation::failure());
    if (!in_time) co_return fail(not_in_time(race.reasons()));
    Socket winner = race.take_winner();
    if (!winner) co_return fail(cannot_connect(race.reasons()));
    co_return std::move(winner);
}

Dialer::Dialer(Loop& loop, ResolverOptions options) : loop_(loop), resolver_(loop, std::move(options)) {}

Task<Result<std::unique_ptr<ByteStream>>> Dialer::dial(const UpstreamEndpoint& endpoint, Nanos deadline,
                                                       Cancellation& cancellation) {
    ++dialled_;
    const Origin& first = endpoint.proxy() ? endpoint.proxy()->origin : endpoint.origin();
    auto addresses = co_await resolver_.resolve(first.host, first.port, deadline, cancellation);
    if (!addresses) co_return fail(std::move(addresses.error()));
    auto socket = co_await connect_first(loop_, std::move(*addresses), stagger, deadline, cancellation);
    if (!socket) co_return fail(std::move(socket.error()));
    const Origin& origin = endpoint.origin();
    if (!origin.tls)
        co_return std::unique_ptr<ByteStream>(std::make_unique<TcpStream>(std::move(*socket), Peer::upstream, loop_));
    if (!endpoint.tls()) co_return fail(Failure(FailureKind::internal, "The upstream needs TLS, which is not set up for it."));
    if (endpoint.proxy()) {
        auto tunnelled = co_await tunnel(std::move(*socket), endpoint, deadline, cancellation);
        if (!tunnelled) co_return fail(std::move(tunnelled.error()));
        socket = std::move(*tunnelled);
    }
    auto secure =
        co_await tls_connect(std::move(*socket), *endpoint.tls(), origin.host, sessions_, endpoint.key(), deadline, cancellation);
    if (!secure) co_return fail(std::move(secure.error()));
    co_return std::unique_ptr<ByteStream>(std::move(*secure));
}

/// Asks the proxy for a way through to the origin (RFC 9110 section 9.3.6).
Task<Result<Socket>> Dialer::tunnel(Socket socket, const UpstreamEndpoint& endpoint, Nanos deadline, Cancellation& cancellation) {
    auto stream = std::make_unique<TcpStream>(std::move(socket), Peer::upstream, loop_);
    const Cancellation::Hook hook(
        cancellation, [](void* self) { static_cast<TcpStream*>(self)->abort(Cancellation::failure()); }, stream.get());
    const auto target = endpoint.origin().host_and_port();
    std::string request = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", target);
    if (!endpoint.proxy()->authorization.empty()) request += "Proxy-Authorization: " + endpoint.proxy()->authorization + "\r\n";
    request += "\r\n";
    stream->set_write_deadline(deadline);
    stream->set_read_deadline(deadline);
    if (auto written = co_await stream->write_all(request); !written) co_return fail(std::move(written.error()));
    ByteBuffer answer;
    ResponseHead head;
    for (;;) {
        const std::size_t before = answer.size();
        auto got = co_await stream->read_some(answer.room(2048));
        if (!got) {
            if (got.error().kind == FailureKind::upstream_timeout) co_return fail(not_in_time("waiting for the proxy"));
            co_return fail(std::move(got.error()));
        }
        if (*got == 0) co_return fail(proxy_failure("The proxy to the upstream closed the connection.", "during CONNECT"));
        answer.commit(*got);
        if (!may_complete_head(answer.view(), before)) {
            if (answer.size() > max_proxy_head)
                co_return fail(
                    proxy_failure("The proxy to the upstream answered with something else than HTTP.", "head too long"));
            continue;
        }
        const auto outcome = parse_response_head(answer.view(), head, "CONNECT");
        if (outcome.malformed())
            co_return fail(
                proxy_failure("The proxy to the upstream answered with something else than HTTP.", std::string(outcome.reason)));
        if (!outcome.complete()) continue;
        if (head.status / 100 == 2 && outcome.consumed == answer.size()) break;
        if (head.status / 100 == 2)
            co_return fail(proxy_failure("The proxy to the upstream sent bytes of its own into the tunnel.", "after CONNECT"));
        if (head.status == 407)
            co_return fail(proxy_failure("The proxy to the upstream refused the gateway's credentials.", "CONNECT: 407"));
        co_return fail(proxy_failure("The proxy refused a connection to the upstream.", fmt::format("CONNECT: {}", head.status)));
    }
    stream->set_read_deadline(0);
    stream->set_write_deadline(0);
    co_return stream->release();
}

}  // namespace gotthard::net
