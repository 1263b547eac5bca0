// Runs always, exactly once, last: usage -> cost -> record and metrics; also when the client has gone.
#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "llm/estimate.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {
namespace {

std::int64_t micros(Nanos nanos) { return nanos < 0 ? store::unset : nanos / 1000; }
std::int64_t known(std::int64_t value) { return value < 0 ? store::unset : value; }

Outcome outcome_of(const Exchange& x) {
    if (x.gone) return Outcome::cancelled;
    if (!x.failure) return Outcome::ok;
    if (x.failure->kind == FailureKind::upstream_timeout) return Outcome::timeout;
    if (x.failure->status == 429) return Outcome::rate_limited;
    return x.failure->origin == Origin::upstream ? Outcome::upstream_error : Outcome::client_error;
}

/// Between the first and the last token of a stream, per token; -1: no stream, or too few to tell.
Nanos time_per_token(const Exchange& x) {
    if (!x.facts.stream || x.tally.first_token < 0 || x.tally.usage.output < 2) return -1;
    return (x.tally.last_token - x.tally.first_token) / (x.tally.usage.output - 1);
}

std::string losses_json(const llm::Losses& losses) {
    if (losses.empty()) return {};
    std::string out;
    json::Writer writer(out);
    writer.begin_array();
    for (const auto& loss : losses.list())
        writer.begin_object().member("path", loss.path).member("reason", loss.reason).member("severity", loss.severity == llm::Severity::tuning ? "tuning" : "contract").end_object();
    writer.end_array();
    return out;
}

/// The client's x-gotthard-property-NAME headers as a JSON object; at most 64 of them, at most 1 KiB.
std::string properties_json(const net::HeaderList& headers) {
    constexpr std::string_view prefix = "x-gotthard-property-";
    std::string out;
    json::Writer writer(out);
    int count = 0;
    for (const auto& header : headers) {
        if (header.name.size() <= prefix.size() || !starts_with_ignoring_case(header.name, prefix)) continue;
        if (count == 64 || out.size() + header.name.size() + header.value.size() > 1024) break;
        if (count++ == 0) writer.begin_object();
        writer.member(lower(header.name.substr(prefix.size())), header.value);
    }
    if (count > 0) writer.end_object();
    return out;
}

void append_attempts(const Exchange& x, std::string& out) {
    out += '[';
    for (const auto& attempt : x.attempts) {
        if (out.size() > 1) out += ',';
        const Candidate& candidate = x.candidates[attempt.candidate];
        account::append_attempt(out, {.target = candidate.shown,
                                      .account_alias = x.provider(candidate).upstream.accounts[candidate.account].name,
                                      .start_us = attempt.started / 1000,
                                      .ttft_us = attempt.first_byte < 0 ? -1 : attempt.first_byte / 1000,
                                      .end_us = attempt.ended / 1000,
                                      .status = attempt.status,
                                      .class_ = attempt.outcome});
    }
    out += ']';
}

}  // namespace

account::Cost Gateway::price(Exchange& x, const account::PriceCard*& card) {
    const Candidate& candidate = x.candidate();
    card = prices_->find({.provider_name = x.provider(candidate).name,
                          .provider_row = x.provider(candidate).upstream.row->id,
                          .model = candidate.model,
                          .response_model = x.tally.response_model,
                          .alias = x.facts.model});
    return account::cost_of(x.tally.usage, card, x.arrived_wall, x.tally.service_tier);
}

/// The upstream said nothing of usage: counted from what passed, and marked (E227).
void Gateway::estimate_usage(Exchange& x) {
    if (x.tally.usage.known() || x.status != 200 || x.attempts.empty() || x.endpoint.operation == Operation::count_tokens || x.endpoint.operation == Operation::passthrough) return;
    if (!x.request && !translate(x)) return;
    x.tally.usage.input = llm::estimate_input_tokens(*x.request);
    x.tally.usage.output = static_cast<std::int64_t>((x.tally.text_bytes + 3) / 4);
    x.tally.usage.source = llm::UsageSource::estimated;
}

