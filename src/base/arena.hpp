// Bump memory that lives as long as one request. Nothing in it is destroyed: put only bytes and trivial values there.
//
// The first block comes from a per-thread free list, so that a request that fits into it allocates nothing.
// One owner, one thread.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace gotthard {

class Arena {
public:
    static constexpr std::size_t first_block = 16 * 1024;

    Arena() = default;
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    Arena(Arena&& other) noexcept;
    Arena& operator=(Arena&& other) noexcept;
    ~Arena() { release(); }

    /// `size` bytes aligned to `alignment` (a power of two). Never null.
    void* allocate(std::size_t size, std::size_t alignment = alignof(std::max_align_t));

    template <class T>
    T* make_array(std::size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        return static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
    }

    /// A copy of `text` that lives as long as the arena.
    std::string_view copy(std::string_view text) {
        if (text.empty()) return {};
        char* to = static_cast<char*>(allocate(text.size(), 1));
        std::memcpy(to, text.data(), text.size());
        return {to, text.size()};
    }

    std::string_view concat(std::string_view a, std::string_view b) {
        char* to = static_cast<char*>(allocate(a.size() + b.size() + 1, 1));
        if (!a.empty()) std::memcpy(to, a.data(), a.size());
        if (!b.empty()) std::memcpy(to + a.size(), b.data(), b.size());
        return {to, a.size() + b.size()};
    }

    void release();  ///< Everything handed out becomes invalid.

private:
    struct Block {
        Block* previous;
        std::size_t size;
    };
    Block* last_ = nullptr;
    char* cursor_ = nullptr;
    char* end_ = nullptr;
};

}  // namespace gotthard
