#include "net/dns.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <algorithm>
#include <cstring>

namespace gotthard::net {
namespace {

bool literal_address(const std::string& host, std::uint16_t port, SocketAddress& address) {
    sockaddr_in v4{};
    if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        address = SocketAddress(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
        address.set_port(port);
        return true;
    }
    sockaddr_in6 v6{};
    if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        address = SocketAddress(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
        address.set_port(port);
        return true;
    }
    return false;
}

/// RFC 6761: localhost is this machine, whatever a name server says.
bool is_localhost(std::string_view host) { return host == "localhost" || host.ends_with(".localhost"); }

Failure cannot_resolve(std::string detail) {
    return Failure(FailureKind::upstream_unavailable, "The upstream's host name cannot be resolved.").because(std::move(detail));
}

/// Failures that a changed resolv.conf may cure.
bool leads_nowhere(int status) { return status == ARES_ECONNREFUSED || status == ARES_ETIMEOUT; }

}  // namespace

/// One of c-ares' sockets.
class Resolver::Watch final : public EventSource {
public:
    Watch(Resolver& resolver, int fd, std::uint32_t events) : resolver_(resolver), fd_(fd) {
        resolver_.loop_.add_level(fd_, events, *this);
    }
    ~Watch() { resolver_.loop_.remove(fd_, *this); }
    void change(std::uint32_t events) { resolver_.loop_.modify_level(fd_, events, *this); }
    void on_events(std::uint32_t events) override {
        const int fd = fd_;  // this may be gone after the next call
        resolver_.process((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0 ? fd : ARES_SOCKET_BAD,
                          (events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
    }

private:
    Resolver& resolver_;
    int fd_;
};

struct Resolver::Question {
    Resolver* resolver;
    std::string host;
};

Resolver::Resolver(Loop& loop, ResolverOptions options)
    : loop_(loop), options_(std::move(options)), deadline_(loop.timers(), &Resolver::time_passed, this) {}

Resolver::~Resolver() { stop(); }

bool Resolver::start() {
    if (stale_channel_ && asking_ == 0) stop();
    if (channel_ != nullptr) return true;
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    if (library != ARES_SUCCESS) return false;
    ares_options options{};
    options.timeout = options_.timeout_ms;
    options.tries = options_.tries;
    options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
        socket_state(self, fd, readable, writable);
    };
    options.sock_state_cb_data = this;
    char lookups[] = "fb";
    options.lookups = lookups;
    if (ares_init_options(&channel_, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS) !=
        ARES_SUCCESS) {
        channel_ = nullptr;
        return false;
    }
    if (!options_.servers.empty() && ares_set_servers_ports_csv(channel_, options_.servers.c_str()) != ARES_SUCCESS) {
        stop();
        return false;
    }
    return true;
}

void Resolver::stop() {
    if (channel_ != nullptr) ares_destroy(std::exchange(channel_, nullptr));
    watches_.clear();
    stale_channel_ = false;
}

Task<Result<std::vector<SocketAddress>>> Resolver::resolve(std::string host, std::uint16_t port, Nanos deadline,
                                                           Cancellation& cancellation) {
    if (SocketAddress literal; literal_address(host, port, literal)) co_return std::vector{literal};
    std::vector<SocketAddress> found;
    if (is_localhost(host)) {
        for (const char* each : {"127.0.0.1", "::1"}) literal_address(each, port, found.emplace_back());
        co_return found;
    }
    Entry& entry = entries_[host];
    if (!entry.asking && entry.expires <= loop_.now()) ask(host, entry);
    if (entry.asking) {
        Waiter waiter;
        entry.waiters.push_back(&waiter);
        const Cancellation::Hook hook(cancellation, [](void* signal) { static_cast<Signal*>(signal)->set(); }, &waiter.done);
        if (cancellation.cancelled()) waiter.done.set();
        const bool in_time = co_await waiter.done.wait(deadline);
        std::erase(entry.waiters, &waiter);
        if (cancellation.cancelled()) co_return fail(Cancellation::failure());
        if (!in_time || entry.asking)
            co_return fail(Failure(FailureKind::upstream_timeout, "The upstream's host name was not resolved in time.")
                               .because("resolving " + host));
    }
    if (!entry.failure.empty()) co_return fail(cannot_resolve(entry.failure));
    found = entry.addresses;
    for (auto& address : found) address.set_port(port);
    co_return found;
}

void Resolver::ask(const std::string& host, Entry& entry) {
    ++queries_;
    trim();
    if (!start()) {
        entry.failure = "the resolver could not be started";
        entry.expires = loop_.now() + options_.failure_ttl;
        return;
    }
    entry.asking = true;
    ++asking_;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    const auto done = [](void* context, int status, int, ares_addrinfo* result) {
        const std::unique_ptr<Question> question(static_cast<Question*>(context));
        question->resolver->answered(question->host, status, result);
        if (result != nullptr) ares_freeaddrinfo(result);
    };
    ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, done, new Question{this, host});
    arm();
}

void Resolver::answered(const std::string& host, int status, ares_addrinfo* found) {
    --asking_;
    Entry& entry = entries_[host];
    entry.asking = false;
    entry.addresses.clear();
    Nanos ttl = options_.ttl_most;
    if (status == ARES_SUCCESS && found != nullptr) {
        for (const auto* node = found->nodes; node != nullptr; node = node->ai_next) {
            if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
            const SocketAddress address(node->ai_addr, static_cast<socklen_t>(node->ai_addrlen));
            const auto same = [&](const SocketAddress& other) {
                return other.length() == address.length() && std::memcmp(other.get(), address.get(), address.length()) == 0;
            };
            if (std::ranges::none_of(entry.addresses, same)) entry.addresses.push_back(address);
            ttl = std::min<Nanos>(ttl, static_cast<Nanos>(node->ai_ttl) * 1'000'000'000);
        }
    }
    if (entry.addresses.empty()) {
        entry.failure = host + ": " + ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status);
        ttl = options_.failure_ttl;
        stale_channel_ = stale_channel_ || leads_nowhere(status);
    } else {
        entry.failure.clear();
        ttl = std::max(ttl, options_.ttl_least);
    }
    entry.expires = loop_.now() + ttl;
    for (auto* waiter : entry.waiters) waiter->done.set();
}

void Resolver::trim() {
    if (entries_.size() <= options_.cache_size) return;
    const Nanos now = loop_.now();
    std::erase_if(entries_, [now](const auto& item) {
        return !item.second.asking && item.second.waiters.empty() && item.second.expires != 0 && item.second.expires <= now;
    });
    if (entries_.size() <= options_.cache_size) return;
    std::erase_if(entries_, [](const auto& item) {
        return !item.second.asking && item.second.waiters.empty() && item.second.expires != 0;
    });
}

void Resolver::process(int read_fd, int write_fd) {
    if (channel_ == nullptr) return;
    ares_process_fd(channel_, read_fd, write_fd);
    arm();
}

void Resolver::arm() {
    timeval room{};
    const timeval* wait = asking_ == 0 || channel_ == nullptr ? nullptr : ares_timeout(channel_, nullptr, &room);
    deadline_.arm(wait == nullptr ? 0 : loop_.now() + wait->tv_sec * 1'000'000'000LL + wait->tv_usec * 1'000LL + 1);
}

void Resolver::socket_state(void* self, int fd, int readable, int writable) {
    auto& resolver = *static_cast<Resolver*>(self);
    const std::uint32_t events = (readable != 0 ? EPOLLIN : 0u) | (writable != 0 ? EPOLLOUT : 0u);
    const auto found = resolver.watches_.find(fd);
    if (events == 0) {
        if (found != resolver.watches_.end()) resolver.watches_.erase(found);
    } else if (found != resolver.watches_.end()) {
        found->second->change(events);
    } else {
        resolver.watches_.emplace(fd, std::make_unique<Watch>(resolver, fd, events));
    }
}

void Resolver::time_passed(void* self) { static_cast<Resolver*>(self)->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }

}  // namespace gotthard::net
