// Chat requests for an Anthropic upstream: edge-cases.md section 1.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "dialect/anthropic_support.hpp"

namespace gotthard::dialect::testing {
namespace {

const Target sonnet45{.provider = "anthropic", .model = "claude-sonnet-4-5"};
const Target opus46{.provider = "anthropic", .model = "claude-opus-4-6"};
const Target sonnet4{.provider = "anthropic", .model = "claude-sonnet-4-20250514"};

Target repairing() {
    Target target = sonnet45;
    target.repair = true;
    return target;
}

/// A chat body with `rest` beside the model; written for `target` and checked against what the vendor refuses.
Written chat(std::string_view rest, const Target& target = sonnet45, const RequestContext& context = {}) {
    auto written = write(openai_chat, anthropic_messages, fmt::format(R"({{"model":"m",{}}})", rest), target, context);
    if (written.refusal.empty()) EXPECT_EQ(refusal_of(written), "") << written.body;
    return written;
}
const std::string hi = R"("messages":[{"role":"user","content":"hi"}])";
const std::string tool = R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"x":{"type":"string"}}}}}])";

TEST(AnthropicRequest, ToolChoiceHasAFormForEachWord) {  // E001
    const auto choice = [](std::string_view sent) { return at(chat(hi + "," + tool + R"(,"tool_choice":)" + std::string(sent)).body, "tool_choice"); };
    EXPECT_EQ(choice(R"("auto")"), R"({"type":"auto"})");
    EXPECT_EQ(choice(R"("required")"), R"({"type":"any"})");
    EXPECT_EQ(choice(R"("none")"), R"({"type":"none"})");
    EXPECT_EQ(choice(R"({"type":"function","function":{"name":"f"}})"), R"({"type":"tool","name":"f"})");
    EXPECT_EQ(choice(R"({"type":"any"})"), R"({"type":"any"})");
    EXPECT_EQ(choice(R"({"type":"auto"})"), R"({"type":"auto"})");
    EXPECT_EQ(choice(R"({"type":"none"})"), R"({"type":"none"})");
}

TEST(AnthropicRequest, OneCallOnlyIsSaidInTheToolChoice) {  // E002
    EXPECT_EQ(at(chat(hi + "," + tool + R"(,"parallel_tool_calls":false)").body, "tool_choice"), R"({"type":"auto","disable_parallel_tool_use":true})");
    EXPECT_EQ(at(chat(hi + "," + tool + R"(,"parallel_tool_calls":false,"tool_choice":"none")").body, "tool_choice"), R"({"type":"none"})");
    EXPECT_EQ(at(chat(hi + "," + tool + R"(,"parallel_tool_calls":true)").body, "tool_choice"), "");
}

TEST(AnthropicRequest, AToolWithoutParametersTakesAnEmptyObject) {  // E003
    const auto body = chat(hi + R"(,"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g","parameters":{"properties":{"a":{"type":"string"}},"$schema":"x","strict":true}}}])").body;
    EXPECT_EQ(at(body, "tools.0.input_schema"), R"({"type":"object","properties":{}})");
    EXPECT_EQ(at(body, "tools.1.input_schema"), R"({"type":"object","properties":{"a":{"type":"string"}}})");
}

TEST(AnthropicRequest, OrdinaryToolsStayValid) {  // E004
    const auto body = chat(hi + R"(,"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{
        "color":{"enum":["red","blue"]},"nested":{"type":"object","properties":{"n":{"type":"integer","minimum":1}},"required":["n"],"additionalProperties":false},
        "node":{"$ref":"#/$defs/node"}},"required":["color","nested","node"],"additionalProperties":false,"$defs":{"node":{"type":"object","properties":{"child":{"$ref":"#/$defs/node"}}}}}}}])").body;
    EXPECT_EQ(at(body, "tools.0.input_schema.$defs.node.properties.child.$ref"), "#/$defs/node");  // recursive: not strict, whole
    EXPECT_EQ(at(body, "tools.0.strict"), "");
    const auto strict = chat(hi + R"(,"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{"n":{"type":"integer","minimum":1}},"required":["n"],"additionalProperties":false}}}])").body;
    EXPECT_EQ(at(strict, "tools.0.strict"), "true");
    EXPECT_EQ(at(strict, "tools.0.input_schema.properties.n"), R"({"type":"integer","description":"{minimum: 1}"})");
    const auto spread = chat(hi + R"(,"tools":[{"type":"function","function":{"name":"f","parameters":{"anyOf":[{"type":"object","properties":{"a":{}},"required":["a"]},{"type":"object","properties":{"b":{}}}]}}}])").body;
    EXPECT_EQ(at(spread, "tools.0.input_schema"), R"({"type":"object","properties":{"a":{},"b":{}}})");
}

