// The parts of a chat request that have readers of their own. Views go to the body or to the arena.
#pragma once

#include "base/arena.hpp"
#include "base/json.hpp"
#include "llm/request.hpp"

namespace gotthard::dialect::chat {

Status read_messages(json::Value messages, llm::Request& request, Arena& arena);
Status read_tools(json::Value tools, llm::Request& request, Arena& arena);
Status read_functions(json::Value functions, llm::Request& request, Arena& arena);  ///< Legacy `functions`.
Status read_tool_choice(json::Value choice, llm::Request& request, Arena& arena);
Status read_function_choice(json::Value choice, llm::Request& request, Arena& arena);  ///< Legacy `function_call`.

}  // namespace gotthard::dialect::chat
