// An Anthropic answer as events: the SSE stream and the unary body. Never throws; what cannot be read ends in a `failed` event.
#include <fmt/format.h>

#include "base/sse.hpp"
#include "base/text.hpp"
#include "dialect/anthropic/parts.hpp"
#include "dialect/anthropic/usage.hpp"
#include "dialect/anthropic_messages.hpp"
#include "dialect/common_errors.hpp"

namespace gotthard::dialect::anthropic {
namespace {

using llm::Event;
using llm::EventKind;
using llm::Events;

constexpr std::size_t largest_body = 64u << 20;
constexpr json::Limits upstream_limits{.lone_surrogates = true};

/// Members of an answer that only a writer of this dialect can show.
std::string extra_of(json::Value delta, json::Value top) {
    std::string out;
    json::Writer w(out);
    w.begin_object();
    bool any = false;
    const auto take = [&](json::Value from, std::string_view key) {
        if (const auto value = from[key]; value && !value.is_null()) w.key(key).raw(value.raw()), any = true;
    };
    take(delta, "stop_details");
    take(delta, "container");
    take(top, "context_management");
    w.end_object();
    return any ? out : std::string();
}

class AnswerReader final : public Reader {
public:
    explicit AnswerReader(const ReaderOptions& options) : whole_(options.mode == Mode::unary), decided_(whole_), parts_(options.memory, scratch_) {}

    void feed(std::string_view bytes, Events& out) override;
    void finish(bool clean, Events& out) override;
    bool ended() const override { return ended_; }

private:
    struct Row {
        std::string_view type;
        void (AnswerReader::*read)(json::Value);
    };
    static const Row rows[];

    void begin(std::size_t expected, Events& out);
    void fail(Failure failure);
    void drain();
    void block(const SseEvent& block);
    void event(json::Value event, std::string_view name);

    void message_start(json::Value event);
    void block_start(json::Value event);
    void block_delta(json::Value event);
    void block_stop(json::Value event);
    void message_delta(json::Value event);
    void message_stop(json::Value event);
    void ping(json::Value) { out_->push_back({.kind = EventKind::keep_alive}); }
    void error(json::Value event) { fail(read_stream_error(event)); }

    void started(json::Value message);
    void usage(json::Value usage);
    void read_whole();
    void whole_message(json::Value root);
    bool is_open_block(json::Value event) const;

