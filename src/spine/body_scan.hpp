// What the spine must know of a request body before it can route it, read without building a conversation: the pass-through
// path needs no more. The facts keep offsets into the body, so that single values can be replaced by splices.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.hpp"
#include "base/failure.hpp"
#include "dialect/dialect.hpp"

namespace gotthard::spine {

struct Span {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    bool operator==(const Span&) const = default;
};

struct BodyFacts {
    std::string_view model;
    Span model_at;                       ///< Of its value, quotes included.
    std::uint32_t object_end = 0;        ///< Offset of the closing brace.
    bool has_members = false;
    bool stream = false;
    bool include_usage = false;
    std::optional<Span> stream_options;  ///< Of its value.
    bool stream_options_empty = false;   ///< The value is {} or null.
    std::optional<Span> include_usage_at;
    std::int64_t max_tokens = -1;
    std::string_view user;               ///< `user`, or metadata.user_id.
    // Shown in the record.
    double temperature = -1;
    double top_p = -1;
    std::int64_t n = -1;
    std::string_view reasoning_effort;
    std::uint32_t tools = 0;
};

/// Faults are the client's: not JSON, not an object, `model` missing, a governed key escaped or repeated, wrong types of
/// governed keys. Views live in `body` or `arena`.
Result<BodyFacts> scan_body(std::string_view body, Arena& arena);

/// A replacement of body[at.begin, at.end).
struct Splice {
    Span at;
    std::string_view text;
};

/// The pieces of `body` with `splices` (ascending, not overlapping) done. Returns the total length.
std::size_t splice_body(std::string_view body, std::span<const Splice> splices, std::vector<iovec>& out);

}  // namespace gotthard::spine
