// Usage as Anthropic reports it, and its normal form.
//
// The vendor counts input without cached tokens; the same counts come in message_start and again in message_delta. Per field the
// larger one holds, never a sum (E060). `iterations` lists several billed passes of one answer: their sum (E229).
#pragma once

#include <cstdint>

#include "base/json.hpp"
#include "llm/usage.hpp"

namespace gotthard::dialect::anthropic {

class UsageReader {
public:
    /// Reads one `usage` object; anything else changes nothing. Returns whether it told anything.
    bool see(json::Value usage);
    llm::Usage usage() const;

private:
    struct Counts {
        std::int64_t input = -1, output = -1, cache_read = -1, cache_write = -1, write_5m = -1, write_1h = -1;
    };
    static Counts counts_of(json::Value usage);
    Counts most_;
    std::int64_t reasoning_ = -1;
    std::int64_t searches_ = -1;
    bool known_ = false;
};

/// Appends the members of a `usage` object (no braces) for `usage`: input without cached tokens, cache fields always there (E079, E083).
void append_usage(json::Writer& writer, const llm::Usage& usage);

}  // namespace gotthard::dialect::anthropic
