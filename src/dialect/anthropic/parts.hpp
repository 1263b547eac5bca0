// Content blocks of an answer as events: what the stream's reader and the unary reader share.
//
// start() takes a `content_block` (in a stream mostly empty, in a unary answer whole), delta() a `delta`, stop() ends the block.
// Undoes what the request's writer did: restores tool names, unwraps the tool that stands for structured output (E036) and the
// functions that stand for free-text tools, echoes a prefill (E045). Opaque blocks (server tools and their results) are held back
// until they are whole and come out as one event (E051, E058). One owner, one thread.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/json.hpp"
#include "dialect/dialect.hpp"
#include "llm/event.hpp"

namespace gotthard::dialect::anthropic {

/// Texts that live until the next reset: one block of the expected size, and single pieces when that was not enough.
class Scratch {
public:
    void reset(std::size_t expected);
    std::string_view keep(std::string_view text);
    /// The decoded string value, kept.
    std::string_view keep(json::Value value);

private:
    std::string main_;
    std::deque<std::string> more_;
};

class Parts {
public:
    static constexpr std::size_t largest_held = 32u << 20;

    Parts(const Memory* memory, Scratch& scratch) : memory_(memory), scratch_(scratch) {}

    /// Where events go until the next call.
    void to(llm::Events& out) { out_ = &out; }
    void start(json::Value block);
    /// False: the delta cannot belong to the open block.
    bool delta(json::Value delta);
    void stop();
    /// choice_finished; closes what is open. `extra`: raw members for a writer of this dialect.
    void end(std::string_view raw_stop, json::Value stop_sequence, std::string_view extra);

    bool open() const { return open_; }
    bool too_large() const { return held_.size() > largest_held || input_.size() > largest_held; }

private:
    enum class Form : std::uint8_t { text, thinking, redacted, call, custom_call, json_text, opaque };
    enum class Envelope : std::uint8_t { unsure, none, held };

    void begin(Form form, llm::PartKind kind);
    void emit(llm::EventKind kind, std::string_view text);
    void text(std::string_view text);
    void start_text(json::Value block);
    void start_call(json::Value block);
    void arguments(std::string_view fragment);
    void json_fragment(std::string_view fragment);
    void stop_call();
    void stop_json();
    void stop_custom();
    void stop_opaque();
    bool opaque_delta(json::Value delta, std::string_view type);

    const Memory* memory_;
    Scratch& scratch_;
    llm::Events* out_ = nullptr;
    Form form_ = Form::text;
    Envelope envelope_ = Envelope::unsure;
    bool open_ = false;
    bool any_arguments_ = false;
    bool echoed_ = false;
    bool json_answer_ = false;
    std::uint32_t part_ = 0;
    std::uint32_t next_part_ = 0;
    std::uint32_t next_call_ = 0;
    std::string held_;   // json_text, custom_call: arguments so far; opaque: the block as it started
    std::string input_;  // call: the input of the start; opaque: arguments so far
    std::string content_, encrypted_;  // compaction
    std::vector<std::string> loose_;   // deltas of an opaque block that cannot be merged
};

}  // namespace gotthard::dialect::anthropic
