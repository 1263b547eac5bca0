// Idle connections to upstreams, per endpoint, most recently used first. A connection that its peer closes leaves at once;
// one that has been idle or alive for too long leaves when it is found or swept. One loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "net/byte_stream.hpp"
#include "net/dialer.hpp"

namespace gotthard::net {

class ConnectionPool;

/// A connection with its history. Owned by the pool while idle, by an exchange while used.
struct PooledConnection {
    PooledConnection(std::unique_ptr<ByteStream> stream_, std::shared_ptr<const UpstreamEndpoint> endpoint_, Nanos born_)
        : stream(std::move(stream_)), endpoint(std::move(endpoint_)), born(born_) {}
    std::unique_ptr<ByteStream> stream;
    std::shared_ptr<const UpstreamEndpoint> endpoint;
    Nanos born;
    Nanos idle_since = 0;
    Nanos peer_keeps =
        0;  ///< How long the peer said it would keep the connection idle (Keep-Alive: timeout=N); 0: it did not say.
    std::uint32_t exchanges = 0;  ///< Finished ones. Above 0: reused, and an early end may mean that it was stale.

private:
    friend class ConnectionPool;
    ConnectionPool* pool_ = nullptr;
    PooledConnection* newer_ = nullptr;
    std::unique_ptr<PooledConnection> older_;
};

class ConnectionPool {
public:
    explicit ConnectionPool(Loop& loop, std::size_t max_idle = 4096);
    ConnectionPool(const ConnectionPool&) = delete;
    ConnectionPool& operator=(const ConnectionPool&) = delete;
    ~ConnectionPool();

    /// A usable idle connection or nullptr.
    std::unique_ptr<PooledConnection> take(const UpstreamEndpoint& endpoint);
    /// Keeps a connection whose last answer has been read to its end, or closes it.
    void give(std::unique_ptr<PooledConnection> connection);
    /// Closes the idle connections of an endpoint: one was stale, so the others are.
    void forget(const UpstreamEndpoint& endpoint);
    void clear();
    std::size_t idle() const { return idle_; }

private:
    struct Bucket {
        std::unique_ptr<PooledConnection> newest;
        PooledConnection* oldest = nullptr;
        std::size_t size = 0;
    };
    std::unique_ptr<PooledConnection> remove(Bucket& bucket, PooledConnection& connection);
    void drop(PooledConnection& connection);
    bool expired(const PooledConnection& connection) const;
    void sweep();
    static void time_passed(void* self) { static_cast<ConnectionPool*>(self)->sweep(); }

    Loop& loop_;
    std::size_t max_idle_;
    std::size_t idle_ = 0;
    std::unordered_map<std::string, Bucket> buckets_;
    Deadline deadline_;
};

}  // namespace gotthard::net
