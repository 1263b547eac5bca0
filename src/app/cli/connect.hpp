// Settings that point a client at the gateway, as text to read or as a file to write: one row per client (clients.cpp).
//
// Templates hold @BASE@, @KEY@ and @MODEL@. What is put in is checked before: nothing that could end a string or a line.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/failure.hpp"

namespace gotthard::app {

enum class FileKind : std::uint8_t {
    none,  ///< The client has no file to write.
    json,  ///< `content` is merged into it.
    env,   ///< `content` is lines NAME=value; lines of the same names are replaced.
};

struct Client {
    std::string_view name;
    std::string_view title;
    std::string_view text;  ///< Template of what is printed; empty: the client is not served yet.
    FileKind kind = FileKind::none;
    std::string_view file = {};     ///< Relative to the working folder.
    std::string_view content = {};  ///< Template of what is written.
    std::string_view needs = {};    ///< Why it is not served: the dialect that this version does not speak.
};

std::span<const Client> clients();
const Client* find_client(std::string_view name);

struct ConnectSettings {
    std::string base;   ///< "http://127.0.0.1:7300", no slash at its end.
    std::string key;    ///< Empty: a placeholder.
    std::string model;  ///< Empty: a placeholder.
};

/// A template with the settings put in. invalid_request when one of them holds quotes, blanks or control characters.
Result<std::string> fill_template(std::string_view text, const ConnectSettings& settings);

/// `old` (a file's content, may be empty) with the client's settings in it.
Result<std::string> settings_file(const Client& client, const ConnectSettings& settings, std::string_view old);

}  // namespace gotthard::app
