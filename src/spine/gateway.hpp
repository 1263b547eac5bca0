// The data plane of one shard: takes a request from a connection, moves it through the stages, and accounts for it.
//
// One Gateway per shard, on its thread. What shards share comes in by reference (Services) or as immutable values
// (configure). The stages are the members below, one file each; serve.cpp shows their order.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "account/record.hpp"
#include "base/clock.hpp"
#include "identity/identity.hpp"
#include "net/client.hpp"
#include "net/server.hpp"
#include "route/resolve.hpp"
#include "spine/exchange.hpp"
#include "store/ports.hpp"
#include "telemetry/metrics.hpp"

namespace gotthard::spine {

struct Services {
    const Clock& clock;
    const identity::Identity& identity;
    account::RecordSink& records;
    telemetry::Metrics& metrics;
    const store::StoreHealth& store;
    const std::atomic<bool>& draining;
    std::string_view version;
};

struct StreamState;  // relay.cpp

class Gateway {
public:
    Gateway(unsigned shard, const Services& services, net::Loop& loop);
    ~Gateway();

    /// A new configuration; requests that are under way keep theirs. On the shard's thread, as all members.
    void configure(std::shared_ptr<const Configuration> configuration);
    void learn(std::shared_ptr<const route::KnownModels> known);

    /// Answers one request completely. Never fails: what goes wrong becomes an answer or a cut connection.
    net::Task<> handle(net::HttpRequest& http);

    std::size_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }  ///< Any thread.

private:
    // serve.cpp
    net::Task<> answer_simply(net::HttpRequest& http, const Endpoint& endpoint);
    net::Task<> converse(net::HttpRequest& http, Endpoint endpoint);
    net::Task<Status> run(Exchange& x);
    void arrive(Exchange& x, net::HttpRequest& http, Endpoint endpoint);

    // authenticate.cpp
    Status authenticate(Exchange& x);

    // read_request.cpp
    net::Task<Status> receive_body(Exchange& x);
    Status read_request(Exchange& x);
    Status translate(Exchange& x);

    // plan_route.cpp
    Status plan_route(Exchange& x);
    bool priced(const Exchange& x, const Candidate& candidate);
    const std::vector<config::Target>* resolve(Exchange& x, Failure& failure);

    // render.cpp
    Status render(Exchange& x, const Candidate& candidate);
    Status render_translated(Exchange& x, const Candidate& candidate);
    void render_pass_through(Exchange& x, const Candidate& candidate);
    void append_upstream_lines(Exchange& x, const Candidate& candidate);
    void render_head(Exchange& x, const Candidate& candidate, std::size_t body_size);

    // call_upstream.cpp
    net::Task<Status> call_upstream(Exchange& x);
    net::Task<Status> attempt(Exchange& x, std::uint32_t candidate);
    void hide_key(const Exchange& x, Failure& failure) const;
    net::Task<Failure> read_refusal(Exchange& x, net::ClientExchange& upstream, const Candidate& candidate);

    // relay.cpp
    net::Task<Status> relay(Exchange& x, net::ClientExchange& upstream);
    net::Task<Status> relay_stream(Exchange& x, net::ClientExchange& upstream, net::BodyPiece piece);
    void take_in(Exchange& x, StreamState& state);
    net::Task<Status> write_translated(Exchange& x, StreamState& state);
    net::Task<Status> write_passed(Exchange& x, StreamState& state, const net::BodyPiece& piece);
    net::Task<> end_stream(Exchange& x, StreamState& state, net::ClientExchange& upstream);

    // relay_unary.cpp
    net::Task<Status> collect(Exchange& x, net::ClientExchange& upstream);
    net::Task<Status> stream_large(Exchange& x, net::ClientExchange& upstream);
    net::Task<Status> relay_unary(Exchange& x, net::ClientExchange& upstream);
    net::Task<Status> relay_operation(Exchange& x);
    net::Task<Status> replay_as_stream(Exchange& x);

    // passthrough.cpp
    net::Task<Status> pass_anything(Exchange& x);
    Status plan_passthrough(Exchange& x);
    net::Task<Status> forward_answer(Exchange& x, net::ClientExchange& upstream);

    // respond.cpp
    net::Task<> respond_failure(Exchange& x, Failure failure);
    void append_answer_headers(Exchange& x, std::string& out, std::string_view content_type, bool unary);
    void append_upstream_headers(Exchange& x, std::string& out, const net::HeaderList& headers);
    void begin_stream(Exchange& x, net::ClientExchange& upstream);
    std::string_view shown_model(const Exchange& x) const;
    void append_cors(const net::HttpRequest& http, std::string& out) const;
    net::Task<> answer_preflight(net::HttpRequest& http);

    // listing.cpp
    net::Task<Status> list_models(Exchange& x);
    net::Task<Status> count_tokens(Exchange& x);

    // account.cpp
    void account(Exchange& x);
    account::Cost price(Exchange& x, const account::PriceCard*& card);
    void estimate_usage(Exchange& x);

    std::unique_ptr<Exchange> take_exchange();
    void give_exchange(std::unique_ptr<Exchange> exchange);

    struct NameHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    const unsigned shard_;
    Services services_;
    net::Loop& loop_;
    net::HttpClient client_;
    SystemRandom random_;
    identity::Authenticator authenticator_;
    telemetry::ShardMetrics& metrics_;
    std::shared_ptr<const Configuration> configuration_;
    std::shared_ptr<const route::KnownModels> known_;
    std::unique_ptr<account::PriceFinder> prices_;
    std::unordered_map<std::string, std::vector<config::Target>, NameHash, std::equal_to<>> resolved_;  ///< Bounded cache of names.
    std::vector<std::uint32_t> next_account_;  ///< By provider index.
    std::vector<std::unique_ptr<Exchange>> spare_exchanges_;
    std::atomic<std::size_t> in_flight_{0};  ///< Written by this shard only.
};

}  // namespace gotthard::spine
