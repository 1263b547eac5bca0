// Deadlines of one loop. A Deadline sits in the queue at most once, at the time when it must be looked at; moving it to a
// later time, or disarming it, is one store, and the queue learns of it when it gets there. So a timeout that is renewed
// with every request costs the queue one visit per timeout, not one per request.
// Owned by one Loop; used on its thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"

namespace gotthard::net {

class TimerQueue;

/// A point in time and what to call then. Neither copied nor moved: the queue points to it. Its owner's destructor disarms it.
class Deadline {
public:
    using Expired = void (*)(void* context);

    Deadline(TimerQueue& queue, Expired expired, void* context) : queue_(queue), expired_(expired), context_(context) {}
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;
    ~Deadline();

    /// `at`: monotonic instant of the loop's clock; 0 disarms. A later time than before is only a store.
    void arm(Nanos at);
    void disarm() { at_ = 0; }
    Nanos at() const { return at_; }  ///< 0: not armed.

private:
    friend class TimerQueue;
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    TimerQueue& queue_;
    Expired expired_;
    void* context_;
    Nanos at_ = 0;
    std::uint32_t index_ = none;  ///< Place in the queue.
};

class TimerQueue {
public:
    TimerQueue() = default;
    TimerQueue(const TimerQueue&) = delete;
    TimerQueue& operator=(const TimerQueue&) = delete;

    /// Calls every Deadline with at <= now, each once, earliest first.
    void run(Nanos now);
    /// When the queue must be looked at next; 0: never. May be earlier than the first real deadline.
    Nanos next() const { return heap_.empty() ? 0 : heap_.front().at; }
    std::size_t size() const { return heap_.size(); }

private:
    friend class Deadline;
    struct Entry {
        Nanos at;
        Deadline* deadline;
    };
    void insert(Deadline& deadline);
    void remove(std::uint32_t index);
    void move_up(std::uint32_t index);
    void move_down(std::uint32_t index);
    void put(std::uint32_t index, Entry entry);

    std::vector<Entry> heap_;
};

}  // namespace gotthard::net
