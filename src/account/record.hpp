// The record of a request on its way to the store: a lock-free queue per shard, one background thread for all of them.
//
// push() copies the row (texts included) once, allocates nothing in steady state and never waits; when the shard's queue is full, or
// the store does not take the batch, rows are dropped and counted. Usage and money that must not be lost have their own path (the ledger).
// Life cycle: made in wiring.cpp, start(), the shards push, shards stop, stop() drains and joins.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "account/price_book.hpp"
#include "base/clock.hpp"
#include "llm/usage.hpp"
#include "store/ports.hpp"

namespace gotthard::account {

class RecordQueue;

/// One try of one target, for the `attempts` column.
struct AttemptNote {
    std::string_view target;         ///< provider/model
    std::string_view account_alias;
    std::int64_t start_us = -1, ttft_us = -1, end_us = -1;  ///< From arrival.
    std::int64_t status = -1;        ///< HTTP; -1: no answer.
    std::string_view class_;         ///< ok, connect, timeout, rate_limited, ...
    std::int64_t bytes = -1;
    std::int64_t input = -1, output = -1;
    Money cost = Money::unknown();
};
/// Appends one JSON object; the caller writes the brackets and commas of the list.
void append_attempt(std::string& out, const AttemptNote& attempt);

/// Tokens and their source into the row.
void fill_usage(store::RequestRow& row, const llm::Usage& usage);
/// Money into the row, after fill_usage: without usage there is nothing to price and the row stays as it is. Without a card price_source is "unknown".
void fill_cost(store::RequestRow& row, const Cost& cost, const PriceCard* card);

class RecordSink {
public:
    struct Options {
        unsigned shards = 1;
        std::size_t bytes_per_shard = 8u << 20;  ///< Of queue, at most; it shrinks to one block when idle.
        std::size_t batch = 1000;                ///< Rows a transaction.
        std::int64_t interval_ms = 50;           ///< At most this long until a row is stored.
        /// Called by the background thread for every row, stored or not: access log, live tail. Must not wait.
        std::function<void(const store::RequestRow&)> observe;
        /// Called by the background thread about once a second: probe the store, save last-used times.
        std::function<void()> every_second;
    };
    RecordSink(store::RecordStore& store, Options options);
    ~RecordSink();

    void start();
    void stop();
    /// Called by shard `shard`'s thread only. False: dropped and counted.
    bool push(unsigned shard, const store::RequestRow& row);
    /// Waits until everything pushed before the call is stored or dropped. Not on a loop.
    void flush();

    std::uint64_t dropped() const;   ///< Rows that no store has seen.
    std::uint64_t written() const;
    std::uint64_t waiting() const;   ///< Rows pushed and not yet taken.
    std::int64_t lag_us() const;     ///< Time the last batch took to store.
    std::string last_error() const;

private:
    void run();
    std::size_t drain();
    void store_batch();
    void wake();

    store::RecordStore& store_;
    Options options_;
    std::vector<std::unique_ptr<RecordQueue>> queues_;
    std::vector<store::RequestRow> batch_;
    struct Signal;
    std::unique_ptr<Signal> signal_;
};

}  // namespace gotthard::account
