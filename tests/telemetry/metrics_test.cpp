// The scrape: names and labels that dashboards rely on, exact sums over shards, both text formats.
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "base/text.hpp"
#include "telemetry/families.hpp"
#include "telemetry/metrics.hpp"

namespace gotthard::telemetry {
namespace {

RequestFacts request(std::string_view provider, const llm::Usage* usage = nullptr, Money cost = Money::unknown()) {
    return {.endpoint = "chat", .dialect = "chat", .provider = provider, .outcome = "ok", .duration = 1'500'000'000, .ttft = 200'000'000, .tpot = 20'000'000, .overhead = 30'000, .usage = usage, .cost = cost};
}

/// Value of a sample line, or "".
std::string sample(const std::string& page, const std::string& series) {
    const auto at = page.find("\n" + series + " ");
    if (at == std::string::npos) return "";
    const auto begin = at + series.size() + 2;
    return page.substr(begin, page.find('\n', begin) - begin);
}

TEST(Metrics, HaveTheNamesAndLabelsOfTheContract) {
    Metrics metrics({.shards = 1, .version = "1.2.3"});
    auto& shard = metrics.shard(0);
    llm::Usage usage;
    usage.source = llm::UsageSource::provider;
    usage.input = 100;
    usage.output = 20;
    usage.cache_read = 40;
    shard.connection_opened();
    shard.request_started();
    shard.attempt("lab", "ok");
    shard.request_finished(request("lab", &usage, Money::nanos(1'234)));
    metrics.config_reloaded(true, "abc", 1'700'000'000'000'000);
    metrics.config_reloaded(false, "def", 1'700'000'001'000'000);
    metrics.ask("gotthard_records_dropped_total", [] { return 7.0; });
    const auto page = metrics.render(Exposition::prometheus);
    EXPECT_EQ(sample(page, R"(gotthard_requests_total{endpoint="chat",dialect="chat",provider="lab",outcome="ok"})"), "1");
    EXPECT_EQ(sample(page, R"(gotthard_request_duration_seconds_bucket{endpoint="chat",provider="lab",le="1"})"), "0");
    EXPECT_EQ(sample(page, R"(gotthard_request_duration_seconds_bucket{endpoint="chat",provider="lab",le="2.5"})"), "1");
    EXPECT_EQ(sample(page, R"(gotthard_request_duration_seconds_bucket{endpoint="chat",provider="lab",le="+Inf"})"), "1");
    EXPECT_EQ(sample(page, R"(gotthard_request_duration_seconds_sum{endpoint="chat",provider="lab"})"), "1.5");
    EXPECT_EQ(sample(page, R"(gotthard_ttft_seconds_bucket{endpoint="chat",provider="lab",le="0.2"})"), "1") << "a bound belongs to its bucket";
    EXPECT_EQ(sample(page, R"(gotthard_overhead_seconds_bucket{le="0.00005"})"), "1");
    EXPECT_EQ(sample(page, R"(gotthard_tokens_total{kind="input"})"), "100");
    EXPECT_EQ(sample(page, R"(gotthard_tokens_total{kind="output"})"), "20");
    EXPECT_EQ(sample(page, R"(gotthard_tokens_total{kind="cached_read"})"), "40");
    EXPECT_EQ(sample(page, "gotthard_cost_usd_total"), "0.000001234");
    EXPECT_EQ(sample(page, R"(gotthard_upstream_attempts_total{provider="lab",class="ok"})"), "1");
    EXPECT_EQ(sample(page, "gotthard_inflight"), "0");
    EXPECT_EQ(sample(page, "gotthard_connections"), "1");
    EXPECT_EQ(sample(page, "gotthard_records_dropped_total"), "7");
    EXPECT_EQ(sample(page, R"(gotthard_config_reloads_total{result="applied"})"), "1");
    EXPECT_EQ(sample(page, R"(gotthard_config_reloads_total{result="refused"})"), "1");
    EXPECT_EQ(sample(page, "gotthard_config_last_reload_successful"), "0");
    EXPECT_EQ(sample(page, R"(gotthard_config_info{hash="abc"})"), "1") << "the one in force";
    EXPECT_EQ(sample(page, R"(gotthard_build_info{version="1.2.3"})"), "1");
    for (const auto* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds", "process_threads"})
        EXPECT_NE(sample(page, name), "") << name;
    EXPECT_GT(std::stod(sample(page, "process_resident_memory_bytes")), 1e6);
    EXPECT_GT(std::stod(sample(page, "process_start_time_seconds")), 1.6e9);
}

TEST(Metrics, ShowZeroesBeforeAnythingHappens) {
    Metrics metrics({});
    const auto page = metrics.render(Exposition::prometheus);
    EXPECT_EQ(sample(page, "gotthard_cost_usd_total"), "0");
    EXPECT_EQ(sample(page, R"(gotthard_tokens_total{kind="input"})"), "0");
    EXPECT_EQ(sample(page, "gotthard_inflight"), "0");
    EXPECT_EQ(page.find("gotthard_records_dropped_total"), std::string::npos) << "nobody was asked";
}

TEST(Metrics, SumOverShardsWhileTheyCount) {
    Metrics metrics({.shards = 4});
    std::vector<std::thread> shards;
    for (unsigned i = 0; i < 4; ++i)
        shards.emplace_back([&, i] {
            for (int n = 0; n < 5000; ++n) {
                metrics.shard(i).request_started();
                metrics.shard(i).attempt(fmt::format("provider-{}", n % 50), "ok");
                metrics.shard(i).request_finished(request("lab"));
            }
        });
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(metrics.render(Exposition::openmetrics).empty());
    for (auto& shard : shards) shard.join();
    const auto page = metrics.render(Exposition::prometheus);
    EXPECT_EQ(sample(page, R"(gotthard_requests_total{endpoint="chat",dialect="chat",provider="lab",outcome="ok"})"), "20000");
    EXPECT_EQ(sample(page, R"(gotthard_overhead_seconds_count)"), "20000");
    EXPECT_EQ(sample(page, R"(gotthard_upstream_attempts_total{provider="provider-49",class="ok"})"), "400");
    EXPECT_EQ(sample(page, "gotthard_inflight"), "0");
}

TEST(Metrics, HoldABoundedNumberOfSeries) {
    Metrics metrics({.series_cap = 10});
    for (int i = 0; i < 5000; ++i) metrics.shard(0).attempt(fmt::format("name-{}", i), "ok");
    const auto page = metrics.render(Exposition::prometheus);
    std::size_t series = 0;
    for (auto at = page.find("gotthard_upstream_attempts_total{"); at != std::string::npos; at = page.find("gotthard_upstream_attempts_total{", at + 1)) ++series;
    EXPECT_EQ(series, 11u);
    EXPECT_EQ(sample(page, R"(gotthard_upstream_attempts_total{provider="other",class="other"})"), "4990");
}

TEST(Metrics, EscapeLabelValues) {
    Metrics metrics({});
    metrics.shard(0).attempt("a\"b\\c\nd", "ok");
    EXPECT_NE(metrics.render(Exposition::prometheus).find(R"(provider="a\"b\\c\nd")"), std::string::npos);
}

TEST(Metrics, CountAnswersWithoutAPriceApart) {
    Metrics metrics({});
    llm::Usage usage;
    usage.source = llm::UsageSource::estimated;
    usage.input = 5;
    metrics.shard(0).request_finished(request("lab", &usage));
    const auto page = metrics.render(Exposition::prometheus);
    EXPECT_EQ(sample(page, R"(gotthard_unpriced_requests_total{provider="lab"})"), "1");
    EXPECT_EQ(sample(page, "gotthard_cost_usd_total"), "0");
}

/// Every sample line belongs to the family announced last; returns the families in order.
std::vector<std::string> check_lines(const std::string& page, bool open) {
    std::vector<std::string> announced;
    std::string_view rest = page;
    std::string family;
    while (!rest.empty()) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() + 1);
        if (line.starts_with("# TYPE ")) {
            family = std::string(line.substr(7, line.find(' ', 7) - 7));
            announced.push_back(family);
        } else if (!line.starts_with("#")) {
            EXPECT_TRUE(line.starts_with(family)) << line;
            const auto value = line.substr(line.rfind(' ') + 1);
            EXPECT_FALSE(value.empty());
            EXPECT_NO_THROW(static_cast<void>(std::stod(std::string(value)))) << line;
        }
    }
    EXPECT_EQ(page.ends_with("# EOF\n"), open);
    return announced;
}

TEST(Exposition, IsWellFormedInBothFormats) {
    Metrics metrics({.shards = 2, .version = "1"});
    metrics.shard(1).request_finished(request("lab"));
    for (const auto format : {Exposition::prometheus, Exposition::openmetrics}) {
        const auto families = check_lines(metrics.render(format), format == Exposition::openmetrics);
        std::map<std::string, int> times;
        for (const auto& family : families) EXPECT_EQ(++times[family], 1) << family;
    }
    const auto open = metrics.render(Exposition::openmetrics);
    EXPECT_NE(open.find("# TYPE gotthard_requests counter\n"), std::string::npos);
    EXPECT_NE(open.find("# TYPE gotthard_build info\n"), std::string::npos);
    EXPECT_NE(open.find("le=\"1.0\""), std::string::npos);
    EXPECT_NE(open.find("gotthard_requests_total{"), std::string::npos);
}

TEST(Exposition, IsChosenByTheAcceptHeader) {
    EXPECT_EQ(negotiate("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"), Exposition::openmetrics);
    EXPECT_EQ(negotiate("text/plain"), Exposition::prometheus);
    EXPECT_EQ(negotiate(""), Exposition::prometheus);
    EXPECT_NE(content_type(Exposition::openmetrics).find("1.0.0"), std::string_view::npos);
}

TEST(Families, FollowTheirRules) {
    for (std::size_t i = 0; i < std::size(families); ++i) {
        const auto& family = families[i];
        EXPECT_EQ(i < shard_family_count, family.source == Source::shards) << family.name;
        EXPECT_EQ(family.kind == Kind::counter, family.name.ends_with("_total")) << family.name;
        EXPECT_EQ(family.kind == Kind::info, family.name.ends_with("_info")) << family.name;
        EXPECT_EQ(family.kind == Kind::histogram, !family.bounds.empty()) << family.name;
        EXPECT_LT(family.bounds.size(), 16u);
        EXPECT_TRUE(std::ranges::is_sorted(family.bounds, {}, &Bound::nanos)) << family.name;
        for (const auto& bound : family.bounds) EXPECT_EQ(Money::nanos(bound.nanos).text(), bound.text) << family.name;
    }
}

}  // namespace
}  // namespace gotthard::telemetry
