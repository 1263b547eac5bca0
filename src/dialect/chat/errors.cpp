// A Failure as OpenAI says it (wire-formats.md 1.5, 10.6; clients.md 1.3; contract.md section 5).
#include "base/json.hpp"
#include "base/text.hpp"
#include "dialect/common_errors.hpp"
#include "dialect/openai_chat.hpp"

namespace gotthard::dialect::chat {
namespace {

/// The status a chat client sees. An upstream's own status passes; overload has one spelling here.
int status_of(const Failure& failure) {
    int status = failure.status;
    if (status < 400 || status > 599) status = default_status(failure.kind);
    return status == 529 ? 503 : status;
}

/// Words that other dialects put into `type`; OpenAI's own and other servers' words pass.
bool is_foreign_type(std::string_view type) {
    static constexpr std::string_view words[] = {
        "authentication_error", "billing_error", "permission_error", "not_found_error", "request_too_large",
        "rate_limit_error",     "api_error",     "overloaded_error", "timeout_error",   "conflict_error",
        "invalid_request_error"};
    if (std::ranges::find(words, type) != std::end(words)) return true;
    return std::ranges::all_of(type, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });  // Google's INVALID_ARGUMENT
}

std::string_view type_of(const Failure& failure, int status) {
    if (is_out_of_quota(failure)) return "insufficient_quota";
    if (!failure.type.empty() && !is_foreign_type(failure.type)) return failure.type;
    if (status == 429) return "requests";
    if (status == 408 || status >= 500) return "server_error";
    return "invalid_request_error";
}

/// "" is null. The gateway's own failures have the codes of contract.md; an upstream's code passes unless it is a mere number.
std::string_view code_of(const Failure& failure, int status) {
    if (failure.origin != Origin::upstream) return to_string(failure.kind);
    if (is_context_length(failure)) return "context_length_exceeded";
    if (!failure.code.empty() && !is_digit(failure.code.front())) return failure.code;
    const bool from_provider = !failure.upstream_body.empty() || !failure.type.empty() || !failure.code.empty();
    if (!from_provider) return to_string(failure.kind);
    if (is_out_of_quota(failure)) return "insufficient_quota";
    switch (status) {
        case 401:
            return "invalid_api_key";
        case 404:
            return "model_not_found";
        case 429:
            return "rate_limit_exceeded";
        default:
            return {};
    }
}

void append_error(std::string& out, const Failure& failure, int status) {
    const auto code = code_of(failure, status);
    json::Writer json(out);
    json.begin_object().key("error").begin_object();
    json.member("message", failure.message.empty() ? std::string(to_string(failure.kind)) : failure.message);
    json.member("type", type_of(failure, status));
    if (failure.param.empty())
        json.member_null("param");
    else
        json.member("param", failure.param);
    if (code.empty())
        json.member_null("code");
    else
        json.member("code", code);
    json.end_object().end_object();
}

}  // namespace

RenderedError write_error(const Failure& failure, std::string_view) {
    RenderedError out;
    out.status = status_of(failure);
    append_error(out.body, failure, out.status);
    if (const auto seconds = retry_after_seconds(failure, out.status); seconds > 0)
        out.headers.push_back({"retry-after", std::to_string(seconds)});
    if (!is_retryable(failure)) out.headers.push_back({"x-should-retry", "false"});
    if (out.status == 401) out.headers.push_back({"www-authenticate", "Bearer"});
    return out;
}

void write_stream_error(const Failure& failure, std::string_view, std::string& out) {
    out += "data: ";
    append_error(out, failure, status_of(failure));
    out += "\n\n";
}

}  // namespace gotthard::dialect::chat
