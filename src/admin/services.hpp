// What the admin API needs from the rest of the program; filled in by wiring. Every member must be set, and what is referred to
// must outlive the admin listener. All of it is called on the admin thread, which may wait for the store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "account/price_book.hpp"
#include "base/clock.hpp"
#include "config/load.hpp"
#include "config/snapshot.hpp"
#include "identity/identity.hpp"
#include "route/resolve.hpp"
#include "store/ports.hpp"
#include "telemetry/metrics.hpp"

namespace gotthard::admin {

/// The state of the process, for `status`.
struct StatusReport {
    std::string state = "ready";  ///< ready | degraded | draining
    std::string reason;           ///< Why it is not ready: what, and what to do.
    Micros started_at = 0;
    std::string data_address;   ///< "http://127.0.0.1:7300", what clients are pointed at
    std::string admin_address;  ///< "http://127.0.0.1:7301"
    std::string socket_path;
    std::string data_directory;
    Micros config_applied_at = 0;
    bool last_reload_ok = true;
    std::string last_reload_message;  ///< Why the last reload was refused.
    std::uint32_t threads = 0;        ///< Shards.
    std::uint64_t connections = 0;
    std::uint64_t accepted = 0;   ///< Connections since start.
    std::uint64_t in_flight = 0;  ///< Requests being answered.
    std::uint64_t records_written = 0;
    std::uint64_t records_dropped = 0;
    std::uint64_t records_waiting = 0;
    std::int64_t record_lag_us = 0;
    store::StoreState store;
    std::uint64_t memory_bytes = 0;  ///< Resident.
};

struct Services {
    const Clock& clock;
    std::string version;
    identity::Identity& identity;
    store::RecordReader& records;
    store::ConfigHistory& config_history;

    std::function<std::shared_ptr<const config::Snapshot>()> snapshot;        ///< The configuration in force; never null.
    std::function<std::shared_ptr<const route::KnownModels>()> known_models;  ///< Never null.
    std::function<std::shared_ptr<const account::PriceBook>()> prices;        ///< Never null.
    std::function<StatusReport()> status;
    std::function<std::string(telemetry::Exposition)> metrics;

    /// Reads a configuration without putting it into force.
    std::function<config::Loaded(const std::string& text)> try_config;
    /// Reads the file again and puts it into force; `source` goes into the history ("api"). Errors among the faults: it was
    /// refused.
    std::function<std::vector<config::Fault>(std::string_view source)> reload;
    /// The process is going down: streams end.
    std::function<bool()> draining = [] { return false; };

    bool open_metrics = false;  ///< /metrics without a token.
};

}  // namespace gotthard::admin
