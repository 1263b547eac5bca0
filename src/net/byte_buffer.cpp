#include "net/byte_buffer.hpp"

#include <algorithm>
#include <cstring>

#include "net/task_memory.hpp"

namespace gotthard::net {

std::span<char> ByteBuffer::room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) {
        const std::size_t wanted = block_size(std::max(size_ + bytes, capacity_ * 2));
        auto* grown = static_cast<char*>(take_block(wanted));
        if (size_ != 0) std::memcpy(grown, data_, size_);
        if (data_ != nullptr) give_block(data_, capacity_);
        data_ = grown;
        capacity_ = wanted;
    }
    return free_room();
}

void ByteBuffer::append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(room(text.size()).data(), text.data(), text.size());
    size_ += text.size();
}

void ByteBuffer::erase_front(std::size_t bytes) {
    size_ -= bytes;
    if (size_ != 0) std::memmove(data_, data_ + bytes, size_);
}

void ByteBuffer::release() {
    if (data_ != nullptr) give_block(data_, capacity_);
    data_ = nullptr;
    size_ = capacity_ = 0;
}

}  // namespace gotthard::net
