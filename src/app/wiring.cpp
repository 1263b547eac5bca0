// Construction, in the order in which things need one another.
#include "app/wiring.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include "app/version.hpp"

namespace gotthard::app {
namespace {

unsigned shard_count(const config::Snapshot& snapshot) {
    if (snapshot.threads > 0) return snapshot.threads;
    return std::max(1u, std::thread::hardware_concurrency());
}

std::vector<identity::ConfiguredKey> configured_keys(const config::Snapshot& snapshot) {
    std::vector<identity::ConfiguredKey> keys;
    for (const auto& key : snapshot.keys) keys.push_back({.name = key.name, .value = key.value, .models = key.models, .expires_at = key.expires.value_or(0)});
    return keys;
}

}  // namespace

Wiring::Wiring(const ServeOptions& options, std::optional<std::string> file)
    : options_(options), file_(std::move(file)), started_at_(clock_.wall()), known_(std::make_shared<const route::KnownModels>()) {}

Wiring::~Wiring() = default;

Result<std::unique_ptr<Wiring>> Wiring::make(const ServeOptions& options, config::Loaded loaded, std::optional<std::string> file) {
    std::unique_ptr<Wiring> wiring(new Wiring(options, std::move(file)));
    if (auto built = wiring->build(std::move(loaded)); !built) return fail(std::move(built.error()));
    return wiring;
}

Status Wiring::build(config::Loaded loaded) {
    auto snapshot = std::make_shared<config::Snapshot>(*loaded.snapshot);
    snapshot->version = ++version_;
    snapshot_ = snapshot;
    auto configuration = spine::make_configuration(snapshot_, contexts_);
    if (!configuration) return fail(std::move(configuration.error()));
    configuration_ = std::move(*configuration);
    applied_at_ = clock_.wall();

    if (auto stores = build_stores(); !stores) return stores;
    if (auto identity = build_identity(); !identity) return identity;
    build_telemetry();
    note_configuration("start", true, {});
    return {};
}

Status Wiring::build_stores() {
    auto store = store::sqlite::SqliteStore::open({.folder = snapshot_->data_directory}, clock_);
    if (!store) return fail(std::move(store.error()));
    store_ = std::move(*store);
    return {};
}

Status Wiring::build_identity() {
    auto secret = identity::load_server_secret(snapshot_->data_directory);
    if (!secret) return fail(std::move(secret.error()));
    auto opened = identity::Identity::open(*store_, *store_, std::move(*secret), clock_, random_);
    if (!opened) return fail(std::move(opened.error()));
    identity_ = std::move(*opened);
    if (auto keys = identity_->set_configured_keys(configured_keys(*snapshot_)); !keys) return keys;
    if (!snapshot_->admin_token.empty())
        if (auto token = identity_->set_configured_admin_token(snapshot_->admin_token); !token) return token;
    auto first = identity_->first_run(snapshot_->data_directory, {.make_admin_token = snapshot_->admin_token.empty(), .make_client_key = snapshot_->keys.empty() && snapshot_->require_keys});
    if (!first) return fail(std::move(first.error()));
    first_run_ = std::move(*first);
    return {};
}

void Wiring::build_telemetry() {
    const unsigned shards = shard_count(*snapshot_);
    metrics_ = std::make_unique<telemetry::Metrics>(telemetry::Metrics::Options{.shards = shards, .version = std::string(version)});
    const bool terminal = isatty(STDERR_FILENO) != 0;
    log_ = std::make_unique<telemetry::AccessLog>(clock_, telemetry::AccessLog::Options{.descriptor = STDERR_FILENO, .format = terminal ? telemetry::LogFormat::text : telemetry::LogFormat::json});
    records_ = std::make_unique<account::RecordSink>(*store_, account::RecordSink::Options{.shards = shards,
                                                                                           .observe = [this](const store::RequestRow& row) { log_->request(row); },
                                                                                           .every_second = [this] { every_second(); }});
    const auto ask = [this](std::string_view name, auto value) { metrics_->ask(name, [value] { return static_cast<double>(value()); }); };
    ask("gotthard_records_dropped_total", [this] { return records_->dropped(); });
    ask("gotthard_records_written_total", [this] { return records_->written(); });
    ask("gotthard_records_waiting", [this] { return records_->waiting(); });
    ask("gotthard_record_lag_seconds", [this] { return static_cast<double>(records_->lag_us()) / 1e6; });
    ask("gotthard_access_log_dropped_total", [this] { return log_->dropped(); });
    ask("gotthard_store_writable", [this] { return store_->writable() ? 1 : 0; });
    ask("gotthard_store_failures_total", [this] { return store_->state().failures; });
    ask("gotthard_store_bytes", [this] { return store_->state().bytes; });
    ask("gotthard_keys", [this] { return identity_->key_count(); });
}

Result<std::unique_ptr<ListenerSetup>> Wiring::make_listener(const config::Listener& listener) {
    auto setup = std::make_unique<ListenerSetup>();
    const auto& limits = snapshot_->limits;
    setup->options.head.bytes = limits.header;
    setup->options.head_time = limits.header_time;
    setup->options.body_time = limits.body_time;
    setup->options.idle_time = limits.idle_time;
    setup->options.half_close_is_gone = snapshot_->client_half_close == config::HalfClose::cancel;
    setup->options.write_time = snapshot_->timeouts.client_write;
    if (listener.tls) {
        auto tls = net::TlsServerContext::make({.cert_file = listener.tls->cert, .key_file = listener.tls->key, .client_ca_file = listener.tls->client_ca});
        if (!tls) return fail(std::move(tls.error()));
        setup->tls = std::move(*tls);
    }
    return setup;
}

namespace {

net::Task<> serve_tls(net::Socket socket, net::Shard& shard, const ListenerSetup& setup, const net::RequestHandler& handler) {
    auto stream = co_await net::tls_accept(std::move(socket), *setup.tls, shard.loop.now() + setup.options.head_time);
    if (!stream) co_return;
    co_await net::serve_http(std::move(*stream), setup.options, handler, &shard.connections, true);
}

void serve_socket(net::Socket socket, net::Shard& shard, const ListenerSetup& setup, const net::RequestHandler& handler) {
    if (setup.tls) return net::spawn(serve_tls(std::move(socket), shard, setup, handler));
    net::spawn(net::serve_http(std::make_unique<net::TcpStream>(std::move(socket), net::Peer::client, shard.loop), setup.options, handler, &shard.connections));
}

std::string url_of(const config::Listener& listener, std::uint16_t port) {
    config::Listener bound = listener;
    bound.port = port;
    return fmt::format("{}://{}", listener.tls ? "https" : "http", bound.text());
}

}  // namespace

Status Wiring::listen() {
    auto data = make_listener(snapshot_->data);
    if (!data) return fail(std::move(data.error()));
    data_listener_ = std::move(*data);
    auto admin = make_listener(snapshot_->admin);
    if (!admin) return fail(std::move(admin.error()));
    admin_listener_ = std::move(*admin);
    admin_listener_->options.refusal_body = admin::refusal_body;
    socket_listener_ = std::make_unique<ListenerSetup>();
    socket_listener_->options.refusal_body = admin::refusal_body;

    const auto address = net::SocketAddress::parse(snapshot_->data.text());
    if (!address) return fail(address.error());
    auto bound = shards_->listen(*address, [this](net::Socket socket, net::Shard& shard) { serve_socket(std::move(socket), shard, *data_listener_, handlers_[shard.index]); });
    if (!bound) return fail(std::move(bound.error()));
    data_url_ = url_of(snapshot_->data, bound->port());

    const auto admin_address = net::SocketAddress::parse(snapshot_->admin.text());
    if (!admin_address) return fail(admin_address.error());
    auto admin_bound = admin_shards_->listen(*admin_address, [this](net::Socket socket, net::Shard& shard) { serve_socket(std::move(socket), shard, *admin_listener_, admin_over_tcp_); });
    if (!admin_bound) return fail(std::move(admin_bound.error()));
    admin_url_ = url_of(snapshot_->admin, admin_bound->port());

    socket_path_ = snapshot_->data_directory + "/admin.sock";
    const auto unix_address = net::SocketAddress::unix_path(socket_path_);
    if (!unix_address) return fail(unix_address.error());
    auto unix_bound = admin_shards_->listen(*unix_address, [this](net::Socket socket, net::Shard& shard) { serve_socket(std::move(socket), shard, *socket_listener_, admin_over_socket_); });
    if (!unix_bound) return fail(std::move(unix_bound.error()));
    return {};
}

Status Wiring::start() {
    const unsigned count = shard_count(*snapshot_);
    shards_ = std::make_unique<net::ShardGroup>(clock_, count);
    admin_shards_ = std::make_unique<net::ShardGroup>(clock_, 1);
    gateways_.resize(count);
    handlers_.resize(count);
    admin_services_ = std::make_unique<admin::Services>(make_admin_services());
    admin_over_tcp_ = [this](net::HttpRequest& request) { return admin::serve(request, *admin_services_, admin::Trust::token); };
    admin_over_socket_ = [this](net::HttpRequest& request) { return admin::serve(request, *admin_services_, admin::Trust::socket); };
    if (auto listening = listen(); !listening) return listening;

    records_->start();
    const spine::Services services{.clock = clock_, .identity = *identity_, .records = *records_, .metrics = *metrics_, .store = *store_, .draining = draining_, .version = version};
    shards_->start(
        [this, services](net::Shard& shard) {
            auto gateway = std::make_unique<spine::Gateway>(shard.index, services, shard.loop);
            gateway->configure(configuration_);
            handlers_[shard.index] = [gateway = gateway.get()](net::HttpRequest& request) { return gateway->handle(request); };
            gateways_[shard.index] = std::move(gateway);
        },
        [this](net::Shard& shard) { gateways_[shard.index].reset(); });
    admin_shards_->start();
    metrics_->set_ready(true);
    discovery_ = std::make_unique<DiscoveryThread>(
        clock_,
        [this] {
            const std::lock_guard lock(mutex_);
            return configuration_;
        },
        [this](DiscoveryThread::Learnt learnt) { learn(std::move(learnt.engines), std::move(learnt.known)); });
    discovery_->start();
    return {};
}

void Wiring::stop(const std::function<bool()>& interrupted) {
    draining_ = true;
    metrics_->set_ready(false);
    discovery_->stop();
    const auto grace = std::chrono::milliseconds(snapshot()->shutdown_grace / 1'000'000);
    if (shards_) {
        shards_->drain(grace, interrupted);
        shards_->stop();
    }
    if (admin_shards_) {
        admin_shards_->drain(std::chrono::milliseconds(200), interrupted);
        admin_shards_->stop();
    }
    records_->stop();
    (void)identity_->save_last_used();
    log_->flush();
}

}  // namespace gotthard::app
