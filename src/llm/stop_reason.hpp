// Why an answer ended: the internal words of wire-formats.md 10.1. Each dialect holds its own table to and from them.
#pragma once

#include <cstdint>
#include <string_view>

namespace gotthard::llm {

enum class StopReason : std::uint8_t {
    none,  ///< Not ended yet.
    stop,
    stop_sequence,
    length,
    context_full,
    tool_calls,
    filter,
    refusal,
    pause,
    compaction,
    malformed_call,
    error,
    cancelled,
};

std::string_view to_string(StopReason reason);

}  // namespace gotthard::llm
