#include "net/timers.hpp"

namespace gotthard::net {

Deadline::~Deadline() {
    if (index_ != none) queue_.remove(index_);
}

void Deadline::arm(Nanos at) {
    at_ = at;
    if (at == 0) return;
    if (index_ == none) {
        queue_.insert(*this);
    } else if (at < queue_.heap_[index_].at) {
        queue_.heap_[index_].at = at;
        queue_.move_up(index_);
    }
}

void TimerQueue::put(std::uint32_t index, Entry entry) {
    heap_[index] = entry;
    entry.deadline->index_ = index;
}

void TimerQueue::insert(Deadline& deadline) {
    heap_.push_back({deadline.at_, &deadline});
    deadline.index_ = static_cast<std::uint32_t>(heap_.size() - 1);
    move_up(deadline.index_);
}

void TimerQueue::remove(std::uint32_t index) {
    heap_[index].deadline->index_ = Deadline::none;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (index == heap_.size()) return;
    put(index, last);
    move_up(index);
    move_down(last.deadline->index_);
}

void TimerQueue::move_up(std::uint32_t index) {
    const Entry entry = heap_[index];
    while (index != 0) {
        const std::uint32_t parent = (index - 1) / 2;
        if (heap_[parent].at <= entry.at) break;
        put(index, heap_[parent]);
        index = parent;
    }
    put(index, entry);
}

void TimerQueue::move_down(std::uint32_t index) {
    const Entry entry = heap_[index];
    const auto size = static_cast<std::uint32_t>(heap_.size());
    for (std::uint32_t child = 2 * index + 1; child < size; child = 2 * index + 1) {
        if (child + 1 < size && heap_[child + 1].at < heap_[child].at) ++child;
        if (entry.at <= heap_[child].at) break;
        put(index, heap_[child]);
        index = child;
    }
    put(index, entry);
}

void TimerQueue::run(Nanos now) {
    while (!heap_.empty() && heap_.front().at <= now) {
        Deadline& deadline = *heap_.front().deadline;
        if (deadline.at_ > now) {  // moved meanwhile: look again then
            heap_.front().at = deadline.at_;
            move_down(0);
            continue;
        }
        remove(0);
        if (deadline.at_ == 0) continue;
        deadline.at_ = 0;
        deadline.expired_(deadline.context_);
    }
}

}  // namespace gotthard::net
