// Content blocks of Anthropic Messages read into llm Parts. Used by the request reader only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/json.hpp"
#include "llm/request.hpp"

namespace gotthard::dialect::anthropic {

/// Where a value stands in the client's body; made into text only when something is wrong with it.
struct Place {
    std::int64_t message = -1;  ///< -1: the top-level `system`.
    std::int64_t block = -1;
    std::int64_t inner = -1;  ///< Inside a tool_result.
    std::string text(std::string_view field = {}) const;
};

/// A block list, or one string (a single text part). `content_is_string` tells which.
Result<std::vector<llm::Part>> read_content(json::Value content, Place place, Arena& arena, bool& content_is_string);

/// The raw text of an optional member: "" when it is absent or null.
inline std::string_view raw_of(json::Value value) { return !value || value.is_null() ? std::string_view{} : value.raw(); }

}  // namespace gotthard::dialect::anthropic
