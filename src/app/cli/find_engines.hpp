// Asks the default ports of local engines, once, and waits for the answers: for `gotthard init`.
#pragma once

#include <vector>

#include "base/clock.hpp"
#include "provider/discovery.hpp"

namespace gotthard::app {

/// In the order of their ports. Takes at most about three seconds.
std::vector<provider::FoundEngine> find_engines(const Clock& clock);

}  // namespace gotthard::app
