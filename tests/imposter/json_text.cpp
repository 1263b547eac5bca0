#include "imposter/json_text.hpp"

#include <simdjson.h>

#include <fmt/format.h>

namespace gotthard::imposter {
namespace {

/// Length of the well-formed UTF-8 sequence at `at`, or 0.
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || at + length > text.size()) return 0;
    return simdjson::validate_utf8(text.data() + at, length) ? length : 0;
}

}  // namespace

std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (std::size_t at = 0; at < text.size();) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte == '"' || byte == '\\') {
            out += '\\';
            out += text[at++];
        } else if (byte < 0x20) {
            out += fmt::format("\\u{:04x}", byte);
            ++at;
        } else if (const auto length = sequence_length(text, at); length > 0) {
            out.append(text, at, length);
            at += length;
        } else {
            out += "\\ufffd";
            ++at;
        }
    }
    return out + "\"";
}

std::string type_of(const std::string& object) {
    simdjson::dom::parser parser;
    std::string_view type;
    const simdjson::padded_string padded(object);
    if (parser.parse(padded).at_key("type").get_string().get(type) != simdjson::SUCCESS) return {};
    return std::string(type);
}

}  // namespace gotthard::imposter
