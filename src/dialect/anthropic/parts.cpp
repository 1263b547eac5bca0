#include "dialect/anthropic/parts.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "dialect/anthropic/stop.hpp"
#include "dialect/common.hpp"

namespace gotthard::dialect::anthropic {

using llm::EventKind;
using llm::PartKind;

void Scratch::reset(std::size_t expected) {
    // An open stream holds little between two reads, also after a burst.
    constexpr std::size_t large = 4096;
    more_.clear();
    main_.clear();
    if (main_.capacity() > large && expected < main_.capacity() / 4) std::string().swap(main_);
    if (main_.capacity() < expected) main_.reserve(expected);
}

std::string_view Scratch::keep(std::string_view text) {
    if (text.empty()) return {};
    if (main_.size() + text.size() > main_.capacity()) return more_.emplace_back(text);
    const auto at = main_.size();
    main_ += text;
    return std::string_view(main_).substr(at);
}

std::string_view Scratch::keep(json::Value value) {
    if (!value.is_string()) return {};
    if (!value.has_escapes()) {
        const auto raw = value.raw();
        return keep(raw.substr(1, raw.size() - 2));
    }
    thread_local Arena arena;
    const auto kept = keep(value.text(arena));
    arena.release();
    return kept;
}

namespace {

enum class Match : std::uint8_t { no, maybe, yes };

/// Whether `text` begins (or may come to begin) with {"values":
Match begins_envelope(std::string_view text) {
    for (std::string_view token : {"{", "\"values\"", ":"}) {
        while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
        if (text.size() < token.size()) return token.starts_with(text) ? Match::maybe : Match::no;
        if (!text.starts_with(token)) return Match::no;
        text.remove_prefix(token.size());
    }
    return Match::yes;
}

}  // namespace

void Parts::begin(Form form, PartKind kind) {
    form_ = form;
    open_ = true;
    any_arguments_ = false;
    part_ = next_part_++;
    held_.clear();
    input_.clear();
    if (form != Form::opaque) out_->push_back({.kind = EventKind::part_started, .part = part_, .part_kind = kind});
}

void Parts::emit(EventKind kind, std::string_view text) {
    if (!text.empty()) out_->push_back({.kind = kind, .part = part_, .text = scratch_.keep(text)});
}

void Parts::text(std::string_view text) {
    if (text.empty()) return;
    out_->push_back({.kind = EventKind::text_delta, .part = part_, .text = text});
}

void Parts::start(json::Value block) {
    if (open_) stop();
    const auto type = block["type"];
    if (type.equals("text")) return start_text(block);
    if (type.equals("tool_use")) return start_call(block);
    if (type.equals("thinking")) {
        begin(Form::thinking, PartKind::thinking);
        if (const auto text = scratch_.keep(block["thinking"]); !text.empty()) out_->push_back({.kind = EventKind::thinking_delta, .part = part_, .text = text});
        if (const auto signature = scratch_.keep(block["signature"]); !signature.empty()) out_->push_back({.kind = EventKind::signature_delta, .part = part_, .text = signature});
        return;
    }
    if (type.equals("redacted_thinking")) {
        begin(Form::redacted, PartKind::redacted_thinking);
        out_->back().text = scratch_.keep(block["data"]);
        return;
    }
    begin(Form::opaque, PartKind::opaque);
    held_ = block.raw();
    content_.clear(), encrypted_.clear(), loose_.clear();
}

void Parts::start_text(json::Value block) {
    begin(Form::text, PartKind::text);
    if (!echoed_ && memory_ != nullptr && !memory_->prefill.empty()) text(memory_->prefill);
    echoed_ = true;
    text(scratch_.keep(block["text"]));
    for (json::Value citation : block["citations"].items()) out_->push_back({.kind = EventKind::citation_delta, .part = part_, .raw = scratch_.keep(citation.raw())});
}

void Parts::start_call(json::Value block) {
    const auto name = scratch_.keep(block["name"]);
    const bool json_tool = memory_ != nullptr && !memory_->json_tool.empty() && memory_->json_tool == name;
    const bool custom = memory_ != nullptr && std::ranges::find(memory_->custom_tools, name) != memory_->custom_tools.end();
    begin(json_tool ? Form::json_text : custom ? Form::custom_call : Form::call, json_tool ? PartKind::text : PartKind::tool_call);
    if (json_tool) {
        json_answer_ = true;
        envelope_ = memory_->json_tool_envelope ? Envelope::unsure : Envelope::none;
        if (!echoed_) text(memory_->prefill);
        echoed_ = true;
    } else {
        auto& event = out_->back();
        event.id = scratch_.keep(block["id"]);
        event.name = client_tool_name(memory_, name);
        event.call = next_call_++;
        event.call_kind = custom ? llm::CallKind::custom : llm::CallKind::function;
    }
    if (const auto input = block["input"]; input.is_object() && input.size() > 0) input_ = input.raw();
}

void Parts::json_fragment(std::string_view fragment) {
    if (envelope_ == Envelope::none) return emit(EventKind::text_delta, fragment);
    held_ += fragment;
    if (envelope_ == Envelope::held) return;
    switch (begins_envelope(held_)) {
        case Match::maybe: return;
        case Match::yes: envelope_ = Envelope::held; return;
        case Match::no:
            envelope_ = Envelope::none;
            emit(EventKind::text_delta, held_);
            held_.clear();
            return;
    }
}

void Parts::arguments(std::string_view fragment) {
    if (fragment.empty()) return;  // the vendor's first one says nothing (E057)
    any_arguments_ = true;
    if (form_ == Form::call) emit(EventKind::arguments_delta, fragment);
    else if (form_ == Form::json_text) json_fragment(fragment);
    else held_ += fragment;
}

bool Parts::opaque_delta(json::Value delta, std::string_view type) {
    if (type == "input_json_delta") input_ += delta["partial_json"].string();
    else if (type == "compaction_delta") content_ += delta["content"].string(), encrypted_ += delta["encrypted_content"].string();
    else if (loose_.size() < 10'000) loose_.emplace_back(delta.raw());
    return true;
}

bool Parts::delta(json::Value delta) {
    const auto type = delta["type"].string();
    if (open_ && form_ == Form::opaque) return opaque_delta(delta, type);
    if (type == "text_delta") {
        if (open_ && form_ != Form::text) stop();
        if (!open_) start_text({});
        text(scratch_.keep(delta["text"]));
    } else if (type == "thinking_delta" || type == "signature_delta") {
        if (!open_ || form_ != Form::thinking) {
            if (open_) stop();
            begin(Form::thinking, PartKind::thinking);
        }
        const bool thought = type == "thinking_delta";
        if (const auto text = scratch_.keep(delta[thought ? "thinking" : "signature"]); !text.empty())
            out_->push_back({.kind = thought ? EventKind::thinking_delta : EventKind::signature_delta, .part = part_, .text = text});
    } else if (type == "input_json_delta") {
        if (!open_ || (form_ != Form::call && form_ != Form::custom_call && form_ != Form::json_text)) return false;
        const auto fragment = delta["partial_json"];
        arguments(fragment.is_string() ? scratch_.keep(fragment) : fragment.is_object() ? fragment.raw() : std::string_view{});
    } else if (type == "citations_delta") {
        if (!open_ || form_ != Form::text) return false;
        if (const auto citation = delta["citation"]) out_->push_back({.kind = EventKind::citation_delta, .part = part_, .raw = scratch_.keep(citation.raw())});
    }
    return true;
}

void Parts::stop_call() {
    // No delta came: the arguments stand in the start, or there are none (E057).
    if (!any_arguments_) emit(EventKind::arguments_delta, input_.empty() ? std::string_view("{}") : std::string_view(input_));
}

void Parts::stop_json() {
    if (!any_arguments_) json_fragment(input_.empty() ? std::string_view("{}") : std::string_view(input_));
    if (held_.empty()) return;
    json::Document document;
    const bool sound = static_cast<bool>(document.parse(held_, {.lone_surrogates = true}));
    const auto root = document.root();
    if (sound && envelope_ == Envelope::held && root.is_object() && root.size() == 1 && root["values"]) emit(EventKind::text_delta, root["values"].raw());
    else emit(EventKind::text_delta, held_);
}

void Parts::stop_custom() {
    if (!any_arguments_) held_ = input_;
    json::Document document;
    if (document.parse(held_, {.lone_surrogates = true}) && document.root()["input"].is_string()) emit(EventKind::arguments_delta, document.root()["input"].string());
    else emit(EventKind::arguments_delta, held_);
}

void Parts::stop_opaque() {
    json::Document document, input;
    std::string whole;
    llm::Event event{.kind = EventKind::part_started, .part = part_, .part_kind = PartKind::opaque};
    if (document.parse(held_, {.lone_surrogates = true}) && document.root().is_object()) {
        const auto root = document.root();
        event.type = scratch_.keep(root["type"]);
        const bool has_input = !input_.empty() && input.parse(input_, {.lone_surrogates = true});
        if (has_input || !content_.empty() || !encrypted_.empty()) {
            json::Writer w(whole);
            w.begin_object();
            for (const auto& member : root.members()) {
                if ((has_input && member.is("input")) || (!content_.empty() && member.is("content")) || (!encrypted_.empty() && member.is("encrypted_content"))) continue;
                w.key(member.name.string()).raw(member.value.raw());
            }
            if (has_input) w.member_raw("input", input_);
            if (!content_.empty()) w.member("content", content_);
            if (!encrypted_.empty()) w.member("encrypted_content", encrypted_);
            w.end_object();
        }
    }
    event.raw = scratch_.keep(whole.empty() ? held_ : whole);
    out_->push_back(event);
    for (const auto& each : loose_) out_->push_back({.kind = EventKind::opaque_delta, .part = part_, .raw = scratch_.keep(each)});
}

void Parts::stop() {
    if (!open_) return;
    switch (form_) {
        case Form::call: stop_call(); break;
        case Form::json_text: stop_json(); break;
        case Form::custom_call: stop_custom(); break;
        case Form::opaque: stop_opaque(); break;
        default: break;
    }
    open_ = false;
    held_.clear();
    input_.clear();
    out_->push_back({.kind = EventKind::part_finished, .part = part_});
}

void Parts::end(std::string_view raw_stop, json::Value stop_sequence, std::string_view extra) {
    stop();
    if (!echoed_ && next_call_ == 0 && memory_ != nullptr && !memory_->prefill.empty()) {
        start_text({});
        stop();
    }
    auto reason = raw_stop.empty() ? (next_call_ > 0 ? llm::StopReason::tool_calls : llm::StopReason::stop) : read_stop(raw_stop);
    if (json_answer_ && next_call_ == 0 && reason == llm::StopReason::tool_calls) reason = llm::StopReason::stop;
    out_->push_back({.kind = EventKind::choice_finished,
                     .stop = reason,
                     .stop_sequence = scratch_.keep(stop_sequence),
                     .raw_stop = scratch_.keep(raw_stop),
                     .extra = scratch_.keep(extra)});
}

}  // namespace gotthard::dialect::anthropic
