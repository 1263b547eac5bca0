// Server-sent events (WHATWG HTML, "text/event-stream") read incrementally, without I/O.
//
// Format: lines end in LF, CRLF or CR, mixed at will; a blank line ends a block; `name: value` with one optional space
// after the colon; lines that begin with ':' are comments; a byte order mark in front of the stream is skipped.
//
// Life cycle: feed() some bytes, call next() until it returns nullptr, feed() more; at the end of the transport
// finish(), then next() until nullptr. The bytes may be cut anywhere. A block that lies inside the fed bytes is handed
// out as views into them; only a block that straddles two feeds is copied. One reader belongs to one thread.
//
// Every byte fed belongs to exactly one block's `raw`, in order, so that the concatenation of all `raw` is the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/failure.hpp"

namespace gotthard {

/// One block. The views live until the next call of next() or feed(), and no longer than the bytes fed.
struct SseEvent {
    std::string_view event;    ///< The `event` field; empty when there was none.
    std::string_view data;     ///< The `data` lines, joined with LF.
    std::string_view id;       ///< The `id` field of this block.
    std::string_view retry;    ///< The `retry` field as written.
    std::string_view comment;  ///< The last comment of the block, without the colon.
    std::string_view raw;      ///< The bytes of the block with its line ends and the closing blank line.
    bool has_data = false;     ///< False for keep-alives (comments, blank lines): nothing to interpret, only to pass on.
    bool unfinished = false;   ///< The transport ended before the blank line.
};

class SseReader {
public:
    static constexpr std::size_t default_cap = 16u << 20;

    /// `cap` bounds the bytes of one block, line ends included.
    explicit SseReader(std::size_t cap = default_cap) : cap_(cap) {}

    /// The bytes must stay where they are until next() has returned nullptr (feeding earlier is allowed and copies).
    void feed(std::string_view bytes);
    /// The transport ended. What is left becomes one block marked `unfinished`.
    void finish() { finished_ = true; }
    /// The next block, or nullptr when more bytes are needed, when all is read, or after a failure.
    const SseEvent* next();
    /// upstream_malformed once a block was longer than the cap; nothing is handed out from then on.
    Status status() const;
    bool failed() const { return failed_; }
    /// Bytes of a block that is not complete yet.
    std::size_t held() const { return copied_ ? copy_.size() : taken_; }

private:
    struct Span {
        std::size_t begin = 0;
        std::size_t size = 0;
    };
    enum class Field : std::uint8_t { event, data, id, retry, comment, other };

    void start_block();
    void give_up();
    void take(std::size_t count);
    void hold();
    void read_line(Span line);
    void add_data(Span value);
    const SseEvent* hand_out(bool unfinished);
    const char* block() const { return copied_ ? copy_.data() : rest_.data() - taken_; }
    std::size_t block_size() const { return copied_ ? copy_.size() : taken_; }
    std::string_view view(Span span) const { return {block() + span.begin, span.size}; }
    static Field field_of(std::string_view name);

    std::size_t cap_;
    std::string_view rest_;       // fed, not yet part of the block
    std::size_t taken_ = 0;       // bytes of the block that stand right in front of rest_ (when not copied)
    std::size_t line_begin_ = 0;  // of the line being read, within the block
    std::string copy_;            // the block so far, when it straddles feeds
    std::string joined_;          // several data lines
    std::string backlog_;         // fed before the earlier bytes were drained
    SseEvent event_;
    Span fields_[5];
    std::uint32_t data_lines_ = 0;
    std::uint32_t lines_ = 0;
    bool copied_ = false;
    bool swallow_lf_ = false;  // the last line ended in CR at the very end of the bytes
    bool first_line_ = true;
    bool finished_ = false;
    bool failed_ = false;
    bool handed_out_ = false;
};

}  // namespace gotthard
