// imposter [--port N] [--script FILE]: a scripted upstream as a program. Prints "port N" and serves until its standard input or a
// signal ends it.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "imposter/imposter.hpp"
#include "imposter/script.hpp"

int main(int count, char** arguments) {
    int port = 0;
    std::string script;
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name = arguments[i];
        if (name == "--port") port = std::atoi(arguments[i + 1]);
        if (name == "--script") {
            std::ostringstream text;
            text << std::ifstream(arguments[i + 1]).rdbuf();
            script = text.str();
        }
    }
    gotthard::imposter::Imposter imposter(port);
    if (!script.empty()) {
        if (const auto fault = gotthard::imposter::apply_script(imposter, script); !fault.empty()) {
            fmt::print(stderr, "imposter: {}\n", fault);
            return 2;
        }
    }
    fmt::print("port {}\n", imposter.port());
    std::fflush(stdout);
    char byte = 0;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {}
    return 0;
}
