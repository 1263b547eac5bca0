// The order of the stages. Read this file first.
#include <fmt/format.h>

#include "base/text.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {

net::Task<> Gateway::handle(net::HttpRequest& http) {
    const Endpoint endpoint = find_endpoint(http.head());
    if (http.head().method == "OPTIONS") co_return co_await answer_preflight(http);
    switch (endpoint.operation) {
        case Operation::probe:
        case Operation::swallow:
        case Operation::health:
        case Operation::ready: co_return co_await answer_simply(http, endpoint);
        default: co_return co_await converse(http, endpoint);
    }
}

/// One request from its head to its record.
net::Task<> Gateway::converse(net::HttpRequest& http, Endpoint endpoint) {
    auto exchange = take_exchange();
    Exchange& x = *exchange;
    arrive(x, http, std::move(endpoint));
    if (auto done = co_await run(x); !done) co_await respond_failure(x, std::move(done.error()));
    http.on_gone({});
    account(x);  // always, exactly once, last: also when the client has gone
    give_exchange(std::move(exchange));
}

net::Task<Status> Gateway::run(Exchange& x) {
    if (auto known = authenticate(x); !known) co_return known;        // first: a stranger's body is not worth reading
    switch (x.endpoint.operation) {
        case Operation::conversation:
        case Operation::embeddings:
        case Operation::count_tokens: break;
        case Operation::list_models:
        case Operation::get_model: co_return co_await list_models(x);
        case Operation::passthrough: co_return co_await pass_anything(x);
        case Operation::wrong_method:
            co_return fail(FailureKind::method_not_allowed, fmt::format("this path takes {}, not {}", x.endpoint.allow, x.http->head().method));
        case Operation::later:
            co_return fail(FailureKind::not_found, "this API is not available in this version of the gateway; it serves /v1/chat/completions, /v1/messages, /v1/embeddings and /v1/models");
        default: co_return fail(FailureKind::not_found, "there is nothing at this path; the gateway serves /v1/chat/completions, /v1/messages, /v1/embeddings and /v1/models");
    }
    if (auto received = co_await receive_body(x); !received) co_return received;
    if (auto read = read_request(x); !read) co_return read;           // what the spine governs, without building a conversation
    if (auto planned = plan_route(x); !planned) co_return planned;    // needs the caller (what may it use) and the model's name
    if (x.endpoint.operation == Operation::count_tokens) co_return co_await count_tokens(x);
    co_return co_await call_upstream(x);                              // attempts, then the relay
}

void Gateway::arrive(Exchange& x, net::HttpRequest& http, Endpoint endpoint) {
    x.http = &http;
    x.arrived = http.arrived();
    x.arrived_wall = services_.clock.wall();
    x.endpoint = std::move(endpoint);
    x.id = Id::make(x.arrived_wall, random_);
    x.pinned = configuration_;
    x.snapshot = configuration_->snapshot.get();
    in_flight_.store(in_flight_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    metrics_.request_started();

    const auto& headers = http.head().headers;
    const auto own_id = headers.get("x-request-id");
    if (!own_id.empty() && own_id.size() <= 128 && net::is_header_value(own_id)) {
        x.request_id = x.arena.copy(own_id);
    } else {
        char text[36];
        x.id.write(text);
        x.request_id = x.arena.copy({text, sizeof text});
    }
    const auto session = headers.get("x-gotthard-session");
    x.session = x.arena.copy(utf8_prefix(session.empty() ? headers.get("x-claude-code-session-id") : session, 256));
    x.tags = x.arena.copy(utf8_prefix(headers.get("x-gotthard-tags"), 1024));
    x.strict_losses = x.snapshot->losses == config::Losses::strict || headers.get("x-gotthard-losses") == "strict";
    x.allow_losses = !x.strict_losses && x.snapshot->losses == config::Losses::allow;
    x.no_fallbacks = headers.get("x-gotthard-fallbacks") == "off";

    Nanos total = x.snapshot->timeouts.total;
    if (auto asked = parse_duration(headers.get("x-gotthard-timeout")); asked && *asked > 0) total = std::min(total, *asked);
    x.deadline = x.arrived + total;

    http.on_gone([exchange = &x] {
        exchange->gone = true;
        exchange->wake.set();
        if (exchange->upstream != nullptr) exchange->upstream->abort();
    });
}

net::Task<> Gateway::answer_simply(net::HttpRequest& http, const Endpoint& endpoint) {
    std::string headers = "content-type: application/json\r\n";
    append_cors(http, headers);
    switch (endpoint.operation) {
        case Operation::health: co_await http.respond(200, headers, R"({"status":"ok"})"); break;
        case Operation::ready: {
            const bool draining = services_.draining.load(std::memory_order_relaxed);
            const bool writable = services_.store.writable();
            const std::string body = fmt::format(R"({{"status":"{}","configuration":"{}","store":"{}","draining":{}}})", draining || !writable ? "not ready" : "ready",
                                                 configuration_->snapshot->hash_text, writable ? "writable" : "not writable: requests are served, records are dropped and counted", draining);
            co_await http.respond(draining || !writable ? 503 : 200, headers, body);
            break;
        }
        case Operation::swallow: co_await http.respond(200, headers, "{}"); break;
        default: co_await http.respond(200, headers, R"({"name":"gotthard"})");
    }
}

std::unique_ptr<Exchange> Gateway::take_exchange() {
    if (spare_exchanges_.empty()) return std::make_unique<Exchange>();
    auto exchange = std::move(spare_exchanges_.back());
    spare_exchanges_.pop_back();
    return exchange;
}

void Gateway::give_exchange(std::unique_ptr<Exchange> exchange) {
    in_flight_.store(in_flight_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    exchange->reset();
    if (spare_exchanges_.size() < 64) spare_exchanges_.push_back(std::move(exchange));
}

}  // namespace gotthard::spine
