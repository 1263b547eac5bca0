#include "base/failure.hpp"

#include <array>

namespace gotthard {
namespace {

struct Row {
    FailureKind kind;
    std::string_view name;
    int status;
    Origin origin;
    Retry retry;
};

constexpr std::array rows{
    Row{FailureKind::invalid_request, "invalid_request", 400, Origin::client, Retry::never},
    Row{FailureKind::invalid_api_key, "invalid_api_key", 401, Origin::client, Retry::never},
    Row{FailureKind::key_expired, "key_expired", 401, Origin::client, Retry::never},
    Row{FailureKind::key_revoked, "key_revoked", 401, Origin::client, Retry::never},
    Row{FailureKind::model_not_found, "model_not_found", 404, Origin::client, Retry::never},
    Row{FailureKind::model_not_allowed, "model_not_allowed", 403, Origin::client, Retry::never},
    Row{FailureKind::not_found, "not_found", 404, Origin::client, Retry::never},
    Row{FailureKind::method_not_allowed, "method_not_allowed", 405, Origin::client, Retry::never},
    Row{FailureKind::body_too_large, "body_too_large", 413, Origin::client, Retry::never},
    Row{FailureKind::unsupported_feature, "unsupported_feature", 400, Origin::client, Retry::never},
    Row{FailureKind::rate_limited, "rate_limited", 429, Origin::gateway, Retry::never},
    Row{FailureKind::budget_exceeded, "budget_exceeded", 429, Origin::gateway, Retry::never},
    Row{FailureKind::concurrency_limited, "concurrency_limited", 429, Origin::gateway, Retry::never},
    Row{FailureKind::guardrail_blocked, "guardrail_blocked", 400, Origin::gateway, Retry::never},
    Row{FailureKind::upstream_unavailable, "upstream_unavailable", 503, Origin::upstream, Retry::next_target},
    Row{FailureKind::upstream_timeout, "upstream_timeout", 504, Origin::upstream, Retry::next_target},
    Row{FailureKind::upstream_error, "upstream_error", 502, Origin::upstream, Retry::next_target},
    Row{FailureKind::upstream_malformed, "upstream_malformed", 502, Origin::upstream, Retry::next_target},
    Row{FailureKind::overloaded, "overloaded", 503, Origin::gateway, Retry::never},
    Row{FailureKind::cancelled, "cancelled", 499, Origin::client, Retry::never},
    Row{FailureKind::internal, "internal", 500, Origin::gateway, Retry::never},
};

const Row& row_of(FailureKind kind) {
    const auto index = static_cast<std::size_t>(kind);
    return index < rows.size() ? rows[index] : rows.back();
}

constexpr bool rows_stand_in_enum_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (static_cast<std::size_t>(rows[i].kind) != i) return false;
    return true;
}
static_assert(rows_stand_in_enum_order());

}  // namespace

Failure::Failure(FailureKind kind_, std::string message_)
    : kind(kind_), origin(row_of(kind_).origin), retry(row_of(kind_).retry), status(row_of(kind_).status), message(std::move(message_)) {}

std::string_view to_string(FailureKind kind) { return row_of(kind).name; }
int default_status(FailureKind kind) { return row_of(kind).status; }

}  // namespace gotthard
