// A whole answer, and the two bridges between it and its events: collect (events -> answer) and replay (answer -> events).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/json.hpp"
#include "llm/event.hpp"
#include "llm/request.hpp"

namespace gotthard::llm {

struct Choice {
    std::uint32_t index = 0;
    std::vector<Part> parts;
    StopReason stop = StopReason::none;
    std::string_view stop_sequence;
    std::string_view raw_stop;
    std::string_view logprobs;  ///< Raw; of a stream: merged {"content":[...],"refusal":[...]}.
    std::string_view extra;     ///< Raw members from choice_finished.
};

struct Answer {
    std::string_view id;
    std::string_view model;
    std::int64_t created = 0;
    std::vector<Choice> choices;
    Usage usage;
    std::string_view service_tier;
    std::string_view fingerprint;
};

/// Folds events into an Answer whose texts live in `arena`. Bounded by `limit` bytes of text.
class Collector {
public:
    explicit Collector(Arena& arena, std::size_t limit = 64 << 20) : arena_(arena), limit_(limit) {}
    void see(const Event& event);
    void see(const Events& events) {
        for (const auto& event : events) see(event);
    }
    bool finished() const { return finished_; }
    const std::optional<Failure>& failure() const { return failure_; }
    /// Closes what is open and hands out the answer. Call once.
    Answer take();

private:
    struct Open {
        Part part;
        std::string text;
        std::string signature;
        std::string arguments;
        std::string citations;
        bool active = false;
    };
    struct State {
        Choice choice;
        Open open;
        std::string logprobs_content;
        std::string logprobs_refusal;
    };
    State& state(std::uint32_t choice);
    void close(State& state);
    Arena& arena_;
    std::size_t limit_;
    std::size_t size_ = 0;
    Answer answer_;
    std::vector<State> states_;
    bool finished_ = false;
    std::optional<Failure> failure_;
};

/// The events of a complete answer, in order, ending in finished. Views of `answer`.
void replay(const Answer& answer, Events& out);

}  // namespace gotthard::llm
