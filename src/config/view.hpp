// Reading the validated tree: a View is a node together with its row of the table, so that what is not given reads as the
// row's default. Cheap to copy; the tree must outlive it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/money.hpp"
#include "config/keys.hpp"
#include "config/written.hpp"

namespace gotthard::config {

class View {
public:
    explicit View(const Node& root) : node_(&root), place_(root.place) {}

    View at(std::string_view child) const;
    /// Items of a list; a single value counts as a list of one.
    std::vector<View> items() const;
    std::vector<std::pair<std::string, View>> members() const;

    bool given() const { return node_ != nullptr && node_->kind != Node::Kind::null; }
    bool replaced() const { return node_ != nullptr && node_->replaced; }  ///< By env: or file:.
    /// Not given because it was wrong: that has been said, and its absence is no further fault.
    bool faulty() const { return node_ != nullptr && node_->faulty; }
    bool is_map() const { return node_ != nullptr && node_->is_map(); }
    /// The value's place; of a map or an absent value, the place of its key or of what holds it.
    Place place() const { return node_ != nullptr && node_->is_scalar() ? node_->place : place_; }
    const std::string& path() const { return path_; }

    /// The value for a fault: `text` in backticks, or "the value of env:NAME", whose content is nobody's business.
    std::string shown() const;
    std::string text() const { return std::string(value()); }
    bool boolean() const;
    std::uint64_t whole() const;
    Nanos duration() const;
    std::uint64_t bytes() const;
    std::optional<Money> money() const;
    std::optional<Micros> time() const;
    std::vector<std::string> texts() const;  ///< Of the default too: "a|b".

private:
    View(const Node* node, const Key* key, std::string pattern, std::string path, Place place)
        : node_(node), key_(key), pattern_(std::move(pattern)), path_(std::move(path)), place_(place) {}
    std::string_view value() const;

    const Node* node_ = nullptr;
    const Key* key_ = nullptr;
    std::string pattern_;
    std::string path_;
    Place place_;
};

}  // namespace gotthard::config
