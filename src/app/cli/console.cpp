#include "app/cli/console.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace gotthard::app {
namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// Bytes of the code point at the front, 0 when it is not valid UTF-8; `value` takes it.
std::size_t code_point(std::string_view text, char32_t& value) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return value = first, 1;
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
    value = first & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return 0;
        value = (value << 6) | (byte(i) & 0x3Fu);
    }
    const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    return overlong || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000) ? 0 : length;
}

/// C0, DEL, C1, and the marks that reorder or hide text.
bool is_control(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

void write_to(std::FILE* file, std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), file);
    std::fflush(file);
}

}  // namespace

Console Console::standard() {
    Console console;
    console.out = [](std::string_view text) { write_to(stdout, text); };
    console.error = [](std::string_view text) { write_to(stderr, text); };
    console.environment = [](const char* name) -> std::optional<std::string> {
        const char* value = std::getenv(name);
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    const auto no_colour = console.environment("NO_COLOR");
    const auto terminal = console.environment("TERM");
    console.colour = isatty(STDOUT_FILENO) == 1 && no_colour.value_or("").empty() && terminal.value_or("") != "dumb";
    return console;
}

std::string paint(const Console& console, Colour colour, std::string_view text) {
    static constexpr const char* codes[] = {"", "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[1m"};
    if (!console.colour || colour == Colour::plain) return std::string(text);
    return std::string(codes[static_cast<unsigned char>(colour)]).append(text).append("\x1b[0m");
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        char32_t value = 0;
        const std::size_t length = code_point(text, value);
        if (length != 0 && (value == '\n' || value == '\t' || value == '\r'))
            out += ' ';
        else if (length == 0 || is_control(value))
            out += replacement;
        else
            out += text.substr(0, length);
        text.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

std::size_t width_of(std::string_view text) {
    std::size_t columns = 0;
    for (const char c : text) columns += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return columns;
}

}  // namespace gotthard::app
