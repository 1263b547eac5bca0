// Events -> a chat answer, exactly in OpenAI's shape (wire-formats.md 1.3, 1.4; E050-E058, E204, E205, E217, E219).
//
// What OpenAI has no member for stands in `reasoning_content`, `thinking_blocks` (with signatures, for replay) and
// `provider_specific_fields` (server tools, citations, a raw stop reason), and only when there is something to say.
#include <deque>

#include "base/text.hpp"
#include "dialect/common.hpp"
#include "dialect/common_edit.hpp"
#include "dialect/openai_chat.hpp"

namespace gotthard::dialect::chat {
namespace {

using llm::Event;
using llm::EventKind;
using llm::Part;
using llm::PartKind;
using llm::StopReason;

/// How much of a streamed text is kept for the citations that may follow it: cited texts are sentences.
constexpr std::size_t supported_cap = 8192;

bool is_own_opaque(std::string_view type) { return type.starts_with("chat."); }

/// A reason that finish_reason cannot say and a client may want to act on (E055).
bool tells_more(StopReason reason) {
    return reason == StopReason::pause || reason == StopReason::compaction || reason == StopReason::context_full;
}

void write_call_start(json::Writer& json, llm::CallKind kind, std::string_view id, std::string_view name,
                      std::string_view arguments) {
    const bool custom = kind == llm::CallKind::custom;
    json.member("id", id).member("type", custom ? "custom" : "function");
    json.key(custom ? "custom" : "function")
        .begin_object()
        .member("name", name)
        .member(custom ? "input" : "arguments", arguments)
        .end_object();
}

/// The answer's id as chat clients know ids: Anthropic's prefix gives way, other ids stay.
std::string shown_id(std::string_view id, std::string_view otherwise) {
    if (id.empty()) return std::string(otherwise);
    return id.starts_with("msg_") ? "chatcmpl-" + std::string(id.substr(4)) : std::string(id);
}

/// JSON on one line, as an SSE field must be: line breaks can only stand between its tokens.
std::string one_line(std::string_view json) {
    std::string out(json);
    for (char& c : out)
        if (c == '\n' || c == '\r') c = ' ';
    return out;
}

/// One thinking block, or the redacted one.
void write_thinking_block(json::Writer& json, PartKind kind, std::string_view text, std::string_view signature) {
    json.begin_object();
    if (kind == PartKind::redacted_thinking)
        json.member("type", "redacted_thinking").member("data", text);
    else
        json.member("type", "thinking").member("thinking", text).member("signature", signature);
    json.end_object();
}

bool is_url_citation(std::string_view raw) { return raw.find("\"url_citation\"") != std::string_view::npos; }

/// Anthropic's citation with the text that it supports (E053).
void write_citation(json::Writer& json, std::string_view raw, std::string_view supported) {
    raw = trim(raw);
    if (!raw.starts_with('{') || !raw.ends_with('}')) return void(json.raw(raw));
    std::string spliced(raw.substr(0, raw.size() - 1));
    if (trim(raw.substr(1, raw.size() - 2)).size() > 0) spliced += ',';
    spliced += "\"supported_text\":";
    json::append_string(spliced, supported);
    spliced += '}';
    json.raw(spliced);
}

/// A server tool's block whose input came in pieces.
std::string with_input(std::string_view block, std::string_view input) {
    const auto place = find_member(block, "input");
    json::Document document;
    if (place.size == 0 || input.empty() || !document.parse(input, {.lone_surrogates = true})) return std::string(block);
    return std::string(block.substr(0, place.begin)) + std::string(input) + std::string(block.substr(place.begin + place.size));
}

// ---- Stream -------------------------------------------------------------------------------------------------------------

class ChatStreamWriter final : public Writer {
public:
    explicit ChatStreamWriter(const WriterOptions& options) : options_(options) {}

