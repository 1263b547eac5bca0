#include "spine/exchange.hpp"

#include <array>

namespace gotthard::spine {

std::string_view to_string(Outcome outcome) {
    static constexpr std::array<std::string_view, 6> names{"ok", "client_error", "upstream_error", "timeout", "cancelled", "rate_limited"};
    return names[static_cast<std::size_t>(outcome)];
}

void Tally::see(const llm::Event& event, Nanos since_arrival) {
    using llm::EventKind;
    ++events;
    switch (event.kind) {
        case EventKind::started:
            response_model.assign(event.model);
            if (!event.service_tier.empty()) service_tier.assign(event.service_tier);
            return;
        case EventKind::part_started:
            if (event.part_kind == llm::PartKind::tool_call) {
                ++tool_calls;
                text_bytes += event.name.size();
            }
            return;
        case EventKind::text_delta:
        case EventKind::thinking_delta:
        case EventKind::arguments_delta:
            if (event.text.empty()) return;
            if (first_token < 0) first_token = since_arrival;
            last_token = since_arrival;
            text_bytes += event.text.size();
            return;
        case EventKind::usage_seen:
            usage.merge_max(event.usage);
            if (!event.service_tier.empty()) service_tier.assign(event.service_tier);
            return;
        case EventKind::choice_finished:
            if (event.choice == 0) {
                stop = event.stop;
                raw_stop.assign(event.raw_stop);
            }
            return;
        case EventKind::finished: finished = true; return;
        case EventKind::failed:
            if (!failure && event.failure != nullptr) failure = *event.failure;
            return;
        default: return;
    }
}

void Tally::reset() {
    usage = {};
    stop = llm::StopReason::none;
    raw_stop.clear(), response_model.clear(), service_tier.clear(), shown_stop.clear();
    text_bytes = 0, tool_calls = 0, events = 0;
    first_token = last_token = -1;
    finished = false;
    failure.reset();
}

void Exchange::reset() {
    http = nullptr;
    endpoint = {};
    pinned.reset();
    snapshot = nullptr;
    arena.release();
    request_id = session = tags = {};
    strict_losses = allow_losses = no_fallbacks = gone = false;
    deadline = 0;
    upstream = nullptr;
    wake.reset();
    caller.reset();
    body = {};
    if (decoded.capacity() > 1 << 16) decoded = {};
    decoded.clear();
    facts = {};
    request.reset();
    candidates.clear();
    route = {};
    restamp = false;
    attempts.clear();
    served_by = 0;
    losses = {};
    head.clear();
    pieces.clear();
    rendered.headers.clear();
    rendered.memory = {};
    if (rendered.body.capacity() > 1 << 16) rendered.body = {};
    rendered.body.clear();
    upstream_request_id.clear();
    upstream_wait = 0;
    tally.reset();
    answered = false;
    status = 0;
    outcome = Outcome::ok;
    failure.reset();
    answer_began = -1;
    overhead = 0;
    if (out.capacity() > 1 << 16) out = {};
    out.clear();
    answer_head.clear();
    if (unary.capacity() > 1 << 16) unary = {};
    unary.clear();
    events.clear();
}

}  // namespace gotthard::spine