    bool whole_;    // the body is one JSON value
    bool decided_;  // which of the two it is
    bool started_ = false;
    bool stopped_ = false;  // choice_finished was made
    bool ended_ = false;
    std::optional<std::int64_t> index_;  // of the open block
    SseReader sse_;
    std::string body_;
    Scratch scratch_;
    Parts parts_;
    UsageReader usage_;
    Failure failure_;
    Events* out_ = nullptr;
};

const AnswerReader::Row AnswerReader::rows[] = {
    {"content_block_delta", &AnswerReader::block_delta}, {"content_block_start", &AnswerReader::block_start}, {"content_block_stop", &AnswerReader::block_stop},
    {"message_start", &AnswerReader::message_start},     {"message_delta", &AnswerReader::message_delta},     {"message_stop", &AnswerReader::message_stop},
    {"ping", &AnswerReader::ping},                       {"error", &AnswerReader::error},
};

json::Document& shared_document() {
    thread_local json::Document document;
    return document;
}

void AnswerReader::begin(std::size_t expected, Events& out) {
    scratch_.reset(expected + 64);
    out_ = &out;
    parts_.to(out);
}

void AnswerReader::fail(Failure failure) {
    failure_ = std::move(failure);
    ended_ = true;
    out_->push_back({.kind = EventKind::failed, .failure = &failure_});
}

void AnswerReader::feed(std::string_view bytes, Events& out) {
    if (ended_) return;
    if (!decided_) {
        body_ += bytes;
        auto seen = trim(body_);
        if (seen.starts_with("\xef\xbb\xbf")) seen = trim(seen.substr(3));
        if (seen.empty() && body_.size() < 4096) return;
        decided_ = true;
        whole_ = !seen.empty() && (seen.front() == '{' || seen.front() == '[' || seen.front() == '<');
        if (whole_) return;
        const std::string held = std::exchange(body_, {});
        begin(held.size(), out);
        sse_.feed(held);
        drain();
        return;
    }
    if (whole_) {
        if (body_.size() + bytes.size() > largest_body) {
            begin(0, out);
            return fail(malformed("the upstream's answer is larger than this gateway reads"));
        }
        body_ += bytes;
        return;
    }
    begin(bytes.size() + sse_.held(), out);
    sse_.feed(bytes);
    drain();
}

void AnswerReader::drain() {
    while (!ended_) {
        const SseEvent* next = sse_.next();
        if (next == nullptr) break;
        block(*next);
    }
    if (!ended_ && sse_.failed()) fail(malformed("an event of the upstream's stream is too large"));
    if (!ended_ && parts_.too_large()) fail(malformed("a content block of the upstream's stream is too large"));
}

void AnswerReader::block(const SseEvent& block) {
    if (!block.has_data) {
        if (!block.comment.empty()) out_->push_back({.kind = EventKind::keep_alive});
        return;
    }
    const auto data = trim(block.data);
    if (data.empty() || data.starts_with("[DONE]")) return;
    auto& document = shared_document();
    const bool sound = document.parse(data, upstream_limits).has_value();
    if (sound && document.root().is_object()) {
        event(document.root(), block.event);
        return;
    }
    if (block.unfinished) return;  // cut inside an event: the end of the stream tells
    if (block.event == "error") return fail(read_upstream_error(0, data));
    fail(malformed("the upstream's stream holds an event that is not JSON", data));
}

void AnswerReader::event(json::Value event, std::string_view name) {
    const auto type = event["type"];
    if (type.is_string() || !name.empty()) {
        const std::string word = type.is_string() ? type.string() : std::string(name);
        for (const auto& row : rows)
            if (row.type == word) return (this->*row.read)(event);
    }
    if (is_error_object(event)) return error(event);
    if (event["choices"] || event["candidates"] || event["object"].is_string() || event["response"].is_object()) return fail(malformed("the upstream answered in another dialect than Anthropic Messages", event.raw()));
    out_->push_back({.kind = EventKind::keep_alive});  // unknown, harmless
}

void AnswerReader::usage(json::Value usage) {
    if (!usage_.see(usage)) return;
    out_->push_back({.kind = EventKind::usage_seen, .service_tier = scratch_.keep(usage["service_tier"]), .usage = usage_.usage()});
}

void AnswerReader::started(json::Value message) {
    if (started_) return;
    started_ = true;
    out_->push_back({.kind = EventKind::started, .id = scratch_.keep(message["id"]), .model = scratch_.keep(message["model"]), .service_tier = scratch_.keep(message["usage"]["service_tier"])});
}

void AnswerReader::message_start(json::Value event) {
    const auto message = event["message"];
    started(message);
    usage(message["usage"]);
}

/// A delta or stop without an index, or with the one that is open.
bool AnswerReader::is_open_block(json::Value event) const {
    const auto index = event["index"].integer();
    return !index || !index_ || *index == *index_;
}

void AnswerReader::block_start(json::Value event) {
    if (stopped_) return;
    started({});
    const auto block = event["content_block"];
    if (!block.is_object()) return fail(malformed("the upstream's stream holds a content block that is no object", event.raw()));
    index_ = event["index"].integer();
    parts_.start(block);
}

void AnswerReader::block_delta(json::Value event) {
    if (stopped_) return;
    started({});
    const auto delta = event["delta"];
    const bool fits = is_open_block(event) && (parts_.open() || !event["index"].integer() || event["index"].integer() != index_);
    if (!delta.is_object() || !fits || !parts_.delta(delta)) fail(malformed("the upstream's stream holds a delta that belongs to no open block", event.raw()));
}

void AnswerReader::block_stop(json::Value event) {
    if (!stopped_ && is_open_block(event)) parts_.stop();
}

void AnswerReader::message_delta(json::Value event) {
    started({});
    usage(event["usage"]);
    const auto delta = event["delta"];
    const auto reason = delta["stop_reason"];
    if (stopped_ || !reason.is_string()) return;
    stopped_ = true;
    parts_.end(reason.string(), delta["stop_sequence"], extra_of(delta, event));
}

void AnswerReader::message_stop(json::Value) {
    if (!started_) return fail(malformed("the upstream's stream ended before it began"));
    if (!std::exchange(stopped_, true)) parts_.end({}, {}, {});
    ended_ = true;
    out_->push_back({.kind = EventKind::finished});
}

void AnswerReader::finish(bool clean, Events& out) {
    if (ended_) return;
    begin(body_.size() + sse_.held(), out);
    if (whole_ || !decided_) return read_whole();
    sse_.finish();
    drain();
    if (ended_) return;
    if (!stopped_) {
        fail(truncated(started_ ? "the upstream's stream ended in the middle of the answer" : "the upstream ended its stream without an answer"));
        failure_.detail = clean ? "the stream ended without message_delta" : "the connection was cut";
        return;
    }
    ended_ = true;
    out_->push_back({.kind = EventKind::finished});
}

void AnswerReader::read_whole() {
    const auto text = trim(body_);
    if (text.empty()) return fail(malformed("the upstream's answer is empty"));
    if (text.front() == '<') return fail(malformed("the upstream answered with a web page instead of an answer", text));
    auto& document = shared_document();
    if (!document.parse(text, upstream_limits)) {
        // A stream where one answer was asked for.
        if (text.starts_with("event:") || text.starts_with("data:") || text.front() == ':') {
            const std::string stream = std::exchange(body_, {});
            whole_ = false;
            scratch_.reset(stream.size() + 64);
            sse_.feed(stream);
            drain();
            if (!ended_) finish(true, *out_);
            return;
        }
        return fail(malformed("the upstream's answer is not JSON or was cut short", text));
    }
    auto root = document.root();
    if (root.is_array() && root.size() > 0) root = root.at(0);
    if (is_error_object(root)) return fail(read_stream_error(root));
    if (!root.is_object() || !root["content"].is_array() || root["choices"]) return fail(malformed("the upstream answered in another dialect than Anthropic Messages", text));
    whole_message(root);
    if (body_.size() > (1 << 20)) document = {};  // what is kept for the next answer stays small
}

void AnswerReader::whole_message(json::Value root) {
    started(root);
    for (json::Value block : root["content"].items()) {
        if (!block.is_object()) return fail(malformed("the upstream's answer holds a content block that is no object"));
        parts_.start(block);
        parts_.stop();
    }
    usage(root["usage"]);
    parts_.end(root["stop_reason"].string(), root["stop_sequence"], extra_of(root, root));
    ended_ = true;
    out_->push_back({.kind = EventKind::finished});
}

}  // namespace

std::unique_ptr<Reader> make_reader(const ReaderOptions& options) { return std::make_unique<AnswerReader>(options); }

}  // namespace gotthard::dialect::anthropic
