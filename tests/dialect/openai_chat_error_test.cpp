// Errors to and from chat: wire-formats.md 1.5 and 10.6, clients.md 1.3, contract.md section 5. And the edit of the pass-through
// path.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "dialect/openai_chat_support.hpp"

namespace gotthard::dialect::testing {
namespace {

std::string header(const RenderedError& error, std::string_view name) {
    for (const auto& each : error.headers)
        if (each.name == name) return each.value;
    return {};
}

TEST(ChatError, OwnRefusalsHaveTheirStatusCodeAndRetryWord) {  // G-2, G-3, G-4, clients 1.3
    struct Row {
        FailureKind kind;
        int status;
        std::string_view type, code, should_retry;
        bool wait;
    };
    const Row rows[] = {{FailureKind::invalid_request, 400, "invalid_request_error", "invalid_request", "false", false},
                        {FailureKind::unsupported_feature, 400, "invalid_request_error", "unsupported_feature", "false", false},
                        {FailureKind::invalid_api_key, 401, "invalid_request_error", "invalid_api_key", "false", false},
                        {FailureKind::key_revoked, 401, "invalid_request_error", "key_revoked", "false", false},
                        {FailureKind::model_not_allowed, 403, "invalid_request_error", "model_not_allowed", "false", false},
                        {FailureKind::model_not_found, 404, "invalid_request_error", "model_not_found", "false", false},
                        {FailureKind::body_too_large, 413, "invalid_request_error", "body_too_large", "false", false},
                        {FailureKind::rate_limited, 429, "requests", "rate_limited", "", true},
                        {FailureKind::budget_exceeded, 429, "insufficient_quota", "budget_exceeded", "false", true},
                        {FailureKind::guardrail_blocked, 400, "invalid_request_error", "guardrail_blocked", "false", false},
                        {FailureKind::overloaded, 503, "server_error", "overloaded", "", true},
                        {FailureKind::upstream_timeout, 504, "server_error", "upstream_timeout", "", false},
                        {FailureKind::upstream_malformed, 502, "server_error", "upstream_malformed", "", false},
                        {FailureKind::internal, 500, "server_error", "internal", "", false}};
    for (const auto& row : rows) {
        const auto error = openai_chat.write_error(Failure(row.kind, "Why, and what to do.").at("f"), "req");
        EXPECT_EQ(error.status, row.status) << row.code;
        EXPECT_EQ(error.body,
                  fmt::format(R"({{"error":{{"message":"Why, and what to do.","type":"{}","param":"f","code":"{}"}}}})", row.type,
                              row.code));
        EXPECT_EQ(header(error, "x-should-retry"), row.should_retry) << row.code;
        EXPECT_EQ(!header(error, "retry-after").empty(), row.wait) << row.code;
    }
    EXPECT_EQ(header(openai_chat.write_error(Failure(FailureKind::rate_limited, "x").after(std::chrono::milliseconds(1500)), ""),
                     "retry-after"),
              "2");
    EXPECT_EQ(header(openai_chat.write_error(Failure(FailureKind::invalid_api_key, "x"), ""), "www-authenticate"), "Bearer");
}

TEST(ChatError, UpstreamErrorsKeepStatusMessageAndWait) {  // E237, E240, wire-formats 10.6
    struct Row {
        int status;
        std::string_view body;
        int shown;
        std::string_view message, type, code;
    };
    const Row rows[] = {
        {429, R"({"error":{"message":"Please try again in 20s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}})",
         429, "Please try again in 20s.", "tokens", "rate_limit_exceeded"},
        {429,
         R"({"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}})",
         429, "You exceeded your current quota", "insufficient_quota", "insufficient_quota"},
        {529, R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"})", 503,
         "Overloaded", "server_error", "null"},
        {400, R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}})",
         400, "prompt is too long: 9 tokens > 8 maximum", "invalid_request_error", "context_length_exceeded"},
        {404, R"({"type":"error","error":{"type":"not_found_error","message":"model: x"}})", 404, "model: x",
         "invalid_request_error", "model_not_found"},
        {400, R"({"error":{"code":400,"message":"bad","type":"invalid_request_error"}})", 400, "bad", "invalid_request_error",
         "null"},
        {502, "<html><h1>Bad Gateway</h1></html>", 502, "Bad gateway", "server_error", "null"},
    };
    for (const auto& row : rows) {
        const auto error = openai_chat.write_error(openai_chat.read_error(row.status, row.body), "");
        EXPECT_EQ(error.status, row.shown);
        EXPECT_EQ(at(error.body, "error.message"), row.message);
        EXPECT_EQ(at(error.body, "error.type"), row.type) << row.body;
        EXPECT_EQ(at(error.body, "error.code"), row.code) << row.body;
    }
    EXPECT_EQ(header(openai_chat.write_error(openai_chat.read_error(429, rows[0].body), ""), "retry-after"), "20");
    EXPECT_EQ(header(openai_chat.write_error(openai_chat.read_error(429, rows[1].body), ""), "x-should-retry"), "false");
    EXPECT_EQ(header(openai_chat.write_error(openai_chat.read_error(429, "{}"), ""), "retry-after"), "5");
}