    void write(const Event& event, std::string& out) override;
    void keep_alive(std::string& out) override { out += ": keepalive\n\n"; }
    const Failure* failure() const override { return failure_ ? &*failure_ : nullptr; }
    std::string_view shown_stop() const override { return shown_stop_; }

private:
    struct Choice {
        std::uint32_t index = 0;
        PartKind part_kind = PartKind::text;
        std::string text;  // of a text or thinking part
        std::string signature;
        std::string block;  // of an opaque part
        std::string block_input;
        std::vector<std::string> citations;
        std::uint32_t call = 0;
        llm::CallKind call_kind = llm::CallKind::function;
        bool arguments = false;
        bool has_calls = false;
        bool has_refusal = false;
        bool finished = false;
    };
    Choice& choice(std::uint32_t index, std::string& out);
    void start(const Event& event, std::string& out);
    void begin_chunk(std::uint32_t index, std::string& out);
    void end_chunk(std::string& out, std::string_view logprobs = {}, std::string_view finish_reason = {});
    void delta(std::uint32_t index, std::string_view key, std::string_view text, std::string& out,
               std::string_view logprobs = {});
    void raw_delta(std::uint32_t index, std::string_view json, std::string& out);
    void arguments(const Choice& at, std::string_view text, std::string& out);
    void part_started(Choice& at, const Event& event, std::string& out);
    void part_finished(Choice& at, std::string& out);
    void content(Choice& at, const Event& event, std::string& out);
    void choice_finished(Choice& at, const Event& event, std::string& out);
    void finish(std::string& out);

