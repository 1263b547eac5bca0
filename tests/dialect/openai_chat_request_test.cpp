// Reading chat requests: every shape that clients send, and refusals that name the field.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "dialect/openai_chat_support.hpp"

namespace gotthard::dialect::testing {
namespace {

using llm::MediaSource;
using llm::PartKind;
using llm::Role;

struct Parsed {
    std::string body;
    Arena arena;
    Result<llm::Request> request{llm::Request{}};
    explicit Parsed(std::string text) : body(std::move(text)), request(openai_chat.read_request(body, {}, arena)) {}
    const llm::Request& operator*() const {
        EXPECT_TRUE(request.has_value()) << (request ? "" : request.error().message);
        return *request;
    }
};

constexpr std::string_view hello = R"([{"role":"user","content":"hi"}])";

TEST(ChatRequest, FaultsNameTheirField) {
    const std::pair<std::string, std::string_view> rows[] = {
        {"", ""},
        {"[]", ""},
        {"{", ""},
        {R"({"messages":[]})", "model"},
        {R"({"model":"m"})", "messages"},
        {R"({"model":7,"messages":[]})", "model"},
        {chat_request("[]"), "messages"},
        {chat_request("{}"), "messages"},
        {chat_request("[1]"), "messages[0]"},
        {chat_request(R"([{"content":"x"}])"), "messages[0].role"},
        {chat_request(R"([{"role":"user","content":"x"},{"role":"robot","content":"x"}])"), "messages[1].role"},
        {chat_request(R"([{"role":"user","content":5}])"), "messages[0].content"},
        {chat_request(R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text"}]}])"),
         "messages[0].content[1].text"},
        {chat_request(R"([{"role":"user","content":[{"type":"image_url"}]}])"), "messages[0].content[0].image_url"},
        {chat_request(R"([{"role":"assistant","tool_calls":[{"id":"a","type":"function"}]}])"),
         "messages[0].tool_calls[0].function"},
        {chat_request(R"([{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":7}}]}])"),
         "messages[0].tool_calls[0].function.arguments"},
        {chat_request(hello, R"(,"temperature":"hot")"), "temperature"},
        {chat_request(hello, R"(,"n":0)"), "n"},
        {chat_request(hello, R"(,"stream":"yes")"), "stream"},
        {chat_request(hello, R"(,"stop":[1])"), "stop[0]"},
        {chat_request(hello, R"(,"tools":{})"), "tools"},
        {chat_request(hello, R"(,"tools":[{"type":"function","function":{"description":"x"}}])"), "tools[0].function.name"},
        {chat_request(hello, R"(,"tools":[{"type":"function"}])"), "tools[0].function"},
        {chat_request(hello, R"(,"tool_choice":{"type":"function"})"), "tool_choice.function.name"},
        {chat_request(hello, R"(,"response_format":"json")"), "response_format"},
        {chat_request(hello, R"(,"max_tokens":"many")"), "max_tokens"},
    };
    for (const auto& [body, param] : rows) {
        const Parsed parsed(body);
        ASSERT_FALSE(parsed.request.has_value()) << body;
        EXPECT_EQ(parsed.request.error().kind, FailureKind::invalid_request);
        EXPECT_EQ(parsed.request.error().status, 400);
        EXPECT_EQ(parsed.request.error().param, param) << body;
        EXPECT_GT(parsed.request.error().message.size(), 10u);
    }
}

TEST(ChatRequest, EscapedOrRepeatedGovernedKeysAreRefused) {  // design.md section 4
    for (std::string_view more : {R"(,"model":"other")", R"(,"m\u006fdel":"other")", R"(,"max_tokens":1,"max_tokens":2)",
                                  R"(,"user":"a","user":"b")", R"(,"n":1,"n":9)", R"(,"stream":true,"stream":false)"})
        EXPECT_FALSE(Parsed(chat_request(hello, more)).request.has_value()) << more;
}

