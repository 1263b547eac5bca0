#include "provider/probe.hpp"

#include <gtest/gtest.h>

#include "net/server.hpp"
#include "net/tcp.hpp"

namespace gotthard::provider {
namespace {

/// An engine on a free port: answers by path, remembers what it saw.
class Engine {
public:
    Engine(net::Loop& loop, int status, std::string headers, std::string body)
        : status_(status),
          headers_(std::move(headers)),
          body_(std::move(body)),
          loop_(loop),
          socket_(net::listen_on(net::SocketAddress::loopback(0)).value()),
          acceptor_(loop, socket_.fd(), [this](net::Socket socket) {
              net::spawn(net::serve_http(std::make_unique<net::TcpStream>(std::move(socket), net::Peer::client, loop_), options_,
                                         handler_, &connections_));
          }) {}
    ~Engine() {
        connections_.abandon_all();
        for (int i = 0; i < 20; ++i) loop_.poll();
    }

    std::uint16_t port() const { return net::local_address(socket_.fd()).port(); }
    std::vector<std::string> seen;  ///< "GET /v1/models?limit=1000 | x-api-key"

private:
    static net::Task<> answer(net::HttpRequest& request, Engine& self) {
        std::string line = std::string(request.head().method) + " " + std::string(request.head().target);
        for (const char* name : {"authorization", "x-api-key", "anthropic-version"})
            if (const auto value = request.head().header(name); !value.empty())
                line += " | " + std::string(name) + "=" + std::string(value);
        self.seen.push_back(line);
        (void)co_await request.respond(self.status_, self.headers_, self.body_);
    }

    int status_;
    std::string headers_;
    std::string body_;
    net::Loop& loop_;
    net::ServerOptions options_;
    net::RequestHandler handler_ = [this](net::HttpRequest& request) { return answer(request, *this); };
    net::ConnectionList connections_;
    net::Socket socket_;
    net::Acceptor acceptor_;
};

template <class T>
net::Task<> keep(net::Task<T> task, std::optional<T>& out) {
    out.emplace(co_await std::move(task));
}

class Probing : public testing::Test {
protected:
    template <class T>
    T run(net::Task<T> task) {
        std::optional<T> out;
        net::spawn(keep(std::move(task), out));
        EXPECT_TRUE(loop.run_until([&out] { return out.has_value(); }));
        return std::move(out).value();
    }

    Listing listing(std::string_view row, std::uint16_t port, std::string key = {}) {
        UpstreamSettings settings{.row = find_row(row)};
        settings.base = parse_base_url("http://127.0.0.1:" + std::to_string(port)).value();
        if (!key.empty()) settings.keys.push_back({"default", Secret(std::move(key)), 1, false});
        upstreams.push_back(std::make_unique<Upstream>(make_upstream(settings).value()));
        return {std::string(row), upstreams.back().get(),
                net::UpstreamEndpoint::make({.tls = false, .host = "127.0.0.1", .port = port})};
    }

    SystemClock clock;
    net::Loop loop{clock};
    net::HttpClient client{loop};
    std::vector<std::unique_ptr<Upstream>> upstreams;
};

constexpr Nanos second = 1'000'000'000;

TEST_F(Probing, FindsTheEngineThatNamesItself) {
    Engine engine(loop, 200, "server: llama.cpp\r\ncontent-type: application/json\r\n",
                  R"({"data":[{"id":"smollm2","owned_by":"llamacpp"}]})");
    Engine broken(loop, 200, "", "<html>");
    Engine refusing(loop, 404, "", R"({"data":[]})");
    const std::vector<const Row*> candidates = {find_row("vllm"), find_row("llama_cpp")};
    const std::vector<Probe> probes = {{broken.port(), "/v1/models", candidates},
                                       {1, "/v1/models", candidates},
                                       {engine.port(), "/v1/models", candidates},
                                       {refusing.port(), "/v1/models", candidates}};
    const auto found = run(find_local_engines(client, probes, second));
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].row->id, "llama_cpp");
    EXPECT_EQ(found[0].base.text(), "http://127.0.0.1:" + std::to_string(engine.port()) + "/v1");
    EXPECT_EQ(found[0].models, std::vector<std::string>{"smollm2"});
    EXPECT_EQ(engine.seen, std::vector<std::string>{"GET /v1/models"});
}

TEST_F(Probing, ListsModelsWithTheKeyOfTheProvider) {
    Engine engine(loop, 200, "",
                  R"({"data":[{"type":"model","id":"claude-sonnet-5","display_name":"Claude"}],"has_more":false})");
    const auto claude = run(list_models(client, listing("anthropic", engine.port(), "sk-ant-1"), {}));
    ASSERT_TRUE(claude.has_value()) << claude.error().message;
    EXPECT_EQ(claude->at(0).id, "claude-sonnet-5");
    const auto lab = run(list_models(client, listing("openai_compatible", engine.port(), "k"), {}));
    ASSERT_TRUE(lab.has_value());
    EXPECT_EQ(engine.seen,
              (std::vector<std::string>{"GET /v1/models?limit=1000 | x-api-key=sk-ant-1 | anthropic-version=2023-06-01",
                                        "GET /v1/models | authorization=Bearer k"}));
}

TEST_F(Probing, KeepsWhatWasKnownOfAProviderThatCannotBeAskedNow) {
    Engine good(loop, 200, "", R"({"data":[{"id":"new"}]})");
    Engine bad(loop, 500, "", "no");
    auto one = listing("openai_compatible", good.port());
    auto two = listing("vllm", bad.port());
    auto three = listing("sglang", bad.port());
    const std::vector<Listing> all = {one, two, three};
    const ModelIds now = run(refresh_models(client, all, {{"openai_compatible", {"old"}}, {"vllm", {"kept"}}, {"gone", {"x"}}}));
    EXPECT_EQ(now, (ModelIds{{"openai_compatible", {"new"}}, {"vllm", {"kept"}}}));
}

TEST_F(Probing, AProviderThatCannotListIsNotAsked) {
    UpstreamSettings settings{.row = find_row("azure")};
    settings.variables = {{"resource", "r"}, {"api_version", "v"}};
    const Upstream azure = make_upstream(settings).value();
    const auto models = run(list_models(client, {"azure", &azure, nullptr}, {}));
    ASSERT_FALSE(models.has_value());
    EXPECT_EQ(models.error().kind, FailureKind::unsupported_feature);
}

}  // namespace
}  // namespace gotthard::provider
