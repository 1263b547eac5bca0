#include "base/arena.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

namespace gotthard {
namespace {

/// Blocks of the first size that this thread keeps for its next requests.
class BlockCache {
public:
    ~BlockCache() {
        for (void* block : kept_) std::free(block);
    }
    void* take() {
        if (kept_.empty()) return nullptr;
        void* block = kept_.back();
        kept_.pop_back();
        return block;
    }
    bool give(void* block) {
        if (kept_.size() >= 64) return false;
        kept_.push_back(block);
        return true;
    }

private:
    std::vector<void*> kept_;
};
thread_local BlockCache block_cache;

}  // namespace

Arena::Arena(Arena&& other) noexcept
    : last_(std::exchange(other.last_, nullptr)), cursor_(std::exchange(other.cursor_, nullptr)), end_(std::exchange(other.end_, nullptr)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
    if (this != &other) {
        release();
        last_ = std::exchange(other.last_, nullptr);
        cursor_ = std::exchange(other.cursor_, nullptr);
        end_ = std::exchange(other.end_, nullptr);
    }
    return *this;
}

void* Arena::allocate(std::size_t size, std::size_t alignment) {
    const auto aligned = (reinterpret_cast<std::uintptr_t>(cursor_) + alignment - 1) & ~(alignment - 1);
    if (cursor_ != nullptr && aligned + size <= reinterpret_cast<std::uintptr_t>(end_)) {
        cursor_ = reinterpret_cast<char*>(aligned + size);
        return reinterpret_cast<void*>(aligned);
    }
    const std::size_t grown = last_ == nullptr ? first_block : std::min<std::size_t>(last_->size * 2, 1 << 20);
    const std::size_t bytes = std::max(grown, size + alignment + sizeof(Block));
    void* memory = bytes == first_block ? block_cache.take() : nullptr;
    if (memory == nullptr) memory = std::malloc(bytes);
    if (memory == nullptr) throw std::bad_alloc();
    last_ = new (memory) Block{last_, bytes};
    cursor_ = static_cast<char*>(memory) + sizeof(Block);
    end_ = static_cast<char*>(memory) + bytes;
    return allocate(size, alignment);
}

void Arena::release() {
    while (last_ != nullptr) {
        Block* block = last_;
        last_ = block->previous;
        if (block->size != first_block || !block_cache.give(block)) std::free(block);
    }
    cursor_ = end_ = nullptr;
}

}  // namespace gotthard
