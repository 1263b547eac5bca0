// Filters over the bytes of a same-dialect answer. They cut a stream into its blocks and hand each to one function; what that
// function does not touch passes byte for byte. Cut-anywhere safe; at most `cap` bytes are held, longer blocks pass unedited.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "dialect/dialect.hpp"

namespace gotthard::dialect {

/// SSE: one block is everything up to and with its closing blank line.
class BlockEdit : public StreamEdit {
public:
    static constexpr std::size_t default_cap = 16u << 20;
    explicit BlockEdit(std::size_t cap = default_cap) : cap_(cap) {}
    void feed(std::string_view bytes, std::string& out) final;
    void finish(std::string& out) final;

protected:
    /// Appends the block, changed or not, to `out`; appending nothing removes it.
    virtual void edit(std::string_view block, std::string& out) = 0;

private:
    void keep(std::string_view piece, std::string& out);
    void close(std::string& out);
    std::size_t cap_;
    std::string held_;
    bool passing_ = false;      // the current block is longer than cap_
    bool line_empty_ = true;    // no byte of the current line yet
    bool after_cr_ = false;     // the last byte was a CR that ended a line
    bool block_ended_ = false;  // and that line was the blank one: an LF that follows belongs to the block before
    bool removed_ = false;      // that block was edited away
};

/// Unary: the whole body, when it is not longer than `cap`.
class BodyEdit : public StreamEdit {
public:
    explicit BodyEdit(std::size_t cap = BlockEdit::default_cap) : cap_(cap) {}
    void feed(std::string_view bytes, std::string& out) final;
    void finish(std::string& out) final;

protected:
    virtual void edit(std::string_view body, std::string& out) = 0;

private:
    std::size_t cap_;
    std::string held_;
    bool passing_ = false;
};

/// Where the value of the only `data:` line of an SSE block stands: offset and size within `block`. Size 0: no or several data
/// lines.
struct DataSpan {
    std::size_t begin = 0;
    std::size_t size = 0;
};
DataSpan data_of(std::string_view block);

/// The value of a member of the top-level object in `json`, found by a scan that reads nothing but what it must: begin and end of
/// the first member named `key`, or size 0.
DataSpan find_member(std::string_view json, std::string_view key);

}  // namespace gotthard::dialect
