// The words that all dialects share.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/common.hpp"
#include "dialect/common_edit.hpp"
#include "dialect/common_errors.hpp"

namespace gotthard::dialect {
namespace {

using llm::Severity;

TEST(ParameterPolicy, ContractFieldsAreRefusedAndTuningIsDropped) {  // contract section 5, E236
    for (std::string_view name : {"tools", "tool_choice", "response_format", "n", "stop", "stop_sequences", "logprobs",
                                  "modalities", "document", "image", "audio"})
        EXPECT_EQ(severity_of(name), Severity::contract) << name;
    for (std::string_view name : {"seed", "logit_bias", "top_k", "frequency_penalty", "presence_penalty", "cache_control",
                                  "metadata", "effort", "reasoning_effort", "verbosity", "never_heard_of"})
        EXPECT_EQ(severity_of(name), Severity::tuning) << name;
    llm::Losses losses;
    lose(losses, "messages[3].content[0].cache_control", "x");
    lose(losses, "tools[2]", "x");
    EXPECT_EQ(losses.list()[0].severity, Severity::tuning);
    EXPECT_EQ(losses.first_contract()->path, "tools[2]");
    lose_extras(losses, "messages[1]", {{"weight", "1"}, {"nothing", "null"}});
    EXPECT_EQ(losses.list().back().path, "messages[1].weight");
}

TEST(ToolName, FitsOrIsShortenedStably) {  // E072
    EXPECT_EQ(short_tool_name("get_weather-2"), "get_weather-2");
    const std::string name(100, 'x');
    EXPECT_EQ(short_tool_name(name), std::string(55, 'x') + "_" + sha256_hex(name).substr(0, 8));
    EXPECT_EQ(short_tool_name("ns.tool"), "ns_tool_" + sha256_hex("ns.tool").substr(0, 8));
    Memory memory;
    ToolNames names(memory);
    EXPECT_EQ(names.upstream("plain"), "plain");
    const auto given = std::string(names.upstream(name));
    EXPECT_EQ(names.upstream(name), given);
    EXPECT_EQ(memory.tool_names.size(), 1u);
    EXPECT_EQ(client_tool_name(&memory, given), name);
    EXPECT_EQ(client_tool_name(&memory, "plain"), "plain");
    EXPECT_EQ(client_tool_name(nullptr, "plain"), "plain");
}

TEST(CallId, KeepsWhatFitsAndKeepsDistinctIdsDistinct) {  // E022, wire-formats 10.3 rule 1
    Memory memory;
    CallIds anthropic(memory, CallIdRule::anthropic);
    EXPECT_EQ(anthropic.upstream("toolu_1"), "toolu_1");
    const auto dotted = std::string(anthropic.upstream("functions.f:0")),
               other = std::string(anthropic.upstream("functions/f:0"));
    EXPECT_NE(dotted, other);
    for (const auto& id : {dotted, other})
        for (char c : id) EXPECT_TRUE(is_alpha(c) || is_digit(c) || c == '_' || c == '-');
    EXPECT_EQ(anthropic.upstream("functions.f:0"), dotted);
    CallIds mistral(memory, CallIdRule::mistral);
    EXPECT_EQ(mistral.upstream("abcDEF123"), "abcDEF123");
    EXPECT_EQ(mistral.upstream("call_x").size(), 9u);
    CallIds chat(memory, CallIdRule::chat);
    EXPECT_EQ(chat.upstream("functions.f:0"), "functions.f:0");
    EXPECT_LE(chat.upstream(std::string(65, 'x')).size(), 64u);
}

TEST(DataUrl, IsTakenApart) {  // E042
    const auto url = parse_data_url("data:image/png;name=a;base64,AAAA");
    ASSERT_TRUE(url.has_value());
    EXPECT_EQ(url->media_type, "image/png");
    EXPECT_EQ(url->data, "AAAA");
    EXPECT_TRUE(url->base64);
    EXPECT_FALSE(parse_data_url("https://x/y").has_value());
    EXPECT_EQ(parse_data_url("data:,hello")->media_type, "");
    EXPECT_EQ(sniff_media_type("iVBORw0KGgoAAAANSUhEUg"), "image/png");
    EXPECT_EQ(sniff_media_type("UklGRiQAAABXRUJQVlA4"), "image/webp");
    EXPECT_EQ(sniff_media_type("JVBERi0xLjQ"), "application/pdf");
    EXPECT_EQ(sniff_media_type("AAAA"), "");
}

TEST(Schema, LosesKeywordsButNotPropertiesOfTheSameName) {  // E185
    json::Document document;
    ASSERT_TRUE(document.parse(
        R"({"$schema":"x", "type":"object","properties":{"strict":{"type":"string","$id":"y"}},"anyOf":[{"strict":true}],"enum":["strict"],"default":{"strict":1},"additionalProperties":false})"));
    constexpr std::string_view keywords[] = {"$schema", "$id", "strict", "additionalProperties"};
    std::string out;
    append_schema_without(out, document.root(), keywords);
    EXPECT_EQ(
        out,
        R"({"type":"object","properties":{"strict":{"type":"string"}},"anyOf":[{}],"enum":["strict"],"default":{"strict":1}})");
}

TEST(ErrorBody, IsReadInEveryKnownShape) {  // wire-formats 10.6
    struct Row {
        int status;
        std::string_view body, message, code, type;
    };
    const Row rows[] = {
        {400, R"({"error":{"message":"m","type":"t","param":"p","code":"c"}})", "m", "c", "t"},
        {429,
         R"({"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"{\"error\":{\"message\":\"inner\"}}","provider_name":"X"}},"user_id":"u"})",
         "Provider returned error: inner", "429", ""},
        {400, R"({"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}})", "m",
         "400", "INVALID_ARGUMENT"},
        {400, R"({"code":"invalid-argument","error":"text"})", "text", "invalid-argument", ""},
        {422, R"({"error":"text","error_type":"validation"})", "text", "", "validation"},
        {400, R"({"message":"m","type":"Bad Request","code":400})", "m", "400", "Bad Request"},
        {400,
         R"({"object":"error","message":"m","type":"invalid_request_error","param":null,"code":"1500","raw_status_code":400})",
         "m", "1500", "invalid_request_error"},
        {422,
         R"({"object":"error","message":{"detail":[{"loc":["body","messages",0],"msg":"field required","type":"missing"}]},"code":null})",
         "body.messages.0: field required", "", ""},
        {401, R"({"detail":"Invalid API Key"})", "Invalid API Key", "", ""},
        {422, R"({"detail":[{"loc":["body","x"],"msg":"bad","type":"v"}]})", "body.x: bad", "", "v"},
        {400, R"([{"error":{"message":"first","code":400}}])", "first", "400", ""},
        {403, R"({"success":false,"errors":[{"code":10000,"message":"Authentication error"}]})", "Authentication error", "10000",
         ""},
        {503, "<!DOCTYPE html><html></html>", "Service unavailable", "", ""},
        {504, "", "Gateway timeout", "", ""},
        {500, "upstream connect error\nmore", "upstream connect error", "", ""},
        {400, "{}", "Bad request", "", ""},
        {400, "{\"error\":", "{\"error\":", "", ""},
    };
    for (const auto& row : rows) {
        const auto failure = read_upstream_error(row.status, row.body);
        EXPECT_EQ(failure.message, row.message) << row.body;
        EXPECT_EQ(failure.code, row.code) << row.body;
        EXPECT_EQ(failure.type, row.type) << row.body;
        EXPECT_EQ(failure.status, row.status);
        EXPECT_EQ(failure.origin, Origin::upstream);
    }
}

