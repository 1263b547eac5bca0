#include "dialect/chat/parts.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/common.hpp"

namespace gotthard::dialect::chat {

using llm::Event;
using llm::EventKind;
using llm::Events;
using llm::PartKind;

void JsonBalance::see(std::string_view text) {
    for (char c : text) {
        if (in_string_) {
            if (escaped_)
                escaped_ = false;
            else if (c == '\\')
                escaped_ = true;
            else if (c == '"')
                in_string_ = false;
            continue;
        }
        switch (c) {
            case '"':
                in_string_ = true;
                break;
            case '{':
            case '[':
                ++depth_;
                begun_ = true;
                break;
            case '}':
            case ']':
                if (depth_ > 0) --depth_;
                break;
            default:
                break;
        }
    }
}

bool PartQueue::done(const Slot& slot) {
    return slot.kind != PartKind::tool_call || slot.call_kind == llm::CallKind::custom || slot.balance.complete();
}

PartQueue::Slot& PartQueue::slot(PartKind kind) {
    Slot& made = slots_.emplace_back();
    made.kind = kind;
    return made;
}

void PartQueue::add(Slot& slot, EventKind kind, std::string_view text, std::string_view logprobs, Events& out) {
    if (!slot.open) {
        held_ += text.size() + logprobs.size();
        slot.fragments.push_back({kind, std::string(text), std::string(logprobs)});
        return;
    }
    Event event{.kind = kind, .choice = choice_, .part = next_part_ - 1};
    if (kind == EventKind::citation_delta)
        event.raw = scratch_.copy(text);
    else
        event.text = scratch_.copy(text);
    event.logprobs = scratch_.copy(logprobs);
    out.push_back(event);
}

void PartQueue::open(Slot& slot, std::string_view seed, Events& out) {
    slot.open = true;
    Event event{.kind = EventKind::part_started,
                .choice = choice_,
                .part = next_part_++,
                .part_kind = slot.kind,
                .call_kind = slot.call_kind};
    if (slot.kind == PartKind::tool_call) {
        event.call = next_call_++;
        if (slot.id.empty()) slot.id = derived_id("call_", fmt::format("{}/{}/{}", seed, choice_, event.call), 24);
        event.id = scratch_.copy(client_call_id(memory_, slot.id));
        event.name = scratch_.copy(client_tool_name(memory_, slot.name));
    }
    event.type = scratch_.copy(slot.type);
    if (slot.kind == PartKind::opaque) event.raw = scratch_.copy(slot.content);
    if (slot.kind == PartKind::redacted_thinking) event.text = scratch_.copy(slot.content);
    out.push_back(event);
    auto fragments = std::exchange(slot.fragments, {});
    for (const auto& fragment : fragments) {
        held_ -= std::min(held_, fragment.text.size() + fragment.logprobs.size());
        add(slot, fragment.kind, fragment.text, fragment.logprobs, out);
    }
}

void PartQueue::close(Slot& slot, Events& out) {
    if (slot.empty_object) add(slot, EventKind::arguments_delta, "{}", {}, out);
    if (slot.kind == PartKind::tool_call) {
        if (!done(slot) && !slot.balance.blank()) ++incomplete_;
        closed_calls_.push_back({slot.id, slot.index});
    }
    out.push_back({.kind = EventKind::part_finished, .choice = choice_, .part = next_part_ - 1});
}

void PartQueue::advance(std::string_view seed, Events& out, bool ending) {
    while (!slots_.empty()) {
        Slot& head = slots_.front();
        if (!head.open) {
            if (head.kind == PartKind::tool_call && head.name.empty() && !ending) return;
            open(head, seed, out);
        }
        const bool comes_whole = head.kind == PartKind::opaque || head.kind == PartKind::redacted_thinking;
        if (!ending && !comes_whole && (slots_.size() == 1 || !done(head))) return;
        close(head, out);
        slots_.pop_front();
    }
}

void PartQueue::text(PartKind kind, std::string_view text, std::string_view logprobs, std::string_view seed, Events& out) {
    if (text.empty() && logprobs.empty()) return;
    const bool fits = !slots_.empty() && slots_.back().kind == kind && !slots_.back().signed_;
    if (!fits && text.empty()) return;
    Slot& to = fits ? slots_.back() : slot(kind);
    if (kind == PartKind::refusal) has_refusal_ = true;
    add(to, kind == PartKind::thinking ? EventKind::thinking_delta : EventKind::text_delta, text, logprobs, out);
    advance(seed, out);
}

void PartQueue::signature(std::string_view signature, Events& out) {
    if (signature.empty()) return;
    Slot& to = thinking_open() ? slots_.back() : slot(PartKind::thinking);
    to.signed_ = true;
    add(to, EventKind::signature_delta, signature, {}, out);
    advance({}, out);
}

void PartQueue::citation(std::string_view raw, Events& out) {
    for (auto at = slots_.rbegin(); at != slots_.rend(); ++at)
        if (at->kind == PartKind::text) return add(*at, EventKind::citation_delta, raw, {}, out);
}

void PartQueue::whole(PartKind kind, std::string_view type, std::string_view content, Events& out) {
    Slot& made = slot(kind);
    made.type = type;
    made.content = content;
    held_ += content.size();
    advance({}, out);
    held_ -= std::min(held_, content.size());
}

/// Which call a delta speaks of, though servers repeat ids and names, leave out the index, or count every call as 0 (E203).
PartQueue::Found PartQueue::find_call(const CallDelta& delta) {
    const auto begins = [&](std::string_view id, bool may_end) {
        return !delta.name.empty() && !delta.id.empty() && !id.empty() && delta.id != id && may_end;
    };
    Slot* last = nullptr;
    for (auto at = slots_.rbegin(); at != slots_.rend(); ++at) {
        if (at->kind != PartKind::tool_call) continue;
        if (last == nullptr) last = &*at;
        if (delta.index ? at->index == delta.index : !delta.id.empty() && at->id == delta.id) {
            if (delta.index && begins(at->id, at->balance.complete() || at->balance.blank())) return {.create = true};
            return {.slot = &*at};
        }
    }
    for (auto at = closed_calls_.rbegin(); at != closed_calls_.rend(); ++at)
        if (delta.index ? at->index == delta.index : !delta.id.empty() && at->id == delta.id)
            return {.create = begins(at->id, true)};
    if (delta.index || !delta.id.empty()) return {.create = !delta.name.empty() || !delta.id.empty() || delta.index.has_value()};
    if (delta.name.empty()) return {.slot = last};
    const bool goes_on = last != nullptr && last->name == delta.name && !last->balance.blank() && !last->balance.complete();
    return goes_on ? Found{.slot = last} : Found{.create = true};
}

void PartQueue::call(const CallDelta& delta, std::string_view seed, Events& out) {
    auto [found, create] = find_call(delta);
    if (create) {
        found = &slot(PartKind::tool_call);
        found->index = delta.index;
        found->call_kind = delta.kind;
        ++calls_;
    }
    if (found == nullptr) return;
    if (found->id.empty()) found->id = delta.id;
    if (found->name.empty()) found->name = delta.name;
    std::string_view arguments = delta.arguments;
    if (found->call_kind == llm::CallKind::function) {
        if (found->empty_object) {
            if (!trim(arguments).starts_with('{') || trim(arguments) == "{}")
                arguments = {};
            else
                found->empty_object = false, found->balance = {};
        } else if (found->balance.blank() && trim(arguments) == "{}") {
            found->empty_object = true;
            found->balance.see(arguments);
            arguments = {};
        } else if (found->balance.complete()) {
            arguments = {};  // a whole JSON value cannot go on: the server repeats the call
        }
        found->balance.see(arguments);
    }
    if (!arguments.empty()) add(*found, EventKind::arguments_delta, arguments, {}, out);
    advance(seed, out);
}

void PartQueue::finish(std::string_view seed, Events& out) { advance(seed, out, true); }

}  // namespace gotthard::dialect::chat
