#include "dialect/anthropic/models.hpp"

#include <optional>
#include <string>

#include "base/text.hpp"

namespace gotthard::dialect::anthropic {
namespace {

/// Major and minor version as one number (4.5 -> 45): the first one or two short numbers behind "claude". Dates are long numbers.
std::optional<int> version_of(std::string_view name) {
    std::optional<int> major;
    for (std::size_t i = 0; i < name.size();) {
        if (!is_digit(name[i])) {
            if (major && name[i] != '-' && name[i] != '.') break;  // "3-7-sonnet": the numbers of a version stand together
            ++i;
            continue;
        }
        const bool begins_word = i == 0 || name[i - 1] == '-' || name[i - 1] == '.';
        std::size_t end = i;
        while (end < name.size() && is_digit(name[end])) ++end;
        if (end - i > 2 || !begins_word) {
            if (major) break;
        } else {
            const int number = *parse_integer<int>(name.substr(i, end - i));
            if (major) return *major * 10 + std::min(number, 9);
            major = number;
        }
        i = end;
    }
    if (!major) return std::nullopt;
    return *major * 10;
}

}  // namespace

ModelTraits traits_of(std::string_view model) {
    const std::string name = lower(model);
    const auto at = name.find("claude");
    if (at == std::string::npos) return {};
    const auto rest = std::string_view(name).substr(at + 6);
    const int version = version_of(rest).value_or(99);
    const bool opus = rest.find("opus") != std::string_view::npos;
    ModelTraits traits{.claude = true};
    traits.thinks = version >= 37;
    traits.adaptive = version >= 46;
    traits.budgets = version <= 46;
    traits.effort_xhigh = version >= 47;
    traits.effort_max = version >= 47 || (opus && version == 46);
    traits.native_schema = version >= 45 || version == 41;
    return traits;
}

}  // namespace gotthard::dialect::anthropic
