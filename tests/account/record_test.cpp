// Records on their way: nothing lost that was taken, everything lost is counted, nobody waits.
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <thread>

#include "account/record.hpp"
#include "account/record_queue.hpp"
#include "base/json.hpp"
#include "store/memory/memory_store.hpp"

namespace gotthard::account {
namespace {

using store::RequestRow;

RequestRow row_number(std::int64_t number, std::string_view text) {
    RequestRow row;
    SystemRandom random(static_cast<std::uint64_t>(number) + 1);
    row.id = Id::make(1'700'000'000'000'000 + number, random);
    row.ts = number;
    row.input = number * 2;
    row.top_p = 0.5;
    row.target = text;
    row.outcome = "ok";
    row.attempts = "[]";
    return row;
}

TEST(RecordQueue, HandsOutRowsAsTheyWerePutIn) {
    RecordQueue queue(1 << 20);
    EXPECT_TRUE(queue.push(row_number(1, "lab/a")));
    EXPECT_TRUE(queue.push(row_number(2, "")));
    std::vector<RequestRow> rows;
    EXPECT_EQ(queue.take(rows, 10), 2u);
    EXPECT_EQ(rows[0].target, "lab/a");
    EXPECT_EQ(rows[0].input, 2);
    EXPECT_EQ(rows[0].top_p, 0.5);
    EXPECT_TRUE(std::isnan(rows[0].temperature));
    EXPECT_EQ(rows[0].output, store::unset);
    EXPECT_EQ(rows[1].target, "");
    EXPECT_EQ(rows[1].id, row_number(2, "").id);
    EXPECT_EQ(queue.take(rows, 10), 0u);
}

TEST(RecordQueue, RefusesAndCountsWhatDoesNotFitAndTakesMoreWhenRead) {
    RecordQueue queue(4 * RecordQueue::block_size);
    const std::string text(1000, 'x');
    std::int64_t pushed = 0;
    while (queue.push(row_number(pushed, text))) ++pushed;
    EXPECT_GT(pushed, 100);
    EXPECT_FALSE(queue.push(row_number(0, text)));
    EXPECT_EQ(queue.refused(), 2u);
    EXPECT_LE(queue.bytes(), 4 * RecordQueue::block_size);
    std::vector<RequestRow> rows;
    EXPECT_EQ(queue.take(rows, 1'000'000), static_cast<std::size_t>(pushed));
    for (std::int64_t i = 0; i < pushed; ++i) EXPECT_EQ(rows[static_cast<std::size_t>(i)].ts, i);
    queue.recycle();
    EXPECT_TRUE(queue.push(row_number(0, text)));
    queue.trim();
    EXPECT_LE(queue.bytes(), 2 * RecordQueue::block_size) << "an idle queue is small";
}

TEST(RecordQueue, CutsARowThatIsLargerThanABlock) {
    RecordQueue queue(1 << 20);
    const std::string large(70'000, 'x');
    auto row = row_number(1, "lab/a");
    row.losses = large;
    EXPECT_TRUE(queue.push(row));
    auto hopeless = row_number(2, large);
    EXPECT_TRUE(queue.push(hopeless));
    std::vector<RequestRow> rows;
    ASSERT_EQ(queue.take(rows, 10), 2u);
    EXPECT_EQ(rows[0].losses, "");
    EXPECT_EQ(rows[0].attempts, "[]") << "only what is too much goes";
    EXPECT_EQ(rows[1].target.size(), 512u);
    EXPECT_EQ(queue.cut(), 2u);
}

TEST(RecordQueue, LosesAndRepeatsNothingBetweenTwoThreads) {
    RecordQueue queue(8 * RecordQueue::block_size);
    constexpr std::int64_t count = 200'000;
    std::thread producer([&] {
        std::string text;
        for (std::int64_t i = 0; i < count; ++i) {
            text.assign(static_cast<std::size_t>(i % 300), static_cast<char>('a' + i % 26));
            while (!queue.push(row_number(i, text))) std::this_thread::yield();
        }
    });
    std::vector<RequestRow> rows;
    std::int64_t next = 0;
    while (next < count) {
        rows.clear();
        if (queue.take(rows, 500) == 0) std::this_thread::yield();
        for (const auto& row : rows) {
            ASSERT_EQ(row.ts, next);
            ASSERT_EQ(row.target.size(), static_cast<std::size_t>(next % 300));
            if (!row.target.empty()) ASSERT_EQ(row.target.back(), static_cast<char>('a' + next % 26));
            ++next;
        }
        queue.recycle();
        if (next % 7 == 0) queue.trim();
    }
    producer.join();
    EXPECT_EQ(queue.pushed(), static_cast<std::uint64_t>(count));
    EXPECT_EQ(queue.taken(), static_cast<std::uint64_t>(count));
}

TEST(RecordSink, StoresWhatAllShardsPushed) {
    store::memory::MemoryStore store;
    std::atomic<int> observed{0};
    RecordSink sink(store, {.shards = 4, .observe = [&](const RequestRow&) { ++observed; }});
    sink.start();
    std::vector<std::thread> shards;
    for (unsigned shard = 0; shard < 4; ++shard)
        shards.emplace_back([&, shard] {
            for (std::int64_t i = 0; i < 500; ++i) sink.push(shard, row_number(shard * 1000 + i, "lab/a"));
        });
    for (auto& shard : shards) shard.join();
    sink.flush();
    EXPECT_EQ(sink.written(), 2000u);
    EXPECT_EQ(sink.dropped(), 0u);
    EXPECT_EQ(sink.waiting(), 0u);
    EXPECT_EQ(observed, 2000);
    EXPECT_EQ(store.list_requests({}, "", 5000)->rows.size(), 2000u);
}

TEST(RecordSink, StoresEverythingBeforeItStops) {
    store::memory::MemoryStore store;
    {
        RecordSink sink(store, {.interval_ms = 10'000});
        sink.start();
        for (std::int64_t i = 0; i < 100; ++i) sink.push(0, row_number(i, "lab/a"));
        sink.stop();
        EXPECT_EQ(sink.written(), 100u);
    }
    EXPECT_EQ(store.list_requests({}, "", 500)->rows.size(), 100u);
}

TEST(RecordSink, DropsAndCountsWhatTheStoreRefusesAndGoesOnWhenItRecovers) {
    store::memory::MemoryStore store;
    int logged = 0;
    RecordSink sink(store, {.observe = [&](const RequestRow&) { ++logged; }});
    sink.start();
    store.break_writes(true);
    for (std::int64_t i = 0; i < 10; ++i) EXPECT_TRUE(sink.push(0, row_number(i, "lab/a"))) << "the request path does not notice";
    sink.flush();
    EXPECT_EQ(sink.dropped(), 10u);
    EXPECT_NE(sink.last_error().find("full"), std::string::npos);
    store.break_writes(false);
    EXPECT_TRUE(sink.push(0, row_number(11, "lab/a")));
    sink.flush();
    EXPECT_EQ(sink.written(), 1u);
    sink.stop();
    EXPECT_EQ(logged, 11) << "the access log has them all";
}

TEST(Record, ShowsUsageCostAndTheirSources) {
    RequestRow row;
    llm::Usage usage;
    usage.source = llm::UsageSource::estimated;
    usage.input = 1'000'000;
    usage.output = 0;
    fill_usage(row, usage);
    EXPECT_EQ(row.input, 1'000'000);
    EXPECT_EQ(row.cached_read, store::unset) << "not reported is not zero";
    EXPECT_EQ(row.usage_source, "estimated");
    const auto book = *PriceBook::make({{.model = "lab/*", .input = "0.25", .output = "1"}});
    const auto* card = book->find({.provider_name = "lab", .model = "a"});
    fill_cost(row, cost_of(usage, *card, 0), card);
    EXPECT_EQ(row.cost_total, 250'000'000);
    EXPECT_EQ(row.cost_input, 250'000'000);
    EXPECT_EQ(row.price_source, "config");
    RequestRow reported;
    usage.provider_cost_nanos = 77;
    fill_usage(reported, usage);
    fill_cost(reported, cost_of(usage, nullptr, 0), nullptr);
    EXPECT_EQ(reported.price_source, "provider");
    EXPECT_EQ(reported.cost_total, 77);
    usage.provider_cost_nanos = -1;
    RequestRow failed;
    fill_usage(failed, {});
    fill_cost(failed, {}, nullptr);
    EXPECT_EQ(failed.price_source, "") << "a call that used nothing is not an unpriced one";
    RequestRow unpriced;
    fill_usage(unpriced, usage);
    fill_cost(unpriced, cost_of(usage, nullptr, 0), nullptr);
    EXPECT_EQ(unpriced.price_source, "unknown");
    EXPECT_EQ(unpriced.cost_total, store::unset);
}

TEST(Record, ListsAttemptsAsJson) {
    std::string out = "[";
    append_attempt(out, {.target = "lab/\"a\"", .start_us = 0, .end_us = 12, .status = 503, .class_ = "server_error", .cost = Money::nanos(5)});
    out += "]";
    json::Document document;
    ASSERT_TRUE(document.parse(out)) << out;
    const auto attempt = document.root().at(0);
    EXPECT_EQ(attempt["target"].string(), "lab/\"a\"");
    EXPECT_EQ(attempt["status"].integer(), 503);
    EXPECT_EQ(attempt["cost"].string(), "0.000000005");
    EXPECT_FALSE(attempt["ttft_us"]);
}

}  // namespace
}  // namespace gotthard::account
