// Names to addresses, by c-ares on our loop: A and AAAA, /etc/hosts, search domains as resolv.conf says. Literals never ask.
// Answers are kept for their TTL within bounds, failures for a moment; equal questions share one query. One loop's.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/cancellation.hpp"
#include "net/loop.hpp"
#include "net/tcp.hpp"

struct ares_channeldata;
struct ares_addrinfo;

namespace gotthard::net {

struct ResolverOptions {
    std::string servers;  ///< "127.0.0.1:5353,..."; empty: as the system says.
    Nanos ttl_least = 1'000'000'000;
    Nanos ttl_most = 300'000'000'000;
    Nanos failure_ttl = 1'000'000'000;
    int timeout_ms = 2000;  ///< Per try.
    int tries = 3;
    std::size_t cache_size = 1024;
};

class Resolver {
public:
    explicit Resolver(Loop& loop, ResolverOptions options = {});
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    ~Resolver();  ///< Nobody may be waiting.

    /// At least one address with `port` set, in the order in which they should be tried (RFC 6724), or upstream_unavailable
    /// ("cannot be resolved"), or upstream_timeout at `deadline` (0: none), or cancelled.
    Task<Result<std::vector<SocketAddress>>> resolve(std::string host, std::uint16_t port, Nanos deadline,
                                                     Cancellation& cancellation);

    std::uint64_t queries() const { return queries_; }  ///< How many were not answered by the cache.

private:
    class Watch;
    struct Waiter {
        Signal done;
    };
    struct Entry {
        std::vector<SocketAddress> addresses;
        std::string failure;  ///< Set: the name cannot be resolved.
        Nanos expires = 0;
        bool asking = false;
        std::vector<Waiter*> waiters;
    };
    struct Question;

    bool start();
    void stop();
    void ask(const std::string& host, Entry& entry);
    void answered(const std::string& host, int status, ares_addrinfo* found);
    void trim();
    void process(int read_fd, int write_fd);
    void arm();
    static void socket_state(void* self, int fd, int readable, int writable);
    static void time_passed(void* self);

    Loop& loop_;
    ResolverOptions options_;
    ares_channeldata* channel_ = nullptr;
    bool stale_channel_ = false;  ///< Made from a configuration that led nowhere: made anew for the next question.
    std::size_t asking_ = 0;
    std::uint64_t queries_ = 0;
    std::unordered_map<std::string, Entry> entries_;
    std::unordered_map<int, std::unique_ptr<Watch>> watches_;
    Deadline deadline_;
};

}  // namespace gotthard::net
