#include "dialect/anthropic/stop.hpp"

#include <algorithm>
#include <iterator>

namespace gotthard::dialect::anthropic {
namespace {

using enum llm::StopReason;

struct Row {
    std::string_view word;
    llm::StopReason reason;
};
constexpr Row words[] = {{"end_turn", stop},         {"max_tokens", length},  {"stop_sequence", stop_sequence},
                         {"tool_use", tool_calls},   {"pause_turn", pause},   {"refusal", refusal},
                         {"compaction", compaction}, {"model_context_window_exceeded", context_full}};

}  // namespace

llm::StopReason read_stop(std::string_view word) {
    const auto row = std::ranges::find(words, word, &Row::word);
    return row == std::end(words) ? stop : row->reason;
}

std::string_view write_stop(llm::StopReason reason, bool calls, bool sequence) {
    switch (reason) {
        case length: return "max_tokens";
        case context_full: return "model_context_window_exceeded";
        case filter:
        case refusal: return "refusal";
        case compaction: return "compaction";
        default: break;
    }
    if (calls) return "tool_use";
    if (reason == pause) return "pause_turn";
    if (reason == stop_sequence || sequence) return "stop_sequence";
    return "end_turn";
}

}  // namespace gotthard::dialect::anthropic
