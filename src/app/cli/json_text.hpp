// JSON for people: indented, and merged into settings files that exist already.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"

namespace gotthard::app {

/// Two blanks per level, one member a line; numbers and strings as they were written.
void append_indented(std::string& out, json::Value value, std::size_t level = 0);

/// `patch` laid over `old`: objects are merged member by member, everything else is replaced. Both are JSON text. An empty `old`
/// counts as {}. Refused: an `old` that is not a JSON object.
Result<std::string> merge_json(std::string_view old, std::string_view patch);

}  // namespace gotthard::app
