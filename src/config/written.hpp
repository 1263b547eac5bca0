// The configuration as written: a tree of scalars, lists and maps, each with its place in the file. YAML's traps end here:
// duplicate keys, tags, merge keys, several documents, tabs, NUL, invalid UTF-8 and alias bombs are faults with a place, and
// the tree is bounded in bytes, depth and number of values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/faults.hpp"

namespace gotthard::config {

inline constexpr std::size_t most_bytes = 1 << 20;
inline constexpr std::size_t most_values = 50'000;
inline constexpr std::size_t deepest = 24;

struct Member;

struct Node {
    enum class Kind : std::uint8_t { null, scalar, list, map };
    Kind kind = Kind::null;
    bool faulty = false;    ///< Null because what stood here was wrong, which has been said.
    bool replaced = false;  ///< The text came from env: or file:; it is not shown in faults.
    Place place;
    std::string text;       ///< Of a scalar.
    std::string reference;  ///< "env:NAME" when replaced.
    std::vector<Node> items;
    std::vector<Member> members;

    bool is_scalar() const { return kind == Kind::scalar; }
    bool is_list() const { return kind == Kind::list; }
    bool is_map() const { return kind == Kind::map; }
    /// Nothing in it: null, "", [], {}.
    bool empty() const;
    const Node* find(std::string_view key) const;
};

struct Member {
    std::string key;
    Place place;  ///< Of the key.
    Node value;
};

/// The tree of `text`; null when it cannot be read (then there is an error among the faults). An empty file is an empty map.
Node read_yaml(std::string_view text, Faults& faults);

}  // namespace gotthard::config