    WriterOptions options_;
    std::string head_;  // everything of a chunk up to "choices"
    std::deque<Choice> choices_;
    llm::Usage usage_;
    std::string tier_;
    std::string_view shown_stop_;
    std::optional<Failure> failure_;
};

void ChatStreamWriter::start(const Event& event, std::string& out) {
    head_ = "data: ";
    json::Writer json(head_);
    json.begin_object();
    json.member("id", shown_id(event.id, options_.id));
    json.member("object", "chat.completion.chunk");
    json.member("created", event.created != 0 ? event.created : options_.created);
    json.member("model", options_.model.empty() ? event.model : std::string_view(options_.model));
    if (!event.service_tier.empty()) json.member("service_tier", event.service_tier);
    if (event.fingerprint.empty())
        json.member_null("system_fingerprint");
    else
        json.member("system_fingerprint", event.fingerprint);
    head_ += ",\"choices\":[";
    choice(0, out);
}

/// Every choice begins with the role, an empty text and the nullable members (1.4).
ChatStreamWriter::Choice& ChatStreamWriter::choice(std::uint32_t index, std::string& out) {
    for (auto& each : choices_)
        if (each.index == index) return each;
    raw_delta(index, R"({"role":"assistant","content":"","refusal":null})", out);
    auto& made = choices_.emplace_back();
    made.index = index;
    return made;
}

void ChatStreamWriter::begin_chunk(std::uint32_t index, std::string& out) {
    out += head_;
    out += "{\"index\":";
    append_integer(out, index);
    out += ",\"delta\":";
}

void ChatStreamWriter::end_chunk(std::string& out, std::string_view logprobs, std::string_view finish_reason) {
    out += ",\"logprobs\":";
    if (logprobs.empty())
        out += "null";
    else
        out += one_line(logprobs);
    out += ",\"finish_reason\":";
    if (finish_reason.empty())
        out += "null";
    else
        json::append_string(out, finish_reason);
    out += "}]";
    if (options_.include_usage) out += ",\"usage\":null";
    out += "}\n\n";
}

void ChatStreamWriter::raw_delta(std::uint32_t index, std::string_view json, std::string& out) {
    begin_chunk(index, out);
    out += json.find_first_of("\r\n") == std::string_view::npos ? std::string(json) : one_line(json);
    end_chunk(out);
}

void ChatStreamWriter::delta(std::uint32_t index, std::string_view key, std::string_view text, std::string& out,
                             std::string_view logprobs) {
    begin_chunk(index, out);
    out += "{\"";
    out += key;
    out += "\":";
    json::append_string(out, text);
    out += '}';
    end_chunk(out, logprobs);
}

void ChatStreamWriter::arguments(const Choice& at, std::string_view text, std::string& out) {
    begin_chunk(at.index, out);
    out += "{\"tool_calls\":[{\"index\":";
    append_integer(out, at.call);
    out += at.call_kind == llm::CallKind::custom ? ",\"custom\":{\"input\":" : ",\"function\":{\"arguments\":";
    json::append_string(out, text);
    out += "}}]}";
    end_chunk(out);
}

void ChatStreamWriter::part_started(Choice& at, const Event& event, std::string& out) {
    at.part_kind = event.part_kind;
    at.text.clear(), at.signature.clear(), at.block.clear(), at.block_input.clear(), at.citations.clear();
    std::string made;
    json::Writer json(made);
    switch (event.part_kind) {
        case PartKind::tool_call:
            at.call = event.call;
            at.call_kind = event.call_kind;
            at.arguments = false;
            at.has_calls = true;
            json.begin_object().key("tool_calls").begin_array().begin_object().member("index", event.call);
            write_call_start(json, event.call_kind, event.id, event.name, "");
            json.end_object().end_array().end_object();
            return raw_delta(at.index, made, out);
        case PartKind::redacted_thinking:
            json.begin_object().key("thinking_blocks").begin_array();
            write_thinking_block(json, event.part_kind, event.text, {});
            json.end_array().end_object();
            return raw_delta(at.index, made, out);
        case PartKind::opaque:
            if (is_own_opaque(event.type)) {
                json.begin_object().member_raw(event.type.substr(5), event.raw).end_object();
                return raw_delta(at.index, made, out);
            }
            at.block = event.raw;
            return;
        case PartKind::refusal:
            at.has_refusal = true;
            return;
        default:
            return;
    }
}

void ChatStreamWriter::part_finished(Choice& at, std::string& out) {
    std::string made;
    json::Writer json(made);
    if (at.part_kind == PartKind::tool_call) {
        // A call without arguments has an empty object (E057).
        if (!at.arguments && at.call_kind == llm::CallKind::function) arguments(at, "{}", out);
        return;
    }
    if (at.part_kind == PartKind::thinking) {
        if (at.signature.empty()) return;
        json.begin_object().key("thinking_blocks").begin_array();
        write_thinking_block(json, at.part_kind, at.text, at.signature);
        json.end_array().end_object();
        return raw_delta(at.index, made, out);
    }
    if (at.part_kind == PartKind::opaque && !at.block.empty()) {
        json.begin_object().key("provider_specific_fields").begin_object().key("content_blocks").begin_array();
        json.raw(with_input(at.block, at.block_input));
        json.end_array().end_object().end_object();
        return raw_delta(at.index, made, out);
    }
    if (at.citations.empty()) return;
    json.begin_object();
    if (is_url_citation(at.citations.front())) {
        json.key("annotations").begin_array();
        for (const auto& citation : at.citations) json.raw(citation);
        json.end_array();
    } else {
        json.key("provider_specific_fields").begin_object().key("citations").begin_array();
        for (const auto& citation : at.citations) write_citation(json, citation, at.text);
        json.end_array().end_object();
    }
    json.end_object();
    raw_delta(at.index, made, out);
}

/// The partial input of a server tool's block, when the delta of its dialect holds one.
std::string partial_input(std::string_view raw) {
    json::Document document;
    return document.parse(raw, {.lone_surrogates = true}) ? document.root()["partial_json"].string() : std::string();
}

void ChatStreamWriter::content(Choice& at, const Event& event, std::string& out) {
    switch (event.kind) {
        case EventKind::text_delta:
            if (event.text.empty() && event.logprobs.empty()) return;
            if (at.text.size() < supported_cap) at.text += event.text;
            return delta(at.index, at.part_kind == PartKind::refusal ? "refusal" : "content", event.text, out, event.logprobs);
        case EventKind::thinking_delta:
            at.text += event.text;
            return delta(at.index, "reasoning_content", event.text, out);
        case EventKind::signature_delta:
            at.signature += event.text;
            return;
        case EventKind::arguments_delta:
            if (event.text.empty()) return;
            at.arguments = true;
            return arguments(at, event.text, out);
        case EventKind::citation_delta:
            at.citations.emplace_back(event.raw);
            return;
        case EventKind::opaque_delta:
            at.block_input += partial_input(event.raw);
            return;
        default:
            return;
    }
}

void ChatStreamWriter::choice_finished(Choice& at, const Event& event, std::string& out) {
    const auto reason = finish_reason_of(event.stop, at.has_calls, at.has_refusal);
    if (at.index == 0) shown_stop_ = reason;
    at.finished = true;
    begin_chunk(at.index, out);
    if (tells_more(event.stop) && !event.raw_stop.empty()) {
        out += "{\"provider_specific_fields\":{\"stop_reason\":";
        json::append_string(out, event.raw_stop);
        out += "}}";
    } else {
        out += "{}";
    }
    end_chunk(out, {}, reason);
}

void ChatStreamWriter::finish(std::string& out) {
    // Choice 0 was begun with the stream; an upstream that numbers from elsewhere never ends it.
    if (!choices_.empty() && !choices_.front().finished) choice_finished(choices_.front(), {.stop = StopReason::stop}, out);
    const bool told = usage_.source == llm::UsageSource::provider || usage_.source == llm::UsageSource::counted;
    if (options_.include_usage && told) {
        out += head_;
        out += "],\"usage\":";
        append_usage(out, usage_);
        out += "}\n\n";
    }
    out += "data: [DONE]\n\n";
}

void ChatStreamWriter::write(const Event& event, std::string& out) {
    if (failure_) return;
    switch (event.kind) {
        case EventKind::keep_alive:
            return;  // E063
        case EventKind::started:
            return start(event, out);
        case EventKind::usage_seen:
            usage_.merge_max(event.usage);
            return;
        case EventKind::finished:
            return finish(out);
        case EventKind::failed:
            failure_ = event.failure != nullptr ? *event.failure
                                                : Failure(FailureKind::upstream_malformed, "The upstream's answer broke off.");
            return write_stream_error(*failure_, options_.id, out);
        default:
            break;
    }
    Choice& at = choice(event.choice, out);
    switch (event.kind) {
        case EventKind::part_started:
            return part_started(at, event, out);
        case EventKind::part_finished:
            return part_finished(at, out);
        case EventKind::choice_finished:
            return choice_finished(at, event, out);
        default:
            return content(at, event, out);
    }
}

// ---- Unary --------------------------------------------------------------------------------------------------------------

class ChatUnaryWriter final : public Writer {
public:
    explicit ChatUnaryWriter(const WriterOptions& options) : options_(options), collector_(arena_) {}