TEST(ChatRequest, DeepNestingAndBadTextAreRefusedCleanly) {
    EXPECT_FALSE(Parsed(chat_request(hello, ",\"x\":" + std::string(100'000, '['))).request.has_value());
    EXPECT_FALSE(Parsed(chat_request("[{\"role\":\"user\",\"content\":\"\xff\"}]")).request.has_value());
    EXPECT_FALSE(Parsed(chat_request(R"([{"role":"user","content":"\ud800"}])")).request.has_value());
}

TEST(ChatRequest, EveryParameterReachesItsPlace) {
    const Parsed parsed(chat_request(
        hello,
        R"(,"temperature":0.5,"top_p":0.9,"top_k":40,"frequency_penalty":0.1,"presence_penalty":-0.1,"seed":7,"n":2,"logprobs":true,"top_logprobs":3,
        "logit_bias":{"1":2},"stop":["a","b"],"stream":true,"stream_options":{"include_usage":true},"user":"u","service_tier":"flex","metadata":{"k":"v"},"web_search_options":{},
        "reasoning_effort":"high","parallel_tool_calls":false,"max_completion_tokens":10,"max_tokens":20,"min_p":0.1,"verbosity":null)"));
    const auto& request = *parsed;
    EXPECT_EQ(request.temperature, 0.5);
    EXPECT_EQ(request.top_k, 40);
    EXPECT_EQ(request.seed, 7);
    EXPECT_EQ(request.n, 2);
    EXPECT_EQ(request.top_logprobs, 3);
    EXPECT_EQ(request.logit_bias, R"({"1":2})");
    EXPECT_EQ(request.stop.size(), 2u);
    EXPECT_TRUE(request.stream);
    EXPECT_TRUE(request.include_usage);
    EXPECT_EQ(request.user, "u");
    EXPECT_EQ(request.thinking.effort, "high");
    EXPECT_EQ(request.tool_choice.parallel, false);
    EXPECT_EQ(request.max_output_tokens, 10);  // E190: the newer key counts
    EXPECT_EQ(request.max_output_tokens_key, "max_completion_tokens");
    ASSERT_EQ(request.extra.size(), 2u);
    EXPECT_EQ(request.extra[0].key, "min_p");
    EXPECT_EQ(request.extra[1].json, "null");
}

TEST(ChatRequest, AStopStringIsOneSequenceAndFloatsAreRounded) {  // E028, E031
    const Parsed parsed(chat_request(hello, R"(,"stop":"END","max_tokens":99.6)"));
    EXPECT_EQ((*parsed).stop.at(0), "END");
    EXPECT_EQ((*parsed).max_output_tokens, 100);
    EXPECT_EQ((*Parsed(chat_request(hello, R"(,"max_tokens":-1)"))).max_output_tokens, std::nullopt);
}

TEST(ChatRequest, EffortComesAsWordDictOrReasoningObject) {  // E180
    EXPECT_EQ((*Parsed(chat_request(hello, R"(,"reasoning_effort":{"effort":"low","summary":"auto"})"))).thinking.effort, "low");
    const Parsed parsed(chat_request(hello, R"(,"reasoning":{"max_tokens":3000})"));
    EXPECT_EQ((*parsed).thinking.budget_tokens, 3000);
    EXPECT_EQ((*Parsed(chat_request(hello, R"(,"thinking":{"type":"enabled","budget_tokens":2048})"))).thinking.mode,
              llm::ThinkingMode::enabled);
}

TEST(ChatRequest, EveryRoleIsKnown) {
    const Parsed parsed(chat_request(
        R"([{"role":"system","content":"s"},{"role":"developer","content":[{"type":"text","text":"d"}]},{"role":"user","content":"u","name":"ann"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"r"},
        {"role":"assistant","content":"a","prefix":true}])"));
    const auto& messages = (*parsed).messages;
    ASSERT_EQ(messages.size(), 6u);
    const Role roles[] = {Role::system, Role::developer, Role::user, Role::assistant, Role::tool, Role::assistant};
    for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(messages[i].role, roles[i]);
    EXPECT_TRUE(messages[0].content_is_string);
    EXPECT_FALSE(messages[1].content_is_string);
    EXPECT_EQ(messages[2].name, "ann");
    EXPECT_EQ(messages[3].parts.at(0).kind, PartKind::tool_call);
    EXPECT_EQ(messages[4].parts.at(0).id, "c1");
    EXPECT_EQ(messages[4].parts.at(0).content.at(0).text, "r");
    EXPECT_TRUE(messages[5].prefix);
}

TEST(ChatRequest, EveryContentPartIsKnown) {
    const Parsed parsed(chat_request(
        R"([{"role":"user","content":["bare",{"type":"text","text":"t","cache_control":{"type":"ephemeral"}},{"type":"image_url","image_url":{"url":"https://x/y.png","detail":"low"}},
        {"type":"image_url","image_url":"data:image/jpeg;base64,iVBORw0KGgoAAA"},{"type":"input_audio","input_audio":{"data":"AAAA","format":"mp3"}},{"type":"file","file":{"file_data":"data:application/pdf;base64,JVBERi0x","filename":"a.pdf"}},
        {"type":"file","file":{"file_id":"f1","format":"image/png"}},{"type":"video_url","video_url":{"url":"https://x/v.mp4"}},{"type":"document_url","document_url":"https://x/d.pdf","document_name":"d"},{"type":"strange","x":1}]}])"));
    const auto& parts = (*parsed).messages.at(0).parts;
    ASSERT_EQ(parts.size(), 10u);
    EXPECT_EQ(parts[0].text, "bare");
    EXPECT_EQ(parts[1].cache_control, R"({"type":"ephemeral"})");  // E009
    EXPECT_EQ(parts[2].media.source, MediaSource::url);
    EXPECT_EQ(parts[2].media.detail, "low");
    EXPECT_EQ(parts[3].media.source, MediaSource::base64);
    EXPECT_EQ(parts[3].media.media_type, "image/png");  // E042: the bytes say png
    EXPECT_EQ(parts[4].media.media_type, "audio/mp3");
    EXPECT_EQ(parts[5].kind, PartKind::document);
    EXPECT_EQ(parts[5].media.media_type, "application/pdf");
    EXPECT_EQ(parts[5].media.filename, "a.pdf");
    EXPECT_EQ(parts[6].media.source, MediaSource::file_id);  // E043
    EXPECT_EQ(parts[6].media.media_type, "image/png");
    EXPECT_EQ(parts[7].kind, PartKind::video);
    EXPECT_EQ(parts[8].media.filename, "d");
    EXPECT_EQ(parts[9].kind, PartKind::opaque);
    EXPECT_EQ(parts[9].type, "strange");
}

TEST(ChatRequest, LegacyFunctionsPairWithTheirResults) {  // E023
    const Parsed parsed(chat_request(
        R"([{"role":"user","content":"hi"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{\"x\":1}"}},{"role":"function","name":"f","content":"42"}])",
        R"(,"functions":[{"name":"f","parameters":{"type":"object"}}],"function_call":{"name":"f"})"));
    const auto& request = *parsed;
    const auto& call = request.messages.at(1).parts.at(0);
    EXPECT_EQ(call.arguments, R"({"x":1})");
    EXPECT_TRUE(call.id.starts_with("call_"));
    EXPECT_EQ(request.messages.at(2).parts.at(0).id, call.id);
    EXPECT_EQ(request.tools.at(0).name, "f");
    EXPECT_EQ(request.tool_choice.mode, llm::ToolChoiceMode::named);
}

