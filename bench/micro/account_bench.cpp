// What identity, accounting and telemetry cost on the request path. Goals: authenticate < 300 ns, push a record <= 150 ns without allocating.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "account/catalogue.hpp"
#include "account/price_book.hpp"
#include "account/record.hpp"
#include "account/record_queue.hpp"
#include "base/id.hpp"
#include "identity/identity.hpp"
#include "store/memory/memory_store.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "telemetry/metrics.hpp"

namespace {

using namespace gotthard;

store::RequestRow typical_row(std::string& attempts) {
    attempts = R"([{"target":"openai/gpt-5.4-mini","class":"ok","start_us":21,"ttft_us":181000,"end_us":1234567,"status":200,"bytes":1830,"input":812,"output":240,"cost":"0.000312"}])";
    store::RequestRow row;
    SystemRandom random(1);
    row.id = Id::make(1'764'072'000'000'000, random);
    row.ts = 1'764'072'000'000'000;
    row.duration_us = 1'234'567;
    row.status = 200;
    row.input = 812;
    row.output = 240;
    row.cost_total = 312'000;
    row.stream = 1;
    row.key_id = "019ab3c4-5d6e-7f80-9a1b-2c3d4e5f6071";
    row.key_alias = "ci";
    row.client_ip = "10.1.2.3";
    row.user_agent = "openai-python";
    row.endpoint = "chat";
    row.dialect_in = row.dialect_out = "chat";
    row.request_model = "fast";
    row.target = "openai/gpt-5.4-mini";
    row.provider = "openai";
    row.response_model = "gpt-5.4-mini-2026-03-05";
    row.upstream_request_id = "req_0123456789abcdef0123456789abcdef";
    row.usage_source = "provider";
    row.price_source = "catalogue";
    row.outcome = "ok";
    row.finish_reason = "stop";
    row.config_hash = "9f86d081884c7d65";
    row.attempts = attempts;
    return row;
}

void authenticate(benchmark::State& state) {
    store::memory::MemoryStore store;
    SystemClock clock;
    SystemRandom random(1);
    auto identity = *identity::Identity::open(store, store, {Secret("secret"), false}, clock, random);
    std::vector<identity::ConfiguredKey> keys;
    std::vector<std::string> values;
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        auto value = identity::make_token(identity::key_prefix);
        values.emplace_back(value.reveal());
        keys.push_back({.name = fmt::format("key {}", i), .value = std::move(value)});
    }
    if (!identity->set_configured_keys(std::move(keys))) state.SkipWithError("the keys were refused");
    identity::Authenticator authenticator(*identity);
    std::size_t next = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(authenticator.authenticate(values[next], 1'764'072'000'000'000));
        next = (next + 7919) % values.size();
    }
}
BENCHMARK(authenticate)->Arg(10)->Arg(10'000);

void push_record(benchmark::State& state) {
    account::RecordQueue queue(64u << 20);
    std::string attempts;
    const auto row = typical_row(attempts);
    std::atomic<bool> done{false};
    std::thread consumer([&] {
        std::vector<store::RequestRow> rows;
        while (!done) {
            rows.clear();
            if (queue.take(rows, 1000) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
            queue.recycle();
        }
    });
    for (auto _ : state) benchmark::DoNotOptimize(queue.push(row));
    state.counters["refused"] = static_cast<double>(queue.refused());
    done = true;
    consumer.join();
}
BENCHMARK(push_record);

void push_record_alone(benchmark::State& state) {
    account::RecordQueue queue(64u << 20);
    std::string attempts;
    const auto row = typical_row(attempts);
    std::vector<store::RequestRow> rows;
    rows.reserve(20'000);
    std::int64_t pushed = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(queue.push(row));
        if (++pushed % 10'000 == 0) {
            state.PauseTiming();
            rows.clear();
            queue.take(rows, 20'000);
            queue.recycle();
            state.ResumeTiming();
        }
    }
}
BENCHMARK(push_record_alone);

void store_records(benchmark::State& state) {
    char folder[] = "/tmp/gotthard-bench-XXXXXX";
    if (::mkdtemp(folder) == nullptr) return;
    SystemClock clock;
    {
        auto store = *store::sqlite::SqliteStore::open({.folder = folder}, clock);
        std::string attempts;
        std::vector<store::RequestRow> rows(1000, typical_row(attempts));
        SystemRandom random(3);
        Micros at = 1'764'072'000'000'000;
        for (auto _ : state) {
            for (auto& row : rows) row.id = Id::make(at += 100, random);
            if (!store->append_requests(rows)) state.SkipWithError("the store refused");
        }
        state.SetItemsProcessed(state.iterations() * 1000);
    }
    static_cast<void>(std::system(fmt::format("rm -r {}", folder).c_str()));
}
BENCHMARK(store_records)->UseRealTime();

void price(benchmark::State& state) {
    account::PriceFinder finder(*account::PriceBook::make());
    llm::Usage usage;
    usage.source = llm::UsageSource::provider;
    usage.input = 812;
    usage.cache_read = 512;
    usage.output = 240;
    for (auto _ : state) {
        const auto* card = finder.find({.provider_name = "anthropic", .provider_row = "anthropic", .model = "claude-opus-4-6", .response_model = "claude-opus-4-6-20260205"});
        benchmark::DoNotOptimize(account::cost_of(usage, *card, 1'764'072'000'000'000));
    }
}
BENCHMARK(price);

void find_price_uncached(benchmark::State& state) {
    const auto book = *account::PriceBook::make();
    for (auto _ : state) benchmark::DoNotOptimize(book->find({.provider_row = "openrouter", .model = "no/such-model-2026-01-01"}));
}
BENCHMARK(find_price_uncached);

void load_prices(benchmark::State& state) {
    for (auto _ : state) benchmark::DoNotOptimize(account::Catalogue::parse(account::Catalogue::built_in_data()));
}
BENCHMARK(load_prices);

void count_request(benchmark::State& state) {
    telemetry::Metrics metrics({});
    auto& shard = metrics.shard(0);
    llm::Usage usage;
    usage.source = llm::UsageSource::provider;
    usage.input = 812;
    usage.output = 240;
    for (auto _ : state) {
        shard.request_started();
        shard.attempt("openai", "ok");
        shard.request_finished({.endpoint = "chat", .dialect = "chat", .provider = "openai", .outcome = "ok", .duration = 1'234'567'000, .ttft = 180'000'000, .tpot = 20'000'000, .overhead = 35'000, .usage = &usage, .cost = Money::nanos(312'000)});
    }
}
BENCHMARK(count_request);

}  // namespace
