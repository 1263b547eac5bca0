#include "identity/snapshot.hpp"

#include <algorithm>
#include <cstring>

namespace gotthard::identity {
namespace {

bool before(const Snapshot::Entry& a, const Snapshot::Entry& b) { return a.hash < b.hash; }

KeyHash hash_from(std::string_view bytes) {
    KeyHash hash{};
    std::memcpy(hash.data(), bytes.data(), std::min(bytes.size(), hash.size()));
    return hash;
}

}  // namespace

std::shared_ptr<const Snapshot> Snapshot::build(std::vector<Entry> entries) {
    std::array<Bucket, bucket_count> buckets;
    for (auto& entry : entries) buckets[bucket_of(entry.hash)].push_back(std::move(entry));
    auto snapshot = std::make_shared<Snapshot>();
    for (std::size_t i = 0; i < bucket_count; ++i) {
        if (buckets[i].empty()) continue;
        std::ranges::sort(buckets[i], before);
        buckets[i].shrink_to_fit();
        snapshot->buckets_[i] = std::make_shared<const Bucket>(std::move(buckets[i]));
    }
    return snapshot;
}

std::shared_ptr<const Snapshot> Snapshot::with(std::span<const KeyHash> removed, std::span<const Entry> added) const {
    auto next = std::make_shared<Snapshot>(*this);
    const auto change = [&](const KeyHash& hash, auto&& edit) {
        auto& slot = next->buckets_[bucket_of(hash)];
        auto bucket = slot == nullptr ? std::make_shared<Bucket>() : std::make_shared<Bucket>(*slot);
        edit(*bucket);
        slot = std::move(bucket);
    };
    for (const auto& hash : removed)
        change(hash, [&](Bucket& bucket) { std::erase_if(bucket, [&](const Entry& entry) { return entry.hash == hash; }); });
    for (const auto& entry : added)
        change(entry.hash, [&](Bucket& bucket) { bucket.insert(std::ranges::lower_bound(bucket, entry, before), entry); });
    return next;
}

const Snapshot::Entry* Snapshot::find(const KeyHash& hash) const {
    const auto& bucket = buckets_[bucket_of(hash)];
    if (bucket == nullptr) return nullptr;
    // What is compared early is a keyed hash, which the caller cannot steer; the match itself looks at all bytes.
    std::size_t low = 0, high = bucket->size();
    const auto prefix = [](const KeyHash& of) {
        std::uint64_t word;
        std::memcpy(&word, of.data(), sizeof word);
        return __builtin_bswap64(word);
    };
    const auto wanted = prefix(hash);
    while (low < high) {
        const auto middle = low + (high - low) / 2;
        if (prefix((*bucket)[middle].hash) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < bucket->size() && prefix((*bucket)[low].hash) == wanted; ++low) {
        unsigned char difference = 0;
        for (std::size_t i = 0; i < hash.size(); ++i) difference |= static_cast<unsigned char>((*bucket)[low].hash[i] ^ hash[i]);
        if (difference == 0) return &(*bucket)[low];
    }
    return nullptr;
}

std::vector<KeyHash> hashes_of(const store::KeyRow& row) {
    std::vector<KeyHash> hashes{hash_from(row.hash)};
    if (!row.previous_hash.empty()) hashes.push_back(hash_from(row.previous_hash));
    return hashes;
}

std::vector<Snapshot::Entry> entries_of(const store::KeyRow& row) {
    auto caller = std::make_shared<Caller>();
    caller->key_id = row.id;
    caller->name = row.name;
    caller->team = row.team;
    caller->source = row.source;
    caller->models = row.models;
    caller->expires_at = row.expires_at;
    caller->revoked_at = row.revoked_at;
    caller->last_used.store(row.last_used_at, std::memory_order_relaxed);
    std::vector<Snapshot::Entry> entries{{hash_from(row.hash), caller, false, 0}};
    if (!row.previous_hash.empty()) entries.push_back({hash_from(row.previous_hash), caller, true, row.previous_until});
    return entries;
}

}  // namespace gotthard::identity
