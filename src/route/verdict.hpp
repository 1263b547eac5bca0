// What follows a failed attempt: stop, the next candidate, or the same one again after a wait. Pure; tested by tables.
// Classes and rules: routing.md 6.1, E240-E242.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.hpp"
#include "base/failure.hpp"
#include "config/snapshot.hpp"

namespace gotthard::route {

enum class OutcomeClass : std::uint8_t { ok, caller_fault, context_length, content_policy, rate_limited, quota_exhausted, credential, model_gone, server, network, timeout, bad_answer, client_gone };

std::string_view to_string(OutcomeClass outcome);
/// Of a failed attempt before anything was sent to the client.
OutcomeClass classify(const Failure& failure);

struct Situation {
    std::uint32_t attempts = 1;           ///< Made so far, this one included.
    bool has_next = false;                ///< There is another candidate behind this one.
    bool next_is_same_provider = false;   ///< It is another account of the same provider.
    bool reused_connection_was_stale = false;
    Nanos time_left = 0;                  ///< Until the request's deadline.
    std::uint64_t random = 0;
};

struct Step {
    enum class Kind : std::uint8_t { stop, next, again } kind = Kind::stop;
    Nanos wait = 0;
};

Step after_failure(const Failure& failure, const config::Retry& retry, const Situation& situation);

}  // namespace gotthard::route
