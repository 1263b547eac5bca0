// stop_reason, both ways: wire-formats 10.1.
#pragma once

#include <string_view>

#include "llm/stop_reason.hpp"

namespace gotthard::dialect::anthropic {

/// Unknown words read as `stop`; the caller keeps the raw word.
llm::StopReason read_stop(std::string_view word);
/// `calls`: the answer holds client tool calls. They make an ordinary end a `tool_use` (E088); an answer that was cut or refused
/// stays one. `sequence`: the matched stop sequence is known (E078).
std::string_view write_stop(llm::StopReason reason, bool calls, bool sequence);

}  // namespace gotthard::dialect::anthropic
