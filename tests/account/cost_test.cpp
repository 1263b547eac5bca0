// Bills: pricing.md section 8 as data (golden/bills.jsonl) and its properties.
#include <gtest/gtest.h>

#include <fstream>

#include "account/catalogue.hpp"
#include "account/price_book.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

namespace gotthard::account {
namespace {

constexpr Micros today = 1'795'608'000'000'000;  // 2026-11-25T12:00:00Z

llm::Usage usage_from(json::Value value) {
    static constexpr std::pair<std::string_view, std::int64_t llm::Usage::*> members[] = {
        {"input", &llm::Usage::input},         {"output", &llm::Usage::output},       {"cache_read", &llm::Usage::cache_read},
        {"cache_write_5m", &llm::Usage::cache_write_5m}, {"cache_write_1h", &llm::Usage::cache_write_1h}, {"reasoning", &llm::Usage::reasoning},
        {"audio_in", &llm::Usage::audio_in},   {"audio_out", &llm::Usage::audio_out}, {"image_in", &llm::Usage::image_in},
        {"image_out", &llm::Usage::image_out}, {"web_searches", &llm::Usage::web_searches}};
    llm::Usage usage;
    for (const auto& [name, member] : members)
        if (const auto count = value[name]) {
            usage.*member = *count.integer();
            usage.source = llm::UsageSource::provider;
        }
    return usage;
}

/// Rows as in the price data; a word that is none of its `when`s is a service tier.
PriceCard card_from(const std::vector<std::string>& rates) {
    std::string data = "P\ttest\t\nM\tmodel\t-\t-\t=model\n";
    std::vector<std::string> tiers;
    for (const auto& row : rates) {
        const auto space = row.find(' ');
        auto when = row.substr(0, space);
        const bool is_tier = when != "-" && !(when.size() > 1 && is_digit(when[1]));
        tiers.push_back(is_tier ? when : "");
        data += "R\t" + (is_tier ? "-" : when) + "\t" + (space == std::string::npos ? "" : row.substr(space + 1)) + "\n";
    }
    auto catalogue = Catalogue::parse(data);
    EXPECT_TRUE(catalogue) << data;
    PriceCard card = catalogue->find("test", "model")->card;
    for (std::size_t i = 0; i < tiers.size(); ++i) card.rows[i].service_tier = tiers[i];
    return card;
}

TEST(Bills, AreExactToTheNanoDollar) {
    std::ifstream file(GOTTHARD_SOURCE_DIR "/tests/account/golden/bills.jsonl");
    std::size_t bills = 0;
    for (std::string line; std::getline(file, line); ++bills) {
        json::Document document;
        ASSERT_TRUE(document.parse(line)) << line;
        const auto bill = document.root();
        std::vector<std::string> rates;
        for (const auto row : bill["rates"].items()) rates.push_back(row.string());
        auto usage = usage_from(bill["usage"]);
        if (bill["then"]) usage.merge_max(usage_from(bill["then"]));
        const Micros when = bill["at"] ? *parse_rfc3339(bill["at"].string()) : today;
        const auto cost = cost_of(usage, card_from(rates), when, bill["tier"].string());
        EXPECT_EQ(cost.total.text(), bill["cost"].string()) << bill["id"].string() << ": " << bill["title"].string();
        EXPECT_EQ(cost.overlapping, bill["id"].equals("overlap"));
    }
    EXPECT_GE(bills, 38u);
}

const std::vector<std::string> full_rates = {
    "- input_mtok=3 output_mtok=15 cache_read_mtok=0.3 cache_write_mtok=3.75 cache_write_1h_mtok=6 input_audio_mtok=40 output_audio_mtok=80 "
    "input_image_mtok=7 output_image_mtok=31 output_reasoning_mtok=11 web_searches_kcount=10"};

TEST(Bill, MovesByExactlyOneRateWhenOneCountMovesByOne) {
    const auto card = card_from(full_rates);
    llm::Usage usage;
    usage.source = llm::UsageSource::provider;
    usage.input = 100'000;
    usage.output = 100'000;
    usage.cache_read = usage.cache_write_5m = usage.cache_write_1h = usage.audio_in = usage.image_in = 10'000;
    usage.reasoning = usage.audio_out = usage.image_out = 10'000;
    usage.web_searches = 2;
    const auto before = cost_of(usage, card, today);
    // A thousand at a time, so that one rounding cannot hide it. Parts replace plain tokens, wholes add them.
    const struct {
        std::int64_t llm::Usage::*count;
        std::int64_t nanos;
    } moves[] = {{&llm::Usage::input, 3'000'000},           {&llm::Usage::output, 15'000'000},
                 {&llm::Usage::cache_read, 300'000 - 3'000'000}, {&llm::Usage::cache_write_5m, 3'750'000 - 3'000'000},
                 {&llm::Usage::cache_write_1h, 6'000'000 - 3'000'000}, {&llm::Usage::audio_in, 40'000'000 - 3'000'000},
                 {&llm::Usage::image_in, 7'000'000 - 3'000'000}, {&llm::Usage::reasoning, 11'000'000 - 15'000'000},
                 {&llm::Usage::audio_out, 80'000'000 - 15'000'000}, {&llm::Usage::image_out, 31'000'000 - 15'000'000}};
    for (const auto& move : moves) {
        auto changed = usage;
        changed.*move.count += 1000;
        EXPECT_EQ((cost_of(changed, card, today).total - before.total).count(), move.nanos);
    }
}

TEST(Bill, IsTheSumOfItsLines) {
    const auto card = card_from(full_rates);
    SystemRandom random(7);
    for (int round = 0; round < 200; ++round) {
        llm::Usage usage;
        usage.source = llm::UsageSource::provider;
        usage.cache_read = static_cast<std::int64_t>(random.next() % 5000);
        usage.cache_write_5m = static_cast<std::int64_t>(random.next() % 5000);
        usage.audio_in = static_cast<std::int64_t>(random.next() % 50);
        usage.input = usage.cache_read + usage.cache_write_5m + usage.audio_in + static_cast<std::int64_t>(random.next() % 5000);
        usage.reasoning = static_cast<std::int64_t>(random.next() % 500);
        usage.output = usage.reasoning + static_cast<std::int64_t>(random.next() % 500);
        const auto cost = cost_of(usage, card, today);
        std::int64_t input = 0, output = 0;
        Money lines;
        for (std::size_t i = 0; i < cost.count; ++i) {
            const auto item = cost.items[i].item;
            (item == Item::output || item == Item::reasoning ? output : input) += cost.items[i].count;
            lines += cost.of(item);
        }
        EXPECT_EQ(input, usage.input) << "every input token is billed exactly once";
        EXPECT_EQ(output, usage.output);
        EXPECT_LE(std::abs((lines - cost.total).count()), static_cast<std::int64_t>(cost.count));
        EXPECT_EQ((cost.input() + cost.output() + cost.cache_read() + cost.cache_write() + cost.tools() + cost.other()).known(), true);
    }
}

TEST(Bill, GrowsWithTheTokens) {
    const auto card = card_from(full_rates);
    Money last;
    for (std::int64_t tokens = 0; tokens < 2000; tokens += 7) {
        llm::Usage usage;
        usage.source = llm::UsageSource::provider;
        usage.input = tokens;
        usage.output = tokens;
        const auto total = cost_of(usage, card, today).total;
        EXPECT_GE(total, last);
        last = total;
    }
}

TEST(Bill, DoesNotDependOnTheOrderOfUsageReports) {
    const auto card = card_from(full_rates);
    llm::Usage start, delta;
    start.source = delta.source = llm::UsageSource::provider;
    start.input = 1200;
    start.cache_read = 300;
    start.output = 1;
    delta.input = 1200;
    delta.output = 350;
    auto forward = start, backward = delta;
    forward.merge_max(delta);
    forward.merge_max(delta);
    backward.merge_max(start);
    EXPECT_EQ(cost_of(forward, card, today).total, cost_of(backward, card, today).total);
}

TEST(Bill, FlagsWhatItCannotPrice) {
    const auto card = card_from({"- input_mtok=3 output_mtok=15"});
    llm::Usage usage;
    usage.source = llm::UsageSource::provider;
    usage.input = 1'000'000;
    usage.output = 0;
    usage.web_searches = 3;
    const auto cost = cost_of(usage, card, today);
    EXPECT_TRUE(cost.incomplete);
    EXPECT_EQ(cost.total.text(), "3");
}

TEST(Bill, OfHugeCountsIsUnknownAndDoesNotWrap) {
    const auto card = card_from({"- input_mtok=2000 output_mtok=2000"});
    llm::Usage usage;
    usage.source = llm::UsageSource::provider;
    usage.input = INT64_MAX / 4;
    usage.output = INT64_MAX / 4;
    EXPECT_FALSE(cost_of(usage, card, today).total.known());
}

}  // namespace
}  // namespace gotthard::account
