// Counters, gauges and histograms: written by the shards without locks, summed when somebody scrapes.
//
// Every shard has cells of its own (relaxed atomics that only its thread writes), so counting is a plain add. Labels come from closed
// sets (endpoint, dialect, provider, outcome, class, kind); a family holds at most `series_cap` series, the rest is counted under "other".
// Metric names, labels and buckets: docs/reference/metrics.md (contract.md 7, observability.md 10.1).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/money.hpp"
#include "llm/usage.hpp"

namespace gotthard::telemetry {

enum class Exposition : std::uint8_t { prometheus, openmetrics };
/// By the Accept header of the scraper.
Exposition negotiate(std::string_view accept);
std::string_view content_type(Exposition format);

class ShardMetrics;

/// What is counted when a request ends. Times in nanoseconds, -1: did not happen.
struct RequestFacts {
    std::string_view endpoint;  ///< "chat", "messages", "models", ...
    std::string_view dialect;   ///< Of the client: "chat", "anthropic".
    std::string_view provider;  ///< As configured; empty: none was reached.
    std::string_view outcome;
    Nanos duration = -1;
    Nanos ttft = -1;
    Nanos tpot = -1;
    Nanos overhead = -1;
    const llm::Usage* usage = nullptr;
    Money cost;                 ///< Unknown counts as unpriced.
};

class Metrics {
public:
    struct Options {
        unsigned shards = 1;
        std::size_t series_cap = 2000;  ///< Per family.
        std::string version;
    };
    explicit Metrics(Options options);
    ~Metrics();

    ShardMetrics& shard(unsigned number) { return *shards_[number]; }

    // From any thread.
    void config_reloaded(bool applied, std::string_view hash, Micros when);
    void set_ready(bool ready);
    /// Values that somebody else holds, asked at scrape: drops, lag, store state.
    /// `name` must be one of the families of kind "asked" in metrics.cpp.
    void ask(std::string_view name, std::function<double()> value);

    /// The whole exposition. Any thread; takes a lock that only scrapes share.
    std::string render(Exposition format) const;

private:
    struct Asked {
        std::size_t family;
        std::function<double()> value;
    };
    Options options_;
    std::vector<std::unique_ptr<ShardMetrics>> shards_;
    mutable std::mutex mutex_;
    std::vector<Asked> asked_;
    std::string config_hash_;
    Micros config_applied_at_ = 0;
    std::atomic<std::uint64_t> reloads_applied_{0};
    std::atomic<std::uint64_t> reloads_refused_{0};
    std::atomic<bool> last_reload_ok_{true};
    std::atomic<bool> ready_{false};
};

/// The cells of one shard. Written by its thread only.
class ShardMetrics {
public:
    explicit ShardMetrics(std::size_t series_cap);
    ~ShardMetrics();

    void request_started();
    void request_finished(const RequestFacts& facts);
    void attempt(std::string_view provider, std::string_view class_);  ///< gotthard_upstream_attempts_total
    void retry(std::string_view provider, std::string_view reason);
    void connection_opened();
    void connection_closed();
    void stream_opened();
    void stream_closed();
    void auth_refused(std::string_view code);

private:
    friend class Metrics;
    struct Cells;
    std::unique_ptr<Cells> cells_;
};

}  // namespace gotthard::telemetry