void Gateway::account(Exchange& x) {
    x.outcome = outcome_of(x);
    estimate_usage(x);
    const Nanos duration = services_.clock.monotonic() - x.arrived;
    const bool reached = !x.attempts.empty();
    const account::PriceCard* card = nullptr;
    account::Cost cost;
    if (reached && x.tally.usage.known()) cost = price(x, card);

    store::RequestRow row;
    row.id = x.id;
    row.ts = x.arrived_wall;
    row.duration_us = micros(duration);
    row.overhead_us = micros(x.overhead);
    row.ttfb_us = micros(x.answer_began);
    if (reached) row.ttft_us = micros(x.facts.stream ? x.tally.first_token : x.answer_began);
    row.last_token_us = micros(x.tally.last_token);
    row.stream = x.facts.stream ? 1 : 0;
    row.max_tokens = known(x.facts.max_tokens);
    row.n = known(x.facts.n);
    row.tools_count = x.facts.tools;
    row.tool_calls_count = x.tally.tool_calls;
    if (x.facts.temperature >= 0) row.temperature = x.facts.temperature;
    if (x.facts.top_p >= 0) row.top_p = x.facts.top_p;
    account::fill_usage(row, x.tally.usage);
    if (reached) account::fill_cost(row, cost, card);
    row.status = x.gone && !x.answered ? -3 : x.status;
    row.retries = reached ? static_cast<std::int64_t>(x.attempts.size()) - 1 : store::unset;
    row.fallback_index = reached ? static_cast<std::int64_t>(x.served_by) : store::unset;
    if (x.gone) row.client_disconnect_at_bytes = static_cast<std::int64_t>(x.http->bytes_sent());
    row.req_bytes = static_cast<std::int64_t>(x.body.size());
    row.resp_bytes = static_cast<std::int64_t>(x.http->bytes_sent());
    row.chunks = static_cast<std::int64_t>(x.tally.events);
    row.losses_count = static_cast<std::int64_t>(x.losses.size());

    row.client_request_id = x.request_id;
    row.config_hash = x.snapshot->hash_text;
    if (x.caller) {
        row.team = x.caller->team;
        row.key_id = x.caller->key_id;
        row.key_alias = x.caller->name;
        row.auth_kind = x.snapshot->require_keys ? "key" : "off";
    }
    row.end_user = x.facts.user;
    row.client_ip = x.http->remote();
    row.user_agent = x.http->head().header("user-agent").substr(0, 256);
    row.endpoint = x.endpoint.name.empty() ? "unknown" : x.endpoint.name;
    row.dialect_in = dialect::get(x.endpoint.dialect).name;
    row.request_model = x.facts.model;
    row.route = x.route;
    if (reached) {
        const Candidate& candidate = x.candidate();
        row.dialect_out = dialect::get(candidate.dialect).name;
        row.target = candidate.shown;
        row.provider = x.provider(candidate).name;
        row.account_alias = x.provider(candidate).upstream.accounts[candidate.account].name;
    }
    row.response_model = x.tally.response_model;
    row.upstream_request_id = x.upstream_request_id;
    row.reasoning_effort = x.facts.reasoning_effort;
    row.service_tier = x.tally.service_tier;
    row.outcome = to_string(x.outcome);
    row.finish_reason = x.tally.shown_stop;
    if (x.failure) {
        row.error_class = to_string(x.failure->kind);
        row.error_code = x.failure->code;
        row.error_message = std::string_view(x.failure->message).substr(0, 512);
    }
    row.session_id = x.session;
    std::string tags;
    if (!x.tags.empty()) {
        json::Writer writer(tags);
        writer.begin_array();
        for (auto tag : split_list(x.tags)) writer.string(tag);
        writer.end_array();
        row.tags = tags;
    }
    const std::string properties = properties_json(x.http->head().headers);
    row.properties = properties;
    x.out.clear();
    append_attempts(x, x.out);
    row.attempts = x.out;
    const std::string losses = losses_json(x.losses);
    row.losses = losses;
    services_.records.push(shard_, row);

    metrics_.request_finished({.endpoint = row.endpoint,
                               .dialect = row.dialect_in,
                               .provider = row.provider,
                               .outcome = row.outcome,
                               .duration = duration,
                               .ttft = x.facts.stream ? x.tally.first_token : Nanos{-1},
                               .tpot = time_per_token(x),
                               .overhead = x.overhead,
                               .usage = &x.tally.usage,
                               .cost = cost.total});
}

}  // namespace gotthard::spine
