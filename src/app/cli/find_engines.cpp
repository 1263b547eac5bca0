#include "app/cli/find_engines.hpp"

#include <algorithm>

#include "net/client.hpp"

namespace gotthard::app {
namespace {

constexpr net::ClientTimeouts timeouts{
    .connect = 300'000'000, .headers = 2'000'000'000, .idle = 2'000'000'000, .total = 3'000'000'000};

struct Round {
    std::vector<provider::FoundEngine> engines;
    std::size_t waiting = 0;
};

net::Task<> ask_port(net::HttpClient& client, provider::Probe probe, Round& round) {
    const auto endpoint = net::UpstreamEndpoint::make({.tls = false, .host = "127.0.0.1", .port = probe.port});
    auto answer = co_await client.fetch(endpoint, {.target = probe.target, .headers = "accept: application/json\r\n"}, timeouts);
    --round.waiting;
    if (!answer || answer->status != 200) co_return;
    const auto models = provider::parse_model_list(answer->body);
    if (!models) co_return;
    const auto* row = provider::recognise_engine(probe, answer->header("server"), *models);
    auto base = provider::parse_base_url("http://127.0.0.1:" + std::to_string(probe.port) + "/v1");
    if (row == nullptr || !base) co_return;
    provider::FoundEngine engine{.row = row, .base = *std::move(base), .models = {}};
    for (const auto& model : *models) engine.models.push_back(model.id);
    round.engines.push_back(std::move(engine));
}

}  // namespace

std::vector<provider::FoundEngine> find_engines(const Clock& clock) {
    net::Loop loop(clock);
    net::HttpClient client(loop);
    Round round;
    auto probes = provider::local_probes();
    round.waiting = probes.size();
    for (auto& probe : probes) net::spawn(ask_port(client, std::move(probe), round));
    loop.run_until([&] { return round.waiting == 0; });
    std::ranges::sort(round.engines, {}, [](const provider::FoundEngine& engine) { return engine.base.port; });
    return std::move(round.engines);
}

}  // namespace gotthard::app