TEST(AnthropicRequest, ToolsOfTheVendorsOwnGoUnchanged) {  // E005
    const auto raw = std::string(R"({"name":"own","input_schema":{"type":"object","properties":{}},"description":"x"})");
    const auto computer = std::string(R"({"type":"computer_20250124","name":"computer","display_width_px":1024,"display_height_px":768})");
    const auto written = chat(hi + R"(,"tools":[)" + raw + "," + computer + R"(,{"type":"web_search_20250305","name":"web_search","max_uses":8},{"type":"bash_20250124","name":"bash"}])");
    EXPECT_EQ(at(written.body, "tools.0"), raw);
    EXPECT_EQ(at(written.body, "tools.1"), computer);
    EXPECT_EQ(at(written.body, "tools.2.max_uses"), "8");
    EXPECT_EQ(written.header("anthropic-beta"), "computer-use-2025-01-24");
}

TEST(AnthropicRequest, AComputerWithoutItsSizeIsRefused) {  // E006
    const auto written = chat(hi + R"(,"tools":[{"type":"computer_20250124","name":"computer","display_width_px":1024}])");
    EXPECT_EQ(written.failed.kind, FailureKind::invalid_request);
    EXPECT_NE(written.refusal.find("tools[0].display_height_px"), std::string::npos);
    const auto wrapped = chat(hi + R"(,"tools":[{"type":"computer_20250124","function":{"name":"computer","parameters":{"display_width_px":1,"display_height_px":2}}}])");
    EXPECT_EQ(at(wrapped.body, "tools.0"), R"({"type":"computer_20250124","name":"computer","display_width_px":1,"display_height_px":2})");
}

TEST(AnthropicRequest, McpToolsBecomeServers) {  // E007
    const auto written = chat(hi + R"(,"tools":[{"type":"mcp","server_label":"deepwiki","server_url":"https://mcp.example/sse","headers":{"Authorization":"Bearer T"},"allowed_tools":["ask"]}])");
    EXPECT_EQ(at(written.body, "mcp_servers.0"), R"({"type":"url","url":"https://mcp.example/sse","name":"deepwiki","authorization_token":"T","tool_configuration":{"enabled":true,"allowed_tools":["ask"]}})");
    EXPECT_EQ(at(written.body, "tools"), "");
    EXPECT_EQ(written.header("anthropic-beta"), "mcp-client-2025-04-04");
}

TEST(AnthropicRequest, ToolExtensionsAreTakenFromEitherPlace) {  // E008, E009
    const auto body = chat(hi + R"(,"tools":[{"type":"function","defer_loading":true,"allowed_callers":["direct"],"function":{"name":"f","input_examples":[{"x":"1"}],"cache_control":{"type":"ephemeral","ttl":"1h"},"parameters":{"type":"object","properties":{}}}},
        {"type":"tool_search_tool_regex_20251119","name":"tool_search_tool_regex","cache_control":{"type":"ephemeral"}}])").body;
    EXPECT_EQ(at(body, "tools.0.defer_loading"), "true");
    EXPECT_EQ(at(body, "tools.0.allowed_callers"), R"(["direct"])");
    EXPECT_EQ(at(body, "tools.0.input_examples"), R"([{"x":"1"}])");
    EXPECT_EQ(at(body, "tools.0.cache_control"), R"({"type":"ephemeral","ttl":"1h"})");
    EXPECT_EQ(at(body, "tools.1.cache_control"), "");
}

TEST(AnthropicRequest, CacheMarksAreHonouredWhereClientsPutThem) {  // E009, E010, E012
    const auto body = chat(R"("messages":[{"role":"system","content":"rules","cache_control":{"type":"ephemeral"}},
        {"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b"}]},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"},"cache_control":{"type":"ephemeral"}}]},
        {"role":"tool","tool_call_id":"c1","content":"r","cache_control":{"type":"ephemeral"}}],)" + tool).body;
    EXPECT_EQ(at(body, "system.0.cache_control.type"), "ephemeral");
    EXPECT_EQ(at(body, "messages.0.content.0.cache_control.type"), "ephemeral");
    EXPECT_EQ(at(body, "messages.1.content.0.cache_control.type"), "ephemeral");
    EXPECT_EQ(at(body, "messages.2.content.0.cache_control.type"), "ephemeral");
}

