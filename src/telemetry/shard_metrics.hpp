// The cells of one shard. One thread writes (plain relaxed stores), any thread may read at the same time.
//
// A series is found by its label values in a small hash table that only the writer touches; readers walk a list that only grows.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/families.hpp"
#include "telemetry/metrics.hpp"

namespace gotthard::telemetry {

/// Adds without a locked instruction: there is one writer.
inline void add(std::atomic<std::int64_t>& cell, std::int64_t by) { cell.store(cell.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }

struct Series {
    static constexpr std::size_t most_bounds = 16;
    std::array<std::string, 4> values;
    std::size_t hash = 0;
    std::atomic<std::int64_t> value{0};  ///< Counter or gauge; of a histogram: the sum.
    std::array<std::atomic<std::int64_t>, most_bounds> buckets{};  ///< Not cumulative; the last one used is +Inf.
    Series* next = nullptr;              ///< Set before it is published.
};

class FamilyCells {
public:
    ~FamilyCells();
    using Values = std::array<std::string_view, 4>;
    /// The series of these label values, made at need; beyond `cap` series the one called "other".
    Series& find(const Values& values, std::size_t cap);
    const Series* first() const { return head_.load(std::memory_order_acquire); }

private:
    Series& find_by_hash(const Values& values, std::size_t cap);
    Series& insert(const Values& values, std::size_t hash);
    Series* lookup(const Values& values, std::size_t hash) const;
    void grow();
    std::vector<Series*> table_ = std::vector<Series*>(16, nullptr);
    std::size_t count_ = 0;
    Series* last_ = nullptr;  // found last: most requests are like the one before
    std::atomic<Series*> head_{nullptr};
};

/// The kinds of gotthard_tokens_total, in the order of ShardMetrics::Cells::tokens.
inline constexpr std::string_view token_kinds[] = {"input", "output", "cached_read", "cache_write", "reasoning", "audio_in", "audio_out"};

struct ShardMetrics::Cells {
    std::size_t series_cap = 2000;
    std::array<FamilyCells, shard_family_count> families;
    std::array<Series*, std::size(token_kinds)> tokens{};

    void count(FamilyId family, const FamilyCells::Values& values, std::int64_t by = 1) { add(families[family].find(values, series_cap).value, by); }
    void observe(FamilyId family, const FamilyCells::Values& values, std::int64_t nanos);
};

}  // namespace gotthard::telemetry
