// One request's life as a value: filled left to right by the stages of serve.cpp. Lives on one shard, in one coroutine.
//
// Exchanges are kept by their shard between requests (reset() keeps the storage), so that the steady state allocates nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/clock.hpp"
#include "base/failure.hpp"
#include "base/id.hpp"
#include "config/snapshot.hpp"
#include "dialect/dialect.hpp"
#include "identity/identity.hpp"
#include "llm/losses.hpp"
#include "net/client.hpp"
#include "net/loop.hpp"
#include "net/server.hpp"
#include "spine/body_scan.hpp"
#include "spine/configuration.hpp"
#include "spine/endpoint.hpp"

namespace gotthard::spine {

/// What was seen of an answer while it passed: by the same readers on every path.
struct Tally {
    llm::Usage usage;
    llm::StopReason stop = llm::StopReason::none;
    std::string raw_stop;
    std::string response_model;
    std::string service_tier;
    std::string shown_stop;         ///< As the client saw it (E244).
    std::uint64_t text_bytes = 0;   ///< Of text, thinking and arguments, for an estimate when no usage comes.
    std::uint32_t tool_calls = 0;
    std::uint64_t events = 0;
    Nanos first_token = -1;         ///< From arrival.
    Nanos last_token = -1;
    bool finished = false;
    std::optional<Failure> failure;

    void see(const llm::Event& event, Nanos since_arrival);
    void reset();
};

/// One try of one target, for the record.
struct Attempt {
    std::uint32_t candidate = 0;
    Nanos started = 0;  ///< From arrival.
    Nanos ended = 0;
    Nanos first_byte = -1;
    int status = -1;
    std::string_view outcome;  ///< A static text: ok, server, network, timeout, rate_limited, ...
};

struct Candidate {
    std::uint32_t provider = 0;  ///< Index into the Snapshot.
    std::uint32_t account = 0;
    std::string_view model;      ///< Upstream's own name.
    std::string_view shown;      ///< provider/model
    dialect::DialectId dialect = dialect::DialectId::chat;
    bool pass_through = false;   ///< Same dialect on both ends.
};

enum class Outcome : std::uint8_t { ok, client_error, upstream_error, timeout, cancelled, rate_limited };
std::string_view to_string(Outcome outcome);

struct Exchange {
    // set by arrive()
    Id id;
    net::HttpRequest* http = nullptr;
    Nanos arrived = 0;       ///< Monotonic.
    Micros arrived_wall = 0;
    Endpoint endpoint;
    std::shared_ptr<const Configuration> pinned;
    const config::Snapshot* snapshot = nullptr;  ///< Of `pinned`.
    Arena arena;
    std::string_view request_id;   ///< The client's x-request-id when it sent a usable one, else our id.
    std::string_view session;
    std::string_view tags;
    bool strict_losses = false;
    bool allow_losses = false;
    bool no_fallbacks = false;
    Nanos deadline = 0;            ///< Monotonic, of all attempts together.
    bool gone = false;             ///< The client went away.
    net::ClientExchange* upstream = nullptr;  ///< What is being waited for; aborted when the client goes.
    net::Signal wake;                         ///< Set when the client goes: ends a back-off.

    identity::CallerRef caller;                   ///< set by authenticate
    std::string_view body;                        ///< set by receive_body; decoded
    std::string decoded;                          ///< Storage of a body that came compressed.
    BodyFacts facts;                              ///< set by read_request
    std::optional<llm::Request> request;          ///< set by translate, when a candidate speaks another dialect
    std::vector<Candidate> candidates;            ///< set by plan_route
    std::string_view route;
    bool restamp = false;                         ///< The client used an alias: show it in the answer (E197).

    // set by call_upstream
    std::vector<Attempt> attempts;
    std::uint32_t served_by = 0;
    llm::Losses losses;
    std::string head;                             ///< The request head to the upstream.
    std::vector<iovec> pieces;
    dialect::UpstreamRequest rendered;
    std::string upstream_request_id;
    Nanos upstream_wait = 0;                      ///< Time spent waiting for upstreams before the answer began.

    // set by relay
    Tally tally;
    bool answered = false;       ///< A final status line went to the client.
    int status = 0;
    Outcome outcome = Outcome::ok;
    std::optional<Failure> failure;
    Nanos answer_began = -1;     ///< From arrival.
    Nanos overhead = 0;          ///< Our own share of the time until the answer began.
    std::string out;             ///< Bytes on their way to the client.
    std::string answer_head;
    std::string unary;           ///< Collected unary answer.
    llm::Events events;

    Candidate& candidate() { return candidates[served_by]; }
    const config::Provider& provider(const Candidate& candidate) const { return snapshot->providers[candidate.provider]; }
    Nanos elapsed() const { return net::Loop::current().now() - arrived; }
    void reset();
};

}  // namespace gotthard::spine
