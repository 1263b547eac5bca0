// The answer of a chat server, stream or unary, as events. Tolerates what wire-formats.md section 9 lists: see the tests.
#include <deque>
#include <optional>

#include "base/sse.hpp"
#include "base/text.hpp"
#include "dialect/chat/parts.hpp"
#include "dialect/common.hpp"
#include "dialect/common_errors.hpp"
#include "dialect/openai_chat.hpp"

namespace gotthard::dialect::chat {
namespace {

using llm::Event;
using llm::EventKind;
using llm::Events;
using llm::PartKind;
using llm::StopReason;

constexpr std::size_t body_cap = 64u << 20;
constexpr std::size_t held_cap = 32u << 20;
constexpr std::size_t part_cap = 10'000;
constexpr std::int64_t choice_cap = 256;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// The members of `object` that have these names, found in one pass; of a repeated name the last, as Value::operator[] has it.
template <std::size_t N>
std::array<json::Value, N> pick(json::Value object, const std::array<std::string_view, N>& names) {
    std::array<json::Value, N> out;
    for (const auto& member : object.members()) {
        const bool escaped = member.name.has_escapes();
        const auto quoted = member.name.raw();
        const auto name = quoted.substr(1, quoted.size() - 2);
        for (std::size_t i = 0; i < N; ++i)
            if (escaped ? member.is(names[i]) : name == names[i]) out[i] = member.value;
    }
    return out;
}

constexpr std::array<std::string_view, 7> chunk_names{"error", "type", "object", "choices", "usage", "x_groq", "service_tier"};
constexpr std::array<std::string_view, 8> choice_names{"index",    "delta",         "message",     "text",
                                                       "logprobs", "finish_reason", "stop_reason", "usage"};
constexpr std::array<std::string_view, 11> delta_names{"reasoning_content", "reasoning", "thinking_blocks", "reasoning_details",
                                                       "content",           "refusal",   "annotations",     "tool_calls",
                                                       "function_call",     "audio",     "images"};

struct Choice {
    Choice(std::uint32_t index_, const Memory* memory, Scratch& scratch) : index(index_), parts(index_, memory, scratch) {}
    std::uint32_t index;
    PartQueue parts;
    StopReason stop = StopReason::none;
    std::string raw_stop;
    std::string stop_sequence;
};

/// What a thread needs while it reads and nothing keeps: the tape of the chunk at hand, and its decoded texts.
thread_local json::Document document;
thread_local Arena decoded;

class ChatReader final : public Reader {
public:
    explicit ChatReader(const ReaderOptions& options) : options_(options), whole_body_(options.mode == Mode::unary) {}

    void feed(std::string_view bytes, Events& out) override;
    void finish(bool clean, Events& out) override;
    bool ended() const override { return ended_; }

private:
    void begin(std::size_t expected);
    bool sniff(std::string_view& bytes, Events& out);
    void drain(Events& out);
    void block(const SseEvent& event, Events& out);
    void data(std::string_view text, bool unfinished, bool error_event, Events& out);
    void chunk(json::Value choices, json::Value told, Events& out);
    void remember(json::Value root);
    void start(Events& out);
    json::Value choice(json::Value value, std::int64_t position, bool unary, Events& out);
    void delta(Choice& to, json::Value from, std::string_view logprobs, Events& out);
    void reasoning(Choice& to, std::string_view text, json::Value blocks, json::Value details, Events& out);
    void reasoning_details(Choice& to, json::Value details, bool text_elsewhere, Events& out);
    void thinking_blocks(Choice& to, json::Value blocks, bool text_elsewhere, Events& out);
    void content(Choice& to, json::Value value, std::string_view logprobs, Events& out);
    void tool_calls(Choice& to, json::Value calls, Events& out);
    void stop(Choice& to, json::Value reason, json::Value sequence, bool unary, Events& out);
    void usage(json::Value from, Events& out);
    void body(bool clean, Events& out);
    void stream_end(bool clean, Events& out);
    void complete(Events& out);
    void fail(Failure failure, Events& out);
    Choice* choice_at(std::int64_t index, Events& out);

