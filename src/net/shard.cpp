#include "net/shard.hpp"

#include <unistd.h>

#include <condition_variable>
#include <latch>
#include <string>

namespace gotthard::net {

Drainable::Drainable(ConnectionList* list) : list_(list) {
    if (list == nullptr) return;
    next_ = list->first_;
    if (next_ != nullptr) next_->previous_ = this;
    list->first_ = this;
    list->size_.fetch_add(1, std::memory_order_relaxed);
    list->accepted_.fetch_add(1, std::memory_order_relaxed);
}

Drainable::~Drainable() {
    if (list_ == nullptr) return;
    if (list_->cursor_ == this) list_->cursor_ = next_;
    (previous_ != nullptr ? previous_->next_ : list_->first_) = next_;
    if (next_ != nullptr) next_->previous_ = previous_;
    list_->size_.fetch_sub(1, std::memory_order_relaxed);
}

void ConnectionList::each(void (Drainable::*action)()) {
    for (cursor_ = first_; cursor_ != nullptr;) {
        Drainable& connection = *cursor_;
        cursor_ = connection.next_;
        (connection.*action)();
    }
}

void ConnectionList::drain_all() {
    draining_ = true;
    each(&Drainable::drain);
}

void ConnectionList::abandon_all() {
    draining_ = true;
    each(&Drainable::abandon);
}

ShardGroup::ShardGroup(const Clock& clock, unsigned count) : clock_(clock), count_(std::max(count, 1U)) {}

ShardGroup::~ShardGroup() { stop(); }

Result<SocketAddress> ShardGroup::listen(const SocketAddress& address, Accepted accepted, int unix_mode) {
    Binding binding{.sockets = {}, .accepted = std::move(accepted), .unix_path = address.is_unix() ? address.host() : ""};
    SocketAddress bound = address;
    const unsigned sockets = address.is_unix() ? 1 : count_;
    for (unsigned i = 0; i < sockets; ++i) {
        auto socket = listen_on(bound, unix_mode);
        if (!socket) return fail(std::move(socket.error()));
        if (i == 0) bound = local_address(socket->fd());
        binding.sockets.push_back(std::move(*socket));
    }
    bindings_.push_back(std::move(binding));
    return bound;
}

void ShardGroup::start(Hook begin, Hook end) {
    std::latch ready(count_);
    shards_.resize(count_);
    for (unsigned index = 0; index < count_; ++index) {
        threads_.emplace_back(
            [this, index, begin, end, &ready] { run_shard(index, begin, end, [&ready] { ready.count_down(); }); });
        pthread_setname_np(threads_.back().native_handle(), ("shard " + std::to_string(index)).c_str());
    }
    ready.wait();
}

void ShardGroup::run_shard(unsigned index, const Hook& begin, const Hook& end, std::function<void()> ready) {
    auto owned = std::make_unique<Shard>(clock_, index);
    Shard& shard = *owned;
    shards_[index] = std::move(owned);
    if (begin) begin(shard);
    for (Binding& binding : bindings_) {
        if (index >= binding.sockets.size()) continue;
        shard.acceptors_.push_back(
            std::make_unique<Acceptor>(shard.loop, binding.sockets[index].fd(),
                                       [&binding, &shard](Socket socket) { binding.accepted(std::move(socket), shard); }));
    }
    ready();
    ready = nullptr;
    shard.loop.run();
    shard.acceptors_.clear();
    shard.connections.abandon_all();
    for (int turns = 0; turns < 1000 && shard.connections.size() != 0; ++turns) shard.loop.poll();
    if (end) end(shard);
    shard.loop.poll();
}

void ShardGroup::close_listeners() {
    std::latch closed(count_);
    for (unsigned index = 0; index < count_; ++index) {
        shards_[index]->loop.post([&closed, &shard = *shards_[index]] {
            for (auto& acceptor : shard.acceptors_) acceptor->accept_waiting();
            shard.acceptors_.clear();
            closed.count_down();
        });
    }
    closed.wait();
    for (Binding& binding : bindings_) {
        binding.sockets.clear();
        if (!binding.unix_path.empty()) ::unlink(std::exchange(binding.unix_path, "").c_str());
    }
}

bool ShardGroup::drain(std::chrono::milliseconds grace, const std::function<bool()>& interrupted) {
    if (threads_.empty()) return true;
    close_listeners();
    post_all([](Shard& shard) { shard.connections.drain_all(); });
    const auto end = std::chrono::steady_clock::now() + grace;
    while (connections() != 0) {
        if (std::chrono::steady_clock::now() >= end || (interrupted && interrupted())) return false;
        std::this_thread::sleep_for(
            std::min<std::chrono::milliseconds>(std::chrono::milliseconds(connections() < 8 ? 5 : 50), grace));
    }
    return true;
}

void ShardGroup::stop() {
    if (threads_.empty()) return;
    for (auto& shard : shards_) shard->loop.stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    shards_.clear();
    for (Binding& binding : bindings_)
        if (!binding.unix_path.empty()) ::unlink(binding.unix_path.c_str());
    bindings_.clear();
}

void ShardGroup::post_all(const std::function<void(Shard&)>& work) {
    for (auto& shard : shards_) shard->loop.post([work, &shard = *shard] { work(shard); });
}

std::size_t ShardGroup::connections() const {
    std::size_t sum = 0;
    for (const auto& shard : shards_) sum += shard->connections.size();
    return sum;
}

std::uint64_t ShardGroup::accepted() const {
    std::uint64_t sum = 0;
    for (const auto& shard : shards_) sum += shard->connections.accepted();
    return sum;
}

}  // namespace gotthard::net