TEST(ChatError, AStreamErrorIsOneEventWithoutDone) {
    std::string out;
    openai_chat.write_stream_error(Failure(FailureKind::upstream_timeout, "Too slow."), "", out);
    EXPECT_EQ(out,
              "data: {\"error\":{\"message\":\"Too "
              "slow.\",\"type\":\"server_error\",\"param\":null,\"code\":\"upstream_timeout\"}}\n\n");
}

std::string edited(std::string_view bytes, const EditOptions& options, const Cut& cut = whole) {
    const auto edit = openai_chat.make_edit(options);
    std::string out;
    for (const auto piece : cut(bytes)) edit->feed(piece, out);
    edit->finish(out);
    return out;
}

TEST(ChatEdit, OnlyTheTopLevelModelIsRestamped) {  // E197, E260
    constexpr std::string_view in =
        ": c\r\n\r\ndata: {\"id\" : \"1\",\"x\":{\"model\":\"inner\"},\"model\": \"gpt\" "
        ",\"choices\":[{\"delta\":{\"content\":\"\\\"model\\\":\\\"gpt\\\"\"}}]}\r\n\r\ndata: [DONE]\r\n\r\n";
    constexpr std::string_view out =
        ": c\r\n\r\ndata: {\"id\" : \"1\",\"x\":{\"model\":\"inner\"},\"model\": \"my/\\\"alias\" "
        ",\"choices\":[{\"delta\":{\"content\":\"\\\"model\\\":\\\"gpt\\\"\"}}]}\r\n\r\ndata: [DONE]\r\n\r\n";
    const EditOptions options{.mode = Mode::stream, .model = "my/\"alias"};
    EXPECT_EQ(edited(in, options), out);
    for (std::size_t cut = 0; cut <= in.size(); ++cut) EXPECT_EQ(edited(in, options, cut_once(cut)), out);
    EXPECT_EQ(edited("{\"a\":1,\"model\":\"x\"}\n", {.mode = Mode::unary, .model = "y"}), "{\"a\":1,\"model\":\"y\"}\n");
    EXPECT_EQ(edited("not json", {.mode = Mode::unary, .model = "y"}), "not json");
    EXPECT_EQ(edited("{\"model\":\"x", {.mode = Mode::unary, .model = "y"}), "{\"model\":\"x");
}

TEST(ChatEdit, OnlyTheUsageChunkIsStripped) {  // E207, E219
    constexpr std::string_view first = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
    constexpr std::string_view finish =
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1}}\n\n";
    constexpr std::string_view usage = "data: {\"choices\": [ ],\"usage\":{\"prompt_tokens\":1}}\n\n";
    constexpr std::string_view done = "data: [DONE]\n\n";
    const auto in = fmt::format("{}{}{}{}", first, finish, usage, done);
    for (std::size_t cut = 0; cut <= in.size(); ++cut)
        EXPECT_EQ(edited(in, {.mode = Mode::stream, .strip_usage = true}, cut_once(cut)),
                  fmt::format("{}{}{}", first, finish, done));
    EXPECT_EQ(edited(in, {.mode = Mode::stream}), in);
}

TEST(ChatEdit, AnEventLongerThanTheBoundPassesUnedited) {
    const auto in = "data: {\"model\":\"x\",\"y\":\"" + std::string(17u << 20, 'y') + "\"}\n\ndata: {\"model\":\"x\"}\n\n";
    const auto out = edited(in, {.mode = Mode::stream, .model = "alias"});
    EXPECT_EQ(out.substr(0, 30), in.substr(0, 30));
    EXPECT_TRUE(out.ends_with("data: {\"model\":\"alias\"}\n\n"));
}

}  // namespace
}  // namespace gotthard::dialect::testing