TEST(ChatRequest, ReasoningOfEarlierTurnsIsReadFirst) {  // E018, E091
    const Parsed parsed(chat_request(
        R"([{"role":"assistant","reasoning_content":"hm","content":"a"},{"role":"assistant","thinking_blocks":[{"type":"thinking","thinking":"t","signature":"S"},{"type":"redacted_thinking","data":"R"}],"content":"b"},
        {"role":"assistant","reasoning":"x","reasoning_details":[{"type":"reasoning.text","text":"x","signature":"S2"}],"content":"c"}])"));
    const auto& messages = (*parsed).messages;
    EXPECT_EQ(messages[0].parts.at(0).kind, PartKind::thinking);
    EXPECT_EQ(messages[0].parts.at(0).text, "hm");
    EXPECT_EQ(messages[1].parts.at(0).signature, "S");
    EXPECT_EQ(messages[1].parts.at(1).kind, PartKind::redacted_thinking);
    EXPECT_EQ(messages[1].parts.at(2).text, "b");
    EXPECT_EQ(messages[2].parts.at(0).signature, "S2");
    EXPECT_EQ(messages[2].parts.size(), 2u);
}

TEST(ChatRequest, ToolsComeInEveryShape) {  // E005, E007, E008, E009
    const Parsed parsed(chat_request(
        hello,
        R"(,"tools":[{"type":"function","function":{"name":"a","description":"d","parameters":{"type":"object"},"strict":true,"cache_control":{"type":"ephemeral"}},"defer_loading":true},
        {"type":"function","function":{"name":"b"},"cache_control":{"type":"ephemeral","ttl":"1h"},"input_examples":[]},{"name":"c","input_schema":{"type":"object"}},{"type":"custom","custom":{"name":"d","format":{"type":"text"}}},
        {"type":"web_search_20250305","name":"web_search","max_uses":3},{"type":"mcp","server_url":"https://x"},{"type":"function","name":"flat","parameters":{"type":"object"}}],"tool_choice":{"type":"any"})"));
    const auto& tools = (*parsed).tools;
    ASSERT_EQ(tools.size(), 7u);
    EXPECT_EQ(tools[0].strict, true);
    EXPECT_EQ(tools[0].defer_loading, true);
    EXPECT_EQ(tools[0].cache_control, R"({"type":"ephemeral"})");
    EXPECT_EQ(tools[1].cache_control, R"({"type":"ephemeral","ttl":"1h"})");
    EXPECT_EQ(tools[1].extra.at(0).key, "input_examples");
    EXPECT_EQ(tools[2].parameters, R"({"type":"object"})");
    EXPECT_EQ(tools[3].kind, llm::ToolKind::custom);
    EXPECT_EQ(tools[4].kind, llm::ToolKind::hosted);
    EXPECT_EQ(tools[4].type, "web_search_20250305");
    EXPECT_EQ(tools[5].type, "mcp");
    EXPECT_EQ(tools[6].name, "flat");
    EXPECT_EQ((*parsed).tool_choice.mode, llm::ToolChoiceMode::required);  // E001
}

