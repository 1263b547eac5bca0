// One error type for the whole program: whose fault it is, what the caller is told, and whether to try again.
//
// A Failure is a value. It is made where the fault is seen, carried by Result<T>, and rendered exactly once, by the
// dialect of the client (Dialect::write_error). Exceptions mean bugs.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gotthard {

/// The `code` values of docs/reference/errors.md. Each has one HTTP status per client dialect.
enum class FailureKind : std::uint8_t {
    invalid_request,
    invalid_api_key,
    key_expired,
    key_revoked,
    model_not_found,
    model_not_allowed,
    not_found,
    method_not_allowed,
    body_too_large,
    unsupported_feature,
    rate_limited,
    budget_exceeded,
    concurrency_limited,
    guardrail_blocked,
    upstream_unavailable,
    upstream_timeout,
    upstream_error,
    upstream_malformed,
    overloaded,
    cancelled,
    internal,
};

enum class Origin : std::uint8_t { client, gateway, upstream };

/// What a retry may do. `next_target` also allows the same target again when it is the only one.
enum class Retry : std::uint8_t { never, same_target, next_target };

struct Failure {
    FailureKind kind = FailureKind::internal;
    Origin origin = Origin::gateway;
    Retry retry = Retry::never;
    int status = 500;     ///< HTTP status towards the client, before the dialect's own adjustments.
    std::string message;  ///< For the caller: what, why, what to do. Never a secret, never an upstream address.
    std::string detail;   ///< For the log only.
    std::string code;     ///< The provider's own error code, when the failure came from a provider. Else empty.
    std::string type;     ///< The provider's own error type, likewise.
    std::string param;    ///< The request field at fault, as a path in the client's dialect ("messages[2].content").
    std::optional<std::chrono::milliseconds> retry_after;
    std::string upstream_body;  ///< The provider's error body as sent (bounded); used when dialects match.

    Failure() = default;
    Failure(FailureKind kind_, std::string message_);
    Failure& because(std::string detail_) & { detail = std::move(detail_); return *this; }
    Failure&& because(std::string detail_) && { detail = std::move(detail_); return std::move(*this); }
    Failure&& at(std::string param_) && { param = std::move(param_); return std::move(*this); }
    Failure&& after(std::chrono::milliseconds wait) && { retry_after = wait; return std::move(*this); }
};

template <class T>
using Result = std::expected<T, Failure>;
using Status = std::expected<void, Failure>;

inline std::unexpected<Failure> fail(FailureKind kind, std::string message) {
    return std::unexpected<Failure>(Failure(kind, std::move(message)));
}
inline std::unexpected<Failure> fail(Failure failure) { return std::unexpected<Failure>(std::move(failure)); }

/// The stable text of a kind: "model_not_found". Unknown values give "internal".
std::string_view to_string(FailureKind kind);
/// The HTTP status a kind has by default.
int default_status(FailureKind kind);

}  // namespace gotthard
