// The event loop: one per thread, edge-triggered epoll, timers in the epoll_wait timeout, work from other threads by
// eventfd. Everything but post() and stop() belongs to the loop's own thread. The clock is injected: with a ManualClock a
// test advances time and calls poll().
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <coroutine>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "net/task.hpp"
#include "net/timers.hpp"

namespace gotthard::net {

/// Something with a descriptor in the loop. May destroy itself inside on_events.
class EventSource {
public:
    virtual void on_events(std::uint32_t events) = 0;  ///< EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR

protected:
    ~EventSource() = default;
};

/// A cancellable callback: destroying it cancels it. Made by Loop::after.
class Timer {
public:
    Timer() = default;
    void cancel() { node_.reset(); }
    bool pending() const { return node_ != nullptr && node_->deadline.at() != 0; }

private:
    friend class Loop;
    struct Node {
        Node(TimerQueue& queue, std::move_only_function<void()> callback_)
            : deadline(queue, &expired, this), callback(std::move(callback_)) {}
        static void expired(void* node);
        Deadline deadline;
        std::move_only_function<void()> callback;
    };
    std::unique_ptr<Node> node_;
};

class Loop {
public:
    explicit Loop(const Clock& clock);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();

    /// The loop of this thread: the one that runs here, or the first constructed here.
    static Loop& current();
    static Loop* current_or_null();

    void run();   ///< Until stop().
    void stop();  ///< Any thread.
    /// One turn without waiting: events that are there, deadlines that are due, deferred work. For tests and draining.
    void poll();
    /// Turns (with waiting) until `done()`; false when `turns` ran out. For tests and short programs.
    bool run_until(const std::function<bool()>& done, int turns = 100'000);

    Nanos now() const { return now_; }  ///< Monotonic; read once per wake-up.
    const Clock& clock() const { return clock_; }
    TimerQueue& timers() { return timers_; }

    void post(std::move_only_function<void()> work);   ///< Any thread; runs on the loop's thread, in order.
    void defer(std::move_only_function<void()> work);  ///< Own thread; runs at the end of this turn.
    void defer(std::coroutine_handle<> waiting);       ///< Own thread; resumes at the end of this turn. Does not allocate.

    Timer after(Nanos wait, std::move_only_function<void()> callback);
    auto sleep(Nanos wait);      ///< co_await loop.sleep(ns)
    auto sleep_until(Nanos at);  ///< co_await loop.sleep_until(instant)
    auto yield();                ///< co_await loop.yield(): lets everybody else run first.

    /// Edge-triggered registration; `events` as for epoll_ctl without EPOLLET. False: errno says why.
    bool add(int fd, std::uint32_t events, EventSource& source);
    /// Level-triggered registration and its changes, for descriptors that others own (c-ares).
    bool add_level(int fd, std::uint32_t events, EventSource& source);
    bool modify_level(int fd, std::uint32_t events, EventSource& source);
    /// Takes the descriptor out; events of this turn that `source` has not seen yet are dropped.
    void remove(int fd, EventSource& source);
    /// The descriptor is about to be closed, which takes it out by itself; drops what `source` has not seen yet.
    void forget(EventSource& source);

    /// A large buffer for one read or one write. Not to be held across a co_await: everyone on this thread uses it.
    std::span<char> scratch() { return {scratch_.get(), scratch_size}; }
    static constexpr std::size_t scratch_size = 64 * 1024;

private:
    void turn(int timeout_ms);
    int wait_ms() const;
    void run_deferred();
    void run_posted();
    bool control(int operation, int fd, std::uint32_t events, EventSource& source);

    const Clock& clock_;
    int epoll_ = -1;
    int wake_ = -1;
    Nanos now_;
    TimerQueue timers_;
    std::array<epoll_event, 256> batch_;
    int batch_at_ = 0;
    int batch_size_ = 0;
    std::vector<std::move_only_function<void()>> deferred_;
    std::vector<std::coroutine_handle<>> resumable_;
    std::unique_ptr<char[]> scratch_;

    std::mutex posted_mutex_;  ///< Guards posted_; never taken on the request path.
    std::vector<std::move_only_function<void()>> posted_;
    std::atomic<bool> stopping_{false};
};

struct SleepAwaiter {
    SleepAwaiter(Loop& loop, Nanos at) : at_(at), loop_(loop), deadline_(loop.timers(), &SleepAwaiter::expired, this) {}
    bool await_ready() const noexcept { return at_ <= loop_.now(); }
    void await_suspend(std::coroutine_handle<> waiting) {
        waiting_ = waiting;
        deadline_.arm(at_);
    }
    void await_resume() const noexcept {}

private:
    static void expired(void* self) { static_cast<SleepAwaiter*>(self)->waiting_.resume(); }
    Nanos at_;
    Loop& loop_;
    Deadline deadline_;
    std::coroutine_handle<> waiting_;
};

struct YieldAwaiter {
    Loop& loop;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting) const { loop.defer(waiting); }
    void await_resume() const noexcept {}
};

inline auto Loop::sleep(Nanos wait) { return SleepAwaiter(*this, now_ + wait); }
inline auto Loop::sleep_until(Nanos at) { return SleepAwaiter(*this, at); }
inline auto Loop::yield() { return YieldAwaiter{*this}; }

/// A flag that one coroutine waits for. Same thread on both ends; set() resumes the waiter at the end of the turn, so the
/// setter need not fear what the waiter destroys. Stays set until reset().
class Signal {
public:
    Signal() = default;
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    void set();
    void reset() { set_ = false; }
    bool is_set() const { return set_; }

    /// co_await signal.wait(at) -> bool: true when set, false when the instant `at` (0: never) came first.
    struct Awaiter {
        Awaiter(Signal& signal, Nanos at)
            : signal_(signal), at_(at), deadline_(Loop::current().timers(), &Awaiter::expired, this) {}
        bool await_ready() noexcept { return fired_ = signal_.set_; }
        void await_suspend(std::coroutine_handle<> waiting) {
            waiting_ = waiting;
            signal_.waiter_ = this;
            if (at_ != 0) deadline_.arm(at_);
        }
        bool await_resume() const noexcept { return fired_; }

    private:
        friend class Signal;
        static void expired(void* self);
        Signal& signal_;
        Nanos at_;
        Deadline deadline_;
        std::coroutine_handle<> waiting_;
        bool fired_ = false;
    };
    Awaiter wait(Nanos at = 0) { return Awaiter(*this, at); }

private:
    Awaiter* waiter_ = nullptr;
    bool set_ = false;
};

}  // namespace gotthard::net
