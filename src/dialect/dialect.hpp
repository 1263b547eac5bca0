// What a wire dialect is: pure functions between bytes and llm values. No sockets, no clocks, no configuration.
//
// A dialect is one row of the table in dialect/table.cpp. Readers and writers are synchronous, resumable at any byte and own
// their scratch memory. A file of a dialect states the source of its format in its first lines.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/arena.hpp"
#include "base/failure.hpp"
#include "llm/answer.hpp"
#include "llm/event.hpp"
#include "llm/losses.hpp"
#include "llm/request.hpp"

namespace gotthard::dialect {

using llm::DialectId;

/// What an upstream does differently from its dialect's own vendor. A provider row holds a set of them.
enum class Quirk : std::uint32_t {
    max_tokens_key = 1u << 0,           ///< Knows max_tokens, not max_completion_tokens.
    no_stream_options = 1u << 1,        ///< Refuses or ignores stream_options; sends usage by itself or never.
    no_developer_role = 1u << 2,        ///< system instead of developer.
    tool_choice_any = 1u << 3,          ///< Writes "any" for required (Mistral).
    strip_schema_keywords = 1u << 4,    ///< Refuses $id, $schema, strict, additionalProperties in schemas (Mistral).
    nine_character_call_ids = 1u << 5,  ///< Tool call ids are 9 of [a-zA-Z0-9] (Mistral).
    random_seed = 1u << 6,              ///< `random_seed` for `seed` (Mistral).
    reasoning_on_top = 1u << 7,         ///< completion_tokens excludes reasoning_tokens (xAI).
    text_tokens_include_cached = 1u << 8,
    keeps_cache_control = 1u << 9,      ///< Understands cache_control in chat (OpenRouter to Claude).
    replays_reasoning = 1u << 10,       ///< Wants reasoning_content of earlier turns back (DeepSeek thinking, own engines).
    ends_without_finish = 1u << 11,     ///< Known to end a stream without a finish reason.
    ends_without_done = 1u << 12,       ///< No [DONE] (Perplexity); a finish reason and EOF is a clean end anyway.
    reasoning_field = 1u << 13,         ///< `reasoning` instead of `reasoning_content`.
    knows_top_k = 1u << 14,             ///< Takes top_k (vLLM, llama.cpp, OpenRouter, ...).
    no_tool_choice = 1u << 15,          ///< Drops or hangs on tool_choice.
    string_content_only = 1u << 16,     ///< Text parts must be flattened to one string.
    numeric_error_code = 1u << 17,
    own_engine = 1u << 18,              ///< A local engine: unknown sampling fields are accepted (min_p, repetition_penalty, ...).
    bearer_for_oauth_keys = 1u << 19,   ///< Keys starting sk-ant-oat go as Bearer with a beta (E040).
    no_image_in_tool_result = 1u << 20, ///< Images of a tool result go into a following user message.
    no_parallel_switch = 1u << 21,      ///< parallel_tool_calls is refused.
};
constexpr std::uint32_t operator|(Quirk a, Quirk b) { return static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b); }
constexpr std::uint32_t operator|(std::uint32_t a, Quirk b) { return a | static_cast<std::uint32_t>(b); }

/// What a writer must know of the upstream it writes for.
struct Target {
    std::string_view provider;  ///< Catalogue row id ("openai", "mistral"); for model tables.
    std::string_view model;     ///< The upstream's own model id.
    std::uint32_t quirks = 0;
    std::int64_t max_output_tokens = 0;  ///< The catalogue's maximum of the model; 0 unknown.
    bool repair = false;                 ///< Repair mode: may change the conversation so that the upstream accepts it.
    bool has(Quirk quirk) const { return (quirks & static_cast<std::uint32_t>(quirk)) != 0; }
};

struct Header {
    std::string name;
    std::string value;
};

/// What the answer's reader must undo of what the request's writer did.
struct Memory {
    std::vector<std::pair<std::string, std::string>> tool_names;  ///< (as sent upstream, as the client knows it); E072.
    std::vector<std::pair<std::string, std::string>> call_ids;    ///< (as sent upstream, as the client knows it).
    std::string json_tool;     ///< Structured output emulated by this tool: its arguments are the text (E036).
    bool json_tool_envelope = true;  ///< Unwrap an accidental {"values": ...}; false when the schema itself has that property.
    std::vector<std::string> custom_tools;  ///< Free-text tools sent as functions of one string property "input" (names as sent).
    std::string prefill;       ///< Text to echo in front of the answer (E045).
    std::vector<std::string> stop;  ///< The client's stop sequences.
};

struct UpstreamRequest {
    std::string body;
    std::vector<Header> headers;  ///< Beside content-type and authentication: anthropic-version, anthropic-beta.
    Memory memory;
};

