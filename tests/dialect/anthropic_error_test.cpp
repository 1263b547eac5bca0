// Errors of the Anthropic routes: wire-formats 3.5 and 10.6, clients.md 1.3 and CC-11 to CC-13.
#include <gtest/gtest.h>

#include "dialect/anthropic_support.hpp"

namespace gotthard::dialect::testing {
namespace {

std::string header(const RenderedError& error, std::string_view name) {
    for (const auto& each : error.headers)
        if (each.name == name) return each.value;
    return {};
}
RenderedError shown(const Failure& failure) { return anthropic_messages.write_error(failure, "req_7"); }

TEST(AnthropicError, RefusalsOfTheGatewayHaveTheVendorsShape) {  // E237, G-2, G-4, CC-11
    struct Row {
        FailureKind kind;
        int status;
        const char* type;
        const char* retry;
    };
    for (const auto& row : {Row{FailureKind::invalid_api_key, 401, "authentication_error", "false"}, Row{FailureKind::key_expired, 401, "authentication_error", "false"},
                            Row{FailureKind::budget_exceeded, 402, "billing_error", "false"}, Row{FailureKind::model_not_allowed, 403, "permission_error", "false"},
                            Row{FailureKind::model_not_found, 404, "not_found_error", "false"}, Row{FailureKind::body_too_large, 413, "request_too_large", "false"},
                            Row{FailureKind::invalid_request, 400, "invalid_request_error", "false"}, Row{FailureKind::unsupported_feature, 400, "invalid_request_error", "false"},
                            Row{FailureKind::rate_limited, 429, "rate_limit_error", "true"}, Row{FailureKind::concurrency_limited, 429, "rate_limit_error", "true"},
                            Row{FailureKind::guardrail_blocked, 400, "invalid_request_error", "false"}, Row{FailureKind::overloaded, 529, "overloaded_error", "true"},
                            Row{FailureKind::upstream_timeout, 504, "timeout_error", "true"}, Row{FailureKind::upstream_malformed, 502, "api_error", "true"},
                            Row{FailureKind::upstream_unavailable, 503, "api_error", "true"}, Row{FailureKind::internal, 500, "api_error", "true"}}) {
        const auto error = shown(Failure(row.kind, "what, why, what to do"));
        EXPECT_EQ(error.status, row.status) << to_string(row.kind);
        EXPECT_EQ(at(error.body, "type"), "error");
        EXPECT_EQ(at(error.body, "error.type"), row.type) << to_string(row.kind);
        EXPECT_EQ(at(error.body, "error.message"), "what, why, what to do");
        EXPECT_EQ(at(error.body, "error.details.error_code"), to_string(row.kind));
        EXPECT_EQ(at(error.body, "request_id"), "req_7");
        EXPECT_EQ(header(error, "x-should-retry"), row.retry) << to_string(row.kind);
        if (error.status == 429) EXPECT_NE(header(error, "retry-after"), "");  // G-3
    }
}

TEST(AnthropicError, AnUpstreamsOwnErrorPassesWordForWord) {  // E237, CC-12
    const std::string body = R"({"type":"error","error":{"type":"invalid_request_error","message":"context_management: Extra inputs are not permitted"},"request_id":"req_up"})";
    const auto error = shown(anthropic_messages.read_error(400, body));
    EXPECT_EQ(error.status, 400);
    EXPECT_EQ(error.body, body);
    const auto chat = shown(openai_chat.read_error(400, R"({"error":{"message":"Unknown parameter: 'x'.","type":"invalid_request_error","param":"x","code":"unknown_parameter"}})"));
    EXPECT_EQ(at(chat.body, "error.message"), "Unknown parameter: 'x'.");
    EXPECT_EQ(at(chat.body, "error.type"), "invalid_request_error");
}

TEST(AnthropicError, AnOverlongConversationIsSaidInTheWordsThatClientsKnow) {  // E243, CC-12
    const auto error = shown(openai_chat.read_error(400, R"({"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})"));
    EXPECT_EQ(error.status, 400);
    EXPECT_EQ(at(error.body, "error.type"), "invalid_request_error");
    EXPECT_TRUE(at(error.body, "error.message").starts_with("prompt is too long: 9001 tokens > 8192 maximum. This model's maximum"));
}

TEST(AnthropicError, StatusesAndWaitsOfUpstreamsArePassedOn) {  // E240, G-3
    auto failure = openai_chat.read_error(429, R"({"error":{"message":"slow down","type":"tokens","code":"rate_limit_exceeded"}})");
    failure.retry_after = std::chrono::milliseconds(6100);
    const auto error = shown(failure);
    EXPECT_EQ(error.status, 429);
    EXPECT_EQ(header(error, "retry-after"), "7");
    EXPECT_EQ(at(error.body, "error.type"), "rate_limit_error");
    EXPECT_EQ(shown(anthropic_messages.read_error(529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})")).status, 529);
    EXPECT_EQ(at(shown(openai_chat.read_error(503, R"({"error":{"message":"busy","type":"server_error"}})")).body, "error.type"), "overloaded_error");
    EXPECT_EQ(header(shown(openai_chat.read_error(429, R"({"error":{"message":"no money","type":"insufficient_quota","code":"insufficient_quota"}})")), "x-should-retry"), "false");
}

TEST(AnthropicError, AWebPageOfAProxyIsNeverForwarded) {
    const auto error = shown(anthropic_messages.read_error(502, "<html><body>nginx 10.0.0.7</body></html>"));
    EXPECT_EQ(error.status, 502);
    EXPECT_EQ(error.body.find('<'), std::string::npos);
    EXPECT_EQ(at(error.body, "error.type"), "api_error");
}

TEST(AnthropicError, InsideAStreamItIsOneErrorEvent) {  // CC-1, E214
    std::string out;
    anthropic_messages.write_stream_error(Failure(FailureKind::upstream_timeout, "too slow"), "req_7", out);
    EXPECT_EQ(out, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"timeout_error\",\"message\":\"too slow\",\"details\":{\"error_code\":\"upstream_timeout\"}},\"request_id\":\"req_7\"}\n\n");
}

}  // namespace
}  // namespace gotthard::dialect::testing
