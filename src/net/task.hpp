// Task<T>: a lazy coroutine. It starts when it is awaited, inline in its awaiter, hands its result over by value and
// resumes the awaiter directly (symmetric transfer). One thread: a task stays where it was started.
//
//   Task<Result<Answer>> ask(Dialer& dialer, std::string_view host) { ... co_await ... co_return answer; }
//   auto answer = co_await ask(dialer, host);
//   spawn(serve(std::move(stream)));          // detached: runs at once until it first waits
//
// Rules: parameters by value, or references to what an awaiting frame owns; no capturing lambda coroutines; a task is
// awaited at most once; a task that is never awaited never runs. What lives across a co_await lives in the frame: keep
// frames of idle connections small. Exceptions mean bugs: they are rethrown to the awaiter, and end the process when
// they leave a spawned task.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "net/task_memory.hpp"

namespace gotthard::net {

template <class T = void>
class Task;

namespace detail {

struct PromiseBase {
    std::coroutine_handle<> awaiter;  ///< Resumed at the end; none: the task was spawned and frees itself.
    std::exception_ptr exception;

    struct Finish {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
            if (const auto next = self.promise().awaiter) return next;
            if (self.promise().exception) std::terminate();
            self.destroy();
            return std::noop_coroutine();
        }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    Finish final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { exception = std::current_exception(); }

    static void* operator new(std::size_t size) { return take_block(size); }
    static void operator delete(void* block, std::size_t size) noexcept { give_block(block, size); }
};

template <class T>
struct Promise : PromiseBase {
    std::optional<T> value;

    Task<T> get_return_object() noexcept;
    template <class U = T>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() {
        if (exception) std::rethrow_exception(std::move(exception));
        return std::move(*value);
    }
};

template <>
struct Promise<void> : PromiseBase {
    Task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() {
        if (exception) std::rethrow_exception(std::move(exception));
    }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
public:
    using promise_type = detail::Promise<T>;
    using Handle = std::coroutine_handle<promise_type>;

    Task() = default;
    explicit Task(Handle handle) noexcept : handle_(handle) {}
    Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
    Task& operator=(Task&& other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Task() {
        if (handle_) handle_.destroy();
    }

    struct Awaiter {
        Handle handle;
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) const noexcept {
            handle.promise().awaiter = awaiter;
            return handle;
        }
        T await_resume() const { return handle.promise().take(); }
    };
    Awaiter operator co_await() const noexcept { return {handle_}; }

    /// Gives the coroutine away; used by spawn.
    Handle release() noexcept { return std::exchange(handle_, {}); }

private:
    Handle handle_;
};

/// Runs `task` at once until it first waits; it frees itself at its end.
inline void spawn(Task<> task) { task.release().resume(); }

template <class T>
Task<T> detail::Promise<T>::get_return_object() noexcept {
    return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() noexcept {
    return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace gotthard::net
