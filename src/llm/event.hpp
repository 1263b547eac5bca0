// An answer as it happens. Every reader makes these, every writer takes them, whatever the dialects on both ends.
//
// Order, checked by EventValidator:
//   started, then per choice: part_started(part 0..) ... deltas ... part_finished, parts never overlap inside one choice and
//   their numbers rise from 0; then choice_finished once per choice; usage_seen anywhere (each replaces by maximum);
//   then exactly one of finished | failed, and nothing after it.
// Tool calls are numbered 0..n-1 by `call` in the order they start (E056).
// Views are valid until the next feed() of the reader that made them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.hpp"
#include "llm/request.hpp"
#include "llm/stop_reason.hpp"
#include "llm/usage.hpp"

namespace gotthard::llm {

enum class EventKind : std::uint8_t {
    started,          ///< id, model, created; role is assistant.
    part_started,     ///< part, part_kind; tool_call: id, name, call, call_kind; redacted_thinking: text; opaque: type, raw.
    text_delta,       ///< text (also of refusal parts); logprobs raw.
    thinking_delta,   ///< text
    signature_delta,  ///< text = signature
    arguments_delta,  ///< text = fragment of the JSON text
    citation_delta,   ///< raw = the citation in its own dialect
    opaque_delta,     ///< raw = a delta of an opaque part in its own dialect
    part_finished,    ///< part
    usage_seen,       ///< usage, so far or final
    choice_finished,  ///< stop, stop_sequence, raw_stop
    finished,         ///< The upstream's own end was seen.
    failed,           ///< failure; the answer is not complete.
    keep_alive,       ///< Ping or comment: nothing to say, the line lives.
};

struct Event {
    EventKind kind = EventKind::keep_alive;
    std::uint32_t choice = 0;
    std::uint32_t part = 0;
    PartKind part_kind = PartKind::text;
    CallKind call_kind = CallKind::function;
    std::uint32_t call = 0;  ///< tool_call: its number among the calls of this choice.
    StopReason stop = StopReason::none;
    std::int64_t created = 0;  ///< started: Unix seconds, 0 unknown.
    std::string_view id;       ///< started: answer id; part_started: call id.
    std::string_view model;    ///< started: as the upstream says.
    std::string_view name;     ///< part_started: tool name.
    std::string_view text;
    std::string_view type;  ///< opaque: block type.
    std::string_view raw;
    std::string_view logprobs;       ///< Raw OpenAI `choices[].logprobs`.
    std::string_view stop_sequence;  ///< choice_finished: the matched sequence, when told.
    std::string_view raw_stop;       ///< choice_finished: the upstream's own word.
    std::string_view service_tier;   ///< usage_seen or started: as served.
    std::string_view fingerprint;    ///< started: OpenAI system_fingerprint.
    std::string_view extra;  ///< Raw object of members that a writer of the same family may show (stop_details, container, ...).
    Usage usage;
    const Failure* failure = nullptr;  ///< failed: owned by the reader.
};

using Events = std::vector<Event>;

/// Checks the order above. Empty text: fine so far.
class EventValidator {
public:
    /// What is wrong with `event` at this place, or "".
    std::string see(const Event& event);
    bool ended() const { return ended_; }

private:
    struct Choice {
        bool seen = false;
        bool open = false;
        bool finished = false;
        std::uint32_t part = 0;
        std::uint32_t next_part = 0;
        std::uint32_t next_call = 0;
        PartKind part_kind = PartKind::text;
    };
    Choice* choice(std::uint32_t index);
    std::vector<Choice> choices_;
    bool started_ = false;
    bool ended_ = false;
};

}  // namespace gotthard::llm
