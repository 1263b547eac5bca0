// The program as a value: everything it is made of, constructed by name and in order, taken down in the reverse.
//
// Threads: data shards (Gateway each), one admin shard, the record writer, the access log's writer, discovery, and the caller's
// own, which owns the Wiring and calls its members.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "account/record.hpp"
#include "admin/server.hpp"
#include "app/discovery_thread.hpp"
#include "app/serve.hpp"
#include "base/clock.hpp"
#include "config/load.hpp"
#include "identity/identity.hpp"
#include "net/server.hpp"
#include "net/shard.hpp"
#include "net/tls.hpp"
#include "spine/configuration.hpp"
#include "spine/gateway.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "telemetry/access_log.hpp"
#include "telemetry/metrics.hpp"

namespace gotthard::app {

/// A listener's options and certificate. Connections refer to it, so it is kept for the life of the process.
struct ListenerSetup {
    net::ServerOptions options;
    std::unique_ptr<net::TlsServerContext> tls;
};

class Wiring {
public:
    /// Builds everything up to but not including the listeners. Failure: what could not be had, and what to do.
    static Result<std::unique_ptr<Wiring>> make(const ServeOptions& options, config::Loaded loaded, std::optional<std::string> file);
    ~Wiring();

    /// Opens the listeners and starts the threads.
    Status start();
    /// Reads the file again; a bad one is refused and the old one stays. `source`: "signal", "api", "discovery".
    std::vector<config::Fault> reload(std::string_view source);
    /// Stops accepting, lets streams finish for shutdown.grace (or until `interrupted`), writes what is left.
    void stop(const std::function<bool()>& interrupted);

    std::shared_ptr<const config::Snapshot> snapshot() const;
    std::shared_ptr<const route::KnownModels> known_models() const;
    const identity::FirstRun& first_run() const { return first_run_; }
    /// Something about the store that an operator should know: a damaged file was moved aside.
    std::string store_notice() const { return store_->state().notice; }
    const std::string& data_url() const { return data_url_; }
    const std::string& admin_url() const { return admin_url_; }
    telemetry::AccessLog& log() { return *log_; }
    DiscoveryThread& discovery() { return *discovery_; }

private:
    Wiring(const ServeOptions& options, std::optional<std::string> file);
    Status build(config::Loaded loaded);
    Status build_stores();
    Status build_identity();
    void build_telemetry();
    Status listen();
    Result<std::unique_ptr<ListenerSetup>> make_listener(const config::Listener& listener);
    void accept_data(net::Socket socket, net::Shard& shard);
    void accept_admin(net::Socket socket, net::Shard& shard, admin::Trust trust);
    void publish(std::shared_ptr<const spine::Configuration> configuration);
    void learn(std::vector<provider::FoundEngine> engines, std::shared_ptr<const route::KnownModels> known);
    Status put_into_force(std::shared_ptr<config::Snapshot> snapshot);
    admin::Services make_admin_services();
    admin::StatusReport status() const;
    void note_configuration(std::string_view source, bool applied, std::string message);
    void every_second();
    config::Surroundings surroundings() const;

    const ServeOptions options_;
    const std::optional<std::string> file_;
    SystemClock clock_;
    SystemRandom random_;
    Micros started_at_;

    mutable std::mutex mutex_;  // the published values and the reload's report; never taken by a shard
    std::shared_ptr<const config::Snapshot> snapshot_;
    std::shared_ptr<const spine::Configuration> configuration_;
    std::shared_ptr<const route::KnownModels> known_;
    std::vector<provider::FoundEngine> engines_;
    bool last_reload_ok_ = true;
    std::string last_reload_message_;
    Micros applied_at_ = 0;

    std::mutex reload_mutex_;  // one reload at a time
    std::uint64_t version_ = 0;
    net::TlsClientContexts contexts_;
    std::unique_ptr<store::sqlite::SqliteStore> store_;
    std::unique_ptr<identity::Identity> identity_;
    identity::FirstRun first_run_;
    std::unique_ptr<telemetry::Metrics> metrics_;
    std::unique_ptr<telemetry::AccessLog> log_;
    std::unique_ptr<account::RecordSink> records_;
    std::atomic<bool> draining_{false};
    std::atomic<std::uint64_t> seconds_{0};

    std::unique_ptr<ListenerSetup> data_listener_;
    std::unique_ptr<ListenerSetup> admin_listener_;
    std::unique_ptr<ListenerSetup> socket_listener_;
    std::vector<std::unique_ptr<spine::Gateway>> gateways_;
    std::vector<net::RequestHandler> handlers_;
    std::unique_ptr<admin::Services> admin_services_;
    net::RequestHandler admin_over_tcp_;
    net::RequestHandler admin_over_socket_;
    std::unique_ptr<net::ShardGroup> shards_;
    std::unique_ptr<net::ShardGroup> admin_shards_;
    std::unique_ptr<DiscoveryThread> discovery_;
    std::string data_url_;
    std::string admin_url_;
    std::string socket_path_;
};

}  // namespace gotthard::app
