#include "app/discovery_thread.hpp"

#include "net/client.hpp"

namespace gotthard::app {
namespace {

constexpr auto interval = std::chrono::seconds(30);
constexpr net::ClientTimeouts local_timeouts{.connect = 300'000'000, .headers = 2'000'000'000, .idle = 2'000'000'000, .total = 3'000'000'000};
constexpr net::ClientTimeouts remote_timeouts{.connect = 2'000'000'000, .headers = 5'000'000'000, .idle = 5'000'000'000, .total = 10'000'000'000};

struct Round {
    std::vector<provider::FoundEngine> engines;
    std::map<std::string, std::vector<std::string>, std::less<>> models;
    std::size_t waiting = 0;
};

std::vector<std::string> ids_of(const std::vector<provider::ListedModel>& models) {
    std::vector<std::string> ids;
    for (const auto& model : models) ids.push_back(model.id);
    return ids;
}

/// A local engine on one default port.
net::Task<> ask_port(net::HttpClient& client, provider::Probe probe, Round& round) {
    const auto endpoint = net::UpstreamEndpoint::make({.tls = false, .host = "127.0.0.1", .port = probe.port});
    auto answer = co_await client.fetch(endpoint, {.target = probe.target, .headers = "accept: application/json\r\n"}, local_timeouts);
    --round.waiting;
    if (!answer || answer->status != 200) co_return;
    const auto models = provider::parse_model_list(answer->body);
    if (!models) co_return;
    const auto* row = provider::recognise_engine(probe, answer->header("server"), *models);
    if (row == nullptr) co_return;
    auto base = provider::parse_base_url("http://127.0.0.1:" + std::to_string(probe.port) + "/v1");
    if (base) round.engines.push_back({.row = row, .base = std::move(*base), .models = ids_of(*models)});
}

/// The model list of a configured provider.
net::Task<> ask_provider(net::HttpClient& client, std::shared_ptr<const spine::Configuration> configuration, std::uint32_t index, Round& round) {
    const auto& provider = configuration->snapshot->providers[index];
    const auto dialect = provider.upstream.dialects.front();
    const auto& account = provider.upstream.accounts.front();
    net::SimpleRequest request;
    request.target.clear();
    provider.upstream.append_target(dialect, provider::Operation::models, {}, account, request.target);
    request.headers = "accept: application/json\r\naccept-encoding: identity\r\n";
    for (const auto& header : account.for_dialect(dialect).headers) request.headers += header.name + ": " + std::string(header.value.reveal()) + "\r\n";
    for (const auto& header : provider.upstream.headers(dialect)) request.headers += header.name + ": " + std::string(header.value.reveal()) + "\r\n";
    auto answer = co_await client.fetch(configuration->endpoints[index], std::move(request), provider.upstream.row->local_engine ? local_timeouts : remote_timeouts);
    --round.waiting;
    if (!answer || answer->status != 200) co_return;
    if (const auto models = provider::parse_model_list(answer->body)) round.models[provider.name] = ids_of(*models);
}

}  // namespace

DiscoveryThread::DiscoveryThread(const Clock& clock, Source source, Sink sink) : clock_(clock), source_(std::move(source)), sink_(std::move(sink)) {}

DiscoveryThread::~DiscoveryThread() { stop(); }

void DiscoveryThread::start() { thread_ = std::thread([this] { run(); }); }

void DiscoveryThread::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void DiscoveryThread::again() {
    {
        const std::lock_guard lock(mutex_);
        wanted_ = true;
    }
    changed_.notify_all();
}

void DiscoveryThread::wait_for_first(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, most, [this] { return rounds_ > 0 || stopping_; });
}

void DiscoveryThread::run() {
    while (true) {
        round();
        std::unique_lock lock(mutex_);
        ++rounds_;
        changed_.notify_all();
        changed_.wait_for(lock, interval, [this] { return stopping_ || wanted_; });
        if (stopping_) return;
        wanted_ = false;
    }
}

void DiscoveryThread::round() {
    net::Loop loop(clock_);
    net::HttpClient client(loop);
    Round round;
    const auto configuration = source_();
    const auto& snapshot = *configuration->snapshot;
    if (snapshot.discover) {
        auto probes = provider::local_probes();
        round.waiting += probes.size();
        for (auto& probe : probes) net::spawn(ask_port(client, std::move(probe), round));
    }
    for (std::uint32_t i = 0; i < snapshot.providers.size(); ++i) {
        const auto& provider = snapshot.providers[i];
        if (provider.found && provider.upstream.row->local_engine) continue;  // its list came with the probe
        if (!provider.upstream.supports(provider.upstream.dialects.front(), provider::Operation::models)) continue;
        ++round.waiting;
        net::spawn(ask_provider(client, configuration, i, round));
    }
    loop.run_until([&] { return round.waiting == 0; });
    std::ranges::sort(round.engines, {}, [](const provider::FoundEngine& engine) { return engine.base.port; });
    for (const auto& engine : round.engines) round.models.try_emplace(std::string(engine.row->id), engine.models);
    sink_({.engines = std::move(round.engines), .known = std::make_shared<const route::KnownModels>(std::move(round.models))});
}

}  // namespace gotthard::app
