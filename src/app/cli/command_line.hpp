// The command line: `gotthard VERB ...`, `serve` when no verb is given. Parses, then runs one action.
//
// Exit codes: 0 good, 1 the operation failed, 2 wrong usage, 78 bad configuration (docs/reference/cli.md).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/cli/console.hpp"
#include "app/serve.hpp"
#include "base/clock.hpp"
#include "provider/discovery.hpp"

namespace gotthard::app {

enum ExitCode : int { exit_good = 0, exit_failed = 1, exit_usage = 2, exit_configuration = 78 };

/// What the verbs start that is not theirs; injected by main.
struct Programs {
    std::function<int(const ServeOptions&)> serve;
    /// Local engines that answer on their default ports; for `init`.
    std::function<std::vector<provider::FoundEngine>()> find_engines;
};

/// `arguments` without the program's name.
int run_command_line(const std::vector<std::string>& arguments, const Console& console, const Programs& programs,
                     const Clock& clock);

}  // namespace gotthard::app