TEST(AnthropicRequest, NoMoreThanFourCacheMarksGoUpstream) {
    std::string messages;
    for (int i = 0; i < 7; ++i) messages += fmt::format(R"({}{{"role":"{}","content":[{{"type":"text","text":"t{}","cache_control":{{"type":"ephemeral"}}}}]}})", i ? "," : "", i % 2 ? "assistant" : "user", i);
    const auto written = chat(R"("messages":[)" + messages + "]");
    EXPECT_EQ(at(written.body, "messages.0.content"), "t0");  // the earliest go
    EXPECT_EQ(at(written.body, "messages.6.content.0.cache_control.type"), "ephemeral");
    EXPECT_TRUE(written.lost("messages[0].content[0].cache_control"));
    EXPECT_EQ(written.losses.size(), 3u);
}

TEST(AnthropicRequest, SystemTextsFromAnywhereStandInFront) {  // E013, E014, E019
    const auto body = chat(R"("messages":[{"role":"system","content":"one"},{"role":"user","content":"hi"},{"role":"developer","content":[{"type":"text","text":"two"},{"type":"text","text":" "}]},
        {"role":"system","content":"x-anthropic-billing-header: cc_version=1"},{"role":"system","content":""}])").body;
    EXPECT_EQ(canonical(at(body, "system")), canonical(R"([{"type":"text","text":"one"},{"type":"text","text":"two"}])"));
    EXPECT_EQ(at(body, "messages"), R"([{"role":"user","content":"hi"}])");
}

TEST(AnthropicRequest, ASystemPromptAloneIsNoConversation) {  // E015
    EXPECT_EQ(chat(R"("messages":[{"role":"system","content":"rules"}])").failed.status, 400);
    EXPECT_EQ(at(chat(R"("messages":[{"role":"system","content":"rules"}])", repairing()).body, "messages.0.content"), "Please continue.");
}

TEST(AnthropicRequest, AConversationThatTheAssistantBeginsIsRefusedOrRepaired) {  // E016
    const std::string sent = R"("messages":[{"role":"assistant","content":"Hello"},{"role":"user","content":"hi"}])";
    EXPECT_EQ(chat(sent).failed.param, "messages[0]");
    EXPECT_EQ(at(chat(sent, repairing()).body, "messages.0.role"), "user");
}

TEST(AnthropicRequest, TurnsOfOneRoleBecomeOne) {  // E017, E018
    const auto body = chat(R"("messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},
        {"role":"assistant","content":"t","reasoning_content":"unsigned","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
        {"role":"assistant","content":"u"},{"role":"user","content":"after"},{"role":"tool","tool_call_id":"c1","content":"r"}],)" + tool).body;
    EXPECT_EQ(canonical(at(body, "messages")), canonical(R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
        {"role":"assistant","content":[{"type":"text","text":"t"},{"type":"text","text":"u"},{"type":"tool_use","id":"c1","name":"f","input":{"x":1}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"r"},{"type":"text","text":"after"}]}])"));
}

TEST(AnthropicRequest, ThinkingStandsFirstWithItsSignature) {  // E018, E049, E085
    const auto written = chat(R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":"t","thinking_blocks":[{"type":"thinking","thinking":"hm","signature":"S"},{"type":"thinking","thinking":"","signature":"T"},{"type":"redacted_thinking","data":"R"}]},{"role":"user","content":"b"}])");
    EXPECT_EQ(canonical(at(written.body, "messages.1.content")), canonical(R"([{"type":"thinking","thinking":"hm","signature":"S"},{"type":"thinking","thinking":"","signature":"T"},{"type":"redacted_thinking","data":"R"},{"type":"text","text":"t"}])"));
    EXPECT_TRUE(written.losses.empty());
    const auto unsigned_ = chat(R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":"t","reasoning_content":"hm"},{"role":"user","content":"b"}])");
    EXPECT_EQ(at(unsigned_.body, "messages.1.content"), "t");
    EXPECT_EQ(unsigned_.losses.size(), 1u);
}

TEST(AnthropicRequest, APrefillLosesItsTrailingBlanksAndIsEchoed) {  // E020, E045
    const auto written = chat(R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":"{\"x\": \n","prefix":true}])");
    EXPECT_EQ(at(written.body, "messages.1.content"), "{\"x\":");
    EXPECT_EQ(written.memory.prefill, "{\"x\":");
    const auto answer = read_answer(anthropic_messages, R"({"type":"message","id":"msg_1","content":[{"type":"text","text":" 1}"}],"stop_reason":"end_turn"})", Mode::unary, whole, true, &written.memory);
    EXPECT_NE(answer.answer.find("text={\"x\": 1}"), std::string::npos);
}

