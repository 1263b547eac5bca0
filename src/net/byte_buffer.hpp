// ByteBuffer: growing bytes from the thread's blocks; grows geometrically, gives its block back when told. Move-only.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace gotthard::net {

class ByteBuffer {
public:
    ByteBuffer() = default;
    ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
    ByteBuffer& operator=(ByteBuffer&& other) noexcept {
        swap(other);
        return *this;
    }
    ~ByteBuffer() { release(); }

    char* data() { return data_; }
    std::string_view view() const { return {data_, size_}; }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }
    bool empty() const { return size_ == 0; }

    /// Room for `bytes` more behind size(); views into the buffer become invalid when it had to grow.
    std::span<char> room(std::size_t bytes);
    /// Whatever room there is.
    std::span<char> free_room() { return {data_ + size_, capacity_ - size_}; }
    void commit(std::size_t bytes) { size_ += bytes; }
    void append(std::string_view text);
    void erase_front(std::size_t bytes);
    void truncate(std::size_t size) { size_ = size; }
    void clear() { size_ = 0; }
    void release();  ///< clear() and give the memory back.

private:
    void swap(ByteBuffer& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }
    char* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace gotthard::net