enum class Mode : std::uint8_t { unary, stream };

struct ReaderOptions {
    Mode mode = Mode::stream;
    std::uint32_t quirks = 0;
    const Memory* memory = nullptr;  ///< May be null. Must outlive the reader.
    bool has(Quirk quirk) const { return (quirks & static_cast<std::uint32_t>(quirk)) != 0; }
};

/// Upstream bytes in, events out. In unary mode the body may come in pieces; its events come out of finish().
/// Never throws on any input: what cannot be read becomes a `failed` event and ends the reader.
class Reader {
public:
    virtual ~Reader() = default;
    /// Appends the events of these bytes. Their views live until the next feed() or finish().
    virtual void feed(std::string_view bytes, llm::Events& out) = 0;
    /// The transport ended; `clean` is false when it was cut. Appends what is left: `finished`, or `failed` when the
    /// answer is not complete (G-13, E198: a finish reason seen and only the terminator missing is complete).
    virtual void finish(bool clean, llm::Events& out) = 0;
    /// A finished or failed event was made; further bytes are ignored.
    virtual bool ended() const = 0;
};

struct WriterOptions {
    Mode mode = Mode::stream;
    std::string model;                ///< The name to show: what the client asked for (E197).
    std::string id;                   ///< Id to use when the upstream gave none.
    std::int64_t created = 0;         ///< Unix seconds for dialects that show them.
    bool include_usage = false;       ///< chat: the client asked for the usage chunk (E219).
    std::int64_t input_estimate = 0;  ///< anthropic: for message_start.usage (E083).
    bool null_text = true;            ///< chat: no text at all -> content:null (E050).
    std::string_view version;         ///< anthropic-version of the client.
};

/// Events in, client bytes out. In stream mode complete SSE events are appended; in unary mode everything at the end.
class Writer {
public:
    virtual ~Writer() = default;
    virtual void write(const llm::Event& event, std::string& out) = 0;
    /// A line that keeps the connection alive and means nothing (": keepalive" or a ping).
    virtual void keep_alive(std::string& out) = 0;
    /// Unary: a failure seen in the events (the caller then answers with an error instead of the body). Stream: the failure
    /// has been written as the dialect's error event.
    virtual const Failure* failure() const = 0;
    /// Finish reason as the client saw it (E244); "" before the end.
    virtual std::string_view shown_stop() const = 0;
};

/// What the client's own headers add to a body.
struct RequestContext {
    std::string_view anthropic_version;
    std::string_view anthropic_beta;
};

/// An error as the client's dialect says it.
struct RenderedError {
    int status = 500;
    std::string body;
    std::vector<Header> headers;  ///< retry-after (whole seconds), x-should-retry.
};

/// What the pass-through path must change in an answer's bytes.
struct EditOptions {
    Mode mode = Mode::stream;
    std::string_view model;    ///< Not empty: restamp the model name (E197).
    bool strip_usage = false;  ///< chat: drop the usage chunk that the client did not ask for (E219).
};

/// A filter over the raw bytes of a same-dialect answer: all other bytes pass as they are.
class StreamEdit {
public:
    virtual ~StreamEdit() = default;
    virtual void feed(std::string_view bytes, std::string& out) = 0;
    virtual void finish(std::string& out) = 0;
};

struct Dialect {
    DialectId id;
    std::string_view name;  ///< As in the configuration: "chat", "anthropic".

    Result<llm::Request> (*read_request)(std::string_view body, const RequestContext& context, Arena& arena);
    /// `losses` receives what the upstream dialect cannot carry. A Failure is the client's fault or an unsupported_feature.
    Result<UpstreamRequest> (*write_request)(const llm::Request& request, const Target& target, Arena& arena, llm::Losses& losses);
    std::unique_ptr<Reader> (*make_reader)(const ReaderOptions& options);
    std::unique_ptr<Writer> (*make_writer)(const WriterOptions& options);
    /// An upstream's error answer (any status, any body: wire-formats.md 10.6 order) as a Failure with kind, retry, code, type.
    Failure (*read_error)(int status, std::string_view body);
    /// A Failure in this dialect's shape and statuses (clients.md 1.3), as an HTTP answer.
    RenderedError (*write_error)(const Failure& failure, std::string_view request_id);
    /// The same as the last event of a stream that has begun (no [DONE], no message_stop after it).
    void (*write_stream_error)(const Failure& failure, std::string_view request_id, std::string& out);
    std::unique_ptr<StreamEdit> (*make_edit)(const EditOptions& options);
};

/// All dialects, by DialectId.
std::span<const Dialect> all();
const Dialect& get(DialectId id);
const Dialect* find(std::string_view name);

extern const Dialect openai_chat;
extern const Dialect anthropic_messages;

}  // namespace gotthard::dialect
