#include "llm/answer.hpp"

namespace gotthard::llm {
namespace {

/// Appends the items of the raw JSON array `items` to `list` (comma-separated text without brackets).
void append_items(std::string& list, std::string_view items) {
    if (items.size() < 2 || items.front() != '[') return;
    const auto inside = items.substr(1, items.size() - 2);
    if (inside.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
    if (!list.empty()) list += ',';
    list += inside;
}

}  // namespace

Collector::State& Collector::state(std::uint32_t choice) {
    for (auto& each : states_)
        if (each.choice.index == choice) return each;
    states_.emplace_back().choice.index = choice;
    return states_.back();
}

void Collector::close(State& state) {
    Open& open = state.open;
    if (!open.active) return;
    open.active = false;
    Part& part = open.part;
    if (part.kind != PartKind::redacted_thinking && part.kind != PartKind::opaque) part.text = arena_.copy(open.text);
    part.signature = arena_.copy(open.signature);
    if (part.kind == PartKind::tool_call) part.arguments = arena_.copy(open.arguments);
    if (!open.citations.empty()) part.citations = arena_.copy("[" + open.citations + "]");
    state.choice.parts.push_back(part);
    open.text.clear(), open.signature.clear(), open.arguments.clear(), open.citations.clear();
}

void Collector::see(const Event& event) {
    size_ += event.text.size() + event.raw.size() + event.logprobs.size();
    if (size_ > limit_ && !failure_)
        failure_ = Failure(FailureKind::upstream_malformed, "the upstream's answer is larger than this gateway collects");
    switch (event.kind) {
        case EventKind::started:
            answer_.id = arena_.copy(event.id);
            answer_.model = arena_.copy(event.model);
            answer_.created = event.created;
            answer_.fingerprint = arena_.copy(event.fingerprint);
            if (!event.service_tier.empty()) answer_.service_tier = arena_.copy(event.service_tier);
            return;
        case EventKind::usage_seen:
            answer_.usage.merge_max(event.usage);
            if (!event.service_tier.empty()) answer_.service_tier = arena_.copy(event.service_tier);
            return;
        case EventKind::finished:
            finished_ = true;
            return;
        case EventKind::failed:
            if (!failure_ && event.failure != nullptr) failure_ = *event.failure;
            return;
        case EventKind::keep_alive:
            return;
        default:
            break;
    }
    if (failure_) return;
    State& at = state(event.choice);
    Open& open = at.open;
    switch (event.kind) {
        case EventKind::part_started:
            close(at);
            open.active = true;
            open.part = Part{};
            open.part.kind = event.part_kind;
            open.part.call_kind = event.call_kind;
            open.part.id = arena_.copy(event.id);
            open.part.name = arena_.copy(event.name);
            open.part.type = arena_.copy(event.type);
            open.part.raw = arena_.copy(event.raw);
            open.part.text = arena_.copy(event.text);
            open.part.source_part = event.part;
            return;
        case EventKind::text_delta:
            open.text += event.text;
            if (!event.logprobs.empty()) {
                json::Document document;
                if (!document.parse(event.logprobs, {.lone_surrogates = true})) return;
                append_items(at.logprobs_content, document.root()["content"].raw());
                append_items(at.logprobs_refusal, document.root()["refusal"].raw());
            }
            return;
        case EventKind::thinking_delta:
            open.text += event.text;
            return;
        case EventKind::signature_delta:
            open.signature += event.text;
            return;
        case EventKind::arguments_delta:
            open.arguments += event.text;
            return;
        case EventKind::citation_delta:
            if (!open.citations.empty()) open.citations += ',';
            open.citations += event.raw;
            return;
        case EventKind::part_finished:
            close(at);
            return;
        case EventKind::choice_finished:
            close(at);
            at.choice.stop = event.stop;
            at.choice.stop_sequence = arena_.copy(event.stop_sequence);
            at.choice.raw_stop = arena_.copy(event.raw_stop);
            at.choice.extra = arena_.copy(event.extra);
            return;
        default:
            return;
    }
}

Answer Collector::take() {
    for (auto& each : states_) {
        close(each);
        if (!each.logprobs_content.empty() || !each.logprobs_refusal.empty()) {
            std::string merged = "{\"content\":";
            merged += each.logprobs_content.empty() ? "null" : "[" + each.logprobs_content + "]";
            merged += ",\"refusal\":";
            merged += each.logprobs_refusal.empty() ? "null" : "[" + each.logprobs_refusal + "]";
            merged += '}';
            each.choice.logprobs = arena_.copy(merged);
        }
        answer_.choices.push_back(std::move(each.choice));
    }
    states_.clear();
    std::ranges::sort(answer_.choices, {}, &Choice::index);
    return std::move(answer_);
}

namespace {

void replay_part(const Part& part, std::uint32_t choice, std::uint32_t index, std::uint32_t& call, std::string_view logprobs,
                 Events& out) {
    const auto delta = [&](EventKind kind, std::string_view text) {
        if (text.empty()) return;
        out.push_back({.kind = kind, .choice = choice, .part = index, .text = text});
    };
    Event start{.kind = EventKind::part_started,
                .choice = choice,
                .part = index,
                .part_kind = part.kind,
                .call_kind = part.call_kind,
                .id = part.id,
                .name = part.name};
    start.type = part.type;
    start.raw = part.raw;
    if (part.kind == PartKind::redacted_thinking) start.text = part.text;
    if (part.kind == PartKind::tool_call) start.call = call++;
    out.push_back(start);
    switch (part.kind) {
        case PartKind::text:
        case PartKind::refusal:
            if (!part.text.empty() || !logprobs.empty())
                out.push_back(
                    {.kind = EventKind::text_delta, .choice = choice, .part = index, .text = part.text, .logprobs = logprobs});
            break;
        case PartKind::thinking:
            delta(EventKind::thinking_delta, part.text);
            delta(EventKind::signature_delta, part.signature);
            break;
        case PartKind::tool_call:
            delta(EventKind::arguments_delta, part.arguments);
            break;
        default:
            break;
    }
    json::Document citations;
    if (part.kind == PartKind::text && !part.citations.empty() && citations.parse(part.citations, {.lone_surrogates = true}))
        for (json::Value citation : citations.root().items())
            out.push_back({.kind = EventKind::citation_delta, .choice = choice, .part = index, .raw = citation.raw()});
    out.push_back({.kind = EventKind::part_finished, .choice = choice, .part = index});
}

}  // namespace

void replay(const Answer& answer, Events& out) {
    out.push_back({.kind = EventKind::started,
                   .created = answer.created,
                   .id = answer.id,
                   .model = answer.model,
                   .service_tier = answer.service_tier,
                   .fingerprint = answer.fingerprint});
    for (const auto& choice : answer.choices) {
        std::uint32_t index = 0, call = 0;
        std::string_view logprobs = choice.logprobs;
        for (const auto& part : choice.parts) {
            const bool text = part.kind == PartKind::text || part.kind == PartKind::refusal;
            replay_part(part, choice.index, index++, call, text ? logprobs : std::string_view{}, out);
            if (text) logprobs = {};
        }
        out.push_back({.kind = EventKind::choice_finished,
                       .choice = choice.index,
                       .stop = choice.stop == StopReason::none ? StopReason::stop : choice.stop,
                       .stop_sequence = choice.stop_sequence,
                       .raw_stop = choice.raw_stop,
                       .extra = choice.extra});
    }
    if (answer.usage.known())
        out.push_back({.kind = EventKind::usage_seen, .service_tier = answer.service_tier, .usage = answer.usage});
    out.push_back({.kind = EventKind::finished});
}

}  // namespace gotthard::llm