TEST(AnthropicRequest, ARepeatedCallIsSentOnce) {  // E021
    const std::string call = R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]})";
    const std::string result = R"({"role":"tool","tool_call_id":"c1","content":"r"})";
    const auto body = chat(R"("messages":[{"role":"user","content":"a"},)" + call + "," + result + "," + call + "," + result + R"(,{"role":"user","content":"b"}],)" + tool).body;
    EXPECT_EQ(body.find("tool_use\""), body.rfind("tool_use\""));
    // Another call under the same id is another call.
    const auto other = chat(R"("messages":[{"role":"user","content":"a"},)" + call + "," + result + R"(,{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":2}"}}]},)" + result + "]," + tool).body;
    EXPECT_EQ(at(other, "messages.3.content.0.input"), R"({"x":2})");
    EXPECT_EQ(at(other, "messages.4.content.0.tool_use_id"), at(other, "messages.3.content.0.id"));
}

TEST(AnthropicRequest, CallIdsFitTheAlphabetAndStayDistinct) {  // E022, CC-4
    const auto body = chat(R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"call.1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"call:1","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"call:1","content":"two"},{"role":"tool","tool_call_id":"call.1","content":"one"}],)" + tool).body;
    const auto one = at(body, "messages.1.content.0.id"), two = at(body, "messages.1.content.1.id");
    EXPECT_NE(one, two);
    EXPECT_EQ(at(body, "messages.2.content.0.tool_use_id"), two);
    EXPECT_EQ(at(body, "messages.2.content.1.tool_use_id"), one);
}

TEST(AnthropicRequest, LegacyFunctionCallsArePaired) {  // E023
    const auto body = chat(R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"r"}],"functions":[{"name":"f","parameters":{"type":"object","properties":{}}}])").body;
    EXPECT_EQ(at(body, "messages.2.content.0.tool_use_id"), at(body, "messages.1.content.0.id"));
}

TEST(AnthropicRequest, ArgumentsAreAnObjectOrRefused) {  // E024
    const auto with = [](std::string_view arguments, const Target& target = sonnet45) {
        return chat(R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":)" + json::quoted(arguments) + R"(}}]},{"role":"tool","tool_call_id":"c1","content":"r"}],)" + tool, target);
    };
    EXPECT_EQ(at(with("").body, "messages.1.content.0.input"), "{}");
    EXPECT_NE(with("{\"x\":").refusal.find("\"f\""), std::string::npos);
    EXPECT_EQ(at(with("{\"x\":", repairing()).body, "messages.1.content.0.input"), R"({"_raw":"{\"x\":"})");
    EXPECT_EQ(at(with("\"{\\\"x\\\":1}\"", repairing()).body, "messages.1.content.0.input"), R"({"x":1})");
}

TEST(AnthropicRequest, CallsAndResultsComeInPairs) {  // E025
    const std::string call = R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]})";
    const std::string open = R"("messages":[{"role":"user","content":"a"},)" + call + R"(,{"role":"user","content":"b"}],)" + tool;
    EXPECT_NE(chat(open).refusal.find("c1"), std::string::npos);
    EXPECT_EQ(at(chat(open, repairing()).body, "messages.2.content.0.tool_use_id"), "c1");
    const std::string last = R"("messages":[{"role":"user","content":"a"},)" + call + "]," + tool;
    EXPECT_NE(chat(last).refusal.find("c1"), std::string::npos);
    EXPECT_EQ(at(chat(last, repairing()).body, "messages.2.content.0.type"), "tool_result");
    const std::string orphan = R"("messages":[{"role":"user","content":"a"},{"role":"tool","tool_call_id":"zz","content":"r"}],)" + tool;
    EXPECT_NE(chat(orphan).refusal.find("zz"), std::string::npos);
    EXPECT_EQ(at(chat(orphan, repairing()).body, "messages"), R"([{"role":"user","content":"a"}])");
    const std::string empty = R"("messages":[{"role":"user","content":"a"},)" + call + R"(,{"role":"tool","tool_call_id":"c1","content":""}],)" + tool;
    EXPECT_EQ(at(chat(empty).body, "messages.2.content.0.content"), "");
    EXPECT_EQ(at(chat(empty, repairing()).body, "messages.2.content.0.content"), "(empty result)");
}

TEST(AnthropicRequest, ToolsOfTheHistoryAreDeclared) {  // E026
    const auto body = chat(R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}])").body;
    EXPECT_EQ(at(body, "tools"), R"([{"name":"f","input_schema":{"type":"object","properties":{}}}])");
    EXPECT_EQ(at(body, "tool_choice.type"), "none");
}

