// Messages bodies read into the conversation, and what of them is refused: wire-formats 3.2.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "dialect/anthropic_support.hpp"

namespace gotthard::dialect::testing {
namespace {

struct Parsed {
    Arena arena;
    std::string body;
    Result<llm::Request> request = fail(FailureKind::internal, "");
};
std::unique_ptr<Parsed> parse(std::string body, bool count = false) {
    auto out = std::make_unique<Parsed>();
    out->body = std::move(body);
    out->request = count ? read_count_request(out->body, {}, out->arena) : anthropic_messages.read_request(out->body, {.anthropic_version = "2023-06-01", .anthropic_beta = "a,b"}, out->arena);
    return out;
}
std::string with(std::string_view rest) { return fmt::format(R"({{"model":"m","max_tokens":5,{}}})", rest); }
std::string content(std::string_view blocks, std::string_view role = "user") { return with(fmt::format(R"("messages":[{{"role":"{}","content":{}}}])", role, blocks)); }

TEST(MessagesBody, ClaudeCodesRequestIsReadWhole) {  // CC-7, CC-8, CC-9, E262, E265
    const auto parsed = parse(R"({"model":"claude-sonnet-5","max_tokens":64000,"stream":true,
      "system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=1;"},{"type":"text","text":"You are","cache_control":{"type":"ephemeral","scope":"org"}}],
      "messages":[{"role":"user","content":[{"type":"text","text":"hi","cache_control":{"type":"ephemeral"}}]},{"role":"system","content":"env"},
        {"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"S"},{"type":"tool_use","id":"toolu_1","name":"ToolSearch","input":{"q":"x"},"caller":{"type":"direct"}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"tool_reference","tool_name":"Grep"}]},{"type":"text","text":"Tool loaded."}]}],
      "tools":[{"name":"Grep","description":"d","input_schema":{"$schema":"s","type":"object","properties":{},"additionalProperties":false},"defer_loading":true,"eager_input_streaming":true}],
      "metadata":{"user_id":"{\"device_id\":\"d\"}","team":"t"},"thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"high","task_budget":5},
      "context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"speed":"fast","brand_new":{"a":1}})");
    ASSERT_TRUE(parsed->request.has_value()) << parsed->request.error().message;
    const auto& request = *parsed->request;
    EXPECT_EQ(request.messages.size(), 5u);
    EXPECT_EQ(request.messages[0].source_message, -1);
    EXPECT_EQ(request.messages[0].parts[1].cache_control, R"({"type":"ephemeral","scope":"org"})");
    EXPECT_EQ(request.messages[2].role, llm::Role::system);
    EXPECT_EQ(request.messages[3].parts[0].signature, "S");
    EXPECT_EQ(request.messages[3].parts[1].arguments, R"({"q":"x"})");
    EXPECT_EQ(request.messages[4].parts[0].content[0].type, "tool_reference");
    EXPECT_EQ(request.messages[4].parts[0].content[0].name, "Grep");
    EXPECT_EQ(request.tools[0].defer_loading, true);
    EXPECT_EQ(request.tools[0].extra[0].key, "eager_input_streaming");
    EXPECT_EQ(request.user, R"({"device_id":"d"})");
    EXPECT_EQ(request.thinking.mode, llm::ThinkingMode::adaptive);
    EXPECT_EQ(request.thinking.effort, "high");
    EXPECT_EQ(request.thinking.display, "omitted");
    EXPECT_EQ(request.betas, "a,b");
    EXPECT_TRUE(request.stream);
    std::vector<std::string_view> keys;
    for (const auto& extra : request.extra) keys.push_back(extra.key);
    EXPECT_EQ(keys, (std::vector<std::string_view>{"metadata.team", "output_config.task_budget", "speed", "brand_new"}));
    // And written again for the vendor nothing is missing.
    const auto again = write(anthropic_messages, anthropic_messages, parsed->body, {.provider = "anthropic", .model = "claude-sonnet-5"}, {.anthropic_beta = "b"});
    EXPECT_EQ(canonical(again.body), canonical(parsed->body));
    EXPECT_EQ(refusal_of(again), "brand_new: Extra inputs are not permitted");
}

TEST(MessagesBody, EveryBlockHasAPlace) {  // E027, E049
    const auto parsed = parse(content(R"([{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"image","source":{"type":"url","url":"https://x"}},
      {"type":"document","title":"t","context":"c","citations":{"enabled":true},"source":{"type":"text","media_type":"text/plain","data":"d"}},{"type":"document","source":{"type":"file","file_id":"f"}},
      {"type":"document","source":{"type":"content","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]}},
      {"type":"search_result","source":"s","title":"t","content":[]},{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"container_upload","file_id":"f"},
      {"type":"redacted_thinking","data":"R"},{"type":"brand_new","x":1},
      {"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"x"},{"type":"image","source":{"type":"url","url":"https://y"}},{"type":"document","source":{"type":"url","url":"https://z"}},{"type":"search_result"}],"is_error":true},
      {"type":"tool_result","tool_use_id":"b"},{"type":"tool_result","tool_use_id":"c","content":"plain"}])"));
    ASSERT_TRUE(parsed->request.has_value()) << parsed->request.error().message;
    const auto& parts = parsed->request->messages[0].parts;
    using enum llm::PartKind;
    std::vector<llm::PartKind> kinds;
    for (const auto& part : parts) kinds.push_back(part.kind);
    EXPECT_EQ(kinds, (std::vector{image, image, document, document, document, opaque, opaque, opaque, redacted_thinking, opaque, tool_result, tool_result, tool_result}));
    EXPECT_EQ(parts[2].media.filename, "t");
    EXPECT_EQ(parts[4].media.data, "one\ntwo");
    EXPECT_EQ(parts[9].raw, R"({"type":"brand_new","x":1})");
    EXPECT_TRUE(parts[10].is_error);
    EXPECT_EQ(parts[10].content[3].kind, opaque);
    EXPECT_EQ(parts[12].content[0].text, "plain");
    const auto again = write(anthropic_messages, anthropic_messages, parsed->body, {});
    EXPECT_EQ(canonical(at(again.body, "messages.0.content.4")), canonical(at(parsed->body, "messages.0.content.4")));
    EXPECT_EQ(canonical(at(again.body, "messages.0.content.10")), canonical(at(parsed->body, "messages.0.content.10")));
}

TEST(MessagesBody, FaultsNameTheirPlace) {
    struct Row {
        std::string body, param;
    };
    const std::string hi = R"("messages":[{"role":"user","content":"hi"}])";
    for (const auto& [body, param] : {Row{"[]", ""}, Row{"", ""}, Row{"{\"a\":", ""}, Row{R"({"max_tokens":1,"messages":[]})", "messages"}, Row{R"({"max_tokens":1,"messages":[{"role":"user","content":"x"}]})", "model"},
                                      Row{R"({"model":"m","max_tokens":1})", "messages"}, Row{R"({"model":"m",)" + hi + "}", "max_tokens"}, Row{R"({"model":5,)" + hi + "}", "model"},
                                      Row{with(R"("messages":["x"])"), "messages[0]"}, Row{with(R"("messages":[{"role":"robot","content":"x"}])"), "messages[0].role"},
                                      Row{with(R"("messages":[{"content":"x"}])"), "messages[0].role"}, Row{content("5"), "messages[0].content"}, Row{content("null"), "messages[0].content"},
                                      Row{content(R"(["x"])"), "messages[0].content[0]"}, Row{content(R"([{"text":"x"}])"), "messages[0].content[0].type"},
                                      Row{content(R"([{"type":"text"}])"), "messages[0].content[0].text"}, Row{content(R"([{"type":"image"}])"), "messages[0].content[0].source"},
                                      Row{content(R"([{"type":"tool_use","name":"f"}])"), "messages[0].content[0].id"}, Row{content(R"([{"type":"tool_use","id":"i","name":"f","input":"x"}])"), "messages[0].content[0].input"},
                                      Row{content(R"([{"type":"tool_result","tool_use_id":"i","content":[{"type":"text"}]}])"), "messages[0].content[0].content[0].text"},
                                      Row{with(hi + R"(,"tools":{})"), "tools"}, Row{with(hi + R"(,"tools":[{}])"), "tools[0].name"}, Row{with(hi + R"(,"tools":[{"name":"f","input_schema":[]}])"), "tools[0].input_schema"},
                                      Row{with(hi + R"(,"tool_choice":"auto")"), "tool_choice"}, Row{with(hi + R"(,"tool_choice":{"type":"tool"})"), "tool_choice.name"}, Row{with(hi + R"(,"system":7)"), "system"},
                                      Row{with(hi + R"(,"stop_sequences":"x")"), "stop_sequences"}, Row{with(hi + R"(,"temperature":"1")"), "temperature"}, Row{with(hi + R"(,"stream":1)"), "stream"}}) {
        const auto parsed = parse(body);
        ASSERT_FALSE(parsed->request.has_value()) << body;
        EXPECT_EQ(parsed->request.error().status, 400) << body;
        EXPECT_EQ(parsed->request.error().param, param) << body;
    }
}

TEST(MessagesBody, GovernedKeysAreWrittenOnceAndPlainly) {
    const std::string hi = R"("messages":[{"role":"user","content":"hi"}])";
    for (std::string_view extra : {R"(,"model":"other")", R"(,"mod\u0065l":"other")", R"(,"max_tokens":1)", R"(,"\u0073tream":true)", R"(,"messages":[])"}) {
        const auto parsed = parse(with(hi + std::string(extra)));
        ASSERT_FALSE(parsed->request.has_value()) << extra;
        EXPECT_EQ(parsed->request.error().kind, FailureKind::invalid_request);
    }
}

TEST(MessagesBody, CountingNeedsNoLimit) {  // CC-6, E086
    EXPECT_TRUE(parse(R"({"model":"m","messages":[{"role":"user","content":"foo"}],"tools":[]})", true)->request.has_value());
    EXPECT_FALSE(parse(R"({"model":"m","messages":[{"role":"user","content":"foo"}],"tools":[]})")->request.has_value());
}

TEST(MessagesBody, SchemasComeFromBothPlaces) {  // E075
    const std::string hi = R"("messages":[{"role":"user","content":"hi"}])";
    for (std::string_view rest : {R"("output_format":{"type":"json_schema","schema":{"type":"object"}})", R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}})"}) {
        const auto parsed = parse(with(hi + "," + std::string(rest)));
        ASSERT_TRUE(parsed->request.has_value());
        EXPECT_EQ(parsed->request->response_format.kind, llm::FormatKind::json_schema);
        EXPECT_EQ(parsed->request->response_format.schema, R"({"type":"object"})");
    }
}

TEST(MessagesBody, ToolChoiceTellsParallelCalls) {  // E066, E067
    const auto parsed = parse(with(R"("messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f"}],"tool_choice":{"type":"any","disable_parallel_tool_use":true})"));
    EXPECT_EQ(parsed->request->tool_choice.mode, llm::ToolChoiceMode::required);
    EXPECT_EQ(parsed->request->tool_choice.parallel, false);
    EXPECT_EQ(parse(with(R"("messages":[{"role":"user","content":"hi"}],"tool_choice":{"type":"none"})"))->request->tool_choice.mode, llm::ToolChoiceMode::none);
}

TEST(MessagesBody, SamplingPassesAsSent) {  // E263
    const auto written = write(anthropic_messages, anthropic_messages, with(R"("messages":[{"role":"user","content":"hi"}],"temperature":0.7,"top_p":0.9,"top_k":40)"), {.provider = "anthropic"});
    EXPECT_EQ(at(written.body, "temperature"), "0.7");
    EXPECT_EQ(at(written.body, "top_k"), "40");
    EXPECT_EQ(at(write(anthropic_messages, anthropic_messages, with(R"("messages":[{"role":"user","content":"hi"}])"), {}).body, "temperature"), "");
}

}  // namespace
}  // namespace gotthard::dialect::testing
