// The look-up table of keys: 1024 immutable buckets of entries sorted by hash, chosen by the first bits of the hash.
//
// A change copies one bucket and the list of buckets; who holds an older table keeps it alive.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "identity/identity.hpp"

namespace gotthard::identity {

class Snapshot {
public:
    struct Entry {
        KeyHash hash;
        std::shared_ptr<const Caller> caller;
        bool previous = false;     ///< The value before the last rotation, which works until `until`.
        Micros until = 0;
    };

    static std::shared_ptr<const Snapshot> build(std::vector<Entry> entries);
    /// A table in which the entries of `removed` are replaced by `added`.
    std::shared_ptr<const Snapshot> with(std::span<const KeyHash> removed, std::span<const Entry> added) const;
    const Entry* find(const KeyHash& hash) const;

    template <class Visit>
    void for_each(Visit&& visit) const {
        for (const auto& bucket : buckets_)
            if (bucket != nullptr)
                for (const auto& entry : *bucket) visit(entry);
    }

private:
    static constexpr std::size_t bucket_count = 1024;
    using Bucket = std::vector<Entry>;
    static std::size_t bucket_of(const KeyHash& hash) { return (std::size_t{hash[0]} << 8 | hash[1]) % bucket_count; }
    std::array<std::shared_ptr<const Bucket>, bucket_count> buckets_;
};

/// The hashes under which a row can be found, and the entries for them.
std::vector<KeyHash> hashes_of(const store::KeyRow& row);
std::vector<Snapshot::Entry> entries_of(const store::KeyRow& row);

}  // namespace gotthard::identity