TEST(AnthropicRequest, ToolResultsKeepTextAndImages) {  // E027
    const auto body = chat(R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"r"},{"type":"image_url","image_url":{"url":"https://a.example/i.png"}}]}],)" + tool).body;
    EXPECT_EQ(canonical(at(body, "messages.2.content.0.content")), canonical(R"([{"type":"text","text":"r"},{"type":"image","source":{"type":"url","url":"https://a.example/i.png"}}])"));
}

TEST(AnthropicRequest, MaxTokensIsAlwaysThere) {  // E028
    EXPECT_EQ(at(chat(hi).body, "max_tokens"), "4096");
    Target known = sonnet45;
    known.max_output_tokens = 64000;
    EXPECT_EQ(at(chat(hi, known).body, "max_tokens"), "64000");
    EXPECT_EQ(at(chat(hi + R"(,"max_tokens":10.6)").body, "max_tokens"), "11");
    const auto clamped = chat(hi + R"(,"max_completion_tokens":100000)", known);
    EXPECT_EQ(at(clamped.body, "max_tokens"), "64000");
    EXPECT_TRUE(clamped.lost("max_completion_tokens"));
}

TEST(AnthropicRequest, ThinkingBudgetsStayBelowTheLimit) {  // E029, E033
    const auto high = chat(hi + R"(,"reasoning_effort":"high")");
    EXPECT_EQ(at(high.body, "thinking"), R"({"type":"enabled","budget_tokens":4096})");
    EXPECT_EQ(at(high.body, "max_tokens"), "8192");
    EXPECT_EQ(at(chat(hi + R"(,"reasoning_effort":"medium","max_tokens":9000)").body, "thinking.budget_tokens"), "2048");
    EXPECT_EQ(at(chat(hi + R"(,"reasoning_effort":"minimal")").body, "thinking.budget_tokens"), "1024");
    EXPECT_EQ(at(chat(hi + R"(,"reasoning_effort":"low")").body, "thinking.budget_tokens"), "1024");
    const auto tight = chat(hi + R"(,"reasoning_effort":"high","max_tokens":3000)");
    EXPECT_EQ(at(tight.body, "thinking.budget_tokens"), "1500");
    EXPECT_TRUE(tight.lost("reasoning_effort"));
    const auto none = chat(hi + R"(,"reasoning_effort":"high","max_tokens":500)");
    EXPECT_EQ(at(none.body, "thinking"), "");
    EXPECT_TRUE(none.lost("reasoning_effort"));
}

TEST(AnthropicRequest, NewerModelsThinkAdaptively) {  // E033
    const auto high = chat(hi + R"(,"reasoning_effort":"high")", opus46);
    EXPECT_EQ(at(high.body, "thinking"), R"({"type":"adaptive"})");
    EXPECT_EQ(at(high.body, "output_config"), R"({"effort":"high"})");
    EXPECT_EQ(at(chat(hi + R"(,"reasoning_effort":"max")", opus46).body, "output_config.effort"), "max");
    const auto lowered = chat(hi + R"(,"reasoning_effort":"max")", {.model = "claude-sonnet-4-6"});
    EXPECT_EQ(at(lowered.body, "output_config.effort"), "high");
    EXPECT_TRUE(lowered.lost("reasoning_effort"));  // E182
}

TEST(AnthropicRequest, ABudgetOfTheClientsOwnStaysWhereTheModelTakesOne) {  // E049
    EXPECT_EQ(at(chat(hi + R"(,"max_tokens":20000,"thinking":{"type":"enabled","budget_tokens":7000})", opus46).body, "thinking"), R"({"type":"enabled","budget_tokens":7000})");
    EXPECT_EQ(at(chat(hi + R"(,"max_tokens":20000,"thinking":{"type":"enabled","budget_tokens":7000})", {.model = "claude-opus-4-7"}).body, "thinking"), R"({"type":"adaptive"})");
    EXPECT_EQ(at(chat(hi + R"(,"reasoning_effort":"none")").body, "thinking"), R"({"type":"disabled"})");
}

TEST(AnthropicRequest, ThinkingExcludesForcedCallsAndOtherTemperatures) {  // E030
    const auto forced = chat(hi + "," + tool + R"(,"tool_choice":"required","reasoning_effort":"low")");
    EXPECT_EQ(at(forced.body, "tool_choice.type"), "any");
    EXPECT_EQ(at(forced.body, "thinking"), "");
    EXPECT_TRUE(forced.lost("reasoning_effort"));
    const auto warm = chat(hi + R"(,"temperature":0.3,"reasoning_effort":"low")");
    EXPECT_EQ(at(warm.body, "temperature"), "");
    EXPECT_TRUE(warm.lost("temperature"));
    EXPECT_EQ(at(chat(hi + R"(,"temperature":1.7)").body, "temperature"), "1");
}

TEST(AnthropicRequest, StopSequencesOfBlanksAreLeftOut) {  // E031
    EXPECT_EQ(at(chat(hi + R"(,"stop":"END")").body, "stop_sequences"), R"(["END"])");
    const auto blanks = chat(hi + R"(,"stop":["\n\n","END"," "])");
    EXPECT_EQ(at(blanks.body, "stop_sequences"), R"(["END"])");
    EXPECT_EQ(blanks.losses.size(), 2u);
}

TEST(AnthropicRequest, TheUserGoesUnlessItNamesAPerson) {  // E032
    EXPECT_EQ(at(chat(hi + R"(,"user":"u-17")").body, "metadata"), R"({"user_id":"u-17"})");
    EXPECT_EQ(at(chat(hi + R"(,"user":"a@example.com")").body, "metadata"), "");
    EXPECT_TRUE(chat(hi + R"(,"user":"+49 170 1234567")").lost("user"));
}

TEST(AnthropicRequest, ThinkingIsOffWhenTheLastCallsCarryNone) {  // E034
    const std::string history = R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}],)" + tool;
    const auto written = chat(history + R"(,"reasoning_effort":"high")");
    EXPECT_EQ(at(written.body, "thinking"), "");
    EXPECT_TRUE(written.lost("reasoning_effort"));
}

