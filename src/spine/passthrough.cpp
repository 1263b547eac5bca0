// /passthrough/{provider}/...: any path of a provider, byte for byte, with the provider's credential in place of the client's key
// (E267). Answers of any size stream through; usage is read from JSON answers that tell it, so that the call is metered (E230).
#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {
namespace {

constexpr std::size_t max_observed = 1 << 20;  ///< Of a JSON answer, to find its usage.

/// The query without the client's key (G-1).
std::string query_without_key(std::string_view query) {
    std::string out;
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        if (!pair.starts_with("key=")) {
            if (!out.empty()) out += '&';
            out += pair;
        }
        if (end == std::string_view::npos) break;
        query.remove_prefix(end + 1);
    }
    return out;
}

std::int64_t first_count(json::Value usage, std::initializer_list<std::string_view> names) {
    for (auto name : names)
        if (const auto count = usage[name].integer(); count && *count >= 0) return *count;
    return -1;
}

void observe(std::string_view body, Tally& tally) {
    json::Document document;
    if (!document.parse(body, {.lone_surrogates = true})) return;
    const json::Value root = document.root();
    tally.response_model = root["model"].string();
    const json::Value usage = root["usage"];
    const auto input = first_count(usage, {"prompt_tokens", "input_tokens"});
    if (input < 0) return;
    tally.usage.input = input;
    tally.usage.output = std::max<std::int64_t>(0, first_count(usage, {"completion_tokens", "output_tokens"}));
    tally.usage.source = llm::UsageSource::provider;
}

}  // namespace

/// A key that is bound to models may pass only where all models of the provider are its own.
Status Gateway::plan_passthrough(Exchange& x) {
    const auto index = x.snapshot->provider_index(x.endpoint.model);
    const bool allowed = index && x.caller->may_use(fmt::format("{}/*", x.endpoint.model));
    if (!allowed)
        return fail(FailureKind::not_found, fmt::format("there is no provider `{}` that this key may pass through to; a key that is bound to models needs \"{}/*\" among them", x.endpoint.model, x.endpoint.model));
    const auto& upstream = x.snapshot->providers[*index].upstream;
    const auto accounts = static_cast<std::uint32_t>(upstream.accounts.size());
    x.candidates.push_back({.provider = *index,
                            .account = accounts > 1 ? next_account_[*index]++ % accounts : 0,
                            .model = {},
                            .shown = x.snapshot->providers[*index].name,
                            .dialect = upstream.dialect_for(x.endpoint.dialect),
                            .pass_through = true});
    return {};
}

net::Task<Status> Gateway::pass_anything(Exchange& x) {
    if (auto planned = plan_passthrough(x); !planned) co_return planned;
    const auto& client_head = x.http->head();
    if (client_head.has_body()) {
        auto body = co_await x.http->read_body(x.snapshot->limits.body);
        if (!body) co_return fail(std::move(body.error()));
        x.body = *body;
    }
    const Candidate& candidate = x.candidates.front();
    const auto& upstream = x.provider(candidate).upstream;
    std::string target;
    if (auto path = upstream.append_passthrough(candidate.dialect, x.endpoint.rest, query_without_key(client_head.query), upstream.accounts[candidate.account], target); !path) co_return path;
    x.head.clear();
    net::append_request_head(x.head, *x.pinned->endpoints[candidate.provider], client_head.method, target,
                             client_head.has_body() || client_head.method == "POST" || client_head.method == "PUT" ? std::optional<std::uint64_t>(x.body.size()) : std::nullopt);
    for (std::string_view name : {"content-type", "content-encoding"})
        if (const auto value = client_head.header(name); !value.empty()) x.head += fmt::format("{}: {}\r\n", name, value);
    append_upstream_lines(x, candidate);
    x.pieces.clear();
    if (!x.body.empty()) x.pieces.push_back({const_cast<char*>(x.body.data()), x.body.size()});

    const auto& timeouts = x.provider(candidate).timeouts;
    const Nanos now = services_.clock.monotonic();
    const Nanos left = std::max<Nanos>(x.deadline - now, 1);
    x.attempts.push_back({.started = now - x.arrived});
    net::ClientExchange exchange(client_);
    x.upstream = &exchange;
    auto done = co_await exchange.send(x.pinned->endpoints[candidate.provider], {.method = client_head.method, .head = x.head, .body = x.pieces},
                                       {.connect = timeouts.connect, .headers = left, .idle = timeouts.idle, .total = left});
    if (done) {
        x.attempts.back().status = exchange.head().status;
        x.attempts.back().first_byte = exchange.first_byte_at() - x.arrived;
        done = co_await forward_answer(x, exchange);
    }
    x.upstream = nullptr;
    x.attempts.back().ended = loop_.now() - x.arrived;
    x.attempts.back().outcome = done && !x.failure ? "ok" : "network";
    if (!done) hide_key(x, done.error());
    co_return done;
}

/// Status, headers and bytes as they come; a cut answer is a cut connection.
net::Task<Status> Gateway::forward_answer(Exchange& x, net::ClientExchange& upstream) {
    x.upstream_wait += loop_.now() - x.arrived - x.attempts.back().started;
    x.answer_head.clear();
    append_upstream_headers(x, x.answer_head, upstream.head().headers);
    if (const auto coding = upstream.head().header("content-encoding"); !coding.empty()) x.answer_head += fmt::format("content-encoding: {}\r\n", coding);
    append_answer_headers(x, x.answer_head, upstream.head().header("content-type"), false);
    x.answered = true;
    x.status = upstream.head().status;
    x.answer_began = x.elapsed();
    if (upstream.head().bodyless || upstream.head().content_length == 0) {
        if (auto sent = co_await x.http->respond(x.status, x.answer_head, {}); !sent) x.gone = true;
        co_return Status{};
    }
    x.http->start_stream(x.status, x.answer_head);
    while (true) {
        auto piece = co_await upstream.read_some();
        if (!piece) {
            x.failure = std::move(piece.error());
            x.http->abort();
            co_return Status{};
        }
        x.pieces.clear();
        for (auto span : piece->payload) {
            x.pieces.push_back({const_cast<char*>(span.data()), span.size()});
            if (x.unary.size() < max_observed) x.unary += span;
        }
        if (!x.pieces.empty())
            if (auto written = co_await x.http->write(x.pieces, net::Framing::payload); !written) {
                x.gone = true;
                upstream.abort();
                co_return Status{};
            }
        if (piece->last) break;
    }
    if (x.unary.size() < max_observed) observe(x.unary, x.tally);
    if (auto finished = co_await x.http->finish(); !finished) x.gone = true;
    co_return Status{};
}

}  // namespace gotthard::spine
