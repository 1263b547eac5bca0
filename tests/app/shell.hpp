// The command line as a test sees it: what it printed, what it complained about, how it ended.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/cli/command_line.hpp"

namespace gotthard::app::test {

class Shell {
public:
    Shell();
    /// Runs `gotthard ARGUMENTS`; the exit code.
    int run(std::vector<std::string> arguments);

    std::string out;
    std::string error;
    std::map<std::string, std::string> environment;
    std::vector<ServeOptions> served;
    int serve_code = 0;
    std::vector<provider::FoundEngine> engines;
    ManualClock clock;
    Console console;

private:
    Programs programs_;
};

}  // namespace gotthard::app::test
