// Messages -> turns: merging, order, ids, empty texts, pairing of calls and results. Requirements E013 to E027, E041 to E045.
#include <algorithm>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/anthropic/write.hpp"

namespace gotthard::dialect::anthropic {

using llm::Message;
using llm::Part;
using llm::PartKind;
using llm::Role;

void Writing::need_beta(std::string_view beta) {
    if (std::ranges::find(betas, beta) == betas.end()) betas.push_back(beta);
}

namespace {

const Part placeholder_result{.kind = PartKind::tool_result, .content = {Part{.text = "(no result was recorded for this call)"}}};
const Part placeholder_text{};

bool is_blank(std::string_view text) { return trim(text).empty(); }

class TurnPlanner {
public:
    explicit TurnPlanner(Writing& writing) : writing_(writing), own_(writing.own()) {}
    Result<Turns> plan();

private:
    struct Call {
        std::string_view id;  ///< As sent.
        std::string_view name, arguments;
        bool answered = false;
    };

    bool is_instruction(const Message& message) const {
        return message.role == Role::developer || (message.role == Role::system && (!own_ || message.source_message < 0));
    }
    void add_instruction(const Message& message);
    void lose_message_extras(const Message& message);
    Status add_message(const Message& message);
    Status add_part(const Message& message, const Part& part, Turn& turn);
    Status add_call(const Message& message, const Part& part, Block block, Turn& turn);
    Status add_result(const Part& part, Block block, Turn& turn);
    Status add_thinking(const Part& part, Block block, Turn& turn);
    Result<std::string_view> input_of(const Block& block);
    void order(Turn& turn) const;
    Status pair();
    Status pair_turn(std::size_t index);
    Status finish();
    Status refuse(std::string path, std::string what) const { return bad_field(std::move(path), what); }
    std::string_view message_mark(const Message& message, const Part& part) const;

