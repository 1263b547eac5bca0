// `gotthard serve`: the process from its start to its end.
#pragma once

#include <optional>
#include <string>

namespace gotthard::app {

struct ServeOptions {
    std::optional<std::string> config;
    std::optional<std::string> listen;
    std::optional<std::string> admin;
    std::optional<std::string> data;
};

/// Runs in the foreground until SIGTERM or SIGINT; the exit code of the process (0, 1, or 78 for a bad configuration).
int run_serve(const ServeOptions& options);

}  // namespace gotthard::app
