#include "app/cli/connect.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "app/cli/json_text.hpp"
#include "base/text.hpp"

namespace gotthard::app {
namespace {

/// Nothing that a shell, Python, JavaScript or JSON string could mistake for its own.
bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return is_alpha(c) || is_digit(c) || std::string_view("-._~:/@+[]%=,").find(c) != std::string_view::npos;
    });
}

struct Hole {
    std::string_view mark;
    std::string_view option;
    std::string_view value;
};

std::string_view name_of_line(std::string_view line) { return trim(line.substr(0, line.find('='))); }

/// `old` with the lines of `fresh` in place of those of the same names.
std::string merge_env(std::string_view old, std::string_view fresh) {
    std::string out;
    std::vector<std::string_view> left = split_list(fresh, '\n');
    while (!old.empty()) {
        const auto end = std::min(old.find('\n'), old.size());
        const auto line = old.substr(0, end);
        old.remove_prefix(std::min(end + 1, old.size()));
        const auto same =
            std::ranges::find_if(left, [&](std::string_view other) { return name_of_line(other) == name_of_line(line); });
        if (same != left.end()) {
            out += *same;
            left.erase(same);
        } else {
            out += line;
        }
        out += '\n';
    }
    for (const auto line : left) out.append(line).append("\n");
    return out;
}

}  // namespace

Result<std::string> fill_template(std::string_view text, const ConnectSettings& settings) {
    const Hole holes[] = {
        {"@BASE@", "--base", settings.base},
        {"@KEY@", "--key", settings.key.empty() ? std::string_view("sk-gw-YOUR-KEY") : std::string_view(settings.key)},
        {"@MODEL@", "--model", settings.model.empty() ? std::string_view("YOUR-MODEL") : std::string_view(settings.model)},
    };
    for (const auto& hole : holes)
        if (!is_plain(hole.value))
            return fail(FailureKind::invalid_request,
                        fmt::format("{}: only letters, digits and -._~:/@+[]%=, can stand in a settings file.", hole.option));
    std::string out;
    while (!text.empty()) {
        const auto hole = std::ranges::find_if(holes, [&](const Hole& candidate) { return text.starts_with(candidate.mark); });
        if (hole != std::end(holes)) {
            out += hole->value;
            text.remove_prefix(hole->mark.size());
        } else {
            out += text.front();
            text.remove_prefix(1);
        }
    }
    return out;
}

Result<std::string> settings_file(const Client& client, const ConnectSettings& settings, std::string_view old) {
    auto fresh = fill_template(client.content, settings);
    if (!fresh) return fresh;
    if (client.kind == FileKind::env) return merge_env(old, *fresh);
    auto merged = merge_json(old, *fresh);
    if (!merged) merged.error().message = fmt::format("'{}' is left as it is: {}.", client.file, merged.error().message);
    return merged;
}

}  // namespace gotthard::app
