// The attempts: render, dial, sign, send; what follows a failure is route::after_failure's word. An attempt succeeds when an
// answer has begun to go to the client, well or badly: from then on nobody else may speak.
#include <fmt/format.h>

#include "base/text.hpp"
#include "route/verdict.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {
namespace {

constexpr std::size_t max_refusal = 256 * 1024;

/// retry-after-ms, x-ms-retry-after-ms, retry-after in seconds or as an HTTP date (E240).
std::optional<std::chrono::milliseconds> retry_after_of(const net::HeaderList& headers, Micros now) {
    for (std::string_view name : {"retry-after-ms", "x-ms-retry-after-ms"})
        if (auto ms = parse_integer<std::int64_t>(trim(headers.get(name))); ms && *ms >= 0) return std::chrono::milliseconds(*ms);
    const auto text = trim(headers.get("retry-after"));
    if (text.empty()) return std::nullopt;
    double seconds = 0;
    if (const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds); error == std::errc{} && end == text.data() + text.size())
        return seconds >= 0 && seconds < 1e9 ? std::optional(std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000))) : std::nullopt;
    std::tm date{};
    if (strptime(std::string(text).c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) return std::nullopt;
    return std::chrono::milliseconds(std::max<std::int64_t>(0, timegm(&date) * 1000 - now / 1000));
}

/// The most informative error is the first one that says more than "slow down" (routing.md 6.2).
bool says_more(const Failure& later, const Failure& sooner) {
    const auto wait = [](const Failure& f) { return route::classify(f) == route::OutcomeClass::rate_limited; };
    return wait(sooner) && !wait(later);
}

}  // namespace

net::Task<Status> Gateway::call_upstream(Exchange& x) {
    std::optional<Failure> told;
    std::uint32_t at = 0;
    while (true) {
        const auto& retry = x.provider(x.candidates[at]).retry;
        auto outcome = co_await attempt(x, at);
        if (outcome) co_return outcome;
        Failure failure = std::move(outcome.error());
        const auto outcome_class = x.gone ? route::OutcomeClass::client_gone : route::classify(failure);
        if (!x.attempts.empty()) x.attempts.back().outcome = route::to_string(outcome_class);
        if (!x.attempts.empty()) metrics_.attempt(x.provider(x.candidates[at]).name, x.attempts.back().outcome);
        if (x.gone) co_return fail(Failure(FailureKind::cancelled, "the client went away"));

        const bool has_next = at + 1 < x.candidates.size();
        const auto step = route::after_failure(failure, retry,
                                               {.attempts = static_cast<std::uint32_t>(x.attempts.size()),
                                                .has_next = has_next,
                                                .next_is_same_provider = has_next && x.candidates[at + 1].provider == x.candidates[at].provider,
                                                .time_left = x.deadline - loop_.now(),
                                                .random = random_.next()});
        if (!told || says_more(failure, *told)) told = std::move(failure);
        if (step.kind == route::Step::Kind::stop) co_return fail(std::move(*told));
        metrics_.retry(x.provider(x.candidates[at]).name, route::to_string(outcome_class));
        if (step.kind == route::Step::Kind::next) ++at;
        if (step.wait > 0) co_await x.wake.wait(loop_.now() + step.wait);
        if (x.gone) co_return fail(Failure(FailureKind::cancelled, "the client went away"));
    }
}

net::Task<Status> Gateway::attempt(Exchange& x, std::uint32_t index) {
    const Candidate& candidate = x.candidates[index];
    if (auto rendered = render(x, candidate); !rendered) co_return rendered;
    const auto& timeouts = x.provider(candidate).timeouts;
    const Nanos now = services_.clock.monotonic();
    const Nanos left = std::max<Nanos>(x.deadline - now, 1);
    x.served_by = index;
    x.tally.reset();  // of an attempt that failed nothing may remain
    x.unary.clear();
    x.out.clear();
    x.events.clear();
    x.attempts.push_back({.candidate = index, .started = now - x.arrived});

    net::ClientExchange upstream(client_);
    x.upstream = &upstream;
    auto sent = co_await upstream.send(x.pinned->endpoints[candidate.provider], {.method = "POST", .head = x.head, .body = x.pieces},
                                       {.connect = timeouts.connect, .headers = x.facts.stream ? timeouts.first_token : left, .idle = timeouts.idle, .total = left});
    Status done;
    if (!sent) {
        done = fail(std::move(sent.error()));
    } else {
        Attempt& note = x.attempts.back();
        note.status = upstream.head().status;
        note.first_byte = upstream.first_byte_at() - x.arrived;
        const auto id = upstream.head().headers.get("x-request-id");
        x.upstream_request_id.assign(id.empty() ? upstream.head().headers.get("request-id") : id);
        if (upstream.head().status == 200) done = co_await relay(x, upstream);
        else done = fail(co_await read_refusal(x, upstream, candidate));
    }
    x.upstream = nullptr;
    x.attempts.back().ended = loop_.now() - x.arrived;
    if (!done) {
        hide_key(x, done.error());
        x.upstream_wait = 0;
        for (const auto& each : x.attempts) x.upstream_wait += each.ended - each.started;
    }
    if (done) {
        x.attempts.back().outcome = x.failure ? route::to_string(route::classify(*x.failure)) : "ok";
        metrics_.attempt(x.provider(candidate).name, x.attempts.back().outcome);
    }
    co_return done;
}

/// An upstream may repeat the credential it was sent in its error: that is ours, and no client's.
void Gateway::hide_key(const Exchange& x, Failure& failure) const {
    const Candidate& candidate = x.candidates[x.served_by];
    const auto key = x.provider(candidate).upstream.accounts[candidate.account].key.reveal();
    if (key.size() < 4) return;
    for (std::string* text : {&failure.message, &failure.detail, &failure.upstream_body, &failure.param})
        for (auto at = text->find(key); at != std::string::npos; at = text->find(key, at)) text->replace(at, key.size(), "***");
}

/// An answer that is no 200, as a Failure: the upstream's own words, its status and its Retry-After.
net::Task<Failure> Gateway::read_refusal(Exchange& x, net::ClientExchange& upstream, const Candidate& candidate) {
    const int status = upstream.head().status;
    if (status < 400) {
        co_return Failure(FailureKind::upstream_malformed, fmt::format("the upstream answered with status {}, which is no answer to a model call; check the provider's base_url", status));
    }
    const auto wait = retry_after_of(upstream.head().headers, services_.clock.wall());
    auto body = co_await upstream.read_all(max_refusal);
    Failure failure = dialect::get(candidate.dialect).read_error(status, body ? std::string_view(*body) : std::string_view());
    if (wait) failure.retry_after = wait;
    co_return failure;
}

}  // namespace gotthard::spine
