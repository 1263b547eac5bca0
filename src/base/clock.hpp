// Time and randomness as interfaces, so that tests decide both and never sleep.
#pragma once

#include <chrono>
#include <cstdint>

namespace gotthard {

using Nanos = std::int64_t;   ///< A monotonic instant or a length of time, nanoseconds.
using Micros = std::int64_t;  ///< A wall-clock instant (microseconds since 1970-01-01 UTC) or a length of time.

class Clock {
public:
    virtual ~Clock() = default;
    virtual Nanos monotonic() const = 0;  ///< Never steps back; no relation to the calendar.
    virtual Micros wall() const = 0;      ///< Calendar time; may step.
};

class Random {
public:
    virtual ~Random() = default;
    virtual std::uint64_t next() = 0;
};

class SystemClock final : public Clock {
public:
    Nanos monotonic() const override {
        return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
    }
    Micros wall() const override {
        return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    }
};

/// xoshiro256**, seeded from the kernel. One per thread; not for secrets (those come from RAND_bytes).
class SystemRandom final : public Random {
public:
    SystemRandom();
    explicit SystemRandom(std::uint64_t seed);
    std::uint64_t next() override;

private:
    std::uint64_t state_[4];
};

class ManualClock final : public Clock {
public:
    Nanos monotonic() const override { return monotonic_; }
    Micros wall() const override { return wall_; }
    void advance(Nanos by) { monotonic_ += by; wall_ += by / 1000; }
    void set_wall(Micros wall) { wall_ = wall; }

private:
    Nanos monotonic_ = 1'000'000'000;
    Micros wall_ = 1'700'000'000'000'000;
};

}  // namespace gotthard
