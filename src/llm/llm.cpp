#include <array>

#include <fmt/format.h>

#include "llm/event.hpp"
#include "llm/request.hpp"
#include "llm/stop_reason.hpp"

namespace gotthard::llm {

std::string_view to_string(StopReason reason) {
    static constexpr std::array<std::string_view, 13> names{
        "",        "stop",  "stop_sequence", "length",         "context_full", "tool_calls", "content_filter",
        "refusal", "pause", "compaction",    "malformed_call", "error",        "cancelled"};
    return names[static_cast<std::size_t>(reason)];
}

std::string path_of(const Message& message) {
    return message.source_message < 0 ? std::string("system") : fmt::format("messages[{}]", message.source_message);
}

std::string path_of(const Message& message, const Part& part, std::string_view field) {
    std::string path = path_of(message);
    if (message.source_message < 0) {
        if (!message.content_is_string) path += fmt::format("[{}]", part.source_part);
    } else {
        path += message.content_is_string ? std::string(".content") : fmt::format(".content[{}]", part.source_part);
    }
    if (!field.empty()) {
        path += '.';
        path += field;
    }
    return path;
}

EventValidator::Choice* EventValidator::choice(std::uint32_t index) {
    if (index >= 256) return nullptr;
    if (index >= choices_.size()) choices_.resize(index + 1);
    return &choices_[index];
}

std::string EventValidator::see(const Event& event) {
    if (ended_) return "an event after the end";
    if (event.kind == EventKind::failed || event.kind == EventKind::finished) {
        ended_ = true;
        if (event.kind == EventKind::failed) return event.failure == nullptr ? "failed without a failure" : "";
        if (!started_) return "finished before started";
        for (const auto& each : choices_) {
            if (each.open) return "finished with an open part";
            if (each.seen && !each.finished) return "finished before choice_finished";
        }
        return "";
    }
    if (event.kind == EventKind::keep_alive) return "";
    if (event.kind == EventKind::started) {
        if (started_) return "started twice";
        started_ = true;
        return "";
    }
    if (!started_) return "an event before started";
    if (event.kind == EventKind::usage_seen) return "";
    Choice* at = choice(event.choice);
    if (at == nullptr) return "a choice number beyond 255";
    at->seen = true;
    if (at->finished) return "an event after choice_finished";
    const auto in_part = [&](std::initializer_list<PartKind> kinds) -> std::string {
        if (!at->open) return "a delta outside of a part";
        if (event.part != at->part) return "a delta for another part";
        for (PartKind kind : kinds)
            if (kind == at->part_kind) return "";
        return "a delta that does not fit its part";
    };
    switch (event.kind) {
        case EventKind::part_started:
            if (at->open) return "a part inside a part";
            if (event.part != at->next_part) return "part numbers do not rise by one";
            if (event.part_kind == PartKind::tool_call && event.call != at->next_call++) return "call numbers do not rise by one";
            at->open = true;
            at->part = at->next_part++;
            at->part_kind = event.part_kind;
            return "";
        case EventKind::text_delta:
            return in_part({PartKind::text, PartKind::refusal});
        case EventKind::citation_delta:
            return in_part({PartKind::text});
        case EventKind::thinking_delta:
        case EventKind::signature_delta:
            return in_part({PartKind::thinking});
        case EventKind::arguments_delta:
            return in_part({PartKind::tool_call});
        case EventKind::opaque_delta:
            return in_part({PartKind::opaque});
        case EventKind::part_finished:
            if (!at->open || event.part != at->part) return "part_finished without its part";
            at->open = false;
            return "";
        case EventKind::choice_finished:
            if (at->open) return "choice_finished with an open part";
            if (event.stop == StopReason::none) return "choice_finished without a reason";
            at->finished = true;
            return "";
        default:
            return "";
    }
}

}  // namespace gotthard::llm
