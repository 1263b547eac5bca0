// Changing what is in force while requests run: reloads, discovery, and what the admin API may ask of the process.
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include "app/version.hpp"
#include "app/wiring.hpp"

namespace gotthard::app {

std::shared_ptr<const config::Snapshot> Wiring::snapshot() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

std::shared_ptr<const route::KnownModels> Wiring::known_models() const {
    const std::lock_guard lock(mutex_);
    return known_;
}

config::Surroundings Wiring::surroundings() const {
    config::Surroundings around;
    around.environment = [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string(name).c_str());
        return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
    };
    {
        const std::lock_guard lock(mutex_);
        around.engines = engines_;
    }
    around.superuser = geteuid() == 0;
    return around;
}

std::vector<config::Fault> Wiring::reload(std::string_view source) {
    const std::lock_guard one(reload_mutex_);
    auto loaded = config::load(file_, surroundings(), {.listen = options_.listen, .admin = options_.admin, .data = options_.data});
    if (!loaded.ok()) {
        const auto first = std::ranges::find(loaded.faults, config::Severity::error, &config::Fault::severity);
        note_configuration(source, false, first == loaded.faults.end() ? "refused" : fmt::format("{}:{}: {}", first->line, first->column, first->message));
        return std::move(loaded.faults);
    }
    if (loaded.snapshot->hash == snapshot()->hash && source == "discovery") return std::move(loaded.faults);
    auto next = std::make_shared<config::Snapshot>(*loaded.snapshot);
    if (auto applied = put_into_force(next); !applied) {
        note_configuration(source, false, applied.error().message);
        loaded.faults.push_back({.file = file_.value_or(""), .message = applied.error().message, .remedy = "correct it and reload", .severity = config::Severity::error});
        return std::move(loaded.faults);
    }
    note_configuration(source, true, {});
    if (source != "discovery") discovery_->again();
    return std::move(loaded.faults);
}

/// All or nothing: every part that can fail is made before anything is published.
Status Wiring::put_into_force(std::shared_ptr<config::Snapshot> next) {
    next->version = ++version_;
    auto configuration = spine::make_configuration(next, contexts_);
    if (!configuration) return fail(std::move(configuration.error()));
    for (auto* listener : {data_listener_.get(), admin_listener_.get()})
        if (listener->tls)
            if (auto renewed = listener->tls->reload(); !renewed) return renewed;
    std::vector<identity::ConfiguredKey> keys;
    for (const auto& key : next->keys) keys.push_back({.name = key.name, .value = key.value, .models = key.models, .expires_at = key.expires.value_or(0)});
    if (auto known = identity_->set_configured_keys(std::move(keys)); !known) return known;
    publish(std::move(*configuration));
    return {};
}

void Wiring::publish(std::shared_ptr<const spine::Configuration> configuration) {
    {
        const std::lock_guard lock(mutex_);
        configuration_ = configuration;
        snapshot_ = configuration->snapshot;
        applied_at_ = clock_.wall();
    }
    shards_->post_all([this, configuration](net::Shard& shard) {
        if (gateways_[shard.index]) gateways_[shard.index]->configure(configuration);
    });
}

void Wiring::learn(std::vector<provider::FoundEngine> engines, std::shared_ptr<const route::KnownModels> known) {
    bool changed = false;
    {
        const std::lock_guard lock(mutex_);
        changed = engines != engines_;
        engines_ = std::move(engines);
        known_ = known;
    }
    if (changed) reload("discovery");
    shards_->post_all([this, known](net::Shard& shard) {
        if (gateways_[shard.index]) gateways_[shard.index]->learn(known);
    });
}

void Wiring::note_configuration(std::string_view source, bool applied, std::string message) {
    const auto current = snapshot();
    {
        const std::lock_guard lock(mutex_);
        last_reload_ok_ = applied;
        last_reload_message_ = message;
    }
    metrics_->config_reloaded(applied, current->hash_text, clock_.wall());
    (void)store_->add_config({.at = clock_.wall(), .hash = current->hash_text, .source = std::string(source), .result = applied ? "applied" : "refused", .message = message});
    log_->event(applied ? telemetry::Level::info : telemetry::Level::error, applied ? "configuration_applied" : "configuration_refused",
                applied ? "the configuration is in force" : message, {{"hash", current->hash_text}, {"source", source}});
}

void Wiring::every_second() {
    const auto second = seconds_.fetch_add(1);
    store_->probe();
    if (second % 5 == 0) (void)identity_->save_last_used();
    if (second % 60 == 59) {
        const Micros before = clock_.wall() - snapshot()->retention / 1000;
        for (int round = 0; round < 100; ++round)  // a bounded share of this second
            if (const auto more = store_->prune_requests(before); !more || !*more) break;
    }
}

admin::Services Wiring::make_admin_services() {
    return {.clock = clock_,
            .version = std::string(version),
            .identity = *identity_,
            .records = *store_,
            .config_history = *store_,
            .snapshot = [this] { return snapshot(); },
            .known_models = [this] { return known_models(); },
            .prices =
                [this] {
                    const std::lock_guard lock(mutex_);
                    return configuration_->prices;
                },
            .status = [this] { return status(); },
            .metrics = [this](telemetry::Exposition format) { return metrics_->render(format); },
            .try_config = [this](const std::string& text) { return config::load_text(text, "", surroundings()); },
            .reload = [this](std::string_view source) { return reload(source); },
            .draining = [this] { return draining_.load(std::memory_order_relaxed); }};
}

admin::StatusReport Wiring::status() const {
    admin::StatusReport report;
    report.started_at = started_at_;
    report.data_address = data_url_;
    report.admin_address = admin_url_;
    report.socket_path = socket_path_;
    report.data_directory = snapshot()->data_directory;
    {
        const std::lock_guard lock(mutex_);
        report.config_applied_at = applied_at_;
        report.last_reload_ok = last_reload_ok_;
        report.last_reload_message = last_reload_message_;
    }
    report.threads = shards_->count();
    report.connections = shards_->connections();
    report.accepted = shards_->accepted();
    for (const auto& gateway : gateways_)
        if (gateway) report.in_flight += gateway->in_flight();
    report.records_written = records_->written();
    report.records_dropped = records_->dropped();
    report.records_waiting = records_->waiting();
    report.record_lag_us = records_->lag_us();
    report.store = store_->state();
    if (!report.store.writable) {
        report.state = "degraded";
        report.reason = report.store.reason;
    }
    if (draining_) report.state = "draining";
    std::ifstream statm("/proc/self/statm");
    std::uint64_t pages = 0, resident = 0;
    if (statm >> pages >> resident) report.memory_bytes = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return report;
}

}  // namespace gotthard::app
