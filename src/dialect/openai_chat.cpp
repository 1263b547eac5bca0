// The row of OpenAI chat in the table of dialects, and its map of stop reasons (wire-formats.md 10.1).
#include "dialect/openai_chat.hpp"

#include "base/text.hpp"
#include "dialect/common_errors.hpp"

namespace gotthard::dialect {

const Dialect openai_chat{
    .id = DialectId::chat,
    .name = "chat",
    .read_request = chat::read_request,
    .write_request = chat::write_request,
    .make_reader = chat::make_reader,
    .make_writer = chat::make_writer,
    .read_error = read_upstream_error,
    .write_error = chat::write_error,
    .write_stream_error = chat::write_stream_error,
    .make_edit = chat::make_edit,
};

namespace chat {

using llm::StopReason;

StopReason stop_reason_of(std::string_view finish_reason) {
    struct Row {
        std::string_view word;
        StopReason reason;
    };
    static constexpr Row rows[] = {{"stop", StopReason::stop},
                                   {"eos", StopReason::stop},
                                   {"eos_token", StopReason::stop},
                                   {"end_turn", StopReason::stop},
                                   {"COMPLETE", StopReason::stop},
                                   {"stop_sequence", StopReason::stop_sequence},
                                   {"STOP_SEQUENCE", StopReason::stop_sequence},
                                   {"length", StopReason::length},
                                   {"max_tokens", StopReason::length},
                                   {"MAX_TOKENS", StopReason::length},
                                   {"max_output_tokens", StopReason::length},
                                   {"model_length", StopReason::context_full},
                                   {"model_context_window_exceeded", StopReason::context_full},
                                   {"tool_calls", StopReason::tool_calls},
                                   {"tool_call", StopReason::tool_calls},
                                   {"function_call", StopReason::tool_calls},
                                   {"tool_use", StopReason::tool_calls},
                                   {"content_filter", StopReason::filter},
                                   {"safety", StopReason::filter},
                                   {"recitation", StopReason::filter},
                                   {"guardrail_intervened", StopReason::filter},
                                   {"refusal", StopReason::refusal},
                                   {"malformed_function_call", StopReason::malformed_call},
                                   {"pause_turn", StopReason::pause},
                                   {"compaction", StopReason::compaction},
                                   {"error", StopReason::error},
                                   {"abort", StopReason::error},
                                   {"insufficient_system_resource", StopReason::error}};
    if (finish_reason.empty()) return StopReason::none;
    for (const auto& row : rows)
        if (equals_ignoring_case(row.word, finish_reason)) return row.reason;
    return StopReason::stop;
}

std::string_view finish_reason_of(StopReason reason, bool has_calls, bool has_refusal) {
    switch (reason) {
        case StopReason::none:
        case StopReason::stop:
        case StopReason::stop_sequence:
        case StopReason::pause:
        case StopReason::malformed_call:
        case StopReason::error:
        case StopReason::cancelled:
            return has_calls ? "tool_calls" : "stop";
        case StopReason::tool_calls:
            return "tool_calls";
        case StopReason::length:
        case StopReason::context_full:
        case StopReason::compaction:
            return "length";
        case StopReason::filter:
            return "content_filter";
        case StopReason::refusal:
            return has_refusal ? "stop" : "content_filter";
    }
    return "stop";
}

}  // namespace chat
}  // namespace gotthard::dialect
