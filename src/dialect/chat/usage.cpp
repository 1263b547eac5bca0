// `usage` of chat servers, read and written. Sources: wire-formats.md 10.5, pricing.md sections 2 and 3.
#include <cmath>
#include <optional>

#include "base/money.hpp"
#include "dialect/openai_chat.hpp"

namespace gotthard::dialect::chat {
namespace {

using llm::Usage;

/// A count that can be meant: whole, not negative, far below overflow. -1: not told.
std::int64_t count_of(json::Value value) {
    const auto number = value.integer();
    return number && *number >= 0 && *number <= 1'000'000'000'000 ? *number : -1;
}

/// The first of several spellings that tells a number; a nested name is written "details.name".
std::int64_t first_count(json::Value usage, std::initializer_list<std::string_view> names) {
    for (auto name : names) {
        json::Value at = usage;
        while (true) {
            const auto dot = name.find('.');
            at = at[name.substr(0, dot)];
            if (dot == std::string_view::npos) break;
            name.remove_prefix(dot + 1);
        }
        if (const auto count = count_of(at); count >= 0) return count;
    }
    return -1;
}

/// Dollars as a JSON number or a decimal text.
std::int64_t nanos_of(json::Value value) {
    if (value.is_string()) {
        const auto money = Money::parse(value.string());
        return money && money->known() && money->count() >= 0 ? money->count() : -1;
    }
    const auto dollars = value.number();
    return dollars && *dollars >= 0 && *dollars < 1e9 ? std::llround(*dollars * 1e9) : -1;
}

std::int64_t cost_of(json::Value usage) {
    if (const auto ticks = count_of(usage["cost_in_usd_ticks"]); ticks >= 0) return ticks / 10;  // xAI: 1e-10 USD
    const auto cost = usage["cost"];
    return nanos_of(cost.is_object() ? cost["total_cost"] : cost);
}

/// Cache writes: one number, or OpenAI's split by life time (E228).
void read_cache_writes(json::Value usage, Usage& out) {
    const auto details = usage["prompt_tokens_details"];
    json::Value split = details["cache_write_tokens"];
    if (!split.is_object()) split = details["cache_write_tokens_details"];
    out.cache_write_30m = first_count(split, {"ttl_30m", "ttl_30m_tokens"});
    out.cache_write_12h = first_count(split, {"ttl_12h", "ttl_12h_tokens"});
    out.cache_write_1h = first_count(usage, {"cache_creation.ephemeral_1h_input_tokens"});
    const auto total = first_count(usage, {"prompt_tokens_details.cache_write_tokens",
                                           "prompt_tokens_details.cache_creation_tokens", "cache_creation_input_tokens"});
    if (total < 0) return;
    const auto told = std::max<std::int64_t>(out.cache_write_30m, 0) + std::max<std::int64_t>(out.cache_write_12h, 0) +
                      std::max<std::int64_t>(out.cache_write_1h, 0);
    out.cache_write_5m = std::max<std::int64_t>(0, total - told);
}

}  // namespace

Usage read_usage(json::Value usage, std::uint32_t quirks) {
    Usage out;
    if (!usage.is_object()) return out;
    out.input = first_count(usage, {"prompt_tokens", "input_tokens"});
    out.output = first_count(usage, {"completion_tokens", "output_tokens"});
    if (out.input < 0 && out.output < 0) return Usage{};
    out.source = llm::UsageSource::provider;
    out.cache_read = first_count(
        usage, {"prompt_tokens_details.cached_tokens", "prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens",
                "cached_prompt_text_tokens", "input_tokens_details.cached_tokens", "cache_read_input_tokens"});
    read_cache_writes(usage, out);
    out.reasoning = first_count(
        usage, {"completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens", "reasoning_tokens"});
    out.audio_in = first_count(usage, {"prompt_tokens_details.audio_tokens"});
    out.audio_out = first_count(usage, {"completion_tokens_details.audio_tokens"});
    out.image_in = first_count(usage, {"prompt_tokens_details.image_tokens"});
    out.image_out = first_count(usage, {"completion_tokens_details.image_tokens"});
    out.accepted_prediction = first_count(usage, {"completion_tokens_details.accepted_prediction_tokens"});
    out.rejected_prediction = first_count(usage, {"completion_tokens_details.rejected_prediction_tokens"});
    out.web_searches = first_count(usage, {"server_tool_use.web_search_requests", "num_search_queries"});
    out.provider_cost_nanos = cost_of(usage);

    if (out.reasoning > 0 && out.output >= 0) {
        // xAI reports reasoning beside the completion; the total tells which way this answer counts (10.5).
        const auto total = count_of(usage["total_tokens"]);
        const auto input = std::max<std::int64_t>(out.input, 0);
        const bool on_top = total >= 0 ? total == input + out.output + out.reasoning
                                       : (quirks & static_cast<std::uint32_t>(Quirk::reasoning_on_top)) != 0;
        if (on_top)
            out.output += out.reasoning;
        else
            out.reasoning = std::min(out.reasoning, out.output);
    }
    return out;
}

void append_usage(std::string& out, const Usage& usage) {
    const auto shown = [](std::int64_t count) { return std::max<std::int64_t>(count, 0); };
    json::Writer json(out);
    json.begin_object();
    json.member("prompt_tokens", shown(usage.input));
    json.member("completion_tokens", shown(usage.output));
    json.member("total_tokens", shown(usage.input) + shown(usage.output));
    json.key("prompt_tokens_details").begin_object();
    json.member("cached_tokens", shown(usage.cache_read));
    json.member("audio_tokens", shown(usage.audio_in));
    if (usage.cache_write() > 0) json.member("cache_write_tokens", usage.cache_write());
    json.end_object();
    json.key("completion_tokens_details").begin_object();
    json.member("reasoning_tokens", shown(usage.reasoning));
    json.member("audio_tokens", shown(usage.audio_out));
    json.member("accepted_prediction_tokens", shown(usage.accepted_prediction));
    json.member("rejected_prediction_tokens", shown(usage.rejected_prediction));
    json.end_object();
    json.end_object();
}

}  // namespace gotthard::dialect::chat
