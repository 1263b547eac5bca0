// The parts of one choice, put in order. Chat servers interleave what llm::Event does not: argument fragments of several calls,
// text between them, names that come late. This queue opens one part at a time: what belongs to a later part is kept until the
// parts before it are complete (a call: when its arguments are a whole JSON value; anything else: when something follows).
// Owned by one reader; events that it makes view the reader's scratch.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialect/dialect.hpp"
#include "dialect/scratch.hpp"
#include "llm/event.hpp"

namespace gotthard::dialect::chat {

/// Follows JSON text and knows when an object or array has been closed.
class JsonBalance {
public:
    void see(std::string_view text);
    bool complete() const { return begun_ && depth_ == 0; }
    bool blank() const { return !begun_; }

private:
    std::uint32_t depth_ = 0;
    bool begun_ = false;
    bool in_string_ = false;
    bool escaped_ = false;
};

struct CallDelta {
    std::optional<std::int64_t> index;
    std::string_view id;
    std::string_view name;
    std::string_view arguments;
    llm::CallKind kind = llm::CallKind::function;
};

class PartQueue {
public:
    /// `seed` of the functions below: what made-up call ids are derived from (the answer's id).
    PartQueue(std::uint32_t choice, const Memory* memory, Scratch& scratch)
        : choice_(choice), memory_(memory), scratch_(scratch) {}

    /// text, refusal or thinking. Empty text without logprobs is nothing.
    void text(llm::PartKind kind, std::string_view text, std::string_view logprobs, std::string_view seed, llm::Events& out);
    void signature(std::string_view signature, llm::Events& out);
    void citation(std::string_view raw, llm::Events& out);
    /// A part that comes whole: redacted thinking (text) or an opaque part (type, raw).
    void whole(llm::PartKind kind, std::string_view type, std::string_view content, llm::Events& out);
    void call(const CallDelta& delta, std::string_view seed, llm::Events& out);
    /// Opens and closes whatever is left.
    void finish(std::string_view seed, llm::Events& out);

    bool has_calls() const { return calls_ > 0; }
    bool has_refusal() const { return has_refusal_; }
    /// Every call's arguments are a whole JSON value (or there are none).
    bool calls_complete() const { return incomplete_ == 0; }
    bool any() const { return next_part_ > 0 || !slots_.empty(); }
    /// Bytes kept for parts that wait, to be bounded by the reader.
    std::size_t held() const { return held_; }
    std::size_t count() const { return next_part_ + slots_.size(); }
    /// Thinking text seen since the last signature, so that a repeated block is not read twice.
    bool thinking_open() const {
        return !slots_.empty() && slots_.back().kind == llm::PartKind::thinking && !slots_.back().signed_;
    }

private:
    struct Fragment {
        llm::EventKind kind;
        std::string text;
        std::string logprobs;
    };
    struct Slot {
        llm::PartKind kind;
        llm::CallKind call_kind = llm::CallKind::function;
        std::string id, name, type, content;
        std::optional<std::int64_t> index;
        std::vector<Fragment> fragments;
        JsonBalance balance;
        bool open = false;
        bool signed_ = false;
        bool empty_object = false;  // the arguments so far are "{}", kept back: some servers send it before the real ones
    };
    struct Found {
        Slot* slot = nullptr;
        bool create = false;
    };
    struct Closed {
        std::string id;
        std::optional<std::int64_t> index;
    };
    Slot& slot(llm::PartKind kind);
    void add(Slot& slot, llm::EventKind kind, std::string_view text, std::string_view logprobs, llm::Events& out);
    void open(Slot& slot, std::string_view seed, llm::Events& out);
    void close(Slot& slot, llm::Events& out);
    void advance(std::string_view seed, llm::Events& out, bool ending = false);
    Found find_call(const CallDelta& delta);
    static bool done(const Slot& slot);

    std::uint32_t choice_;
    const Memory* memory_;
    Scratch& scratch_;
    std::deque<Slot> slots_;  // the first one may be open
    std::vector<Closed> closed_calls_;
    std::size_t held_ = 0;
    std::uint32_t next_part_ = 0;
    std::uint32_t next_call_ = 0;
    std::uint32_t calls_ = 0;
    std::uint32_t incomplete_ = 0;
    bool has_refusal_ = false;
};

}  // namespace gotthard::dialect::chat
