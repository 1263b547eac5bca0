// A conversation as the union of what the dialects can say, not their intersection.
//
// Texts are views: of the client's body, of the Arena of the exchange, or literals. They live as long as those two do.
// JSON that travels untouched (schemas, arguments, unknown members) is kept as its source text ("raw").
// Optional values that the client did not send stay unset: a writer never invents a field (E192).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gotthard::llm {

/// A member that has no place of its own here: rides along under its own name.
struct Extra {
    std::string_view key;
    std::string_view json;  ///< Raw.
};
using Extras = std::vector<Extra>;

enum class Role : std::uint8_t { system, developer, user, assistant, tool };

enum class PartKind : std::uint8_t {
    text,
    image,
    audio,
    video,
    document,
    thinking,           ///< text + signature
    redacted_thinking,  ///< text = opaque data
    tool_call,          ///< id, name, arguments
    tool_result,        ///< id, content, is_error
    refusal,            ///< text
    opaque,  ///< A block that only its own dialect knows: `raw` whole, `type` its name (server tools and their results, search
             ///< results, container uploads, compaction).
};

enum class MediaSource : std::uint8_t { none, url, base64, file_id, text };

struct Media {
    MediaSource source = MediaSource::none;
    std::string_view
        media_type;             ///< "image/png"; empty when unknown. Audio in chat: the bare format is written as "audio/FORMAT".
    std::string_view data;      ///< The URL, the base64 text, the file id, or the plain text of a text document.
    std::string_view detail;    ///< OpenAI image detail.
    std::string_view filename;  ///< Also Anthropic's document title.
    std::string_view context;   ///< Anthropic document context.
};

/// How a tool call speaks: JSON arguments, or free text (OpenAI custom tools).
enum class CallKind : std::uint8_t { function, custom };

struct Part {
    PartKind kind = PartKind::text;
    std::string_view text;
    std::string_view signature;
    Media media;
    CallKind call_kind = CallKind::function;
    std::string_view id;         ///< Tool call id; of a result: the call it answers.
    std::string_view name;       ///< Tool name.
    std::string_view arguments;  ///< JSON text as the model wrote it (may be "" or not JSON); free text for custom calls.
    bool is_error = false;
    std::vector<Part> content;  ///< Of a tool result.
    std::string_view
        citations;  ///< Raw; Anthropic's citations of a text block or OpenAI's annotations, as their dialect wrote them.
    std::string_view cache_control;  ///< Raw {"type":"ephemeral",...}, or empty.
    std::string_view type;           ///< Opaque: the block's type in its own dialect.
    std::string_view raw;            ///< Opaque: the block whole.
    Extras extra;
    std::uint32_t source_part = 0;  ///< Its index in the client's content list, for paths.
};

struct Message {
    Role role = Role::user;
    std::string_view name;
    std::vector<Part> parts;
    bool content_is_string = false;  ///< The client wrote `content` as one string.
    std::string_view cache_control;  ///< Raw, when the client marked the message itself (E009).
    bool prefix = false;             ///< Assistant prefill asked for (`prefix: true`).
    Extras extra;
    std::int32_t source_message = -1;  ///< Its index in the client's `messages`; -1: the top-level `system`.
};

enum class ToolKind : std::uint8_t { function, custom, hosted };

struct Tool {
    ToolKind kind = ToolKind::function;
    std::string_view name;
    std::string_view description;
    std::string_view parameters;  ///< Raw JSON Schema; empty when the client sent none. Custom: the raw `format`.
    std::optional<bool> strict;
    std::string_view cache_control;  ///< Raw.
    std::string_view type;           ///< Hosted: its type in its own dialect ("web_search_20250305").
    std::string_view raw;            ///< The client's whole tool object.
    std::optional<bool> defer_loading;
    Extras extra;  ///< allowed_callers, input_examples, eager_input_streaming, ...
};

enum class ToolChoiceMode : std::uint8_t { unset, automatic, required, none, named, allowed };

struct ToolChoice {
    ToolChoiceMode mode = ToolChoiceMode::unset;
    std::string_view name;         ///< named
    std::string_view raw;          ///< As the client wrote it (allowed, hosted kinds).
    std::optional<bool> parallel;  ///< parallel_tool_calls, or the opposite of disable_parallel_tool_use.
};

enum class ThinkingMode : std::uint8_t { unset, disabled, enabled, adaptive };

struct Thinking {
    ThinkingMode mode = ThinkingMode::unset;
    std::optional<std::int64_t> budget_tokens;
    std::string_view display;  ///< summarized | omitted
    std::string_view
        effort;            ///< none | minimal | low | medium | high | xhigh | max; from reasoning_effort or output_config.effort.
    std::string_view raw;  ///< Anthropic's `thinking` object as sent.
};

enum class FormatKind : std::uint8_t { unset, text, json_object, json_schema };

struct ResponseFormat {
    FormatKind kind = FormatKind::unset;
    std::string_view name;
    std::string_view description;
    std::string_view schema;  ///< Raw.
    std::optional<bool> strict;
};

enum class DialectId : std::uint8_t { chat, anthropic };

struct Request {
    DialectId dialect = DialectId::chat;  ///< What the client spoke.
    std::string_view model;               ///< As the client wrote it.
    std::vector<Message> messages;  ///< System texts stand where the client put them; Anthropic's top-level `system` comes first.
    std::vector<Tool> tools;
    ToolChoice tool_choice;
    Thinking thinking;
    ResponseFormat response_format;

    std::optional<std::int64_t> max_output_tokens;
    std::string_view max_output_tokens_key;  ///< Which key the client used: max_tokens | max_completion_tokens.
    std::optional<double> temperature;
    std::optional<double> top_p;
    std::optional<std::int64_t> top_k;
    std::optional<double> frequency_penalty;
    std::optional<double> presence_penalty;
    std::optional<std::int64_t> seed;
    std::optional<std::int64_t> n;
    std::optional<bool> logprobs;
    std::optional<std::int64_t> top_logprobs;
    std::string_view logit_bias;  ///< Raw.
    std::vector<std::string_view> stop;

    bool stream = false;
    bool include_usage = false;  ///< The client asked for the usage chunk.
    std::string_view user;       ///< End user: `user`, `safety_identifier`, or metadata.user_id.
    std::string_view service_tier;
    std::string_view metadata;            ///< Raw; OpenAI's string map.
    std::string_view web_search_options;  ///< Raw.
    std::string_view context_management;  ///< Raw.
    std::string_view cache_control;       ///< Raw; Anthropic's top-level mark.
    std::string_view betas;               ///< The client's anthropic-beta header, comma list.
    std::string_view version;             ///< The client's anthropic-version header.
    Extras extra;                         ///< Every other top-level member.
};

/// "messages[3].content[1]" in the client's dialect; for the top-level system "system[1]"; `field` is appended with a dot.
std::string path_of(const Message& message);
std::string path_of(const Message& message, const Part& part, std::string_view field = {});

}  // namespace gotthard::llm