const std::string person = R"("response_format":{"type":"json_schema","json_schema":{"name":"person","strict":true,"schema":{"type":"object","properties":{"name":{"type":"string","maxLength":9},"home":{"$ref":"#/$defs/place"}},"required":["name","home"],"$defs":{"place":{"type":"object","properties":{"city":{"type":["string","null"]}}}}}}})";

TEST(AnthropicRequest, SchemasGoNativelyWhereTheModelKnowsThem) {  // E035
    const auto body = chat(hi + "," + person).body;
    EXPECT_EQ(canonical(at(body, "output_config.format")), canonical(R"({"type":"json_schema","schema":{"type":"object","properties":{"name":{"type":"string","description":"{maxLength: 9}"},
        "home":{"type":"object","properties":{"city":{"anyOf":[{"type":"string"},{"type":"null"}]}},"additionalProperties":false}},"required":["name","home"],"additionalProperties":false}})"));
    EXPECT_EQ(at(body, "tools"), "");
}

TEST(AnthropicRequest, OlderModelsAnswerThroughATool) {  // E036
    const auto written = chat(hi + "," + person, sonnet4);
    EXPECT_EQ(at(written.body, "tool_choice.type"), "tool");
    EXPECT_EQ(at(written.body, "tool_choice.name"), written.memory.json_tool);
    const auto call = R"({"type":"message","id":"msg_1","content":[{"type":"tool_use","id":"t1","name":")" + written.memory.json_tool + R"(","input":{"name":"A"}}],"stop_reason":"tool_use"})";
    const auto answer = read_answer(anthropic_messages, call, Mode::unary, whole, true, &written.memory);
    EXPECT_EQ(answer.stop, llm::StopReason::stop);
    EXPECT_NE(answer.answer.find(R"(text={"name":"A"})"), std::string::npos);
    const auto wrapped = R"({"type":"message","id":"msg_1","content":[{"type":"tool_use","id":"t1","name":")" + written.memory.json_tool + R"(","input":{"values":{"name":"A"}}}],"stop_reason":"tool_use"})";
    EXPECT_NE(read_answer(anthropic_messages, wrapped, Mode::unary, whole, true, &written.memory).answer.find(R"(text={"name":"A"})"), std::string::npos);
    const auto thinking = chat(hi + "," + person + R"(,"reasoning_effort":"low")", sonnet4);
    EXPECT_EQ(at(thinking.body, "tool_choice.type"), "auto");
    EXPECT_EQ(at(thinking.body, "thinking.type"), "enabled");
}

TEST(AnthropicRequest, AListIsAskedForInAnEnvelope) {  // E036
    const auto written = chat(hi + R"(,"response_format":{"type":"json_schema","json_schema":{"name":"l","schema":{"type":"array","items":{"type":"string"}}}})", sonnet4);
    EXPECT_EQ(canonical(at(written.body, "tools.0.input_schema")), canonical(R"({"type":"object","properties":{"values":{"type":"array","items":{"type":"string"}}},"required":["values"]})"));
    const auto own = chat(hi + R"(,"response_format":{"type":"json_schema","json_schema":{"name":"l","schema":{"type":"object","properties":{"values":{"type":"array"}}}}})", sonnet4);
    EXPECT_FALSE(own.memory.json_tool_envelope);
}

