#include "app/shell.hpp"

#include <cstdlib>
#include <ctime>

namespace gotthard::app::test {

Shell::Shell() {
    setenv("TZ", "UTC", 1);
    tzset();
    console.out = [this](std::string_view text) { out += text; };
    console.error = [this](std::string_view text) { error += text; };
    console.environment = [this](const char* name) -> std::optional<std::string> {
        const auto found = environment.find(name);
        return found == environment.end() ? std::nullopt : std::optional(found->second);
    };
    programs_.serve = [this](const ServeOptions& options) {
        served.push_back(options);
        return serve_code;
    };
    programs_.find_engines = [this] { return engines; };
}

int Shell::run(std::vector<std::string> arguments) {
    out.clear();
    error.clear();
    return run_command_line(arguments, console, programs_, clock);
}

}  // namespace gotthard::app::test
