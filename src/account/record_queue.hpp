// A bounded queue of request rows from one thread to another, in blocks of 64 KB. No locks; rows are copied in once and read in place.
//
// Producer (a shard): push(). Consumer (the record thread): take() rows, whose views live until recycle().
// A block that was read goes back to the producer; blocks beyond the first are freed by trim() when nothing happens.
//
// One row in a block: size (4 bytes), lengths of the texts (2 each), id, numbers, reals, texts one after another, padded to 8.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "store/ports.hpp"

namespace gotthard::account {

class RecordQueue {
public:
    static constexpr std::size_t block_size = 64 * 1024;

    explicit RecordQueue(std::size_t most_bytes);
    ~RecordQueue();
    RecordQueue(const RecordQueue&) = delete;
    RecordQueue& operator=(const RecordQueue&) = delete;

    // Producer
    /// False: full. A row larger than a block loses its JSON columns, one after another, until it fits.
    bool push(const store::RequestRow& row);

    // Consumer
    /// Appends up to `most` rows to `rows`.
    std::size_t take(std::vector<store::RequestRow>& rows, std::size_t most);
    void recycle();  ///< The rows taken so far are no longer looked at.
    void trim();     ///< Gives spare blocks back to the system.

    // Anybody
    std::uint64_t pushed() const { return pushed_.load(std::memory_order_acquire); }
    std::uint64_t taken() const { return taken_.load(std::memory_order_acquire); }
    std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
    std::uint64_t cut() const { return cut_.load(std::memory_order_relaxed); }
    std::size_t bytes() const { return blocks_.load(std::memory_order_relaxed) * block_size; }

private:
    struct Block;
    Block* spare();
    char* room(std::size_t size);
    bool push_shortened(const store::RequestRow& row);

    const std::size_t most_blocks_;
    std::array<std::atomic<Block*>, 32> spares_{};
    std::atomic<std::size_t> blocks_{0};

    alignas(64) Block* write_block_;  // producer's
    std::size_t write_at_ = 0;
    std::atomic<std::uint64_t> pushed_{0};
    std::atomic<std::uint64_t> refused_{0};
    std::atomic<std::uint64_t> cut_{0};

    alignas(64) Block* read_block_;  // consumer's
    std::size_t read_at_ = 0;
    std::vector<Block*> finished_;
    std::atomic<std::uint64_t> taken_{0};
};

}  // namespace gotthard::account
