// What a call consumed, in one normal form for all dialects.
//
// `input` is ALL input tokens; every other input count is a part of it. `output` is ALL output tokens; reasoning and audio are
// parts of it. Readers normalise (Anthropic and Bedrock report input without cached tokens, OpenAI and Gemini with them; xAI
// reports reasoning on top of completion): see pricing.md sections 2 and 3. -1 means "not reported".
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace gotthard::llm {

enum class UsageSource : std::uint8_t { none, provider, counted, estimated };

struct Usage {
    std::int64_t input = -1;
    std::int64_t output = -1;
    std::int64_t cache_read = -1;
    std::int64_t cache_write_5m = -1;  ///< Writes whose life time is not told count here.
    std::int64_t cache_write_1h = -1;
    std::int64_t cache_write_30m = -1;
    std::int64_t cache_write_12h = -1;
    std::int64_t reasoning = -1;
    std::int64_t audio_in = -1;
    std::int64_t audio_out = -1;
    std::int64_t image_in = -1;
    std::int64_t image_out = -1;
    std::int64_t accepted_prediction = -1;
    std::int64_t rejected_prediction = -1;
    std::int64_t web_searches = -1;
    std::int64_t provider_cost_nanos = -1;  ///< What the provider says it charges, nano-dollars.
    UsageSource source = UsageSource::none;

    bool known() const { return source != UsageSource::none; }
    bool operator==(const Usage&) const = default;

    std::int64_t cache_write() const {
        return std::max<std::int64_t>(cache_write_5m, 0) + std::max<std::int64_t>(cache_write_1h, 0) +
               std::max<std::int64_t>(cache_write_30m, 0) + std::max<std::int64_t>(cache_write_12h, 0);
    }

    /// Field by field the larger value: providers repeat usage and never mean a sum (E060, E220).
    void merge_max(const Usage& other);
};

}  // namespace gotthard::llm
