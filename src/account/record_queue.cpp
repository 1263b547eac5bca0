#include "account/record_queue.hpp"

#include <cstring>

namespace gotthard::account {
namespace {

using store::RequestRow;

constexpr std::size_t texts = RequestRow::text_count;
constexpr std::size_t fixed_size = 4 + 2 * texts + 16 + sizeof(store::RequestNumbers) + sizeof(store::RequestReals);

std::size_t size_of(const RequestRow& row) {
    std::size_t size = fixed_size;
    for (const auto& text : row.texts()) size += text.size();
    return (size + 7) & ~std::size_t{7};
}

void write(char* to, const RequestRow& row, std::size_t size) {
    const auto put = [&to](const void* from, std::size_t count) {
        std::memcpy(to, from, count);
        to += count;
    };
    const auto total = static_cast<std::uint32_t>(size);
    std::uint16_t lengths[texts];
    const auto all = row.texts();
    for (std::size_t i = 0; i < texts; ++i) lengths[i] = static_cast<std::uint16_t>(all[i].size());
    put(&total, sizeof total);
    put(lengths, sizeof lengths);
    put(&row.id, sizeof row.id);
    put(static_cast<const store::RequestNumbers*>(&row), sizeof(store::RequestNumbers));
    put(static_cast<const store::RequestReals*>(&row), sizeof(store::RequestReals));
    for (const auto& text : all)
        if (!text.empty()) put(text.data(), text.size());
}

std::size_t read(const char* from, RequestRow& row) {
    const auto get = [&from](void* to, std::size_t count) {
        std::memcpy(to, from, count);
        from += count;
    };
    std::uint32_t total;
    std::uint16_t lengths[texts];
    get(&total, sizeof total);
    get(lengths, sizeof lengths);
    get(&row.id, sizeof row.id);
    get(static_cast<store::RequestNumbers*>(&row), sizeof(store::RequestNumbers));
    get(static_cast<store::RequestReals*>(&row), sizeof(store::RequestReals));
    const auto all = row.texts();
    for (std::size_t i = 0; i < texts; ++i) {
        all[i] = {from, lengths[i]};
        from += lengths[i];
    }
    return total;
}

static_assert(std::is_trivially_copyable_v<Id> && sizeof(Id) == 16);

}  // namespace

struct RecordQueue::Block {
    static constexpr std::size_t capacity = block_size - 64;
    std::atomic<std::size_t> written{0};
    std::atomic<Block*> next{nullptr};
    alignas(64) char bytes[capacity];
};

RecordQueue::RecordQueue(std::size_t most_bytes) : most_blocks_(std::max<std::size_t>(most_bytes / block_size, 2)), write_block_(new Block), read_block_(write_block_) {
    blocks_ = 1;
}

RecordQueue::~RecordQueue() {
    recycle();
    trim();
    for (Block* block = read_block_; block != nullptr;) delete std::exchange(block, block->next.load(std::memory_order_relaxed));
}

RecordQueue::Block* RecordQueue::spare() {
    for (auto& slot : spares_)
        if (slot.load(std::memory_order_relaxed) != nullptr)
            if (Block* block = slot.exchange(nullptr, std::memory_order_acquire)) return block;
    if (blocks_.load(std::memory_order_relaxed) >= most_blocks_) return nullptr;
    blocks_.fetch_add(1, std::memory_order_relaxed);
    return new Block;
}

char* RecordQueue::room(std::size_t size) {
    if (write_at_ + size > Block::capacity) {
        Block* block = spare();
        if (block == nullptr) return nullptr;
        block->written.store(0, std::memory_order_relaxed);
        block->next.store(nullptr, std::memory_order_relaxed);
        write_block_->next.store(block, std::memory_order_release);
        write_block_ = block;
        write_at_ = 0;
    }
    return write_block_->bytes + write_at_;
}

bool RecordQueue::push_shortened(const RequestRow& row) {
    RequestRow shorter = row;
    for (auto* column : {&shorter.decision, &shorter.losses, &shorter.properties, &shorter.tags, &shorter.attempts}) {
        *column = {};
        if (size_of(shorter) <= Block::capacity) break;
    }
    if (size_of(shorter) > Block::capacity)
        for (auto& text : shorter.texts()) text = text.substr(0, 512);
    cut_.fetch_add(1, std::memory_order_relaxed);
    return push(shorter);
}

bool RecordQueue::push(const RequestRow& row) {
    const std::size_t size = size_of(row);
    if (size > Block::capacity) return push_shortened(row);
    char* to = room(size);
    if (to == nullptr) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    write(to, row, size);
    write_at_ += size;
    write_block_->written.store(write_at_, std::memory_order_release);
    pushed_.store(pushed_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    return true;
}

std::size_t RecordQueue::take(std::vector<RequestRow>& rows, std::size_t most) {
    std::size_t count = 0;
    while (count < most) {
        // `next` before `written`: when there is a next block, this one is complete.
        Block* next = read_block_->next.load(std::memory_order_acquire);
        const std::size_t written = read_block_->written.load(std::memory_order_acquire);
        while (read_at_ < written && count < most) {
            read_at_ += read(read_block_->bytes + read_at_, rows.emplace_back());
            ++count;
        }
        if (read_at_ < written || next == nullptr) break;
        finished_.push_back(read_block_);
        read_block_ = next;
        read_at_ = 0;
    }
    taken_.store(taken_.load(std::memory_order_relaxed) + count, std::memory_order_release);
    return count;
}

void RecordQueue::recycle() {
    for (Block* block : finished_) {
        for (auto& slot : spares_) {
            Block* none = nullptr;
            if (slot.load(std::memory_order_relaxed) == nullptr && slot.compare_exchange_strong(none, block, std::memory_order_release, std::memory_order_relaxed)) {
                block = nullptr;
                break;
            }
        }
        if (block == nullptr) continue;
        delete block;
        blocks_.fetch_sub(1, std::memory_order_relaxed);
    }
    finished_.clear();
}

void RecordQueue::trim() {
    for (auto& slot : spares_)
        if (Block* block = slot.exchange(nullptr, std::memory_order_acquire)) {
            delete block;
            blocks_.fetch_sub(1, std::memory_order_relaxed);
        }
}

}  // namespace gotthard::account
