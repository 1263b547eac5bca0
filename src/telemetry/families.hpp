// The metric families: one row each, in the order in which they are shown. Their names and labels are a promise to dashboards.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace gotthard::telemetry {

enum class Kind : std::uint8_t { counter, gauge, histogram, info };
/// Where the values come from.
enum class Source : std::uint8_t {
    shards,   ///< Cells of the shards, summed.
    asked,    ///< A function given to Metrics::ask().
    process,  ///< Metrics itself.
};
/// How a cell's integer is written.
enum class Unit : std::uint8_t { count, nanos };  ///< nanos: nano-seconds or nano-dollars, shown as seconds or dollars.

struct Bound {
    std::int64_t nanos;
    std::string_view text;
};

inline constexpr Bound duration_bounds[] = {{50'000'000, "0.05"},      {100'000'000, "0.1"},     {250'000'000, "0.25"},    {500'000'000, "0.5"},    {1'000'000'000, "1"},
                                            {2'500'000'000, "2.5"},    {5'000'000'000, "5"},     {10'000'000'000, "10"},   {20'000'000'000, "20"},  {30'000'000'000, "30"},
                                            {60'000'000'000, "60"},    {120'000'000'000, "120"}, {300'000'000'000, "300"}, {600'000'000'000, "600"}};
inline constexpr Bound ttft_bounds[] = {{20'000'000, "0.02"},   {50'000'000, "0.05"},    {100'000'000, "0.1"},     {200'000'000, "0.2"},     {300'000'000, "0.3"},
                                        {500'000'000, "0.5"},   {750'000'000, "0.75"},   {1'000'000'000, "1"},     {1'500'000'000, "1.5"},   {2'500'000'000, "2.5"},
                                        {5'000'000'000, "5"},   {10'000'000'000, "10"},  {20'000'000'000, "20"},   {60'000'000'000, "60"}};
inline constexpr Bound tpot_bounds[] = {{1'000'000, "0.001"}, {2'500'000, "0.0025"}, {5'000'000, "0.005"},  {10'000'000, "0.01"}, {20'000'000, "0.02"}, {30'000'000, "0.03"},
                                        {50'000'000, "0.05"}, {75'000'000, "0.075"}, {100'000'000, "0.1"}, {200'000'000, "0.2"}, {500'000'000, "0.5"}};
inline constexpr Bound overhead_bounds[] = {{10'000, "0.00001"},   {25'000, "0.000025"},  {50'000, "0.00005"},   {100'000, "0.0001"}, {250'000, "0.00025"},  {500'000, "0.0005"},
                                            {1'000'000, "0.001"},  {2'500'000, "0.0025"}, {5'000'000, "0.005"},  {10'000'000, "0.01"}, {50'000'000, "0.05"}};

struct Family {
    std::string_view name;
    std::string_view help;
    Kind kind;
    Source source;
    std::array<std::string_view, 4> labels{};
    Unit unit = Unit::count;
    std::span<const Bound> bounds{};
};

/// Positions in the table below of what the shards write.
enum FamilyId : std::size_t {
    requests_total, request_duration, ttft, tpot, overhead, tokens_total, cost_total, unpriced_total, attempts_total, retries_total, auth_refused_total,
    inflight, connections, streams,
    shard_family_count,
};

inline constexpr Family families[] = {
    {"gotthard_requests_total", "Requests that ended, by how.", Kind::counter, Source::shards, {"endpoint", "dialect", "provider", "outcome"}},
    {"gotthard_request_duration_seconds", "From the first byte of the request to the last byte of the answer.", Kind::histogram, Source::shards, {"endpoint", "provider"}, Unit::nanos, duration_bounds},
    {"gotthard_ttft_seconds", "From the first byte of the request to the first content of the answer.", Kind::histogram, Source::shards, {"endpoint", "provider"}, Unit::nanos, ttft_bounds},
    {"gotthard_tpot_seconds", "Time per output token after the first.", Kind::histogram, Source::shards, {"endpoint", "provider"}, Unit::nanos, tpot_bounds},
    {"gotthard_overhead_seconds", "Time the gateway itself added to a request.", Kind::histogram, Source::shards, {}, Unit::nanos, overhead_bounds},
    {"gotthard_tokens_total", "Tokens used. cached_read, cache_write and audio are parts of input; reasoning is a part of output.", Kind::counter, Source::shards, {"kind"}},
    {"gotthard_cost_usd_total", "Cost of the answers whose price is known.", Kind::counter, Source::shards, {}, Unit::nanos},
    {"gotthard_unpriced_requests_total", "Answers whose model has no price.", Kind::counter, Source::shards, {"provider"}},
    {"gotthard_upstream_attempts_total", "Calls of upstreams, by how they ended.", Kind::counter, Source::shards, {"provider", "class"}},
    {"gotthard_retries_total", "Repeated calls of upstreams, by the reason.", Kind::counter, Source::shards, {"provider", "reason"}},
    {"gotthard_auth_refused_total", "Requests refused for their key.", Kind::counter, Source::shards, {"code"}},
    {"gotthard_inflight", "Requests being served.", Kind::gauge, Source::shards},
    {"gotthard_connections", "Open client connections.", Kind::gauge, Source::shards},
    {"gotthard_streams", "Streamed answers being sent.", Kind::gauge, Source::shards},
    {"gotthard_records_dropped_total", "Records that could not be queued or stored.", Kind::counter, Source::asked},
    {"gotthard_records_written_total", "Records stored.", Kind::counter, Source::asked},
    {"gotthard_records_waiting", "Records queued and not stored yet.", Kind::gauge, Source::asked},
    {"gotthard_record_lag_seconds", "Time the last batch of records took to store.", Kind::gauge, Source::asked},
    {"gotthard_access_log_dropped_total", "Log lines dropped because the reader was too slow.", Kind::counter, Source::asked},
    {"gotthard_store_writable", "1 when the last write to the store succeeded.", Kind::gauge, Source::asked},
    {"gotthard_store_failures_total", "Writes that the store refused.", Kind::counter, Source::asked},
    {"gotthard_store_bytes", "Size of the store on disk.", Kind::gauge, Source::asked},
    {"gotthard_keys", "Keys in force.", Kind::gauge, Source::asked},
    {"gotthard_upstream_connections", "Open connections to upstreams.", Kind::gauge, Source::asked},
    {"gotthard_config_reloads_total", "Configurations read, by whether they were applied.", Kind::counter, Source::process, {"result"}},
    {"gotthard_config_last_reload_successful", "1 when the last configuration read is in force.", Kind::gauge, Source::process},
    {"gotthard_config_last_reload_success_timestamp_seconds", "When the configuration in force was applied.", Kind::gauge, Source::process},
    {"gotthard_config_info", "The configuration in force.", Kind::info, Source::process, {"hash"}},
    {"gotthard_build_info", "The running version.", Kind::info, Source::process, {"version"}},
    {"gotthard_ready", "1 when /readyz answers 200.", Kind::gauge, Source::process},
    {"process_cpu_seconds_total", "CPU time used, user and system.", Kind::counter, Source::process},
    {"process_start_time_seconds", "Start of the process since 1970.", Kind::gauge, Source::process},
    {"process_resident_memory_bytes", "Memory in use.", Kind::gauge, Source::process},
    {"process_virtual_memory_bytes", "Address space in use.", Kind::gauge, Source::process},
    {"process_open_fds", "Open file descriptors.", Kind::gauge, Source::process},
    {"process_max_fds", "Most file descriptors.", Kind::gauge, Source::process},
    {"process_threads", "Threads.", Kind::gauge, Source::process},
};

}  // namespace gotthard::telemetry