TEST(AnthropicRequest, AnyJsonObjectIsAskedForByATool) {  // E037
    const auto written = chat(hi + R"(,"response_format":{"type":"json_object"})");
    EXPECT_EQ(at(written.body, "tools.0.input_schema.additionalProperties"), "true");
    EXPECT_EQ(at(written.body, "tool_choice.type"), "tool");
    EXPECT_EQ(at(chat(hi + "," + tool + R"(,"response_format":{"type":"json_object"})").body, "tool_choice.type"), "any");
}

TEST(AnthropicRequest, StructuredOutputAfterToolsOfTheHistory) {  // E026, E037
    const auto body = chat(R"("messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}],"response_format":{"type":"json_object"})").body;
    EXPECT_EQ(at(body, "tools.1.name"), "f");
    EXPECT_EQ(at(body, "tool_choice.name"), at(body, "tools.0.name"));
}

TEST(AnthropicRequest, EnginesOfOtherMakersGetTheirThinkingBack) {  // E091
    const Target engine{.provider = "lab", .model = "qwen3", .quirks = static_cast<std::uint32_t>(Quirk::replays_reasoning)};
    const auto written = write(openai_chat, anthropic_messages, R"({"model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"t","reasoning_content":"hm"},{"role":"user","content":"b"}]})", engine);
    EXPECT_EQ(at(written.body, "messages.1.content.0.thinking"), "hm");
    EXPECT_TRUE(written.losses.empty());
}

TEST(AnthropicRequest, BetasAreMergedOnce) {  // E038
    const auto written = chat(hi + R"(,"tools":[{"type":"computer_20250124","name":"computer","display_width_px":1,"display_height_px":1}])", sonnet45, {.anthropic_beta = "a-1, computer-use-2025-01-24 ,a-1,b-2"});
    EXPECT_EQ(written.header("anthropic-beta"), "a-1,computer-use-2025-01-24,b-2");
    EXPECT_EQ(written.header("anthropic-version"), "2023-06-01");
}

TEST(AnthropicRequest, ImagesGoAsUrlOrBytes) {  // E041, E042
    const auto image = [](std::string_view url) { return chat(R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":")" + std::string(url) + R"("}}]}])"); };
    EXPECT_EQ(at(image("https://a.example/i.png").body, "messages.0.content.0.source"), R"({"type":"url","url":"https://a.example/i.png"})");
    EXPECT_EQ(at(image("data:image/jpeg;base64,iVBORw0KGgoAAAANSUhEUg==").body, "messages.0.content.0.source.media_type"), "image/png");
    EXPECT_EQ(at(image("data:;base64,/9j/4AAQSkZJRg==").body, "messages.0.content.0.source.media_type"), "image/jpeg");
    const auto plain = image("http://a.example/i.png");
    EXPECT_EQ(plain.failed.kind, FailureKind::unsupported_feature);
    EXPECT_EQ(plain.failed.param, "messages[0].content[0]");
    EXPECT_EQ(image("data:image/tiff;base64,SUkqAA==").failed.kind, FailureKind::unsupported_feature);
}

TEST(AnthropicRequest, FilesBecomeDocuments) {  // E043, E044
    const auto file = [](std::string_view inner) { return chat(R"("messages":[{"role":"user","content":[{"type":"file","file":)" + std::string(inner) + "}]}]"); };
    EXPECT_EQ(canonical(at(file(R"({"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0xLjQ="})").body, "messages.0.content.0")),
              canonical(R"({"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQ="},"title":"a.pdf"})"));
    EXPECT_EQ(at(file(R"({"filename":"a.txt","file_data":"data:text/plain;base64,aGk="})").body, "messages.0.content.0.source"), R"({"type":"text","media_type":"text/plain","data":"hi"})");
    const auto by_id = file(R"({"file_id":"file_1"})");
    EXPECT_EQ(at(by_id.body, "messages.0.content.0.source"), R"({"type":"file","file_id":"file_1"})");
    EXPECT_EQ(by_id.header("anthropic-beta"), "files-api-2025-04-14");
    const auto table = file(R"({"file_id":"file_1","format":"text/csv"})");
    EXPECT_EQ(at(table.body, "messages.0.content.0"), R"({"type":"container_upload","file_id":"file_1"})");
    EXPECT_EQ(at(table.body, "tools.0.type"), "code_execution_20250825");
    EXPECT_EQ(file(R"({"filename":"a.docx","file_data":"data:application/msword;base64,AAAA"})").failed.kind, FailureKind::unsupported_feature);
}

TEST(AnthropicRequest, WebSearchOptionsBecomeTheSearchTool) {  // E046
    const auto body = chat(hi + R"(,"web_search_options":{"search_context_size":"high","user_location":{"type":"approximate","approximate":{"country":"DE","city":"Berlin"}}})").body;
    EXPECT_EQ(canonical(at(body, "tools.0")), canonical(R"({"type":"web_search_20250305","name":"web_search","max_uses":10,"user_location":{"type":"approximate","city":"Berlin","country":"DE"}})"));
    EXPECT_EQ(at(chat(hi + R"(,"web_search_options":{})").body, "tools.0.max_uses"), "5");
    EXPECT_EQ(at(chat(hi + R"(,"web_search_options":{"search_context_size":"low"})").body, "tools.0.max_uses"), "1");
}

TEST(AnthropicRequest, WhatHasNoPlaceIsReportedByItsWeight) {  // E047, E236, E248
    const auto written = chat(hi + R"(,"n":2,"logprobs":true,"seed":1,"logit_bias":{"1":2},"frequency_penalty":0.5,"presence_penalty":0.5,"store":true,"prompt_cache_key":"k","brand_new":1)");
    for (const auto* path : {"n", "logprobs", "seed", "logit_bias", "frequency_penalty", "presence_penalty", "store", "prompt_cache_key", "brand_new"}) EXPECT_TRUE(written.lost(path)) << path;
    ASSERT_NE(written.losses.first_contract(), nullptr);
    EXPECT_EQ(chat(hi + R"(,"seed":1,"n":1)").losses.first_contract(), nullptr);
    EXPECT_EQ(chat(R"("messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}])").losses.first_contract()->path, "messages[0].content[1]");
}

