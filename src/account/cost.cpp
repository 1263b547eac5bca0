// Usage times rates: disjoint parts, each billed once, one rounding (pricing.md sections 1 and 5).
#include "account/price_book.hpp"

namespace gotthard::account {
namespace {

using Sum = __int128;
constexpr Sum femto_per_nano = 1'000'000;

std::int64_t round_half_up(Sum femto) { return static_cast<std::int64_t>((femto + femto_per_nano / 2) / femto_per_nano); }

/// Where the rate of a part comes from when the row has none of its own.
constexpr Item parent_of(Item item) {
    switch (item) {
        case Item::cache_write_1h: return Item::cache_write;
        case Item::cache_audio_read: return Item::cache_read;
        case Item::cache_read:
        case Item::cache_write:
        case Item::audio_in:
        case Item::image_in: return Item::input;
        case Item::audio_out:
        case Item::image_out:
        case Item::reasoning: return Item::output;
        default: return item;
    }
}

class Bill {
public:
    Bill(const DatedRates& rates, std::int64_t input_tokens, Cost& cost) : rates_(rates), input_tokens_(input_tokens), cost_(cost) {}

    /// Takes `count` of the `left` units of a whole and bills them; more than is left means that the reported parts overlap.
    void take(Item item, std::int64_t count, std::int64_t& left) {
        if (count <= 0) return;
        if (count > left) {
            cost_.overlapping = true;
            count = left;
        }
        left -= count;
        add(item, count);
    }

    void add(Item item, std::int64_t count) {
        if (count <= 0) return;
        Item source = item;
        Femto rate = rates_.rate(source, input_tokens_);
        while (rate == no_rate && parent_of(source) != source) {
            source = parent_of(source);
            rate = rates_.rate(source, input_tokens_);
        }
        cost_.items[cost_.count++] = {item, count, rate, source != item};
        if (rate == no_rate) {
            missing_ = true;
            return;
        }
        sum_ += static_cast<Sum>(count) * rate;
    }

    /// A count of something that has no parent: left out and flagged when it has no rate.
    void add_extra(Item item, std::int64_t count) {
        if (count <= 0) return;
        if (rates_.rate(item, input_tokens_) == no_rate)
            cost_.incomplete = true;
        else
            add(item, count);
    }

    Money total() const {
        constexpr Sum most = std::numeric_limits<std::int64_t>::max();
        if (missing_ || sum_ / femto_per_nano >= most) return Money::unknown();
        return Money::nanos(round_half_up(sum_));
    }

private:
    const DatedRates& rates_;
    std::int64_t input_tokens_;
    Cost& cost_;
    Sum sum_ = 0;
    bool missing_ = false;
};

/// -1 (not reported) counts as nothing; an upstream's absurd figure stays summable.
std::int64_t reported(std::int64_t count) { return std::clamp<std::int64_t>(count, 0, 1'000'000'000'000'000); }

}  // namespace

Money Cost::of(Item item) const {
    Sum sum = 0;
    for (std::size_t i = 0; i < count; ++i)
        if (items[i].item == item) {
            if (items[i].rate == no_rate) return Money::unknown();
            sum += static_cast<Sum>(items[i].count) * items[i].rate;
        }
    return Money::nanos(round_half_up(sum));
}

Cost cost_of(const llm::Usage& usage, const PriceCard& card, Micros when, std::string_view service_tier) {
    Cost cost;
    const bool free_variant = !card.priced() && card.model.find("free") != std::string::npos;
    if (!usage.known() || (!card.priced() && !free_variant)) return cost;
    if (free_variant) {
        cost.total = Money::nanos(0);
        return cost;
    }
    const std::int64_t writes_short = reported(usage.cache_write_5m) + reported(usage.cache_write_30m);
    const std::int64_t writes_long = reported(usage.cache_write_1h) + reported(usage.cache_write_12h);
    const std::int64_t parts_in = writes_short + writes_long + reported(usage.cache_read) + reported(usage.audio_in) + reported(usage.image_in);
    const std::int64_t parts_out = reported(usage.audio_out) + reported(usage.image_out);
    const std::int64_t input = usage.input >= 0 ? reported(usage.input) : parts_in;
    const std::int64_t output = usage.output >= 0 ? reported(usage.output) : parts_out + reported(usage.reasoning);

    const DatedRates& rates = card.at(when, service_tier);
    Bill bill(rates, input, cost);
    std::int64_t left = input;
    bill.take(Item::cache_write, writes_short, left);
    bill.take(Item::cache_write_1h, writes_long, left);
    bill.take(Item::cache_read, reported(usage.cache_read), left);
    bill.take(Item::audio_in, reported(usage.audio_in), left);
    bill.take(Item::image_in, reported(usage.image_in), left);
    bill.add(Item::input, left);
    left = output;
    bill.take(Item::audio_out, reported(usage.audio_out), left);
    bill.take(Item::image_out, reported(usage.image_out), left);
    if (rates.rate(Item::reasoning, input) != no_rate) bill.take(Item::reasoning, reported(usage.reasoning), left);
    bill.add(Item::output, left);
    bill.add_extra(Item::web_search, reported(usage.web_searches));
    if (rates.rate(Item::request, input) != no_rate) bill.add(Item::request, 1);
    cost.total = bill.total();
    return cost;
}

Cost cost_of(const llm::Usage& usage, const PriceCard* card, Micros when, std::string_view service_tier) {
    if (card != nullptr) return cost_of(usage, *card, when, service_tier);
    Cost cost;
    if (usage.known() && usage.provider_cost_nanos >= 0) cost.total = Money::nanos(usage.provider_cost_nanos);
    return cost;
}

}  // namespace gotthard::account
