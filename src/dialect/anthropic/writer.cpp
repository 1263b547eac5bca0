// Events as an Anthropic answer. Stream: complete SSE events in the vendor's order. Unary: one body at the end.
//
// message_start, then per block content_block_start, deltas, content_block_stop, with one ping behind the first start; then one
// message_delta with the stop reason and the final usage (held back until the end: E084) and message_stop. Only choice 0 shows.
#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/anthropic/stop.hpp"
#include "dialect/anthropic/usage.hpp"
#include "dialect/anthropic_messages.hpp"
#include "dialect/common.hpp"
#include "llm/answer.hpp"

namespace gotthard::dialect::anthropic {
namespace {

using llm::Event;
using llm::EventKind;
using llm::PartKind;

/// An id of this dialect: kept when it is one, made from a foreign one, or the given one.
std::string message_id(std::string_view id, std::string_view fallback) {
    if (id.empty()) id = fallback;
    if (id.starts_with("msg_")) return std::string(id);
    if (id.starts_with("chatcmpl-")) id.remove_prefix(9);
    return fmt::format("msg_{}", id.empty() ? std::string_view("0") : id);
}

std::string call_id(std::string_view id, std::string_view message, std::uint32_t call) {
    return id.empty() ? derived_id("toolu_", fmt::format("{}.{}", message, call), 24) : std::string(id);
}

/// Opaque blocks of other dialects have no place in a Messages answer.
bool is_own_block(std::string_view type) {
    return type == "server_tool_use" || type == "mcp_tool_use" || type == "container_upload" || type == "compaction" || type == "search_result" || type.ends_with("_tool_result");
}

/// Citations of this dialect; annotations of others have their own types.
bool is_own_citation(std::string_view raw) {
    json::Document document;
    if (!document.parse(raw, {.lone_surrogates = true})) return false;
    const auto type = document.root()["type"].string();
    return type.ends_with("_location");
}

llm::Usage or_estimated(llm::Usage usage, std::int64_t input, std::int64_t shown_bytes) {
    if (usage.input < 0) usage.input = input;
    if (usage.output < 0) usage.output = (shown_bytes + 3) / 4;
    return usage;
}

/// JSON that came over several lines on one, as a `data` line needs it.
std::string one_line(std::string_view raw) {
    json::Document document;
    if (raw.find_first_of("\r\n") == std::string_view::npos || !document.parse(raw, {.lone_surrogates = true})) return std::string(raw);
    std::string out;
    json::append_minified(out, document.root());
    return out;
}

/// Members that the reader of this dialect kept for it.
void append_extra(json::Writer& w, std::string_view extra, std::initializer_list<std::string_view> keys) {
    json::Document document;
    if (extra.empty() || !document.parse(extra, {.lone_surrogates = true})) return;
    for (const auto key : keys)
        if (const auto value = document.root()[key]; value && !value.is_null()) w.key(key).raw(one_line(value.raw()));
}

class StreamWriter final : public Writer {
public:
    explicit StreamWriter(const WriterOptions& options) : options_(options) {}
    void write(const Event& event, std::string& out) override;
    void keep_alive(std::string& out) override { out += started_ ? "event: ping\ndata: {\"type\": \"ping\"}\n\n" : ": keepalive\n\n"; }
    const Failure* failure() const override { return failure_ ? &*failure_ : nullptr; }
    std::string_view shown_stop() const override { return shown_stop_; }

private:
    void start(const Event& event, std::string& out);
    void part_started(const Event& event, std::string& out);
    void open_block(std::string_view content_block, std::string& out);
    void close_block(std::string& out);
    void delta(std::string_view type, std::string_view key, std::string_view text, std::string& out);
    void arguments(std::string_view text, std::string& out);
    void finish(std::string& out);