TEST(AnthropicRequest, CompactionBecomesAnEdit) {  // E048
    const auto written = chat(hi + R"(,"context_management":[{"type":"compaction","compact_threshold":200000},{"type":"clear_tool_uses_20250919"}])");
    EXPECT_EQ(canonical(at(written.body, "context_management")), canonical(R"({"edits":[{"type":"compact_20260112","trigger":{"type":"input_tokens","value":200000}},{"type":"clear_tool_uses_20250919"}]})"));
    EXPECT_EQ(written.header("anthropic-beta"), "compact-2026-01-12,context-management-2025-06-27");
}

TEST(AnthropicRequest, TheSameRequestGivesTheSameBytes) {  // E271
    EXPECT_EQ(chat(hi + "," + tool + "," + person).body, chat(hi + "," + tool + "," + person).body);
}

TEST(AnthropicRequest, FreeTextToolsBecomeFunctionsAndComeBack) {  // E160
    const auto written = chat(hi + R"(,"tools":[{"type":"custom","custom":{"name":"patch","description":"d","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"start: A"}}}}])");
    EXPECT_EQ(at(written.body, "tools.0.input_schema.required"), R"(["input"])");
    EXPECT_NE(at(written.body, "tools.0.description").find("start: A"), std::string::npos);
    const auto answer = read_answer(anthropic_messages, R"({"type":"message","id":"m","content":[{"type":"tool_use","id":"t","name":"patch","input":{"input":"*** Begin\n"}}],"stop_reason":"tool_use"})", Mode::unary, whole, true, &written.memory);
    EXPECT_NE(answer.events[2].find("text=*** Begin\n"), std::string::npos);
}

TEST(AnthropicRequest, OnlyTheAllowedToolsAreDeclared) {
    const auto body = chat(hi + R"(,"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}})").body;
    EXPECT_EQ(at(body, "tools.0.name"), "g");
    EXPECT_EQ(at(body, "tools.1"), "");
    EXPECT_EQ(at(body, "tool_choice.type"), "any");
}

TEST(AnthropicRequest, LongToolNamesAreShortenedAndRestored) {  // E072
    const std::string name(150, 'a');
    const auto written = chat(hi + R"(,"tools":[{"type":"function","function":{"name":")" + name + R"("}}])");
    const auto given = at(written.body, "tools.0.name");
    EXPECT_LE(given.size(), 128u);
    const auto answer = read_answer(anthropic_messages, R"({"type":"message","id":"m","content":[{"type":"tool_use","id":"t","name":")" + given + R"(","input":{}}],"stop_reason":"tool_use"})", Mode::unary, whole, true, &written.memory);
    EXPECT_NE(answer.answer.find(name), std::string::npos);
}

}  // namespace
}  // namespace gotthard::dialect::testing
