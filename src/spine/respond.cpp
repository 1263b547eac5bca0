// What a client sees around an answer: status, headers, errors in its own dialect.
#include <array>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "dialect/common_errors.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {
namespace {

void append_line(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty() || !net::is_header_value(value)) return;
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

void append_line(std::string& out, std::string_view name, std::int64_t value) {
    out += name;
    out += ": ";
    append_integer(out, value);
    out += "\r\n";
}

/// Headers of an upstream's answer that stay behind: framing, what the gateway says itself, and what would name the upstream's host.
constexpr std::array<std::string_view, 24> own_answer_headers{
    "content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive", "date",     "server",          "x-request-id", "set-cookie", "alt-svc",          "strict-transport-security",
    "via",          "trailer",        "upgrade",          "cf-ray",            "cf-cache-status", "nel",   "report-to", "x-envoy-upstream-service-time", "proxy-authenticate", "www-authenticate", "location",         "access-control-allow-origin"};

bool stays_behind(std::string_view name) {
    if (starts_with_ignoring_case(name, "x-gotthard-") || starts_with_ignoring_case(name, "access-control-")) return true;
    for (auto own : own_answer_headers)
        if (equals_ignoring_case(own, name)) return true;
    return false;
}

/// Whether an upstream's error body already has the shape its dialect's clients expect, so that its bytes may pass.
bool has_own_shape(dialect::DialectId id, std::string_view body) {
    json::Document document;
    if (!document.parse(body) || !document.root().is_object()) return false;
    const json::Value root = document.root();
    if (!root["error"].is_object() || !root["error"]["message"].is_string()) return false;
    return id != dialect::DialectId::anthropic || (root["type"].equals("error") && root["error"]["type"].is_string());
}

}  // namespace

std::string_view Gateway::shown_model(const Exchange& x) const { return x.facts.model; }

void Gateway::append_cors(const net::HttpRequest& http, std::string& out) const {
    const auto origin = http.head().header("origin");
    const auto& cors = configuration_->snapshot->cors;
    if (origin.empty() || !cors.allows(origin)) return;
    append_line(out, "access-control-allow-origin", origin);
    out += "vary: Origin\r\naccess-control-expose-headers: *\r\n";
}

net::Task<> Gateway::answer_preflight(net::HttpRequest& http) {
    const auto origin = http.head().header("origin");
    const auto& cors = configuration_->snapshot->cors;
    std::string headers = "allow: GET, HEAD, POST, OPTIONS\r\n";
    if (!origin.empty() && cors.allows(origin)) {
        append_line(headers, "access-control-allow-origin", origin);
        headers += "vary: Origin\r\naccess-control-allow-methods: GET, HEAD, POST, OPTIONS\r\n";
        std::string allowed;
        for (const auto& name : cors.headers) allowed += (allowed.empty() ? "" : ", ") + name;
        append_line(headers, "access-control-allow-headers", cors.headers.empty() ? http.head().header("access-control-request-headers") : std::string_view(allowed));
        append_line(headers, "access-control-max-age", cors.max_age / 1'000'000'000);
    }
    co_await http.respond(204, headers, {});
}

void Gateway::append_upstream_headers(Exchange& x, std::string& out, const net::HeaderList& headers) {
    for (const auto& header : headers)
        if (!stays_behind(header.name)) append_line(out, header.name, header.value);
}

void Gateway::append_answer_headers(Exchange& x, std::string& out, std::string_view content_type, bool unary) {
    append_line(out, "content-type", content_type);
    append_line(out, "x-request-id", x.request_id);
    char id[36];
    x.id.write(id);
    append_line(out, "x-gotthard-id", std::string_view(id, sizeof id));
    if (!x.candidates.empty() && !x.attempts.empty()) {
        append_line(out, "x-gotthard-model", x.candidate().shown);
        append_line(out, "x-gotthard-attempts", static_cast<std::int64_t>(x.attempts.size()));
    }
    append_line(out, "x-gotthard-route", x.route);
    x.overhead = std::max<Nanos>(0, services_.clock.monotonic() - x.arrived - x.upstream_wait);
    if (x.caller && (x.endpoint.operation == Operation::conversation || x.endpoint.operation == Operation::embeddings)) {
        append_line(out, "x-gotthard-losses", static_cast<std::int64_t>(x.losses.size()));
        append_line(out, "x-gotthard-cache", "disabled");
        append_line(out, "x-gotthard-overhead-us", x.overhead / 1000);
        if (unary && x.tally.usage.known()) {
            const account::PriceCard* card = nullptr;
            if (const auto cost = price(x, card); cost.total.known()) append_line(out, "x-gotthard-cost", cost.total.text());
        }
    }
    append_cors(*x.http, out);
}

void Gateway::begin_stream(Exchange& x, net::ClientExchange& upstream) {
    x.upstream_wait += loop_.now() - x.arrived - x.attempts.back().started;
    x.answer_head.clear();
    if (x.candidate().pass_through) append_upstream_headers(x, x.answer_head, upstream.head().headers);
    append_answer_headers(x, x.answer_head, "text/event-stream; charset=utf-8", false);
    // An upstream's own cache-control has passed already when it sent one; a stream must never be cached or buffered.
    if (x.answer_head.find("ache-control:") == std::string::npos) x.answer_head += "cache-control: no-cache\r\n";
    x.answer_head += "x-accel-buffering: no\r\n";
    x.answered = true;
    x.status = 200;
    x.answer_began = x.elapsed();
    x.http->start_stream(200, x.answer_head);
}

net::Task<> Gateway::respond_failure(Exchange& x, Failure failure) {
    if (x.gone || failure.kind == FailureKind::cancelled) {
        x.gone = true;
        x.failure = std::move(failure);
        x.http->abort();
        co_return;
    }
    x.failure = std::move(failure);
    const auto& dialect = dialect::get(x.endpoint.dialect);
    auto rendered = dialect.write_error(*x.failure, x.request_id);
    const bool same = !x.attempts.empty() && x.candidate().pass_through;
    if (same && !x.failure->upstream_body.empty() && has_own_shape(x.endpoint.dialect, x.failure->upstream_body)) rendered.body = dialect::masked(x.failure->upstream_body);
    std::string head;
    append_answer_headers(x, head, "application/json", true);
    for (const auto& header : rendered.headers) append_line(head, header.name, header.value);
    if (x.failure->kind == FailureKind::method_not_allowed) append_line(head, "allow", x.endpoint.allow);
    x.answered = true;
    x.status = rendered.status;
    x.answer_began = x.elapsed();
    if (auto sent = co_await x.http->respond(rendered.status, head, rendered.body); !sent) x.gone = true;
}

}  // namespace gotthard::spine
