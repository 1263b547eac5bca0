// The parts of the catalogue; joined in provider.cpp.
#pragma once

#include <span>
#include <string_view>

#include "provider/provider.hpp"

namespace gotthard::provider {

std::span<const Row> hosted_rows();
std::span<const Row> local_rows();
std::span<const Row> generic_rows();

/// A provider that this version cannot reach, and why.
struct LaterRow {
    std::string_view id;
    std::string_view needs;
};
std::span<const LaterRow> later_rows();

}  // namespace gotthard::provider
