// Shards: N threads, each with its own loop, its own listening sockets (SO_REUSEPORT) and whatever its start hook builds.
// Nothing is shared between them.
//
//   ShardGroup shards(clock, 2);
//   auto port = shards.listen(address, [](Socket socket, Shard& shard) { spawn(serve_http(...)); });   // before start
//   shards.start();  ...  shards.drain(grace);  shards.stop();
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "net/loop.hpp"
#include "net/tcp.hpp"

namespace gotthard::net {

class ConnectionList;

/// Something that can be asked to finish soon: a server connection. Registers itself while it lives.
class Drainable {
public:
    Drainable() = default;
    explicit Drainable(ConnectionList* list);
    Drainable(const Drainable&) = delete;
    Drainable& operator=(const Drainable&) = delete;
    virtual ~Drainable();
    virtual void drain() = 0;    ///< Idle: close. Busy: close after the answer.
    virtual void abandon() = 0;  ///< Close now.

private:
    friend class ConnectionList;
    ConnectionList* list_ = nullptr;
    Drainable* next_ = nullptr;
    Drainable* previous_ = nullptr;
};

/// The connections of one shard. Loop thread only, but for size().
class ConnectionList {
public:
    void drain_all();
    void abandon_all();
    bool draining() const { return draining_; }
    std::size_t size() const { return size_.load(std::memory_order_relaxed); }            ///< Any thread.
    std::uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }  ///< Any thread; ever.

private:
    friend class Drainable;
    void each(void (Drainable::*action)());
    Drainable* first_ = nullptr;
    Drainable* cursor_ = nullptr;  ///< Next to visit in each(); moved when that one goes.
    bool draining_ = false;
    std::atomic<std::size_t> size_{0};
    std::atomic<std::uint64_t> accepted_{0};
};

class Shard {
public:
    Shard(const Clock& clock, unsigned index) : loop(clock), index(index) {}

    Loop loop;
    const unsigned index;
    ConnectionList connections;

private:
    friend class ShardGroup;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
};

class ShardGroup {
public:
    using Accepted = std::function<void(Socket socket, Shard& shard)>;
    using Hook = std::function<void(Shard& shard)>;

    ShardGroup(const Clock& clock, unsigned count);
    ~ShardGroup();  ///< stop()

    /// Before start. Port 0 takes a free one; the answer is what was bound. A Unix socket is served by shard 0 alone.
    Result<SocketAddress> listen(const SocketAddress& address, Accepted accepted, int unix_mode = 0600);
    /// Starts the threads; `begin` runs on each before it accepts, `end` on each after its loop has stopped. Returns when all
    /// shards accept.
    void start(Hook begin = {}, Hook end = {});
    /// Closes the listeners, tells idle connections to go, and waits until all have gone or `grace` of wall time is over: false
    /// then. `interrupted` is asked every 50 ms: true ends the wait.
    bool drain(std::chrono::milliseconds grace, const std::function<bool()>& interrupted = {});
    /// Ends the loops and joins the threads. Connections that are left are abandoned first.
    void stop();

    unsigned count() const { return count_; }
    Shard& shard(unsigned index) { return *shards_[index]; }
    void post_all(const std::function<void(Shard&)>& work);  ///< On every shard's thread; does not wait.
    std::size_t connections() const;
    std::uint64_t accepted() const;

private:
    struct Binding {
        std::vector<Socket> sockets;  ///< One per shard, or one.
        Accepted accepted;
        std::string unix_path;
    };
    void run_shard(unsigned index, const Hook& begin, const Hook& end, std::function<void()> ready);
    void close_listeners();

    const Clock& clock_;
    unsigned count_;
    std::vector<Binding> bindings_;
    std::vector<std::unique_ptr<Shard>> shards_;
    std::vector<std::thread> threads_;
};

}  // namespace gotthard::net
