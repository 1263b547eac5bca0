#include "net/pool.hpp"

#include <algorithm>

namespace gotthard::net {
namespace {

constexpr Nanos peer_margin = 1'000'000'000;  // what is sent later than this before the peer's limit may cross its close

Nanos expiry_of(const PooledConnection& connection) {
    const auto& limits = connection.endpoint->limits();
    const Nanos idle =
        connection.peer_keeps == 0 ? limits.idle_time : std::min(limits.idle_time, connection.peer_keeps - peer_margin);
    return std::min(connection.idle_since + idle, connection.born + limits.max_age);
}

}  // namespace

ConnectionPool::ConnectionPool(Loop& loop, std::size_t max_idle)
    : loop_(loop), max_idle_(max_idle), deadline_(loop.timers(), &ConnectionPool::time_passed, this) {}

ConnectionPool::~ConnectionPool() { clear(); }

std::unique_ptr<PooledConnection> ConnectionPool::remove(Bucket& bucket, PooledConnection& connection) {
    auto& owner = connection.newer_ != nullptr ? connection.newer_->older_ : bucket.newest;
    auto self = std::move(owner);
    owner = std::move(self->older_);
    if (owner)
        owner->newer_ = self->newer_;
    else
        bucket.oldest = self->newer_;
    self->newer_ = nullptr;
    --bucket.size;
    --idle_;
    if (self->stream->open()) self->stream->on_peer_finished(nullptr);
    return self;
}

void ConnectionPool::drop(PooledConnection& connection) {
    const auto found = buckets_.find(connection.endpoint->key());
    if (found != buckets_.end()) remove(found->second, connection);
}

bool ConnectionPool::expired(const PooledConnection& connection) const { return expiry_of(connection) <= loop_.now(); }

std::unique_ptr<PooledConnection> ConnectionPool::take(const UpstreamEndpoint& endpoint) {
    const auto found = buckets_.find(endpoint.key());
    if (found == buckets_.end()) return nullptr;
    Bucket& bucket = found->second;
    while (bucket.newest) {
        auto connection = remove(bucket, *bucket.newest);
        if (expired(*connection)) continue;
        // Nothing may have come since the last answer; a TLS stream digests its session tickets here.
        char unexpected = 0;
        if (connection->stream->read_now({&unexpected, 1}).state == IoResult::State::would_block) return connection;
    }
    return nullptr;
}

void ConnectionPool::give(std::unique_ptr<PooledConnection> connection) {
    auto& stream = *connection->stream;
    connection->idle_since = loop_.now();
    if (!stream.open() || stream.aborted() || stream.peer_finished() || stream.hung_up() || expired(*connection)) return;
    if (idle_ >= max_idle_) return;
    const auto& limits = connection->endpoint->limits();
    if (limits.max_idle == 0) return;
    Bucket& bucket = buckets_[connection->endpoint->key()];
    if (bucket.size >= limits.max_idle) remove(bucket, *bucket.oldest);
    stream.set_read_deadline(0);
    stream.set_write_deadline(0);
    PooledConnection* const raw = connection.get();
    raw->older_ = std::move(bucket.newest);
    if (raw->older_)
        raw->older_->newer_ = raw;
    else
        bucket.oldest = raw;
    bucket.newest = std::move(connection);
    ++bucket.size;
    ++idle_;
    if (deadline_.at() == 0) deadline_.arm(expiry_of(*raw));
    raw->pool_ = this;
    stream.on_peer_finished([raw] { raw->pool_->drop(*raw); });
}

void ConnectionPool::forget(const UpstreamEndpoint& endpoint) {
    const auto found = buckets_.find(endpoint.key());
    if (found == buckets_.end()) return;
    while (found->second.newest) remove(found->second, *found->second.newest);
}

void ConnectionPool::clear() {
    for (auto& [key, bucket] : buckets_)
        while (bucket.newest) remove(bucket, *bucket.newest);
    buckets_.clear();
    deadline_.disarm();
}

void ConnectionPool::sweep() {
    Nanos next = 0;
    for (auto bucket = buckets_.begin(); bucket != buckets_.end();) {
        auto& [key, idle] = *bucket;
        for (PooledConnection* each = idle.oldest; each != nullptr;) {
            PooledConnection* const newer = each->newer_;
            const Nanos expiry = expiry_of(*each);
            if (expiry <= loop_.now())
                remove(idle, *each);
            else
                next = next == 0 ? expiry : std::min(next, expiry);
            each = newer;
        }
        bucket = idle.size == 0 ? buckets_.erase(bucket) : std::next(bucket);
    }
    deadline_.arm(next);
}

}  // namespace gotthard::net
