// The bytes that the events of one feed() view. An open stream holds little between two reads: one block of about what was fed,
// and single pieces where that was not enough. Owned by one reader.
#pragma once

#include <cstddef>
#include <forward_list>
#include <string>
#include <string_view>

namespace gotthard::dialect {

class Scratch {
public:
    /// Everything handed out becomes invalid; about `expected` bytes are to come.
    void reset(std::size_t expected) {
        constexpr std::size_t large = 4096;
        pieces_.clear();
        block_.clear();
        if (block_.capacity() > large && expected < block_.capacity() / 4) std::string().swap(block_);
        if (block_.capacity() < expected) block_.reserve(expected);
    }
    std::string_view copy(std::string_view text) {
        if (text.empty()) return {};
        if (block_.size() + text.size() > block_.capacity()) return pieces_.emplace_front(text);
        const auto begin = block_.size();
        block_ += text;
        return std::string_view(block_).substr(begin);
    }

private:
    std::string block_;
    std::forward_list<std::string> pieces_;
};

}  // namespace gotthard::dialect