TEST(ErrorBody, ClassesDecideAboutRetries) {  // E241, E242, E243
    EXPECT_EQ(read_upstream_error(429, "{}").retry, Retry::next_target);
    EXPECT_EQ(read_upstream_error(408, "{}").retry, Retry::next_target);
    EXPECT_EQ(read_upstream_error(529, "{}").kind, FailureKind::overloaded);
    for (int status : {400, 401, 403, 404, 413, 422}) EXPECT_EQ(read_upstream_error(status, "{}").retry, Retry::never) << status;
    EXPECT_TRUE(is_context_length(
        read_upstream_error(400, R"({"error":{"message":"This model's maximum context length is 8 tokens","code":null}})")));
    EXPECT_TRUE(is_context_length(
        read_upstream_error(400, R"({"error":{"code":400,"message":"x","type":"exceed_context_size_error"}})")));
    EXPECT_FALSE(is_context_length(read_upstream_error(400, R"({"error":{"message":"bad"}})")));
    EXPECT_TRUE(is_out_of_quota(read_upstream_error(402, R"({"error":{"message":"Insufficient Balance"}})")));
    EXPECT_FALSE(is_retryable(read_upstream_error(429, R"({"error":{"code":"insufficient_quota"}})")));
}

TEST(ErrorBody, TellsHowLongToWait) {  // G-3, E240
    const auto wait = [](std::string_view body) {
        return read_upstream_error(429, body).retry_after.value_or(std::chrono::milliseconds(-1)).count();
    };
    EXPECT_EQ(wait(R"({"error":{"message":"Please try again in 20s. Visit x"}})"), 20'000);
    EXPECT_EQ(wait(R"({"error":{"message":"Please try again in 1m26.4s."}})"), 86'400);
    EXPECT_EQ(wait(R"({"error":{"message":"Please try again in 120ms."}})"), 120);
    EXPECT_EQ(wait(R"({"error":{"message":"Please retry after 30 seconds."}})"), 30'000);
    EXPECT_EQ(wait(R"({"error":{"message":"m","details":[{"@type":"RetryInfo","retryDelay":"7s"}]}})"), 7'000);
    EXPECT_EQ(wait(R"({"error":{"message":"m","retry_after":2.5}})"), 2'500);
    EXPECT_EQ(wait(R"({"error":{"message":"m"}})"), -1);
    EXPECT_EQ(wait(R"({"error":{"message":"try again in 99999999999999999999s"}})"), -1);
    EXPECT_EQ(retry_after_seconds(Failure(FailureKind::rate_limited, "x").after(std::chrono::milliseconds(10)), 429), 1);
}

TEST(Masked, HidesKeysAndPrivateAddressesAndNothingElse) {  // contract section 6
    EXPECT_EQ(masked("Incorrect API key provided: sk-proj-abcdef123456. You can find your API key at "
                     "https://platform.openai.com/account/api-keys."),
              "Incorrect API key provided: ***. You can find your API key at https://platform.openai.com/account/api-keys.");
    EXPECT_EQ(masked("Authorization: Bearer abcdefghijklmnop"), "Authorization: Bearer ***");
    EXPECT_EQ(masked("dial http://10.0.0.5:8000/v1 failed, also 192.168.1.7:80 and http://localhost:11434/x"),
              "dial http://***/v1 failed, also *** and http://***/x");
    EXPECT_EQ(masked("prompt is too long: 200001 tokens > 200000 maximum; task-force sk-8"),
              "prompt is too long: 200001 tokens > 200000 maximum; task-force sk-8");
    EXPECT_EQ(masked("model v1.2.3 and 3.14"), "model v1.2.3 and 3.14");
}

TEST(BlockEdit, FindsMembersWithoutReadingMore) {
    constexpr std::string_view json = R"({"a":{"model":"x"},"b":["model",{}],"mo\"del":1, "model" : "y"})";
    const auto place = find_member(json, "model");
    EXPECT_EQ(json.substr(place.begin, place.size), "\"y\"");
    EXPECT_EQ(find_member(R"({"model":"x")", "other").size, 0u);
    EXPECT_EQ(find_member(R"({"model":"x)", "model").size, 0u);
    EXPECT_EQ(find_member("", "model").size, 0u);
    EXPECT_EQ(find_member(R"({"a":{"b":[)", "model").size, 0u);
    constexpr std::string_view block = "event: x\r\ndata: {\"a\":1}\r\n\r\n";
    const auto data = data_of(block);
    EXPECT_EQ(block.substr(data.begin, data.size), "{\"a\":1}");
    EXPECT_EQ(data_of("data: 1\ndata: 2\n\n").size, 0u);
}

TEST(Dialects, AreFoundByIdAndByName) {
    EXPECT_EQ(all().size(), 2u);
    for (const auto& dialect : all()) {
        EXPECT_EQ(&get(dialect.id), &dialect);
        EXPECT_EQ(find(dialect.name), &dialect);
    }
    EXPECT_EQ(find("chat")->id, DialectId::chat);
    EXPECT_EQ(find("responses"), nullptr);
}

}  // namespace
}  // namespace gotthard::dialect
