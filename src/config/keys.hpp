// The one table of configuration keys: the source of the validator, the defaults, the JSON schema and the reference page.
//
// A path is written as in a fault, with `*` for any name of a map and `[]` for any item of a list: "providers.*.api_key",
// "keys[].models". Its children are the rows whose path is one step longer; `like` borrows the children of another path.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gotthard::config {

enum class Type : std::uint8_t {
    object,  ///< Fixed keys: its children.
    map,     ///< Any key; values as the child "*".
    list,    ///< Items as the child "[]".
    text,
    secret,  ///< Text that is never shown; plain text is warned about.
    boolean,
    whole,     ///< `allowed`: "1..10"
    threads,   ///< "auto" or a whole number
    duration,  ///< "250ms", "2s", "1h30m", "30d"
    bytes,     ///< "64KiB", "32MiB"
    money,     ///< USD with at most nine decimals
    time,      ///< RFC 3339, or a date
    address,   ///< "127.0.0.1:7300", "[::1]:7300"
    url,       ///< http or https
    proxy,     ///< URL of a proxy, or "none"
    path,      ///< Of a file or a folder.
    choice,    ///< `allowed`: "keys|off"
    choices,   ///< A list of those, or one.
    texts,     ///< A list of texts, or one.
    models,    ///< Globs and renames: [glob, {name: upstream id}], or {name: upstream id}.
    account,   ///< A secret, or an object: its children.
};

enum class Since : std::uint8_t { now, later };

struct Key {
    std::string_view path;
    Type type = Type::text;
    std::string_view fallback;  ///< Default as one would write it; "" for none.
    std::string_view allowed;
    std::string_view doc;            ///< One sentence or two, Markdown.
    std::string_view like;           ///< Children are those of this path.
    std::string_view later_choices;  ///< Of `allowed`, those that this version refuses: "masked|full".
    Since since = Since::now;
};

/// In the order of the reference page; parents before their children.
std::span<const std::span<const Key>> key_tables();
const Key* find_key(std::string_view path);
/// The rows one step below `path` ("" for the top level), `like` followed.
std::vector<const Key*> children_of(const Key* key);
/// The last step: "api_key", "*", "[]".
std::string_view last_step(std::string_view path);
/// The path without its last step.
std::string_view parent_path(std::string_view path);
/// Path of a child: "admin" + "listen"; a path that borrows its children is followed.
std::string child_path(std::string_view parent, std::string_view step);

std::string_view to_string(Type type);
/// "keys|off" -> {"keys", "off"}
std::vector<std::string_view> choices_of(std::string_view allowed);

std::span<const Key> general_keys();
std::span<const Key> provider_keys();
std::span<const Key> later_keys();

}  // namespace gotthard::config
