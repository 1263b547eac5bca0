#include "net/loop.hpp"

#include <thread>

#include "loopback.hpp"

namespace gotthard::net {
namespace {

using testing::millisecond;
using testing::second;
class LoopTest : public testing::OnLoop {};

struct Alarm {
    explicit Alarm(TimerQueue& queue) : deadline(queue, [](void* self) { ++static_cast<Alarm*>(self)->rings; }, this) {}
    int rings = 0;
    Deadline deadline;
};

TEST(Deadlines, RingOnceInTheOrderOfTime) {
    TimerQueue queue;
    std::vector<int> order;
    struct Mark {
        std::vector<int>* order;
        int number;
    };
    std::vector<std::unique_ptr<Mark>> marks;
    std::vector<std::unique_ptr<Deadline>> deadlines;
    for (int i = 0; i < 100; ++i) {
        marks.push_back(std::make_unique<Mark>(&order, (i * 37) % 100));
        deadlines.push_back(std::make_unique<Deadline>(
            queue, [](void* mark) { static_cast<Mark*>(mark)->order->push_back(static_cast<Mark*>(mark)->number); },
            marks.back().get()));
        deadlines.back()->arm(marks.back()->number + 1);
    }
    queue.run(50);
    EXPECT_EQ(order.size(), 50U);
    queue.run(1000);
    queue.run(2000);
    EXPECT_EQ(order.size(), 100U);
    EXPECT_TRUE(std::ranges::is_sorted(order));
    EXPECT_EQ(queue.size(), 0U);
}

TEST(Deadlines, MovedToALaterTimeRingThen) {
    TimerQueue queue;
    Alarm alarm(queue);
    alarm.deadline.arm(10);
    alarm.deadline.arm(100);
    EXPECT_EQ(queue.next(), 10);  // looked at early, and put back
    queue.run(50);
    EXPECT_EQ(alarm.rings, 0);
    EXPECT_EQ(queue.next(), 100);
    queue.run(100);
    EXPECT_EQ(alarm.rings, 1);
}

TEST(Deadlines, MovedToAnEarlierTimeRingThen) {
    TimerQueue queue;
    Alarm other(queue);
    Alarm alarm(queue);
    other.deadline.arm(20);
    alarm.deadline.arm(100);
    alarm.deadline.arm(10);
    queue.run(10);
    EXPECT_EQ(alarm.rings, 1);
    EXPECT_EQ(other.rings, 0);
}

TEST(Deadlines, DisarmedOrDestroyedNeverRing) {
    TimerQueue queue;
    Alarm disarmed(queue);
    disarmed.deadline.arm(10);
    disarmed.deadline.disarm();
    {
        Alarm destroyed(queue);
        destroyed.deadline.arm(5);
    }
    queue.run(1000);
    EXPECT_EQ(disarmed.rings, 0);
    EXPECT_EQ(queue.size(), 0U);
}

TEST_F(LoopTest, SleepEndsWhenTheClockSaysSo) {
    bool done = false;
    spawn([](Loop& on, bool& out) -> Task<> {
        co_await on.sleep(3 * second);
        out = true;
    }(loop, done));
    advance(2 * second);
    EXPECT_FALSE(done);
    advance(second);
    EXPECT_TRUE(done);
}

TEST_F(LoopTest, TimersCanBeCancelled) {
    int calls = 0;
    auto kept = loop.after(millisecond, [&] { ++calls; });
    auto cancelled = loop.after(millisecond, [&] { ++calls; });
    cancelled.cancel();
    {
        auto dropped = loop.after(millisecond, [&] { ++calls; });
    }
    advance(second);
    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(kept.pending());
}

TEST_F(LoopTest, ATimerMayReplaceItselfInItsCallback) {
    int calls = 0;
    Timer timer;
    std::function<void()> again = [&] {
        if (++calls < 3) timer = loop.after(millisecond, [&] { again(); });
    };
    timer = loop.after(millisecond, [&] { again(); });
    for (int i = 0; i < 5; ++i) advance(millisecond);
    EXPECT_EQ(calls, 3);
}

TEST_F(LoopTest, PostedWorkOfOtherThreadsRunsInOrder) {
    std::vector<int> seen;
    std::thread other([&] {
        for (int i = 0; i < 100; ++i) loop.post([&seen, i] { seen.push_back(i); });
    });
    EXPECT_TRUE(loop.run_until([&] { return seen.size() == 100; }));
    other.join();
    EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST_F(LoopTest, StopEndsRunFromAnotherThread) {
    std::thread other([&] { loop.stop(); });
    loop.run();
    other.join();
}

TEST_F(LoopTest, DeferredWorkRunsAtTheEndOfTheTurn) {
    std::vector<std::string> notes;
    loop.defer([&] {
        notes.emplace_back("first");
        loop.defer([&] { notes.emplace_back("second"); });
    });
    EXPECT_TRUE(notes.empty());
    loop.poll();
    EXPECT_EQ(notes, std::vector<std::string>{"first"});
    loop.poll();
    EXPECT_EQ(notes.size(), 2U);
}

TEST_F(LoopTest, ASignalWakesItsWaiter) {
    Signal signal;
    std::string seen;
    spawn([](Signal& on, std::string& out) -> Task<> { out = co_await on.wait() ? "set" : "late"; }(signal, seen));
    EXPECT_EQ(seen, "");
    signal.set();
    EXPECT_EQ(seen, "");  // not inside set()
    signal.reset();
    loop.poll();
    EXPECT_EQ(seen, "set");
}

TEST_F(LoopTest, WaitingForASignalEndsAtItsDeadline) {
    Signal signal;
    std::string seen;
    spawn([](Loop& on, Signal& what, std::string& out) -> Task<> {
        out = co_await what.wait(on.now() + second) ? "set" : "late";
    }(loop, signal, seen));
    advance(second);
    EXPECT_EQ(seen, "late");
    signal.set();
    settle();
}

TEST_F(LoopTest, YieldLetsOthersRun) {
    std::vector<int> order;
    spawn([](Loop& on, std::vector<int>& out) -> Task<> {
        out.push_back(1);
        co_await on.yield();
        out.push_back(3);
    }(loop, order));
    order.push_back(2);
    settle();
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

}  // namespace
}  // namespace gotthard::net
