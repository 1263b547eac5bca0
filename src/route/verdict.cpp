#include "route/verdict.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace gotthard::route {
namespace {

using config::RetryOn;

enum class Other : std::uint8_t { no, account, any };

struct Row {
    OutcomeClass outcome;
    std::string_view name;
    std::optional<RetryOn> same;  ///< May the same target be asked again, and which switch says so.
    Other other;                  ///< May another candidate be asked.
};

constexpr std::array rows{
    Row{OutcomeClass::ok, "ok", {}, Other::no},
    Row{OutcomeClass::caller_fault, "caller_fault", {}, Other::no},
    Row{OutcomeClass::context_length, "context_length", {}, Other::no},
    Row{OutcomeClass::content_policy, "content_policy", {}, Other::no},
    Row{OutcomeClass::rate_limited, "rate_limited", RetryOn::rate_limited, Other::any},
    Row{OutcomeClass::quota_exhausted, "quota_exhausted", {}, Other::any},
    Row{OutcomeClass::credential, "credential", {}, Other::account},
    Row{OutcomeClass::model_gone, "model_gone", {}, Other::no},
    Row{OutcomeClass::server, "server", RetryOn::server, Other::any},
    Row{OutcomeClass::network, "network", RetryOn::network, Other::any},
    Row{OutcomeClass::timeout, "timeout", RetryOn::timeout, Other::any},
    Row{OutcomeClass::bad_answer, "bad_answer", RetryOn::server, Other::any},
    Row{OutcomeClass::client_gone, "client_gone", {}, Other::no},
};

const Row& row_of(OutcomeClass outcome) { return rows[static_cast<std::size_t>(outcome)]; }

bool says_quota(const Failure& failure) {
    return failure.code == "insufficient_quota" || failure.type == "insufficient_quota" || failure.code == "billing_hard_limit_reached" || failure.type == "billing_error" || failure.status == 402;
}

/// Full jitter over an exponential: between half and all of initial * 2^(attempts - 1).
Nanos backoff(const config::Retry& retry, const Situation& situation) {
    const auto doublings = std::min<std::uint32_t>(situation.attempts - 1, 20);
    const Nanos ceiling = std::min(retry.backoff_max, retry.backoff_initial << doublings);
    return ceiling / 2 + static_cast<Nanos>(situation.random % static_cast<std::uint64_t>(ceiling / 2 + 1));
}

}  // namespace

std::string_view to_string(OutcomeClass outcome) { return row_of(outcome).name; }

OutcomeClass classify(const Failure& failure) {
    if (failure.kind == FailureKind::cancelled) return OutcomeClass::client_gone;
    if (failure.origin == Origin::client || failure.kind == FailureKind::unsupported_feature) return OutcomeClass::caller_fault;
    if (failure.kind == FailureKind::upstream_timeout && failure.upstream_body.empty()) return OutcomeClass::timeout;
    if (failure.kind == FailureKind::upstream_malformed) return OutcomeClass::bad_answer;
    if (failure.kind == FailureKind::upstream_unavailable && failure.upstream_body.empty()) return OutcomeClass::network;
    if (says_quota(failure)) return OutcomeClass::quota_exhausted;
    if (failure.code == "context_length_exceeded" || failure.type == "exceed_context_size_error") return OutcomeClass::context_length;
    if (failure.code == "content_filter" || failure.code == "content_policy_violation") return OutcomeClass::content_policy;
    switch (failure.status) {
        case 429:
        case 529: return OutcomeClass::rate_limited;
        case 401:
        case 403: return OutcomeClass::credential;
        case 404: return OutcomeClass::model_gone;
        case 408: return OutcomeClass::server;
        default: return failure.status >= 500 ? OutcomeClass::server : OutcomeClass::caller_fault;
    }
}

Step after_failure(const Failure& failure, const config::Retry& retry, const Situation& situation) {
    const Row& row = row_of(classify(failure));
    if (situation.attempts >= retry.max_attempts || situation.time_left <= 0) return {};
    // Nobody sleeps while another candidate is there (routing.md 6.2).
    if (situation.has_next && (row.other == Other::any || (row.other == Other::account && situation.next_is_same_provider))) return {Step::Kind::next, 0};
    if (!row.same || !retry.repeats(*row.same)) return {};
    Nanos wait = backoff(retry, situation);
    if (failure.retry_after) {
        const Nanos asked = std::chrono::duration_cast<std::chrono::nanoseconds>(*failure.retry_after).count();
        if (asked > retry.retry_after_max) return {};
        wait = std::max(asked, Nanos{0});
    }
    if (wait >= situation.time_left) return {};
    return {Step::Kind::again, wait};
}

}  // namespace gotthard::route
