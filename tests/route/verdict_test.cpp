#include "route/verdict.hpp"

#include <gtest/gtest.h>

namespace gotthard::route {
namespace {

using Kind = Step::Kind;
constexpr Nanos second = 1'000'000'000;

Failure answer(int status, std::string code = {}) {
    Failure failure(FailureKind::upstream_error, "m");
    failure.status = status;
    failure.code = std::move(code);
    failure.upstream_body = "{}";
    return failure;
}

TEST(Verdict, EveryStatusHasItsClass) {
    EXPECT_EQ(classify(answer(429)), OutcomeClass::rate_limited);
    EXPECT_EQ(classify(answer(529)), OutcomeClass::rate_limited);
    EXPECT_EQ(classify(answer(429, "insufficient_quota")), OutcomeClass::quota_exhausted);
    EXPECT_EQ(classify(answer(402)), OutcomeClass::quota_exhausted);
    EXPECT_EQ(classify(answer(401)), OutcomeClass::credential);
    EXPECT_EQ(classify(answer(403)), OutcomeClass::credential);
    EXPECT_EQ(classify(answer(404)), OutcomeClass::model_gone);
    EXPECT_EQ(classify(answer(408)), OutcomeClass::server);
    EXPECT_EQ(classify(answer(500)), OutcomeClass::server);
    EXPECT_EQ(classify(answer(503)), OutcomeClass::server);
    EXPECT_EQ(classify(answer(400)), OutcomeClass::caller_fault);
    EXPECT_EQ(classify(answer(400, "context_length_exceeded")), OutcomeClass::context_length);
    EXPECT_EQ(classify(Failure(FailureKind::upstream_unavailable, "")), OutcomeClass::network);
    EXPECT_EQ(classify(Failure(FailureKind::upstream_timeout, "")), OutcomeClass::timeout);
    EXPECT_EQ(classify(Failure(FailureKind::upstream_malformed, "")), OutcomeClass::bad_answer);
    EXPECT_EQ(classify(Failure(FailureKind::cancelled, "")), OutcomeClass::client_gone);
}

TEST(Verdict, TheCallersOwnMistakeIsNeverRepeated) {  // E241
    const Situation other{.attempts = 1, .has_next = true, .time_left = 60 * second};
    for (int status : {400, 404, 413, 422}) EXPECT_EQ(after_failure(answer(status), {}, other).kind, Kind::stop) << status;
    for (int status : {401, 403}) EXPECT_EQ(after_failure(answer(status), {}, other).kind, Kind::stop) << status;
}

TEST(Verdict, AnotherAccountIsTriedBeforeAnotherProvider) {  // E242
    const Situation account{.attempts = 1, .has_next = true, .next_is_same_provider = true, .time_left = 60 * second};
    for (int status : {401, 402, 403, 429}) EXPECT_EQ(after_failure(answer(status), {}, account).kind, Kind::next) << status;
}

TEST(Verdict, NobodySleepsWhileAnotherCandidateIsThere) {
    auto limited = answer(429);
    limited.retry_after = std::chrono::seconds(20);
    const auto step = after_failure(limited, {}, {.attempts = 1, .has_next = true, .time_left = 60 * second});
    EXPECT_EQ(step.kind, Kind::next);
    EXPECT_EQ(step.wait, 0);
}

TEST(Verdict, RetryAfterIsAFloorAndHasACap) {  // E240
    auto limited = answer(429);
    limited.retry_after = std::chrono::seconds(2);
    EXPECT_EQ(after_failure(limited, {}, {.attempts = 1, .time_left = 60 * second}).wait, 2 * second);
    limited.retry_after = std::chrono::seconds(31);
    EXPECT_EQ(after_failure(limited, {}, {.attempts = 1, .time_left = 60 * second}).kind, Kind::stop);
    limited.retry_after = std::chrono::seconds(5);
    EXPECT_EQ(after_failure(limited, {}, {.attempts = 1, .time_left = 4 * second}).kind, Kind::stop);
}

TEST(Verdict, BackoffGrowsAndStaysBelowItsCeiling) {
    for (std::uint32_t attempts = 1; attempts < 3; ++attempts) {
        const auto step = after_failure(answer(500), {}, {.attempts = attempts, .time_left = 60 * second, .random = 0xffff'ffff'ffffULL});
        EXPECT_EQ(step.kind, Kind::again);
        EXPECT_GE(step.wait, (250'000'000LL << (attempts - 1)) / 2);
        EXPECT_LE(step.wait, 250'000'000LL << (attempts - 1));
    }
    EXPECT_EQ(after_failure(answer(500), {}, {.attempts = 3, .time_left = 60 * second}).kind, Kind::stop);
}

TEST(Verdict, ATimeoutIsNotRepeatedOnTheSameTarget) {
    const Failure late(FailureKind::upstream_timeout, "");
    EXPECT_EQ(after_failure(late, {}, {.attempts = 1, .time_left = 60 * second}).kind, Kind::stop);
    EXPECT_EQ(after_failure(late, {}, {.attempts = 1, .has_next = true, .time_left = 60 * second}).kind, Kind::next);
}

}  // namespace
}  // namespace gotthard::route
