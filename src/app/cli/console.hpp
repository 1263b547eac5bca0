// Where the command line writes, and what it may know of its surroundings. Injected, so that tests read what was written.
//
// Text that came from elsewhere (model names, error messages, user agents) goes through printable() first: a terminal must not
// obey what a client of the gateway once sent.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gotthard::app {

struct Console {
    std::function<void(std::string_view)> out;    ///< Data: standard output.
    std::function<void(std::string_view)> error;  ///< Words about it: standard error.
    std::function<std::optional<std::string>(const char* name)> environment;
    bool colour = false;  ///< Standard output is a terminal and NO_COLOR is not set.

    /// The process's own.
    static Console standard();
};

enum class Colour : unsigned char { plain, red, green, yellow, dim, bold };

/// `text` in that colour where colours are on.
std::string paint(const Console& console, Colour colour, std::string_view text);

/// `text` with control characters, escapes and invalid UTF-8 replaced. Line breaks become blanks.
std::string printable(std::string_view text);

/// Columns that `text` takes: its code points.
std::size_t width_of(std::string_view text);

}  // namespace gotthard::app
