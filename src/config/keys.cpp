#include "config/keys.hpp"

#include <array>

namespace gotthard::config {

std::span<const std::span<const Key>> key_tables() {
    static const std::array<std::span<const Key>, 3> all = {general_keys(), provider_keys(), later_keys()};
    return all;
}

const Key* find_key(std::string_view path) {
    for (const auto table : key_tables())
        for (const Key& key : table)
            if (key.path == path) return &key;
    return nullptr;
}

std::string_view parent_path(std::string_view path) {
    if (path.ends_with("[]")) return path.substr(0, path.size() - 2);
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

std::string_view last_step(std::string_view path) {
    if (path.ends_with("[]")) return path.substr(path.size() - 2);
    const auto dot = path.rfind('.');
    return dot == std::string_view::npos ? path : path.substr(dot + 1);
}

std::string child_path(std::string_view parent, std::string_view step) {
    if (const Key* key = parent.empty() ? nullptr : find_key(parent); key != nullptr && !key->like.empty()) parent = key->like;
    std::string path(parent);
    if (!path.empty() && step != "[]") path += '.';
    path += step;
    return path;
}

std::vector<const Key*> children_of(const Key* key) {
    const std::string_view parent = key == nullptr ? std::string_view{} : key->like.empty() ? key->path : key->like;
    std::vector<const Key*> children;
    for (const auto table : key_tables())
        for (const Key& child : table)
            if (parent_path(child.path) == parent && (!parent.empty() || child.path.find('[') == std::string_view::npos))
                children.push_back(&child);
    return children;
}

std::string_view to_string(Type type) {
    constexpr std::string_view names[] = {
        "object",
        "map",
        "list",
        "text",
        "secret",
        "true or false",
        "whole number",
        "`auto` or a whole number",
        "duration",
        "size",
        "USD",
        "time",
        "address",
        "URL",
        "URL or `none`",
        "path",
        "one of",
        "list of",
        "text or list of texts",
        "list of globs and renames",
        "secret or object",
    };
    return names[static_cast<std::size_t>(type)];
}

std::vector<std::string_view> choices_of(std::string_view allowed) {
    std::vector<std::string_view> choices;
    while (!allowed.empty()) {
        const auto bar = allowed.find('|');
        choices.push_back(allowed.substr(0, bar));
        if (bar == std::string_view::npos) break;
        allowed.remove_prefix(bar + 1);
    }
    return choices;
}

}  // namespace gotthard::config