TEST(ChatRequest, ToolChoiceIsReadInEveryForm) {  // E001, wire-formats 10.3
    using enum llm::ToolChoiceMode;
    const std::pair<std::string_view, llm::ToolChoiceMode> rows[] = {
        {"\"auto\"", automatic},
        {"\"none\"", none},
        {"\"required\"", required},
        {"\"any\"", required},
        {R"({"type":"auto"})", automatic},
        {R"({"type":"none"})", none},
        {R"({"type":"function","function":{"name":"f"}})", named},
        {R"({"function":{"name":"f"}})", named},
        {R"({"type":"custom","custom":{"name":"f"}})", named},
        {R"({"type":"tool","name":"f"})", named},
        {R"({"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}})", allowed},
        {"null", unset}};
    for (const auto& [choice, mode] : rows) {
        const Parsed parsed(chat_request(hello, fmt::format(R"(,"tool_choice":{})", choice)));
        EXPECT_EQ((*parsed).tool_choice.mode, mode) << choice;
        if (mode == named) EXPECT_EQ((*parsed).tool_choice.name, "f");
    }
}

TEST(ChatRequest, ResponseFormatsAreRead) {
    const Parsed schema(chat_request(
        hello,
        R"(,"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object"}}})"));
    EXPECT_EQ((*schema).response_format.kind, llm::FormatKind::json_schema);
    EXPECT_EQ((*schema).response_format.schema, R"({"type":"object"})");
    EXPECT_EQ((*Parsed(chat_request(hello, R"(,"response_format":{"type":"json_object"})"))).response_format.kind,
              llm::FormatKind::json_object);
    EXPECT_EQ((*Parsed(chat_request(hello, R"(,"response_format":{"type":"regex","value":"x"})"))).extra.at(0).key,
              "response_format");
}

}  // namespace
}  // namespace gotthard::dialect::testing