    Writing& writing_;
    const bool own_;
    Turns out_;
    std::unordered_map<std::string_view, Call> calls_;
    std::size_t unnamed_calls_ = 0;
};

/// A mark on the message itself stands for its last part (E009).
std::string_view TurnPlanner::message_mark(const Message& message, const Part& part) const {
    if (!part.cache_control.empty()) return part.cache_control;
    return !message.parts.empty() && &part == &message.parts.back() ? message.cache_control : std::string_view{};
}

/// Reasoning that became thinking parts is told there; the rest of the message's own members have no place.
void TurnPlanner::lose_message_extras(const Message& message) {
    const bool thought = std::ranges::any_of(message.parts, [](const Part& part) { return part.kind == PartKind::thinking || part.kind == PartKind::redacted_thinking; });
    for (const auto& extra : message.extra) {
        if (thought && (extra.key == "thinking_blocks" || extra.key == "reasoning_details")) continue;
        lose(writing_.losses, fmt::format("{}.{}", llm::path_of(message), extra.key), std::string(no_place));
    }
}

void TurnPlanner::add_instruction(const Message& message) {
    if (!own_) {
        if (!message.name.empty()) lose(writing_.losses, llm::path_of(message) + ".name", std::string(no_place));
        lose_extras(writing_.losses, llm::path_of(message), message.extra);
    }
    for (const auto& part : message.parts) {
        if (part.kind != PartKind::text) {
            writing_.losses.add(llm::path_of(message, part), "system instructions are text only", llm::Severity::contract);
            continue;
        }
        if (is_blank(part.text)) continue;
        // It varies with every request and would spoil prompt caching (E014).
        if (!own_ && part.text.starts_with("x-anthropic-billing-header:")) continue;
        out_.system.push_back({.part = &part, .text = part.text, .cache_control = message_mark(message, part), .message = &message});
    }
}

Status TurnPlanner::add_message(const Message& message) {
    const Role role = message.role == Role::assistant ? Role::assistant : message.role == Role::system ? Role::system : Role::user;
    if (!own_) {
        if (!message.name.empty() && message.role != Role::tool) lose(writing_.losses, llm::path_of(message) + ".name", std::string(no_place));
        lose_message_extras(message);
    }
    // The vendor's own clients may send several turns of one role; from other dialects they become one (E017).
    const bool merge = !own_ && !out_.turns.empty() && out_.turns.back().role == role;
    Turn fresh{.role = role, .blocks = {}, .message = &message};
    Turn& turn = merge ? out_.turns.back() : fresh;
    for (const auto& part : message.parts)
        if (auto done = add_part(message, part, turn); !done) return done;
    if (merge) return {};
    if (!turn.blocks.empty()) out_.turns.push_back(std::move(fresh));
    else if (!own_) writing_.losses.add(llm::path_of(message) + ".content", "empty messages are refused by the upstream and were left out");
    return {};
}

Status TurnPlanner::add_part(const Message& message, const Part& part, Turn& turn) {
    Block block{.part = &part, .text = part.text, .cache_control = message_mark(message, part), .message = &message};
    if (!own_ && part.kind != PartKind::opaque) {
        if (!part.extra.empty()) lose_extras(writing_.losses, block.path(), part.extra);
        if (part.kind == PartKind::text && !part.citations.empty()) lose(writing_.losses, block.path("annotations"), std::string(no_place));
    }
    switch (part.kind) {
        case PartKind::text:
        case PartKind::refusal:
            if (is_blank(part.text)) {
                if (!block.cache_control.empty()) lose(writing_.losses, block.path("cache_control"), "the marked text is empty");
                return {};
            }
            turn.blocks.push_back(std::move(block));
            return {};
        case PartKind::thinking:
        case PartKind::redacted_thinking: return add_thinking(part, std::move(block), turn);
        case PartKind::tool_call: return add_call(message, part, std::move(block), turn);
        case PartKind::tool_result: return add_result(part, std::move(block), turn);
        case PartKind::image:
        case PartKind::document:
        case PartKind::audio:
        case PartKind::video:
            if (auto sound = check_media(writing_, part, block.path()); !sound) return sound;
            if (part.kind == PartKind::audio || part.kind == PartKind::video) return {};
            if (is_container_upload(part)) out_.has_container_upload = true;
            turn.blocks.push_back(std::move(block));
            return {};
        case PartKind::opaque:
            if (own_ || is_messages_block(part.type)) {
                if (part.type == "container_upload") out_.has_container_upload = true;
                turn.blocks.push_back(std::move(block));
            } else {
                writing_.losses.add(block.path(), fmt::format("Messages has no content block for \"{}\"", part.type), llm::Severity::contract);
            }
            return {};
    }
    return {};
}

Status TurnPlanner::add_thinking(const Part& part, Block block, Turn& turn) {
    block.cache_control = {};  // not allowed on thinking
    const bool replayable = part.kind == PartKind::redacted_thinking ? !part.text.empty() : !part.signature.empty();
    // Engines of other makers sign nothing; theirs goes back where they want it (E091).
    const bool unsigned_is_fine = !writing_.traits.claude && (own_ || writing_.target.has(Quirk::replays_reasoning));
    if (!replayable && !unsigned_is_fine) {
        lose(writing_.losses, block.path("thinking"), "thinking without a signature comes from another model and cannot be replayed");
        return {};
    }
    turn.blocks.push_back(std::move(block));
    return {};
}

Result<std::string_view> TurnPlanner::input_of(const Block& block) {
    const Part& part = *block.part;
    if (part.call_kind == llm::CallKind::custom) {
        std::string input = "{\"input\":";
        json::append_string(input, part.arguments);
        return writing_.arena.copy(input + "}");
    }
    const auto text = trim(part.arguments);
    if (text.empty() || text == "null") return "{}";  // models without anything to say write either
    thread_local json::Document document;
    const bool sound = static_cast<bool>(document.parse(text));
    if (sound && document.root().is_object()) return part.arguments;
    if (!writing_.target.repair)
        return bad_field(block.path(), fmt::format("the arguments of the call to \"{}\" are not a JSON object; send them as the model wrote them, or ask for repair", part.name));
    // Some clients encode the object twice.
    if (sound && document.root().is_string()) {
        const auto inner = writing_.arena.copy(document.root().string());
        json::Document again;
        if (again.parse(inner) && again.root().is_object()) return inner;
    }
    std::string raw = "{\"_raw\":";
    json::append_string(raw, part.arguments);
    return writing_.arena.copy(raw + "}");
}

Status TurnPlanner::add_call(const Message& message, const Part& part, Block block, Turn& turn) {
    auto input = input_of(block);
    if (!input) return fail(std::move(input.error()));
    block.input = *input;
    block.name = writing_.names.upstream(part.name);
    std::string_view id = part.id;
    if (id.empty()) id = writing_.arena.copy(derived_id("toolu_", fmt::format("{}.{}", message.source_message, unnamed_calls_++), 24));
    if (const auto known = calls_.find(id); known != calls_.end() && !own_) {
        // The same call replayed is sent once (E021); another call under a used id gets an id of its own.
        if (known->second.name == part.name && known->second.arguments == part.arguments) return {};
        block.id = writing_.ids.upstream(writing_.arena.copy(fmt::format("{}#{}", id, ++unnamed_calls_)));
    } else {
        block.id = writing_.ids.upstream(id);
    }
    calls_[id] = {.id = block.id, .name = part.name, .arguments = part.arguments};
    if (std::ranges::find(out_.called, block.name) == out_.called.end()) out_.called.push_back(block.name);
    turn.blocks.push_back(std::move(block));
    return {};
}

Status TurnPlanner::add_result(const Part& part, Block block, Turn& turn) {
    for (const auto& inner : part.content) {
        if (inner.kind == PartKind::opaque && !own_ && !is_messages_block(inner.type))
            writing_.losses.add(block.path(), fmt::format("a tool result has no place for \"{}\"", inner.type), llm::Severity::contract);
        if (inner.kind == PartKind::text || inner.kind == PartKind::opaque) continue;
        if (auto sound = check_media(writing_, inner, block.path()); !sound) return sound;
    }
    auto known = calls_.find(part.id);
    if (part.id.empty()) {
        // A result without an id answers the first call that has none yet.
        const auto asked = std::ranges::find(out_.turns.rbegin(), out_.turns.rend(), Role::assistant, &Turn::role);
        for (std::size_t i = 0; asked != out_.turns.rend() && i < asked->blocks.size(); ++i) {
            known = std::ranges::find_if(calls_, [&](const auto& each) { return each.second.id == asked->blocks[i].id && !each.second.answered; });
            if (known != calls_.end()) break;
        }
    }
    if (known != calls_.end()) {
        if (known->second.answered && !own_) return {};  // the result of a replayed call (E021)
        known->second.answered = true;
        block.id = known->second.id;
    } else {
        block.id = writing_.ids.upstream(part.id);
    }
    // A mark inside of a result stands for the result (E010).
    for (const auto& inner : part.content)
        if (!own_ && block.cache_control.empty()) block.cache_control = inner.cache_control;
    const bool silent = std::ranges::all_of(part.content, [](const Part& inner) { return inner.kind == PartKind::text && is_blank(inner.text); });
    block.text = silent && writing_.target.repair ? "(empty result)" : "";
    turn.blocks.push_back(std::move(block));
    return {};
}

/// Results first in a user turn; thinking, then text, then calls in an assistant turn (E018).
void TurnPlanner::order(Turn& turn) const {
    const auto rank = [](const Block& block) {
        switch (block.part->kind) {
            case PartKind::tool_result: return 0;
            case PartKind::thinking:
            case PartKind::redacted_thinking: return 0;
            case PartKind::tool_call: return 2;
            default: return 1;
        }
    };
    if (own_ && !writing_.target.repair) return;
    if (std::ranges::is_sorted(turn.blocks, {}, rank)) return;
    std::vector<Block> ordered;
    ordered.reserve(turn.blocks.size());
    for (int wanted = 0; wanted < 3; ++wanted)
        for (auto& block : turn.blocks)
            if (rank(block) == wanted) ordered.push_back(block);
    turn.blocks = std::move(ordered);
}

/// The calls of one assistant turn against the results of the user turn behind it (E025).
Status TurnPlanner::pair_turn(std::size_t index) {
    const bool repair = writing_.target.repair;
    std::vector<const Block*> open;
    if (index > 0 && out_.turns[index - 1].role == Role::assistant)
        for (const auto& block : out_.turns[index - 1].blocks)
            if (block.part->kind == PartKind::tool_call) open.push_back(&block);
    auto& blocks = out_.turns[index].blocks;
    for (auto block = blocks.begin(); block != blocks.end();) {
        if (block->part->kind != PartKind::tool_result) {
            ++block;
            continue;
        }
        const auto call = std::ranges::find(open, block->id, &Block::id);
        if (call != open.end()) {
            open.erase(call);
            ++block;
            continue;
        }
        if (!repair) return refuse(block->path(), fmt::format("no call with the id \"{}\" stands in the turn before this result", block->part->id));
        block = blocks.erase(block);
    }
    if (open.empty()) return {};
    if (!repair) return refuse(open.front()->path(), fmt::format("the call \"{}\" to \"{}\" has no result in the turn behind it; send one result for every call", open.front()->part->id, open.front()->part->name));
    std::vector<Block> missing;
    for (const Block* call : open) missing.push_back({.part = &placeholder_result, .text = {}, .id = call->id, .message = call->message});
    blocks.insert(blocks.begin(), std::make_move_iterator(missing.begin()), std::make_move_iterator(missing.end()));
    return {};
}

Status TurnPlanner::pair() {
    const auto has_calls = [](const Turn& turn) { return std::ranges::any_of(turn.blocks, [](const Block& block) { return block.part->kind == PartKind::tool_call; }); };
    for (std::size_t i = 0; i < out_.turns.size(); ++i) {
        if (out_.turns[i].role == Role::assistant) {
            // A turn without a successor that answers: an empty user turn takes the placeholders, or shows what is missing.
            if (has_calls(out_.turns[i]) && i + 1 == out_.turns.size()) out_.turns.push_back({.role = Role::user, .blocks = {}, .message = out_.turns[i].message});
            continue;
        }
        if (auto done = pair_turn(i); !done) return done;
    }
    std::erase_if(out_.turns, [](const Turn& turn) { return turn.blocks.empty(); });
    return {};
}

/// What only the last and the first turn must obey: prefill (E020, E045), who speaks first (E016), that someone speaks (E015).
Status TurnPlanner::finish() {
    const bool repair = writing_.target.repair;
    if (!out_.turns.empty() && out_.turns.back().role == Role::assistant) {
        auto& last = out_.turns.back();
        while (!last.blocks.empty() && last.blocks.back().part->kind == PartKind::text) {
            auto& text = last.blocks.back().text;
            while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
            if (!text.empty()) break;
            last.blocks.pop_back();
        }
        const auto& messages = writing_.request.messages;
        if (!last.blocks.empty() && last.blocks.back().part->kind == PartKind::text && messages.back().role == Role::assistant && messages.back().prefix)
            writing_.memory.prefill = std::string(last.blocks.back().text);
        if (last.blocks.empty()) out_.turns.pop_back();
    }
    if (out_.turns.empty()) {
        if (!repair) return refuse("messages", "there is no message with content beside the system instructions; send a user message");
        out_.turns.push_back({.role = Role::user, .blocks = {{.part = &placeholder_text, .text = "Please continue."}}});
    }
    if (!own_ && out_.turns.front().role == Role::assistant) {
        if (!repair) return refuse(llm::path_of(*out_.turns.front().message), "the conversation begins with the assistant; begin it with a user message");
        out_.turns.insert(out_.turns.begin(), {.role = Role::user, .blocks = {{.part = &placeholder_text, .text = "(The conversation begins here.)"}}});
    }
    return {};
}

Result<Turns> TurnPlanner::plan() {
    out_.own = own_;
    for (const auto& message : writing_.request.messages) {
        if (is_instruction(message)) {
            add_instruction(message);
            continue;
        }
        if (auto done = add_message(message); !done) return fail(std::move(done.error()));
    }
    for (auto& turn : out_.turns) order(turn);
    if (!own_ || writing_.target.repair)
        if (auto done = pair(); !done) return fail(std::move(done.error()));
    if (auto done = finish(); !done) return fail(std::move(done.error()));
    const auto last = std::ranges::find(out_.turns.rbegin(), out_.turns.rend(), Role::assistant, &Turn::role);
    if (last != out_.turns.rend()) {
        bool calls = false, thinks = false;
        for (const auto& block : last->blocks) {
            calls = calls || block.part->kind == PartKind::tool_call;
            thinks = thinks || block.part->kind == PartKind::thinking || block.part->kind == PartKind::redacted_thinking;
        }
        out_.unsigned_call = calls && !thinks;
    }
    return std::move(out_);
}

}  // namespace

Result<Turns> plan_turns(Writing& writing) { return TurnPlanner(writing).plan(); }

void limit_cache_marks(Turns& turns, std::size_t allowed, llm::Losses& losses) {
    std::vector<Block*> marked;
    for (auto& turn : turns.turns)
        for (auto& block : turn.blocks)
            if (!block.cache_control.empty()) marked.push_back(&block);
    // The marks of the instructions are worth most: they go last.
    for (auto block = turns.system.rbegin(); block != turns.system.rend(); ++block)
        if (!block->cache_control.empty()) marked.push_back(&*block);
    for (std::size_t i = 0; i + allowed < marked.size(); ++i) {
        marked[i]->cache_control = {};
        lose(losses, marked[i]->path("cache_control"), "the upstream takes at most four cache marks");
    }
}

}  // namespace gotthard::dialect::anthropic
