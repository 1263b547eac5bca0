#include "app/discovery_thread.hpp"

#include "net/client.hpp"
#include "provider/probe.hpp"

namespace gotthard::app {
namespace {

constexpr auto interval = std::chrono::seconds(30);
constexpr Nanos probe_time = 2'000'000'000;

struct Round {
    std::vector<provider::FoundEngine> engines;
    provider::ModelIds models;
    bool done = false;
};

net::Task<> look_around(net::HttpClient& client, Round& round) {
    const auto probes = provider::local_probes();
    round.engines = co_await provider::find_local_engines(client, probes, probe_time);
    round.done = true;
}

net::Task<> ask_providers(net::HttpClient& client, std::shared_ptr<const spine::Configuration> configuration, Round& round) {
    std::vector<provider::Listing> listings;
    for (std::size_t i = 0; i < configuration->snapshot->providers.size(); ++i) {
        const auto& provider = configuration->snapshot->providers[i];
        if (provider.found && provider.upstream.row->local_engine) continue;  // its list came with the probe
        if (!provider.upstream.supports(provider.upstream.dialects.front(), provider::Operation::models)) continue;
        listings.push_back({.provider = provider.name, .upstream = &provider.upstream, .endpoint = configuration->endpoints[i]});
    }
    round.models = co_await provider::refresh_models(client, listings, std::move(round.models));
    round.done = true;
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

/// Engines first, since their question is answered at once; then the lists of all providers.
void DiscoveryThread::round() {
    net::Loop loop(clock_);
    net::HttpClient client(loop);
    Round round{.models = models_};
    const auto configuration = source_();
    const auto tell = [&] {
        auto models = round.models;
        for (const auto& engine : round.engines) models[std::string(engine.row->id)] = engine.models;
        sink_({.engines = round.engines, .known = std::make_shared<const route::KnownModels>(std::move(models))});
    };
    if (configuration->snapshot->discover) {
        net::spawn(look_around(client, round));
        loop.run_until([&] { return round.done; });
        tell();
    }
    round.done = false;
    net::spawn(ask_providers(client, source_(), round));
    loop.run_until([&] { return round.done; });
    models_ = round.models;
    tell();
}

}  // namespace gotthard::app
