// The product's version; a test compares it with the project's in CMakeLists.txt.
#pragma once

#include <string_view>

namespace gotthard::app {

inline constexpr std::string_view version = "0.1.0";

}  // namespace gotthard::app