    WriterOptions options_;
    std::string id_;
    bool started_ = false;
    bool open_ = false;         // a block has been started and not stopped
    bool pinged_ = false;
    bool ended_ = false;
    bool custom_ = false;       // the open call speaks free text
    PartKind part_ = PartKind::text;
    std::uint32_t next_block_ = 0;
    std::uint32_t calls_ = 0;
    std::int64_t shown_bytes_ = 0;
    llm::StopReason stop_ = llm::StopReason::none;
    std::string held_;  // arguments that may come to be "null"
    std::string stop_sequence_;
    std::string extra_;
    llm::Usage usage_;
    std::string_view shown_stop_;
    std::optional<Failure> failure_;
};

void StreamWriter::start(const Event& event, std::string& out) {
    if (started_) return;
    started_ = true;
    id_ = message_id(event.id, options_.id);
    out += "event: message_start\ndata: ";
    json::Writer w(out);
    w.begin_object().member("type", "message_start").key("message").begin_object();
    w.member("id", id_).member("type", "message").member("role", "assistant").member("model", options_.model.empty() ? event.model : std::string_view(options_.model));
    w.key("content").begin_array().end_array().member_null("stop_reason").member_null("stop_sequence");
    llm::Usage usage = or_estimated(usage_, options_.input_estimate, 0);
    usage.output = std::max<std::int64_t>(usage.output, 1);
    w.key("usage").begin_object();
    append_usage(w, usage);
    w.end_object().end_object().end_object();
    out += "\n\n";
}

void StreamWriter::open_block(std::string_view content_block, std::string& out) {
    open_ = true;
    fmt::format_to(std::back_inserter(out), "event: content_block_start\ndata: {{\"type\":\"content_block_start\",\"index\":{},\"content_block\":{}}}\n\n", next_block_, content_block);
    if (!std::exchange(pinged_, true)) keep_alive(out);
}

void StreamWriter::close_block(std::string& out) {
    if (!std::exchange(open_, false)) return;
    if (std::exchange(custom_, false)) delta("input_json_delta", "partial_json", "\"}", out);
    if (!held_.empty() && held_ != "null") delta("input_json_delta", "partial_json", held_, out);
    held_.clear();
    fmt::format_to(std::back_inserter(out), "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{}}}\n\n", next_block_++);
}

void StreamWriter::delta(std::string_view type, std::string_view key, std::string_view text, std::string& out) {
    shown_bytes_ += static_cast<std::int64_t>(text.size());
    fmt::format_to(std::back_inserter(out), "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{},\"delta\":{{\"type\":\"{}\",\"{}\":", next_block_, type, key);
    json::append_string(out, text);
    out += "}}\n\n";
}

void StreamWriter::part_started(const Event& event, std::string& out) {
    close_block(out);
    part_ = event.part_kind;
    std::string block;
    json::Writer w(block);
    switch (event.part_kind) {
        case PartKind::tool_call:
            ++calls_;
            w.begin_object().member("type", "tool_use").member("id", call_id(event.id, id_, event.call)).member("name", event.name).key("input").begin_object().end_object().end_object();
            open_block(block, out);
            custom_ = event.call_kind == llm::CallKind::custom;
            if (custom_) delta("input_json_delta", "partial_json", "{\"input\":\"", out);
            break;
        case PartKind::redacted_thinking:
            w.begin_object().member("type", "redacted_thinking").member("data", event.text).end_object();
            open_block(block, out);
            break;
        case PartKind::opaque:
            if (is_own_block(event.type)) open_block(one_line(event.raw), out);
            break;
        default: break;  // text and thinking open with their first delta: no empty block (E081)
    }
}

void StreamWriter::arguments(std::string_view text, std::string& out) {
    if (text.empty()) return;
    if (!custom_) {
        // "null" says that there are no arguments; here no delta says so.
        held_ += text;
        if (std::string_view("null").starts_with(held_)) return;
        delta("input_json_delta", "partial_json", held_, out);
        held_.clear();
        return;
    }
    std::string escaped;
    json::append_escaped(escaped, text);
    delta("input_json_delta", "partial_json", escaped, out);
}

void StreamWriter::finish(std::string& out) {
    close_block(out);
    ended_ = true;
    shown_stop_ = write_stop(stop_, calls_ > 0, !stop_sequence_.empty());
    out += "event: message_delta\ndata: ";
    json::Writer w(out);
    w.begin_object().member("type", "message_delta").key("delta").begin_object().member("stop_reason", shown_stop_);
    if (stop_sequence_.empty()) w.member_null("stop_sequence");
    else w.member("stop_sequence", stop_sequence_);
    append_extra(w, extra_, {"stop_details", "container"});
    w.end_object();
    append_extra(w, extra_, {"context_management"});
    w.key("usage").begin_object();
    append_usage(w, or_estimated(usage_, options_.input_estimate, shown_bytes_));
    w.end_object().end_object();
    out += "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
}

void StreamWriter::write(const Event& event, std::string& out) {
    if (ended_) return;
    switch (event.kind) {
        case EventKind::keep_alive: return keep_alive(out);
        case EventKind::usage_seen: usage_.merge_max(event.usage); return;
        case EventKind::started: return start(event, out);
        case EventKind::failed:
            ended_ = true;
            failure_ = event.failure != nullptr ? *event.failure : Failure(FailureKind::internal, "the answer failed");
            return write_stream_error(*failure_, {}, out);
        case EventKind::finished:
            start(event, out);
            return finish(out);
        default: break;
    }
    if (event.choice != 0) return;
    start(event, out);
    switch (event.kind) {
        case EventKind::part_started: return part_started(event, out);
        case EventKind::part_finished: return close_block(out);
        case EventKind::text_delta:
            if (event.text.empty()) return;
            if (!open_) open_block(R"({"type":"text","text":""})", out);
            return delta("text_delta", "text", event.text, out);
        case EventKind::thinking_delta:
        case EventKind::signature_delta:
            if (event.text.empty()) return;
            if (!open_) open_block(R"({"type":"thinking","thinking":"","signature":""})", out);
            if (event.kind == EventKind::thinking_delta) return delta("thinking_delta", "thinking", event.text, out);
            return delta("signature_delta", "signature", event.text, out);
        case EventKind::arguments_delta: return arguments(event.text, out);
        case EventKind::citation_delta:
            if (!is_own_citation(event.raw)) return;
            if (!open_) open_block(R"({"type":"text","text":""})", out);
            fmt::format_to(std::back_inserter(out), "event: content_block_delta\ndata: {{\"type\":\"content_block_delta\",\"index\":{},\"delta\":{{\"type\":\"citations_delta\",\"citation\":{}}}}}\n\n", next_block_,
                           one_line(event.raw));
            return;
        case EventKind::choice_finished:
            close_block(out);
            stop_ = event.stop;
            stop_sequence_ = event.stop_sequence;
            extra_ = event.extra;
            return;
        default: return;
    }
}

class BodyWriter final : public Writer {
public:
    explicit BodyWriter(const WriterOptions& options) : options_(options), collector_(arena_) {}
    void write(const Event& event, std::string& out) override;
    void keep_alive(std::string&) override {}
    const Failure* failure() const override { return collector_.failure() ? &*collector_.failure() : nullptr; }
    std::string_view shown_stop() const override { return shown_stop_; }

private:
    void body(std::string& out);
    void part(const llm::Part& part, std::uint32_t call, json::Writer& w);
    void input(const llm::Part& part, json::Writer& w);

