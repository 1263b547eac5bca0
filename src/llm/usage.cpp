#include "llm/usage.hpp"

namespace gotthard::llm {

void Usage::merge_max(const Usage& other) {
    static constexpr std::int64_t Usage::* counts[] = {&Usage::input,
                                                       &Usage::output,
                                                       &Usage::cache_read,
                                                       &Usage::cache_write_5m,
                                                       &Usage::cache_write_1h,
                                                       &Usage::cache_write_30m,
                                                       &Usage::cache_write_12h,
                                                       &Usage::reasoning,
                                                       &Usage::audio_in,
                                                       &Usage::audio_out,
                                                       &Usage::image_in,
                                                       &Usage::image_out,
                                                       &Usage::accepted_prediction,
                                                       &Usage::rejected_prediction,
                                                       &Usage::web_searches,
                                                       &Usage::provider_cost_nanos};
    for (auto count : counts) this->*count = std::max(this->*count, other.*count);
    if (other.source != UsageSource::none) source = other.source;
}

}  // namespace gotthard::llm
