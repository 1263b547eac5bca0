// The little JSON that scripted upstreams need: read through simdjson's DOM (not through src/base, whose reader is under test).
#pragma once

#include <string>
#include <string_view>

namespace gotthard::imposter {

/// `text` as a JSON string literal; bytes that are not UTF-8 become U+FFFD.
std::string quoted(std::string_view text);

/// The member "type" of a JSON object, or "" when there is none.
std::string type_of(const std::string& object);

}  // namespace gotthard::imposter