    WriterOptions options_;
    Arena arena_;
    llm::Collector collector_;
    std::string id_;
    std::int64_t shown_bytes_ = 0;
    std::string_view shown_stop_;
};

/// Arguments as an object; what is none is shown as it came, not repaired (wire-formats 10.3).
void BodyWriter::input(const llm::Part& part, json::Writer& w) {
    if (part.call_kind == llm::CallKind::custom) {
        w.key("input").begin_object().member("input", part.arguments).end_object();
        return;
    }
    const auto text = trim(part.arguments);
    json::Document document;
    if (text.empty() || text == "null") w.key("input").begin_object().end_object();
    else if (document.parse(text, {.lone_surrogates = true}) && document.root().is_object()) w.member_raw("input", text);
    else w.key("input").begin_object().member("_raw", part.arguments).end_object();
}

void BodyWriter::part(const llm::Part& part, std::uint32_t call, json::Writer& w) {
    switch (part.kind) {
        case PartKind::text:
        case PartKind::refusal: {
            if (part.text.empty() && part.citations.empty()) return;
            w.begin_object().member("type", "text").member("text", part.text);
            json::Document citations;
            if (!part.citations.empty() && citations.parse(part.citations, {.lone_surrogates = true}) && citations.root().size() > 0 && is_own_citation(citations.root().at(0).raw()))
                w.member_raw("citations", part.citations);
            w.end_object();
            return;
        }
        case PartKind::thinking:
            if (part.text.empty() && part.signature.empty()) return;
            w.begin_object().member("type", "thinking").member("thinking", part.text).member("signature", part.signature).end_object();
            return;
        case PartKind::redacted_thinking: w.begin_object().member("type", "redacted_thinking").member("data", part.text).end_object(); return;
        case PartKind::tool_call:
            w.begin_object().member("type", "tool_use").member("id", call_id(part.id, id_, call)).member("name", part.name);
            input(part, w);
            w.end_object();
            return;
        case PartKind::opaque:
            if (is_own_block(part.type)) w.raw(part.raw);
            return;
        default: return;
    }
}

void BodyWriter::body(std::string& out) {
    const auto answer = collector_.take();
    static const llm::Choice nothing;
    const llm::Choice& choice = answer.choices.empty() || answer.choices.front().index != 0 ? nothing : answer.choices.front();
    id_ = message_id(answer.id, options_.id);
    std::uint32_t calls = 0;
    json::Writer w(out);
    w.begin_object().member("id", id_).member("type", "message").member("role", "assistant").member("model", options_.model.empty() ? answer.model : std::string_view(options_.model));
    w.key("content").begin_array();
    for (const auto& each : choice.parts) {
        shown_bytes_ += static_cast<std::int64_t>(each.text.size() + each.arguments.size());
        part(each, calls, w);
        if (each.kind == PartKind::tool_call) ++calls;
    }
    w.end_array();
    shown_stop_ = write_stop(choice.stop, calls > 0, !choice.stop_sequence.empty());
    w.member("stop_reason", shown_stop_);
    if (choice.stop_sequence.empty()) w.member_null("stop_sequence");
    else w.member("stop_sequence", choice.stop_sequence);
    append_extra(w, choice.extra, {"stop_details", "container", "context_management"});
    w.key("usage").begin_object();
    append_usage(w, or_estimated(answer.usage, options_.input_estimate, shown_bytes_));
    w.end_object().end_object();
}

void BodyWriter::write(const Event& event, std::string& out) {
    collector_.see(event);
    if (event.kind == EventKind::finished && failure() == nullptr) body(out);
}

}  // namespace

std::unique_ptr<Writer> make_writer(const WriterOptions& options) {
    if (options.mode == Mode::unary) return std::make_unique<BodyWriter>(options);
    return std::make_unique<StreamWriter>(options);
}

}  // namespace gotthard::dialect::anthropic