    ReaderOptions options_;
    bool whole_body_;  // unary, or a stream request that was answered with one JSON body
    bool sniffed_ = false;
    bool started_ = false;
    bool ended_ = false;
    SseReader sse_;
    std::string body_;
    Scratch scratch_;  // what the events of the last feed view
    std::deque<Choice> choices_;
    std::string id_, model_, fingerprint_, tier_;
    std::int64_t created_ = 0;
    llm::Usage usage_;
    std::optional<Failure> failure_;
};

void ChatReader::fail(Failure failure, Events& out) {
    failure_ = std::move(failure);
    ended_ = true;
    out.push_back({.kind = EventKind::failed, .failure = &*failure_});
}

void ChatReader::begin(std::size_t expected) {
    decoded.release();
    scratch_.reset(expected + 64);
}

/// Looks at the first byte that is no blank: SSE, one JSON body, or a page (wire-formats.md 0.2.7). True when it is known.
bool ChatReader::sniff(std::string_view& bytes, Events& out) {
    if (sniffed_) return true;
    body_ += bytes;
    bytes = body_;
    if (byte_order_mark.starts_with(bytes.substr(0, 3)) && bytes.size() < 3) return false;
    if (bytes.starts_with(byte_order_mark)) bytes.remove_prefix(3);
    bytes = bytes.substr(std::min(bytes.size(), bytes.find_first_not_of(" \t\r\n")));
    if (bytes.empty()) {
        body_.clear();
        return false;
    }
    sniffed_ = true;
    if (bytes.front() == '<')
        fail(malformed("The upstream answered with a page instead of a model's answer.", bytes), out);
    else if (bytes.front() == '{' || bytes.front() == '[')
        whole_body_ = true;
    return !ended_;
}

void ChatReader::feed(std::string_view bytes, Events& out) {
    if (ended_) return;
    begin(bytes.size());
    if (!whole_body_) {
        const bool first = !sniffed_;
        if (!sniff(bytes, out)) return;
        if (!whole_body_) {
            sse_.feed(bytes);
            drain(out);
            if (first) std::string().swap(body_);
            return;
        }
        if (first) return;  // sniff() has put the bytes into body_
    }
    if (body_.size() + bytes.size() > body_cap)
        return fail(malformed("The upstream's answer is larger than the gateway accepts."), out);
    body_ += bytes;
}

void ChatReader::drain(Events& out) {
    while (!ended_) {
        const SseEvent* event = sse_.next();
        if (event == nullptr) break;
        block(*event, out);
    }
    if (!ended_ && sse_.failed()) fail(sse_.status().error(), out);
}

void ChatReader::block(const SseEvent& event, Events& out) {
    const auto text = trim(event.data);
    const bool error_event = event.event == "error";
    if (event.has_data && (!text.empty() || error_event)) return data(text, event.unfinished, error_event, out);
    const auto raw = trim(event.raw);
    if (raw.starts_with('{')) return data(raw, event.unfinished, false, out);  // an error line without `data:` (0.2.9)
    if (!raw.empty()) out.push_back({.kind = EventKind::keep_alive});
}

/// Whether an object without choices is an event of another dialect.
bool is_foreign(json::Value root) {
    const auto type = root["type"].string();
    return root["candidates"].is_array() || type.starts_with("response.") || type.starts_with("message_") ||
           type.starts_with("content_block_") || type == "message" || type == "message-start" || root["generated_text"] ||
           root["object"].equals("response");
}

void ChatReader::data(std::string_view text, bool unfinished, bool error_event, Events& out) {
    if (text.starts_with("[DONE]")) return complete(out);
    if (!document.parse(text, {.lone_surrogates = true})) {
        if (unfinished) return fail(truncated("The upstream's stream was cut off inside an event."), out);
        if (error_event) return fail(read_upstream_error(0, text), out);
        return fail(malformed("The upstream sent an event that is not JSON.", text), out);
    }
    const auto root = document.root();
    const auto [error, type, object, choices, usage, groq, tier] = pick(root, chunk_names);
    const bool may_be_error = error || type || object.equals("error");
    if (error_event || (may_be_error && is_error_object(root)))
        return fail(root.is_object() ? read_stream_error(root) : read_upstream_error(0, text), out);
    if (!root.is_object()) return fail(malformed("The upstream sent an event that is not a completion chunk.", text), out);
    if (!started_)
        remember(root);
    else if (tier_.empty())
        tier_ = tier.string();
    if (!choices.is_array() && is_foreign(root))
        return fail(malformed("The upstream answered in another dialect than chat completions.", root.raw()), out);
    chunk(choices, usage.is_object() ? usage : groq["usage"], out);
}

void ChatReader::remember(json::Value root) {
    const auto keep = [&](std::string& to, std::string_view key) {
        if (to.empty() && root[key].is_string()) to = root[key].string();
    };
    keep(id_, "id");
    keep(model_, "model");
    keep(model_, "model_id");
    keep(fingerprint_, "system_fingerprint");
    keep(tier_, "service_tier");
    if (created_ == 0) created_ = std::max<std::int64_t>(0, root["created"].integer().value_or(0));
}

void ChatReader::start(Events& out) {
    if (started_) return;
    started_ = true;
    Event event{.kind = EventKind::started, .created = created_};
    event.id = scratch_.copy(id_);
    event.model = scratch_.copy(model_);
    event.service_tier = scratch_.copy(tier_);
    event.fingerprint = scratch_.copy(fingerprint_);
    out.push_back(event);
}

void ChatReader::chunk(json::Value choices, json::Value told, Events& out) {
    if (choices.size() > 0) start(out);
    std::int64_t position = 0;
    for (json::Value each : choices.items()) {
        const auto inside = choice(each, position++, false, out);
        if (ended_) return;
        if (!told.is_object()) told = inside;
    }
    usage(told, out);
    if (choices.size() == 0 && !started_) out.push_back({.kind = EventKind::keep_alive});
}

Choice* ChatReader::choice_at(std::int64_t index, Events& out) {
    for (auto& each : choices_)
        if (each.index == index) return &each;
    if (index < 0 || index >= choice_cap) {
        fail(malformed("The upstream numbered a choice beyond what can be asked for."), out);
        return nullptr;
    }
    return &choices_.emplace_back(static_cast<std::uint32_t>(index), options_.memory, scratch_);
}

/// The raw logprobs of a choice when they hold a token.
std::string_view logprobs_of(json::Value value) {
    if (!value.is_object()) return {};
    return value["content"].size() > 0 || value["refusal"].size() > 0 ? value.raw() : std::string_view{};
}

/// Returns the usage object that some servers put into the choice (Moonshot).
json::Value ChatReader::choice(json::Value value, std::int64_t position, bool unary, Events& out) {
    if (!value.is_object()) return {};
    const auto [index, streamed, message, text, logprobs, reason, sequence, told] = pick(value, choice_names);
    Choice* to = choice_at(index.integer().value_or(unary ? position : 0), out);
    if (to == nullptr) return {};
    json::Value from = unary ? message : streamed;
    if (!from.is_object()) from = unary ? streamed : message;
    if (from.is_object())
        delta(*to, from, logprobs_of(logprobs), out);
    else if (text.is_string())
        to->parts.text(PartKind::text, text.text(decoded), logprobs_of(logprobs), id_, out);
    if (to->parts.held() > held_cap || to->parts.count() > part_cap)
        fail(malformed("The upstream's answer holds more parts than the gateway accepts."), out);
    else
        stop(*to, reason, sequence, unary, out);
    return told;
}

void ChatReader::delta(Choice& to, json::Value from, std::string_view logprobs, Events& out) {
    const auto [reasoning_content, reasoning_text, blocks, details, text, refusal, annotations, calls, call, audio, images] =
        pick(from, delta_names);
    auto thought = reasoning_content.text(decoded);
    if (thought.empty()) thought = reasoning_text.text(decoded);
    if (!thought.empty() || blocks || details) reasoning(to, thought, blocks, details, out);
    content(to, text, logprobs, out);
    if (refusal.is_string()) to.parts.text(PartKind::refusal, refusal.text(decoded), logprobs, id_, out);
    for (json::Value citation : annotations.items()) to.parts.citation(citation.raw(), out);
    tool_calls(to, calls, out);
    if (call.is_object()) {
        const auto name = call["name"].text(decoded);
        const auto arguments = call["arguments"].is_object() ? call["arguments"].raw() : call["arguments"].text(decoded);
        if (!name.empty() || !arguments.empty()) to.parts.call({.index = -1, .name = name, .arguments = arguments}, id_, out);
    }
    if (audio.is_object() &&
        (!audio["data"].string().empty() || !audio["id"].string().empty() || !audio["transcript"].string().empty()))
        to.parts.whole(PartKind::opaque, "chat.audio", audio.raw(), out);
    if (images.size() > 0) to.parts.whole(PartKind::opaque, "chat.images", images.raw(), out);
}

void ChatReader::reasoning(Choice& to, std::string_view text, json::Value blocks, json::Value details, Events& out) {
    // A whole message brings its blocks with their signatures beside the joined text; the blocks say more.
    const bool blocks_tell = blocks.size() > 0 && !to.parts.any();
    const bool details_tell = details.size() > 0 && !to.parts.any() && !blocks_tell;
    const auto holds_text = [&](json::Value list, std::string_view key) {
        for (json::Value each : list.items())
            if (each[key].is_string() && each[key].raw().size() > 2) return true;
        return false;
    };
    const bool from_list = (blocks_tell && holds_text(blocks, "thinking")) ||
                           (details_tell && (holds_text(details, "text") || holds_text(details, "summary")));
    if (!from_list) to.parts.text(PartKind::thinking, text, {}, id_, out);
    thinking_blocks(to, blocks, !from_list, out);
    if (blocks.size() == 0) reasoning_details(to, details, !from_list && !text.empty(), out);
}

void ChatReader::thinking_blocks(Choice& to, json::Value blocks, bool text_elsewhere, Events& out) {
    for (json::Value block : blocks.items()) {
        if (block["type"].equals("redacted_thinking")) {
            to.parts.whole(PartKind::redacted_thinking, {}, block["data"].text(decoded), out);
            continue;
        }
        if (!text_elsewhere || !to.parts.thinking_open())
            to.parts.text(PartKind::thinking, block["thinking"].text(decoded), {}, id_, out);
        to.parts.signature(block["signature"].text(decoded), out);
    }
}

/// OpenRouter's reasoning_details: text and summary are shown text, encrypted is opaque data to hand back.
void ChatReader::reasoning_details(Choice& to, json::Value details, bool text_elsewhere, Events& out) {
    for (json::Value each : details.items()) {
        const auto type = each["type"];
        if (type.equals("reasoning.encrypted")) {
            if (const auto data_text = each["data"].text(decoded); !data_text.empty())
                to.parts.whole(PartKind::redacted_thinking, {}, data_text, out);
            continue;
        }
        if (!text_elsewhere)
            to.parts.text(PartKind::thinking, each[type.equals("reasoning.summary") ? "summary" : "text"].text(decoded), {}, id_,
                          out);
        to.parts.signature(each["signature"].text(decoded), out);
    }
}

/// A string, or Mistral's list of text and thinking parts.
void ChatReader::content(Choice& to, json::Value value, std::string_view logprobs, Events& out) {
    if (value.is_string()) return to.parts.text(PartKind::text, value.text(decoded), logprobs, id_, out);
    if (value.is_null() && !logprobs.empty()) return to.parts.text(PartKind::text, {}, logprobs, id_, out);
    for (json::Value part : value.items()) {
        const auto thinking = part["thinking"];
        if (part.is_string())
            to.parts.text(PartKind::text, part.text(decoded), {}, id_, out);
        else if (part["type"].equals("refusal"))
            to.parts.text(PartKind::refusal, part["refusal"].text(decoded), {}, id_, out);
        else if (thinking.is_string())
            to.parts.text(PartKind::thinking, thinking.text(decoded), {}, id_, out);
        else if (part["type"].equals("thinking")) {
            for (json::Value each : thinking.items()) to.parts.text(PartKind::thinking, each["text"].text(decoded), {}, id_, out);
        } else if (part["text"].is_string())
            to.parts.text(PartKind::text, part["text"].text(decoded), logprobs, id_, out);
    }
}

void ChatReader::tool_calls(Choice& to, json::Value calls, Events& out) {
    for (json::Value each : calls.items()) {
        if (!each.is_object()) continue;
        const bool custom = each["type"].equals("custom") || (!each["function"].is_object() && each["custom"].is_object());
        const auto body = each[custom ? "custom" : "function"];
        const auto arguments = body[custom ? "input" : "arguments"];
        CallDelta delta;
        delta.index = each["index"].integer();
        delta.id = each["id"].is_number() ? each["id"].raw() : each["id"].text(decoded);
        delta.name = body["name"].text(decoded);
        delta.arguments = arguments.is_object() || arguments.is_array() ? arguments.raw() : arguments.text(decoded);
        delta.kind = custom ? llm::CallKind::custom : llm::CallKind::function;
        to.parts.call(delta, id_, out);
    }
}

/// The first reason counts, repeats do not (10.1 rule 2).
void ChatReader::stop(Choice& to, json::Value reason, json::Value sequence, bool unary, Events& out) {
    if (to.stop != StopReason::none) return;
    if (const auto number = reason.integer()) {
        static constexpr StopReason numbered[] = {StopReason::none, StopReason::stop, StopReason::length, StopReason::filter,
                                                  StopReason::filter};
        to.stop = *number >= 0 && *number < 5 ? numbered[*number] : StopReason::stop;
        to.raw_stop = reason.raw();
    } else {
        to.raw_stop = reason.string();
        to.stop = stop_reason_of(to.raw_stop);
    }
    if (to.stop == StopReason::error) {
        if (to.raw_stop == "insufficient_system_resource") {
            Failure overloaded(FailureKind::overloaded, "The upstream ran out of resources and broke off its answer; try again.");
            overloaded.origin = Origin::upstream;
            overloaded.retry = Retry::next_target;
            return fail(std::move(overloaded), out);
        }
        return fail(Failure(FailureKind::upstream_error, "The upstream ended its answer with an error.").because(to.raw_stop),
                    out);
    }
    if (to.stop == StopReason::none && unary) to.stop = StopReason::stop;
    // vLLM names the sequence that matched; a number there is a token id.
    if (to.stop == StopReason::stop && sequence.is_string() && sequence.raw().size() > 2) {
        to.stop = StopReason::stop_sequence;
        to.stop_sequence = sequence.string();
    }
}

void ChatReader::usage(json::Value from, Events& out) {
    if (!from.is_object()) return;
    const auto seen = read_usage(from, options_.quirks);
    if (!seen.known()) return;
    auto merged = usage_;
    merged.merge_max(seen);
    if (merged == usage_) return;
    usage_ = merged;
    start(out);
    Event event{.kind = EventKind::usage_seen, .usage = usage_};
    event.service_tier = scratch_.copy(tier_);
    out.push_back(event);
}

/// The upstream's own end, or all that is due before it: closes every choice.
void ChatReader::complete(Events& out) {
    if (!started_ || choices_.empty()) return fail(malformed("The upstream ended its stream without an answer."), out);
    for (auto& each : choices_) {
        each.parts.finish(id_, out);
        Event event{.kind = EventKind::choice_finished, .choice = each.index, .stop = each.stop};
        const bool plain_stop =
            each.stop == StopReason::none || each.stop == StopReason::stop || each.stop == StopReason::stop_sequence;
        // An answer that holds whole calls ends in tool_calls whatever the upstream says (10.1 rule 1).
        if (each.parts.has_calls() && (plain_stop || (each.stop == StopReason::length && each.parts.calls_complete())))
            event.stop = StopReason::tool_calls;
        else if (each.parts.has_refusal() && plain_stop)
            event.stop = StopReason::refusal;
        else if (event.stop == StopReason::none)
            event.stop = StopReason::stop;
        event.raw_stop = scratch_.copy(each.raw_stop);
        if (event.stop == StopReason::stop_sequence) event.stop_sequence = scratch_.copy(each.stop_sequence);
        out.push_back(event);
    }
    ended_ = true;
    out.push_back({.kind = EventKind::finished});
}

void ChatReader::body(bool clean, Events& out) {
    std::string_view text = body_;
    if (text.starts_with(byte_order_mark)) text.remove_prefix(3);
    text = trim(text);
    if (text.empty())
        return fail(clean ? malformed("The upstream answered with an empty body.")
                          : truncated("The upstream's connection ended before its answer."),
                    out);
    if (text.front() == '<') return fail(malformed("The upstream answered with a page instead of a model's answer.", text), out);
    if (text.starts_with("data:") || text.starts_with("event:") || text.starts_with(':')) {
        // A stream though none was asked for: read it as one.
        whole_body_ = false, sniffed_ = true;
        sse_.feed(text);
        drain(out);
        return stream_end(clean, out);
    }
    if (!document.parse(text, {.lone_surrogates = true}))
        return fail(truncated("The upstream's answer is not complete JSON."), out);
    json::Value root = document.root();
    if (is_error_object(root)) return fail(read_stream_error(root), out);
    if (root.is_array() && root.size() == 1 && is_error_object(root.at(0))) return fail(read_stream_error(root.at(0)), out);
    const auto list = root["choices"];
    if (!list.is_array() || list.size() == 0) {
        const bool error = !is_foreign(root) && (root["message"] || root["detail"] || root["errors"].size() > 0);
        return fail(error ? read_stream_error(root)
                          : malformed("The upstream's answer is no chat completion: it holds no choices.", text),
                    out);
    }
    remember(root);
    start(out);
    std::int64_t position = 0;
    for (json::Value each : list.items()) {
        (void)choice(each, position++, true, out);
        if (ended_) return;
    }
    usage(root["usage"].is_object() ? root["usage"] : root["x_groq"]["usage"], out);
    complete(out);
}

void ChatReader::finish(bool clean, Events& out) {
    if (ended_) return;
    begin(whole_body_ ? body_.size() : sse_.held());
    if (whole_body_)
        body(clean, out);
    else
        stream_end(clean, out);
    decoded.release();
    if (body_.size() > (1u << 20)) document = {};  // what the thread keeps stays small
}

void ChatReader::stream_end(bool clean, Events& out) {
    if (ended_) return;
    sse_.finish();
    drain(out);
    if (ended_) return;
    const bool all_stopped =
        !choices_.empty() && std::ranges::all_of(choices_, [](const Choice& each) { return each.stop != StopReason::none; });
    if (all_stopped || (clean && !choices_.empty() && options_.has(Quirk::ends_without_finish))) return complete(out);
    fail(started_ ? truncated("The upstream's stream ended before its answer was complete.")
                  : truncated("The upstream's stream ended without an answer."),
         out);
}

}  // namespace

std::unique_ptr<Reader> make_reader(const ReaderOptions& options) { return std::make_unique<ChatReader>(options); }

}  // namespace gotthard::dialect::chat
