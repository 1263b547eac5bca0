#include "dialect/anthropic/usage.hpp"

#include <algorithm>

namespace gotthard::dialect::anthropic {
namespace {

/// A count that is absent, not a number or out of any reason is not told.
std::int64_t count_of(json::Value value) {
    const auto number = value.integer();
    return number && *number >= 0 && *number < (std::int64_t{1} << 50) ? *number : -1;
}

void raise(std::int64_t& to, std::int64_t value) { to = std::max(to, value); }
void add(std::int64_t& to, std::int64_t value) {
    if (value >= 0) to = std::max<std::int64_t>(to, 0) + value;
}

}  // namespace

UsageReader::Counts UsageReader::counts_of(json::Value usage) {
    const auto split = usage["cache_creation"];
    return {.input = count_of(usage["input_tokens"]),
            .output = count_of(usage["output_tokens"]),
            .cache_read = count_of(usage["cache_read_input_tokens"]),
            .cache_write = count_of(usage["cache_creation_input_tokens"]),
            .write_5m = count_of(split["ephemeral_5m_input_tokens"]),
            .write_1h = count_of(split["ephemeral_1h_input_tokens"])};
}

bool UsageReader::see(json::Value usage) {
    if (!usage.is_object()) return false;
    static constexpr std::int64_t Counts::*all[] = {&Counts::input, &Counts::output, &Counts::cache_read, &Counts::cache_write, &Counts::write_5m, &Counts::write_1h};
    const Counts told = counts_of(usage);
    for (auto count : all) raise(most_.*count, told.*count);
    if (const auto passes = usage["iterations"]; passes.is_array() && passes.size() > 0) {
        Counts sum;
        for (json::Value each : passes.items()) {
            const Counts pass = counts_of(each);
            for (auto count : all) add(sum.*count, pass.*count);
        }
        for (auto count : all) raise(most_.*count, sum.*count);
    }
    raise(reasoning_, count_of(usage["output_tokens_details"]["thinking_tokens"]));
    raise(searches_, count_of(usage["server_tool_use"]["web_search_requests"]));
    known_ = known_ || most_.input >= 0 || most_.output >= 0;
    return known_;
}

llm::Usage UsageReader::usage() const {
    llm::Usage out;
    if (!known_) return out;
    out.source = llm::UsageSource::provider;
    out.output = most_.output;
    out.cache_read = most_.cache_read;
    // What the split does not explain was written for the default life time.
    const auto split = std::max<std::int64_t>(most_.write_5m, 0) + std::max<std::int64_t>(most_.write_1h, 0);
    const auto written = std::max(most_.cache_write, split);
    if (most_.cache_write >= 0 || most_.write_5m >= 0) out.cache_write_5m = written - std::max<std::int64_t>(most_.write_1h, 0);
    out.cache_write_1h = most_.write_1h;
    if (most_.input >= 0) out.input = most_.input + std::max<std::int64_t>(most_.cache_read, 0) + std::max<std::int64_t>(written, 0);
    out.reasoning = reasoning_;
    out.web_searches = searches_;
    return out;
}

void append_usage(json::Writer& writer, const llm::Usage& usage) {
    // Some providers tell more cached tokens than tokens: the total holds, and nothing is counted twice.
    const auto total = std::max<std::int64_t>(usage.input, 0);
    const auto read = std::clamp<std::int64_t>(usage.cache_read, 0, total);
    const auto written = std::min(usage.cache_write(), total - read);
    const auto input = total - read - written;
    writer.member("input_tokens", input).member("cache_creation_input_tokens", written).member("cache_read_input_tokens", read);
    if (usage.cache_write_1h > 0 && usage.cache_write_1h <= written)
        writer.key("cache_creation").begin_object().member("ephemeral_5m_input_tokens", written - usage.cache_write_1h).member("ephemeral_1h_input_tokens", usage.cache_write_1h).end_object();
    writer.member("output_tokens", std::max<std::int64_t>(usage.output, 0));
    if (usage.reasoning > 0) writer.key("output_tokens_details").begin_object().member("thinking_tokens", usage.reasoning).end_object();
    if (usage.web_searches > 0) writer.key("server_tool_use").begin_object().member("web_search_requests", usage.web_searches).end_object();
}

}  // namespace gotthard::dialect::anthropic
