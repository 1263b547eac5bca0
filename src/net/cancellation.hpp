// Cancellation: one flag and one hook, by which the owner of an operation ends whatever the operation waits for right now.
// The deepest layer that waits installs a Hook for as long as it waits. One thread.
#pragma once

#include "base/failure.hpp"

namespace gotthard::net {

class Cancellation {
public:
    Cancellation() = default;
    Cancellation(const Cancellation&) = delete;
    Cancellation& operator=(const Cancellation&) = delete;

    void cancel() {
        if (cancelled_) return;
        cancelled_ = true;
        if (hook_ != nullptr) hook_->call_(hook_->context_);
    }
    bool cancelled() const { return cancelled_; }
    static Failure failure() { return Failure(FailureKind::cancelled, "The request was cancelled."); }

    /// Lives in the frame of the waiting coroutine. `call` is called inside cancel(): it must not resume the waiter directly.
    class Hook {
    public:
        using Call = void (*)(void* context);
        Hook(Cancellation& cancellation, Call call, void* context)
            : cancellation_(cancellation), outer_(cancellation.hook_), call_(call), context_(context) {
            cancellation_.hook_ = this;
        }
        Hook(const Hook&) = delete;
        Hook& operator=(const Hook&) = delete;
        ~Hook() { cancellation_.hook_ = outer_; }

    private:
        friend class Cancellation;
        Cancellation& cancellation_;
        Hook* outer_;
        Call call_;
        void* context_;
    };

private:
    Hook* hook_ = nullptr;
    bool cancelled_ = false;
};

}  // namespace gotthard::net
