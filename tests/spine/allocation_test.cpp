// The pass-through path in its steady state: whole requests over real sockets, with the shard's allocations counted.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <thread>

#include "config/load.hpp"
#include "net/server.hpp"
#include "net/shard.hpp"
#include "spine/gateway.hpp"
#include "store/memory/memory_store.hpp"

namespace {

thread_local std::uint64_t allocations = 0;

}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define GOTTHARD_COUNTS_ALLOCATIONS 1
void* operator new(std::size_t size) {
    ++allocations;
    if (void* block = std::malloc(size)) return block;
    throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
#endif

namespace gotthard::spine {
namespace {

/// A blocking socket with just enough HTTP to be an upstream or a client.
class Plain {
public:
    explicit Plain(int fd) : fd_(fd) {
        const int on = 1;
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    ~Plain() { ::close(fd_); }
    bool send(std::string_view text) { return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()); }
    /// Reads until `end` stands at the end of what was read. Empty: the other side has gone.
    std::string read_until(std::string_view end) {
        std::string got;
        char room[16384];
        while (!got.ends_with(end)) {
            const auto count = ::recv(fd_, room, sizeof room, 0);
            if (count <= 0) return {};
            got.append(room, static_cast<std::size_t>(count));
        }
        return got;
    }

private:
    int fd_;
};

class Upstream {
public:
    explicit Upstream(std::string answer) : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_, 16), 0);
        socklen_t length = sizeof address;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
        port = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }
    ~Upstream() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    std::uint16_t port = 0;

private:
    void run() {
        while (true) {
            const int fd = ::accept(listener_, nullptr, nullptr);
            if (fd < 0) return;
            Plain connection(fd);
            while (!connection.read_until("}]}").empty())
                if (!connection.send(answer_)) break;
        }
    }
    std::string answer_;
    int listener_;
    std::thread thread_;
};

/// A gateway on one shard with memory stores.
class Running {
public:
    explicit Running(std::uint16_t upstream_port) : records_(store_, {.shards = 1}) {
        auto loaded = config::load_text(fmt::format("data: /nonexistent\nauth: 'off'\nproviders:\n  lab: {{type: openai_compatible, base_url: 'http://127.0.0.1:{}/v1', models: ['*']}}\n", upstream_port), "test.yaml", {});
        EXPECT_TRUE(loaded.ok()) << config::render_text(loaded.faults, false);
        auto identity = identity::Identity::open(store_, store_, {.value = Secret(std::string(32, 'k'))}, clock_, random_);
        EXPECT_TRUE(identity);
        identity_ = std::move(*identity);
        auto configuration = make_configuration(loaded.snapshot, contexts_);
        EXPECT_TRUE(configuration);
        auto bound = shards_.listen(net::SocketAddress::loopback(0), [this](net::Socket socket, net::Shard& shard) {
            net::spawn(net::serve_http(std::make_unique<net::TcpStream>(std::move(socket), net::Peer::client, shard.loop), options_, handler_, &shard.connections));
        });
        EXPECT_TRUE(bound);
        port = bound->port();
        records_.start();
        shards_.start(
            [this, configuration = *configuration](net::Shard& shard) {
                gateway_ = std::make_unique<Gateway>(0, Services{clock_, *identity_, records_, metrics_, store_, draining_, "test"}, shard.loop);
                gateway_->configure(configuration);
                handler_ = [this](net::HttpRequest& request) { return gateway_->handle(request); };
            },
            [this](net::Shard&) { gateway_.reset(); });
    }
    ~Running() {
        shards_.stop();
        records_.stop();
    }

    std::uint64_t allocations_so_far() {
        std::atomic<bool> done{false};
        std::uint64_t count = 0;
        shards_.shard(0).loop.post([&] {
            count = allocations;
            done = true;
            done.notify_one();
        });
        done.wait(false);
        return count;
    }
    std::uint16_t port = 0;

private:
    SystemClock clock_;
    SystemRandom random_;
    store::memory::MemoryStore store_;
    account::RecordSink records_;
    telemetry::Metrics metrics_{{.shards = 1}};
    net::TlsClientContexts contexts_;
    std::atomic<bool> draining_{false};
    std::unique_ptr<identity::Identity> identity_;
    std::unique_ptr<Gateway> gateway_;
    net::ServerOptions options_;
    net::RequestHandler handler_;
    net::ShardGroup shards_{clock_, 1};
};

int dial(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
}

std::string request_text(std::string_view extra) {
    const std::string body = fmt::format(R"({{"model":"lab/m",{}"messages":[{{"role":"user","content":"hello"}}]}})", extra);
    return fmt::format("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
}

/// How often the shard's thread allocated while `count` requests were answered, after as many to warm up.
double allocations_per_request(const std::string& answer, std::string_view extra, std::string_view end, int count) {
    Upstream upstream(answer);
    Running gateway(upstream.port);
    Plain client(dial(gateway.port));
    const std::string request = request_text(extra);
    const auto run = [&](int times) {
        for (int i = 0; i < times; ++i) {
            EXPECT_TRUE(client.send(request));
            const auto got = client.read_until(end);
            ASSERT_TRUE(got.starts_with("HTTP/1.1 200")) << got;
        }
    };
    run(count);
    const auto before = gateway.allocations_so_far();
    run(count);
    const auto after = gateway.allocations_so_far();
    return static_cast<double>(after - before) / count;
}

constexpr std::string_view unary_body =
    R"({"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there, how are you?"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}})";

// Connections, frames, heads, bodies, look-ups, records and metrics allocate nothing; what is counted here is the reader that observes
// the answer. The ceilings are what was measured: a change that raises them says why.
constexpr double unary_ceiling = 20;
constexpr double stream_ceiling = 32;

TEST(PassThrough, AllocatesOnlyForTheObservingReaderOfAUnaryAnswer) {
    const auto answer = fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", unary_body.size(), unary_body);
    const double each = allocations_per_request(answer, "", "}}", 300);
#ifdef GOTTHARD_COUNTS_ALLOCATIONS
    EXPECT_LE(each, unary_ceiling);
#else
    EXPECT_GE(each, 0);
#endif
}

TEST(PassThrough, AllocatesOnlyForTheObservingReaderOfAStream) {
    std::string events;
    for (const char* text : {"Hello", " there", "!"})
        events += fmt::format("data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}},\"finish_reason\":null}}]}}\n\n", text);
    events += "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    events += "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3,\"total_tokens\":8}}\n\ndata: [DONE]\n\n";
    const auto answer = fmt::format("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n", events.size(), events);
    const double each = allocations_per_request(answer, R"("stream":true,"stream_options":{"include_usage":true},)", "0\r\n\r\n", 300);
#ifdef GOTTHARD_COUNTS_ALLOCATIONS
    EXPECT_LE(each, stream_ceiling);
#else
    EXPECT_GE(each, 0);
#endif
}

}  // namespace
}  // namespace gotthard::spine
