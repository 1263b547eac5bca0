#include "net/task_memory.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <new>
#include <utility>

namespace gotthard::net {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool pooled = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool pooled = false;
#else
constexpr bool pooled = true;
#endif
#else
constexpr bool pooled = true;
#endif

// Classes: multiples of 64 up to 2 KB, then powers of two up to 64 KB; larger blocks go to the allocator.
constexpr std::size_t step = 64;
constexpr std::size_t small_limit = 2048;
constexpr std::size_t large_limit = 64 * 1024;
constexpr std::size_t small_classes = small_limit / step;
constexpr std::size_t classes = small_classes + 5;
constexpr std::size_t kept_bytes = 256 * 1024;  // per class
constexpr std::size_t kept_blocks = 256;        // per class

constexpr std::size_t class_of(std::size_t size) {
    if (size <= small_limit) return size == 0 ? 0 : (size - 1) / step;
    return small_classes + static_cast<std::size_t>(std::bit_width(size - 1)) - 12;
}
constexpr std::size_t size_of_class(std::size_t index) {
    return index < small_classes ? (index + 1) * step : std::size_t{4096} << (index - small_classes);
}
static_assert(size_of_class(class_of(1)) == 64 && size_of_class(class_of(64)) == 64 && size_of_class(class_of(65)) == 128);
static_assert(size_of_class(class_of(2048)) == 2048 && size_of_class(class_of(2049)) == 4096 &&
              size_of_class(class_of(4097)) == 8192);
static_assert(class_of(large_limit) == classes - 1 && size_of_class(classes - 1) == large_limit);

struct Free {
    Free* next;
};

struct List {
    Free* first = nullptr;
    std::size_t room = 0;  // blocks that may still be kept
};

// Constant-initialised, so that no access pays for a check. The first block that finds no room opens the lists.
thread_local constinit std::array<List, classes> lists{};
thread_local constinit bool opened = false;

/// Empties the lists when its thread ends; blocks given back later go to the allocator.
struct Guard {
    Guard() {
        for (std::size_t index = 0; index < classes; ++index)
            lists[index].room = std::min(kept_blocks, kept_bytes / size_of_class(index));
    }
    ~Guard() {
        for (auto& list : lists) {
            while (list.first != nullptr) ::operator delete(std::exchange(list.first, list.first->next));
            list.room = 0;
        }
    }
};

[[gnu::noinline]] bool open_lists() {
    if (opened) return false;
    opened = true;
    thread_local Guard guard;
    return true;
}

}  // namespace

std::size_t block_size(std::size_t size) {
    return size > large_limit ? (size + 4095) / 4096 * 4096 : size_of_class(class_of(size));
}

void* take_block(std::size_t size) {
    if constexpr (pooled) {
        if (size <= large_limit) {
            List& list = lists[class_of(size)];
            if (list.first != nullptr) {
                ++list.room;
                return std::exchange(list.first, list.first->next);
            }
        }
    }
    return ::operator new(block_size(size));
}

void give_block(void* block, std::size_t size) noexcept {
    if constexpr (pooled) {
        if (size <= large_limit) {
            List& list = lists[class_of(size)];
            if (list.room != 0 || (open_lists() && list.room != 0)) {
                --list.room;
                list.first = new (block) Free{list.first};
                return;
            }
        }
    }
    ::operator delete(block);
}

}  // namespace gotthard::net
