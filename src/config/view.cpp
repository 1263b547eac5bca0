#include "config/view.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "config/validate.hpp"
#include "config/values.hpp"

namespace gotthard::config {

View View::at(std::string_view child) const {
    std::string pattern = child_path(pattern_, child);
    const Key* key = find_key(pattern);
    const Node* node = nullptr;
    Place place = place_;
    if (is_map()) {
        for (const Member& member : node_->members) {
            if (member.key != child) continue;
            node = &member.value;
            place = member.place;
        }
    }
    return {node, key, std::move(pattern), path_of_member(path_, child), place};
}

std::vector<View> View::items() const {
    std::vector<View> out;
    if (!given()) return out;
    std::string pattern = child_path(pattern_, "[]");
    const Key* key = find_key(pattern);
    if (!node_->is_list()) {
        out.push_back(View(node_, key, std::move(pattern), path_, place_));
        return out;
    }
    for (std::size_t i = 0; i < node_->items.size(); ++i)
        out.push_back(View(&node_->items[i], key, pattern, fmt::format("{}[{}]", path_, i), node_->items[i].place));
    return out;
}

std::vector<std::pair<std::string, View>> View::members() const {
    std::vector<std::pair<std::string, View>> out;
    if (!is_map()) return out;
    const std::string pattern = child_path(pattern_, "*");
    const Key* key = find_key(pattern);
    for (const Member& member : node_->members)
        out.emplace_back(member.key, View(&member.value, key, pattern, path_of_member(path_, member.key), member.place));
    return out;
}

std::string_view View::value() const {
    if (node_ != nullptr && node_->is_scalar()) return node_->text;
    return key_ == nullptr ? std::string_view{} : key_->fallback;
}

std::string View::shown() const {
    if (node_ != nullptr && node_->replaced) return fmt::format("the value of {}", node_->reference);
    const std::string_view whole = value(), begin = utf8_prefix(whole, 80);
    return fmt::format("`{}{}`", begin, begin.size() < whole.size() ? "..." : "");
}

bool View::boolean() const { return parse_boolean(value()).value_or(false); }
std::uint64_t View::whole() const { return parse_integer<std::uint64_t>(value()).value_or(0); }
Nanos View::duration() const { return parse_duration(value()).value_or(0); }
std::uint64_t View::bytes() const { return parse_bytes(value()).value_or(0); }
std::optional<Money> View::money() const { return value().empty() ? std::nullopt : Money::parse(value()); }
std::optional<Micros> View::time() const { return value().empty() ? std::nullopt : parse_time(value()); }

std::vector<std::string> View::texts() const {
    std::vector<std::string> out;
    if (!given()) {
        for (const auto choice : choices_of(value())) out.emplace_back(choice);
        return out;
    }
    for (const View& item : items())
        if (item.given()) out.push_back(item.text());
    return out;
}

}  // namespace gotthard::config
