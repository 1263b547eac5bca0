// A Failure as Anthropic says it: {"type":"error","error":{"type","message"},"request_id"}; statuses of clients.md 1.3.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "dialect/anthropic_messages.hpp"
#include "dialect/common_errors.hpp"

namespace gotthard::dialect::anthropic {
namespace {

/// A failure of the gateway's own: the status of this dialect (0: the failure's) and the type.
struct Row {
    FailureKind kind;
    int status;
    std::string_view type;
};
constexpr Row own_failures[] = {
    {FailureKind::invalid_request, 0, "invalid_request_error"},     {FailureKind::invalid_api_key, 401, "authentication_error"},
    {FailureKind::key_expired, 401, "authentication_error"},        {FailureKind::key_revoked, 401, "authentication_error"},
    {FailureKind::model_not_found, 404, "not_found_error"},         {FailureKind::model_not_allowed, 403, "permission_error"},
    {FailureKind::not_found, 404, "not_found_error"},               {FailureKind::method_not_allowed, 405, "invalid_request_error"},
    {FailureKind::body_too_large, 413, "request_too_large"},        {FailureKind::unsupported_feature, 400, "invalid_request_error"},
    {FailureKind::rate_limited, 429, "rate_limit_error"},           {FailureKind::budget_exceeded, 402, "billing_error"},
    {FailureKind::concurrency_limited, 429, "rate_limit_error"},    {FailureKind::guardrail_blocked, 400, "invalid_request_error"},
    {FailureKind::upstream_unavailable, 503, "api_error"},          {FailureKind::upstream_timeout, 504, "timeout_error"},
    {FailureKind::upstream_error, 0, "api_error"},                  {FailureKind::upstream_malformed, 502, "api_error"},
    {FailureKind::overloaded, 529, "overloaded_error"},             {FailureKind::cancelled, 499, "api_error"},
    {FailureKind::internal, 500, "api_error"},
};

std::string_view type_of_status(int status) {
    switch (status) {
        case 401: return "authentication_error";
        case 402: return "billing_error";
        case 403: return "permission_error";
        case 404: return "not_found_error";
        case 409: return "conflict_error";
        case 413: return "request_too_large";
        case 429: return "rate_limit_error";
        case 503:
        case 529: return "overloaded_error";
        case 408:
        case 504: return "timeout_error";
        default: return status >= 500 ? "api_error" : "invalid_request_error";
    }
}

constexpr std::string_view own_types[] = {"invalid_request_error", "authentication_error", "billing_error", "permission_error", "not_found_error", "conflict_error",
                                          "request_too_large",     "rate_limit_error",     "api_error",     "timeout_error",    "overloaded_error"};

struct Shown {
    int status;
    std::string_view type;
};

Shown shown(const Failure& failure) {
    const bool answered = failure.origin == Origin::upstream && failure.status >= 400 && failure.status < 600 && failure.kind != FailureKind::upstream_malformed &&
                          !failure.upstream_body.empty();
    if (answered) {
        const auto known = std::ranges::find(own_types, std::string_view(failure.type));
        return {failure.status, known != std::end(own_types) ? *known : type_of_status(failure.status)};
    }
    for (const auto& row : own_failures) {
        if (row.kind != failure.kind) continue;
        const int status = row.status != 0 ? row.status : failure.status;
        return {status, failure.kind == FailureKind::upstream_error ? type_of_status(status) : row.type};
    }
    return {failure.status, type_of_status(failure.status)};
}

/// The numbers of "maximum context length is 8192 tokens ... resulted in 9000 tokens", largest first.
std::string numbers_of(std::string_view message) {
    std::vector<std::int64_t> found;
    for (std::size_t i = 0; i < message.size(); ++i) {
        if (!is_digit(message[i]) || (i > 0 && (is_alpha(message[i - 1]) || message[i - 1] == '-' || message[i - 1] == '.'))) continue;
        std::size_t end = i;
        while (end < message.size() && is_digit(message[end])) ++end;
        if (const auto number = parse_integer<std::int64_t>(message.substr(i, end - i)); number && *number >= 256) found.push_back(*number);
        i = end;
    }
    if (found.size() < 2) return {};
    const auto [least, most] = std::ranges::minmax(found);
    return least == most ? std::string() : fmt::format(": {} tokens > {} maximum", most, least);
}

/// Claude Code knows an overlong conversation by these words; the upstream's own words follow as they came (CC-12).
std::string message_of(const Failure& failure) {
    if (!is_context_length(failure) || failure.message.find("prompt is too long") != std::string::npos) return failure.message;
    return "prompt is too long" + numbers_of(failure.message) + ". " + failure.message;
}

/// The upstream's own body when it is already an Anthropic error with the message that the failure carries.
bool is_own_shape(const Failure& failure) {
    if (failure.upstream_body.empty() || failure.origin != Origin::upstream) return false;
    json::Document document;
    if (!document.parse(failure.upstream_body, {.lone_surrogates = true})) return false;
    const auto root = document.root();
    const auto error = root["error"];
    return root["type"].equals("error") && error["type"].is_string() && error["message"].equals(failure.message);
}

std::string body_of(const Failure& failure, std::string_view type, std::string_view request_id) {
    if (is_own_shape(failure)) return failure.upstream_body;
    std::string out;
    json::Writer w(out);
    w.begin_object().member("type", "error").key("error").begin_object().member("type", type).member("message", message_of(failure));
    if (failure.origin != Origin::upstream || failure.upstream_body.empty()) {
        w.key("details").begin_object().member("error_code", to_string(failure.kind));
        if (!failure.param.empty()) w.member("param", failure.param);
        w.end_object();
    } else if (!failure.code.empty()) {
        w.key("details").begin_object().member("error_code", failure.code).end_object();
    }
    w.end_object();
    if (request_id.empty()) w.member_null("request_id");
    else w.member("request_id", request_id);
    w.end_object();
    return out;
}

}  // namespace

RenderedError write_error(const Failure& failure, std::string_view request_id) {
    const auto [status, type] = shown(failure);
    RenderedError out{.status = status, .body = body_of(failure, type, request_id), .headers = {}};
    if (const auto seconds = retry_after_seconds(failure, status); seconds > 0) out.headers.push_back({"retry-after", std::to_string(seconds)});
    Failure as_shown(failure.kind, std::string());
    as_shown.status = status;
    as_shown.origin = failure.origin;
    as_shown.code = failure.code;
    as_shown.type = failure.type;
    as_shown.message = failure.message;
    out.headers.push_back({"x-should-retry", is_retryable(as_shown) ? "true" : "false"});
    return out;
}

void write_stream_error(const Failure& failure, std::string_view request_id, std::string& out) {
    out += "event: error\ndata: ";
    std::string body = body_of(failure, shown(failure).type, request_id);
    // A body that came over several lines must stand on one data line.
    std::ranges::replace_if(body, [](char c) { return c == '\n' || c == '\r'; }, ' ');
    out += body;
    out += "\n\n";
}

}  // namespace gotthard::dialect::anthropic
