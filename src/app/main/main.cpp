#include <csignal>

#include "app/cli/command_line.hpp"
#include "app/cli/find_engines.hpp"
#include "app/serve.hpp"

int main(int count, char** arguments) {
    using namespace gotthard;
    std::signal(SIGPIPE, SIG_IGN);
    const SystemClock clock;
    const auto console = app::Console::standard();
    const app::Programs programs{.serve = app::run_serve, .find_engines = [&clock] { return app::find_engines(clock); }};
    return app::run_command_line({arguments + 1, arguments + count}, console, programs, clock);
}
