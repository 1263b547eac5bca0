// Blocks for coroutine frames and small buffers: one set of free lists per thread, by size class. No locks, no header per
// block (the caller gives the size back). A block may be freed on another thread than the one that took it; it then
// belongs to that thread's lists. Lists are bounded, so that memory falls again after a peak. Under AddressSanitizer
// every block is a plain allocation, so that use after free is seen.
#pragma once

#include <cstddef>

namespace gotthard::net {

/// The size a request for `size` bytes is served with; the whole of it may be used.
std::size_t block_size(std::size_t size);
/// `block_size(size)` bytes, aligned for any type.
void* take_block(std::size_t size);
/// `size`: what take_block was asked for, or its block_size.
void give_block(void* block, std::size_t size) noexcept;

}  // namespace gotthard::net