    void write(const Event& event, std::string& out) override;
    void keep_alive(std::string&) override {}
    const Failure* failure() const override { return collector_.failure() ? &*collector_.failure() : nullptr; }
    std::string_view shown_stop() const override { return shown_stop_; }

private:
    void body(const llm::Answer& answer, std::string& out);
    void choice(json::Writer& json, const llm::Choice& choice);
    void provider_fields(json::Writer& json, const llm::Choice& choice);

    WriterOptions options_;
    Arena arena_;
    llm::Collector collector_;
    std::vector<std::string> block_inputs_;  // of opaque parts, in order
    std::string_view shown_stop_;
};

void ChatUnaryWriter::write(const Event& event, std::string& out) {
    if (event.kind == EventKind::part_started && event.part_kind == PartKind::opaque) block_inputs_.emplace_back();
    if (event.kind == EventKind::opaque_delta && !block_inputs_.empty()) block_inputs_.back() += partial_input(event.raw);
    collector_.see(event);
    if (event.kind == EventKind::finished && !collector_.failure()) body(collector_.take(), out);
}

std::string joined(const llm::Choice& choice, PartKind kind) {
    std::string out;
    for (const auto& part : choice.parts)
        if (part.kind == kind) out += part.text;
    return out;
}

bool has(const llm::Choice& choice, PartKind kind) {
    return std::ranges::any_of(choice.parts, [kind](const Part& part) { return part.kind == kind; });
}

void write_tool_calls(json::Writer& json, const llm::Choice& choice) {
    if (!has(choice, PartKind::tool_call)) return;
    json.key("tool_calls").begin_array();
    for (const auto& part : choice.parts) {
        if (part.kind != PartKind::tool_call) continue;
        const bool empty = part.call_kind == llm::CallKind::function && part.arguments.empty();
        json.begin_object();
        write_call_start(json, part.call_kind, part.id, part.name, empty ? std::string_view("{}") : part.arguments);
        json.end_object();
    }
    json.end_array();
}

void write_thinking(json::Writer& json, const llm::Choice& choice) {
    if (has(choice, PartKind::thinking)) json.member("reasoning_content", joined(choice, PartKind::thinking));
    const bool blocks = std::ranges::any_of(choice.parts, [](const Part& part) {
        return part.kind == PartKind::redacted_thinking || (part.kind == PartKind::thinking && !part.signature.empty());
    });
    if (!blocks) return;
    json.key("thinking_blocks").begin_array();
    for (const auto& part : choice.parts)
        if (part.kind == PartKind::redacted_thinking || part.kind == PartKind::thinking)
            write_thinking_block(json, part.kind, part.text, part.signature);
    json.end_array();
}

void ChatUnaryWriter::provider_fields(json::Writer& json, const llm::Choice& choice) {
    bool blocks = false, citations = false;
    for (const auto& part : choice.parts) {
        blocks = blocks || (part.kind == PartKind::opaque && !is_own_opaque(part.type));
        citations = citations || (part.kind == PartKind::text && !part.citations.empty() && !is_url_citation(part.citations));
    }
    const bool reason = tells_more(choice.stop) && !choice.raw_stop.empty();
    if (!blocks && !citations && !reason) return;
    json.key("provider_specific_fields").begin_object();
    if (blocks) {
        json.key("content_blocks").begin_array();
        std::size_t opaque = 0;
        for (const auto& part : choice.parts) {
            if (part.kind != PartKind::opaque) continue;
            const auto number = opaque++;
            if (!is_own_opaque(part.type))
                json.raw(with_input(part.raw, number < block_inputs_.size() ? block_inputs_[number] : std::string()));
        }
        json.end_array();
    }
    if (citations) {
        json.key("citations").begin_array();
        for (const auto& part : choice.parts) {
            json::Document document;
            if (part.kind != PartKind::text || part.citations.empty() || is_url_citation(part.citations) ||
                !document.parse(part.citations, {.lone_surrogates = true}))
                continue;
            for (json::Value each : document.root().items()) write_citation(json, each.raw(), part.text);
        }
        json.end_array();
    }
    if (reason) json.member("stop_reason", choice.raw_stop);
    json.end_object();
}

void ChatUnaryWriter::choice(json::Writer& json, const llm::Choice& choice) {
    const bool has_refusal = has(choice, PartKind::refusal);
    json.begin_object().member("index", choice.index).key("message").begin_object().member("role", "assistant");
    if (has(choice, PartKind::text))
        json.member("content", joined(choice, PartKind::text));
    else if (options_.null_text)
        json.member_null("content");
    else
        json.member("content", "");
    if (has_refusal)
        json.member("refusal", joined(choice, PartKind::refusal));
    else
        json.member_null("refusal");
    json.key("annotations").begin_array();
    for (const auto& part : choice.parts) {
        json::Document document;
        if (part.kind != PartKind::text || !is_url_citation(part.citations) ||
            !document.parse(part.citations, {.lone_surrogates = true}))
            continue;
        for (json::Value each : document.root().items()) json.raw(each.raw());
    }
    json.end_array();
    write_thinking(json, choice);
    write_tool_calls(json, choice);
    for (const auto& part : choice.parts)
        if (part.kind == PartKind::opaque && is_own_opaque(part.type)) json.member_raw(part.type.substr(5), part.raw);
    provider_fields(json, choice);
    json.end_object();
    if (choice.logprobs.empty())
        json.member_null("logprobs");
    else
        json.member_raw("logprobs", choice.logprobs);
    const auto reason = finish_reason_of(choice.stop, has(choice, PartKind::tool_call), has_refusal);
    if (choice.index == 0) shown_stop_ = reason;
    json.member("finish_reason", reason).end_object();
}

void ChatUnaryWriter::body(const llm::Answer& answer, std::string& out) {
    json::Writer json(out);
    json.begin_object();
    json.member("id", shown_id(answer.id, options_.id));
    json.member("object", "chat.completion");
    json.member("created", answer.created != 0 ? answer.created : options_.created);
    json.member("model", options_.model.empty() ? answer.model : std::string_view(options_.model));
    json.key("choices").begin_array();
    for (const auto& each : answer.choices) choice(json, each);
    json.end_array();
    if (answer.usage.source == llm::UsageSource::provider || answer.usage.source == llm::UsageSource::counted) {
        json.key("usage");
        std::string usage;
        append_usage(usage, answer.usage);
        json.raw(usage);
    }
    if (!answer.service_tier.empty()) json.member("service_tier", answer.service_tier);
    if (answer.fingerprint.empty())
        json.member_null("system_fingerprint");
    else
        json.member("system_fingerprint", answer.fingerprint);
    json.end_object();
}

}  // namespace

std::unique_ptr<Writer> make_writer(const WriterOptions& options) {
    if (options.mode == Mode::unary) return std::make_unique<ChatUnaryWriter>(options);
    return std::make_unique<ChatStreamWriter>(options);
}

}  // namespace gotthard::dialect::chat
