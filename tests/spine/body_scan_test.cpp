#include "spine/body_scan.hpp"

#include <gtest/gtest.h>

#include "spine/endpoint.hpp"

namespace gotthard::spine {
namespace {

std::string joined(const std::vector<iovec>& pieces) {
    std::string out;
    for (const auto& piece : pieces) out.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
    return out;
}

TEST(BodyScan, FindsWhatTheSpineGoverns) {
    Arena arena;
    const std::string body = R"({"messages":[], "model":"a/b","stream":true,"stream_options":{"include_usage":true},"max_tokens":5,"user":"u","tools":[1,2]})";
    const auto facts = scan_body(body, arena);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->model, "a/b");
    EXPECT_EQ(body.substr(facts->model_at.begin, facts->model_at.end - facts->model_at.begin), "\"a/b\"");
    EXPECT_TRUE(facts->stream);
    EXPECT_TRUE(facts->include_usage);
    EXPECT_EQ(facts->max_tokens, 5);
    EXPECT_EQ(facts->user, "u");
    EXPECT_EQ(facts->tools, 2u);
}

TEST(BodyScan, RefusesWhatTwoReadersCouldReadDifferently) {
    Arena arena;
    for (std::string_view body : {R"({"model":"a","model":"b"})", R"({"mod\u0065l":"a"})", R"({"model":"a","\u0073tream":true})", R"({"model":"a","max_tokens":1,"max_tokens":2})",
                                  R"({"model":5})", R"({"model":""})", R"({})", R"([])", R"("x")", "", "{", R"({"model":"a","stream":"yes"})", R"({"model":"a","stream_options":[]})"}) {
        const auto facts = scan_body(body, arena);
        ASSERT_FALSE(facts) << body;
        EXPECT_EQ(facts.error().kind, FailureKind::invalid_request) << body;
        EXPECT_FALSE(facts.error().message.empty());
    }
}

TEST(BodyScan, SplicesLeaveEveryOtherByteAlone) {
    Arena arena;
    const std::string body = "{ \"z\" : 1.0e0, \"model\" :\t\"x\" , \"big\":123456789012345678901234567890 }";
    const auto facts = scan_body(body, arena);
    ASSERT_TRUE(facts);
    std::vector<iovec> pieces;
    const Splice splices[] = {{facts->model_at, "\"longer-name\""}, {{facts->object_end, facts->object_end}, ",\"stream_options\":{}"}};
    const auto total = splice_body(body, splices, pieces);
    EXPECT_EQ(joined(pieces), "{ \"z\" : 1.0e0, \"model\" :\t\"longer-name\" , \"big\":123456789012345678901234567890 ,\"stream_options\":{}}");
    EXPECT_EQ(joined(pieces).size(), total);
}

struct PathCase {
    std::string_view method, path;
    Operation operation;
    dialect::DialectId dialect;
};

TEST(Endpoint, EveryPathMeansOneOperation) {
    using enum Operation;
    using dialect::DialectId;
    const PathCase cases[] = {
        {"POST", "/v1/chat/completions", conversation, DialectId::chat},
        {"POST", "/chat/completions", conversation, DialectId::chat},
        {"POST", "//v1//chat/completions/", conversation, DialectId::chat},
        {"POST", "/openai/v1/chat/completions", conversation, DialectId::chat},
        {"POST", "/openai/chat/completions", conversation, DialectId::chat},
        {"POST", "/v1/messages", conversation, DialectId::anthropic},
        {"POST", "/anthropic/v1/messages", conversation, DialectId::anthropic},
        {"POST", "/anthropic/messages", conversation, DialectId::anthropic},
        {"POST", "/v1/messages/count_tokens", count_tokens, DialectId::anthropic},
        {"GET", "/v1/models", list_models, DialectId::chat},
        {"GET", "/anthropic/v1/models", list_models, DialectId::anthropic},
        {"GET", "/v1/models/openai/gpt-5.4", get_model, DialectId::chat},
        {"POST", "/v1/models", wrong_method, DialectId::chat},
        {"GET", "/v1/chat/completions", wrong_method, DialectId::chat},
        {"HEAD", "/", probe, DialectId::anthropic},
        {"HEAD", "/api/hello", probe, DialectId::anthropic},
        {"POST", "/api/event_logging/batch", swallow, DialectId::anthropic},
        {"GET", "/healthz", health, DialectId::chat},
        {"GET", "/readyz", ready, DialectId::chat},
        {"PATCH", "/passthrough/lab/v1//odd/", passthrough, DialectId::chat},
        {"POST", "/v1/responses", later, DialectId::chat},
        {"POST", "/v1beta/models/gemini-2.5-pro:generateContent", later, DialectId::chat},
        {"POST", "/genai/v1beta/models/x:generateContent", later, DialectId::chat},
        {"POST", "/v1/../v1/messages", none, DialectId::chat},
        {"POST", "/v1/%2e%2e/messages", none, DialectId::chat},
        {"POST", "/v1/nonsense", none, DialectId::chat},
        {"POST", "/openaix/v1/chat/completions", none, DialectId::chat},
        {"POST", "/", wrong_method, DialectId::chat},
    };
    for (const auto& each : cases) {
        net::RequestHead head;
        head.method = each.method;
        head.path = each.path;
        const auto endpoint = find_endpoint(head);
        EXPECT_EQ(endpoint.operation, each.operation) << each.method << ' ' << each.path;
        if (each.operation == conversation || each.operation == list_models) EXPECT_EQ(endpoint.dialect, each.dialect) << each.path;
    }
}

TEST(Endpoint, BehindAPassedProviderTheClientsOwnPathCounts) {
    net::RequestHead head;
    head.method = "GET";
    for (auto [path, provider, rest] : {std::tuple{"/passthrough/lab/v1//odd/", "lab", "/v1//odd/"}, {"/passthrough/lab", "lab", "/"}, {"/passthrough/my%20lab/x", "my lab", "/x"}}) {
        head.path = path;
        const auto endpoint = find_endpoint(head);
        EXPECT_EQ(endpoint.model, provider);
        EXPECT_EQ(endpoint.rest, rest);
    }
}

}  // namespace
}  // namespace gotthard::spine
