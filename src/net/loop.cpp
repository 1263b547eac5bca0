#include "net/loop.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace gotthard::net {
namespace {

thread_local Loop* current_loop = nullptr;

constexpr int idle_wait_ms = 60'000;

}  // namespace

Loop& Loop::current() { return *current_loop; }
Loop* Loop::current_or_null() { return current_loop; }

void Timer::Node::expired(void* node) {
    // The callback may destroy the Timer, and with it the node.
    auto callback = std::move(static_cast<Node*>(node)->callback);
    callback();
}

Loop::Loop(const Clock& clock) : clock_(clock), now_(clock.monotonic()), scratch_(new char[scratch_size]) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (epoll_ < 0 || wake_ < 0) throw std::system_error(errno, std::generic_category(), "event loop");
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0)
        throw std::system_error(errno, std::generic_category(), "event loop");
    if (current_loop == nullptr) current_loop = this;
}

Loop::~Loop() {
    if (current_loop == this) current_loop = nullptr;
    ::close(wake_);
    ::close(epoll_);
}

void Loop::run() {
    current_loop = this;
    while (!stopping_.load(std::memory_order_relaxed)) turn(wait_ms());
    stopping_.store(false, std::memory_order_relaxed);
}

void Loop::stop() {
    stopping_.store(true, std::memory_order_relaxed);
    const std::uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(wake_, &one, sizeof one);
}

void Loop::poll() {
    current_loop = this;
    turn(0);
}

bool Loop::run_until(const std::function<bool()>& done, int turns) {
    current_loop = this;
    for (; !done(); --turns) {
        if (turns == 0) return false;
        turn(wait_ms());
    }
    return true;
}

int Loop::wait_ms() const {
    if (!deferred_.empty() || !resumable_.empty()) return 0;
    const Nanos next = timers_.next();
    if (next == 0) return idle_wait_ms;
    const Nanos wait = next - clock_.monotonic();
    if (wait <= 0) return 0;
    return static_cast<int>(std::min<Nanos>((wait + 999'999) / 1'000'000, idle_wait_ms));
}

void Loop::turn(int timeout_ms) {
    const int count = epoll_wait(epoll_, batch_.data(), static_cast<int>(batch_.size()), timeout_ms);
    now_ = clock_.monotonic();
    batch_size_ = std::max(count, 0);
    bool woken = false;
    for (batch_at_ = 0; batch_at_ < batch_size_; ++batch_at_) {
        const epoll_event& event = batch_[static_cast<std::size_t>(batch_at_)];
        if (event.data.ptr != nullptr) {
            static_cast<EventSource*>(event.data.ptr)->on_events(event.events);
        } else if (event.events != 0) {
            woken = true;
        }
    }
    batch_size_ = 0;
    if (woken) run_posted();
    if (timers_.next() != 0) timers_.run(now_);
    run_deferred();
}

void Loop::run_posted() {
    std::uint64_t count = 0;
    [[maybe_unused]] auto got = ::read(wake_, &count, sizeof count);
    std::vector<std::move_only_function<void()>> work;
    {
        const std::lock_guard lock(posted_mutex_);
        work.swap(posted_);
    }
    for (auto& item : work) item();
}

void Loop::run_deferred() {
    // Only what stands there now: what is added meanwhile waits for the next turn, so that nobody starves the sockets.
    if (!resumable_.empty()) {
        std::vector<std::coroutine_handle<>> waiting;
        waiting.swap(resumable_);
        for (auto handle : waiting) handle.resume();
        if (resumable_.empty()) {
            waiting.clear();
            resumable_.swap(waiting);  // keeps the capacity
        }
    }
    if (!deferred_.empty()) {
        std::vector<std::move_only_function<void()>> work;
        work.swap(deferred_);
        for (auto& item : work) item();
    }
}

void Loop::post(std::move_only_function<void()> work) {
    {
        const std::lock_guard lock(posted_mutex_);
        posted_.push_back(std::move(work));
        if (posted_.size() > 1) return;  // somebody has rung already
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] auto written = ::write(wake_, &one, sizeof one);
}

void Loop::defer(std::move_only_function<void()> work) { deferred_.push_back(std::move(work)); }
void Loop::defer(std::coroutine_handle<> waiting) { resumable_.push_back(waiting); }

Timer Loop::after(Nanos wait, std::move_only_function<void()> callback) {
    Timer timer;
    timer.node_ = std::make_unique<Timer::Node>(timers_, std::move(callback));
    timer.node_->deadline.arm(now_ + std::max<Nanos>(wait, 1));
    return timer;
}

bool Loop::control(int operation, int fd, std::uint32_t events, EventSource& source) {
    epoll_event event{.events = events, .data = {.ptr = &source}};
    return epoll_ctl(epoll_, operation, fd, &event) == 0;
}

bool Loop::add(int fd, std::uint32_t events, EventSource& source) { return control(EPOLL_CTL_ADD, fd, events | EPOLLET, source); }
bool Loop::add_level(int fd, std::uint32_t events, EventSource& source) { return control(EPOLL_CTL_ADD, fd, events, source); }
bool Loop::modify_level(int fd, std::uint32_t events, EventSource& source) { return control(EPOLL_CTL_MOD, fd, events, source); }

void Loop::remove(int fd, EventSource& source) {
    epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
    forget(source);
}

void Loop::forget(EventSource& source) {
    for (int at = batch_at_; at < batch_size_; ++at) {
        epoll_event& event = batch_[static_cast<std::size_t>(at)];
        if (event.data.ptr == &source) event = {.events = 0, .data = {.ptr = nullptr}};
    }
}

void Signal::Awaiter::expired(void* self) {
    auto& awaiter = *static_cast<Awaiter*>(self);
    awaiter.signal_.waiter_ = nullptr;
    awaiter.waiting_.resume();
}

void Signal::set() {
    if (set_) return;
    set_ = true;
    if (waiter_ == nullptr) return;
    Awaiter& awaiter = *std::exchange(waiter_, nullptr);
    awaiter.fired_ = true;
    awaiter.deadline_.disarm();
    Loop::current().defer(awaiter.waiting_);
}

}  // namespace gotthard::net
