// Writing for chat upstreams, above all what came from an Anthropic client (edge-cases.md section 3 and 7, clients.md section 2).
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "dialect/openai_chat_support.hpp"

namespace gotthard::dialect::testing {
namespace {

const Target openai{.provider = "openai", .model = "gpt-4.1"};
const Target reasoner{.provider = "openai", .model = "gpt-5"};
const Target engine{.provider = "vllm",
                    .model = "qwen3-8b",
                    .quirks = Quirk::own_engine | Quirk::max_tokens_key | Quirk::knows_top_k | Quirk::replays_reasoning |
                              Quirk::no_developer_role};
const Target mistral{.provider = "mistral",
                     .model = "mistral-large",
                     .quirks = Quirk::max_tokens_key | Quirk::no_developer_role | Quirk::tool_choice_any |
                               Quirk::strip_schema_keywords | Quirk::nine_character_call_ids | Quirk::random_seed |
                               Quirk::no_stream_options};
const Target openrouter{.provider = "openrouter",
                        .model = "anthropic/claude-sonnet-5",
                        .quirks = Quirk::keeps_cache_control | Quirk::reasoning_field | Quirk::knows_top_k};

constexpr std::string_view hello = R"([{"role":"user","content":"hi"}])";

Written from_anthropic(std::string_view messages, std::string_view more = {}, const Target& target = openai) {
    auto written = write(anthropic_messages, openai_chat, anthropic_request(messages, more), target);
    EXPECT_EQ(written.refusal, "");
    EXPECT_EQ(refusal_of_chat(written.body), target.provider == "openai" ? "" : refusal_of_chat(written.body)) << written.body;
    return written;
}
Written from_chat(std::string_view messages, std::string_view more = {}, const Target& target = openai) {
    auto written = write(openai_chat, openai_chat, chat_request(messages, more), target);
    EXPECT_EQ(written.refusal, "");
    return written;
}
constexpr std::string_view one_tool = R"(,"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}])";
constexpr std::string_view called =
    R"([{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"text","text":"Let me"},{"type":"text","text":" see"},{"type":"tool_use","id":"a","name":"f","input":{"x":1}},{"type":"tool_use","id":"b","name":"f","input":{}}]},)";

TEST(ChatUpstream, SystemTextsStandWhereTheyStoodAndTheBillingHeaderIsDropped) {  // E014, CC-7, CC-8, clients 2.4
    const auto written = from_anthropic(
        R"([{"role":"user","content":"hi"},{"role":"system","content":"mid"},{"role":"user","content":"more"}])",
        R"(,"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2;"},{"type":"text","text":"You are"},{"type":"text","text":"helpful","cache_control":{"type":"ephemeral"}}])");
    EXPECT_EQ(at(written.body, "messages.0.role"), "system");
    EXPECT_EQ(at(written.body, "messages.0.content"), "You are\n\nhelpful");
    EXPECT_EQ(at(written.body, "messages.2.role"), "system");
    EXPECT_EQ(at(written.body, "messages.2.content"), "mid");
    EXPECT_TRUE(written.lost("system[2].cache_control"));  // E076
    EXPECT_TRUE(written.lost("system[0]"));
    EXPECT_EQ(written.losses.first_contract(), nullptr);
}

TEST(ChatUpstream, ToolResultsFollowTheirCallsBeforeTheTextOfTheSameTurn) {  // E069, E070
    const auto written = from_anthropic(
        std::string(called) +
            R"({"role":"user","content":[{"type":"text","text":"and"},{"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"1"},{"type":"text","text":"2"}]},
        {"type":"tool_result","tool_use_id":"a"},{"type":"text","text":"go on"}]}])",
        one_tool);
    EXPECT_EQ(at(written.body, "messages.1.content"), "Let me see");
    EXPECT_EQ(at(written.body, "messages.1.tool_calls.0.function.arguments"), R"({"x":1})");
    EXPECT_EQ(at(written.body, "messages.1.tool_calls.1.function.arguments"), "{}");
    EXPECT_EQ(at(written.body, "messages.2.role"), "tool");
    EXPECT_EQ(at(written.body, "messages.2.tool_call_id"), "b");
    EXPECT_EQ(at(written.body, "messages.2.content"), "1\n2");
    EXPECT_EQ(at(written.body, "messages.3.tool_call_id"), "a");
    EXPECT_EQ(at(written.body, "messages.3.content"), "");
    EXPECT_EQ(at(written.body, "messages.4.role"), "user");
    EXPECT_EQ(at(written.body, "messages.4.content.0.text"), "and");
    EXPECT_EQ(at(written.body, "messages.4.content.1.text"), "go on");
    EXPECT_EQ(at(written.body, "messages.5"), "");
}

TEST(ChatUpstream, ASystemMessageBetweenCallAndResultDoesNotPartThem) {  // CC-7
    const auto written = from_anthropic(
        std::string(called) +
            R"({"role":"system","content":"note"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"1"},{"type":"tool_result","tool_use_id":"b","content":"2"}]}])",
        one_tool);
    EXPECT_EQ(at(written.body, "messages.2.role"), "tool");
    EXPECT_EQ(at(written.body, "messages.3.role"), "tool");
    EXPECT_EQ(at(written.body, "messages.4.content"), "note");
}

TEST(ChatUpstream, ErrorsOfToolsStayVisible) {  // E068
    const auto written = from_anthropic(
        std::string(called) +
            R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"no such file","is_error":true},{"type":"tool_result","tool_use_id":"b","content":"ok","is_error":false}]}])",
        one_tool);
    EXPECT_EQ(at(written.body, "messages.2.content"), "Tool error: no such file");
    EXPECT_EQ(at(written.body, "messages.3.content"), "ok");
}

TEST(ChatUpstream, ImagesOfAResultGoIntoTheNextUserMessage) {  // E069, wire-formats 10.2
    const auto written = from_anthropic(
        std::string(called) +
            R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},
        {"type":"tool_result","tool_use_id":"b","content":"ok"},{"type":"text","text":"look"}]}])",
        one_tool);
    EXPECT_FALSE(at(written.body, "messages.2.content").empty());
    EXPECT_EQ(at(written.body, "messages.3.role"), "tool");
    EXPECT_EQ(at(written.body, "messages.4.content.0.image_url.url"), "data:image/png;base64,AAAA");
    EXPECT_EQ(at(written.body, "messages.4.content.1.text"), "look");
}

TEST(ChatUpstream, UnansweredCallsAndOrphanResultsAreRefusedOrRepaired) {  // wire-formats 1.2 rule 3
    const std::string open =
        std::string(called) + R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"1"}]}])";
    const auto refused = write(anthropic_messages, openai_chat, anthropic_request(open, one_tool), openai);
    EXPECT_NE(refused.refusal.find("'b'"), std::string::npos);
    Target repairing = openai;
    repairing.repair = true;
    EXPECT_EQ(at(from_anthropic(open, one_tool, repairing).body, "messages.3.tool_call_id"), "b");
    constexpr std::string_view orphan =
        R"([{"role":"user","content":[{"type":"tool_result","tool_use_id":"z","content":"1"},{"type":"text","text":"x"}]}])";
    EXPECT_NE(write(anthropic_messages, openai_chat, anthropic_request(orphan), openai).refusal.find("'z'"), std::string::npos);
    EXPECT_EQ(at(from_anthropic(orphan, {}, repairing).body, "messages.0.content"), "x");
}

TEST(ChatUpstream, MediaGoInTheirOpenAiForms) {  // E071
    const auto written = from_anthropic(
        R"([{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x/y.png"}},{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0x"},"title":"Report"},
        {"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain"},"title":"T"}]}])");
    EXPECT_EQ(at(written.body, "messages.0.content.0.image_url.url"), "https://x/y.png");
    EXPECT_EQ(at(written.body, "messages.0.content.1.type"), "file");
    EXPECT_EQ(at(written.body, "messages.0.content.1.file.file_data"), "data:application/pdf;base64,JVBERi0x");
    EXPECT_EQ(at(written.body, "messages.0.content.1.file.filename"), "Report");
    EXPECT_EQ(at(written.body, "messages.0.content.2.text"), "T\n\nplain");
    const auto local = from_anthropic(
        R"([{"role":"user","content":[{"type":"text","text":"x"},{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0x"}}]}])",
        {}, engine);
    ASSERT_NE(local.losses.first_contract(), nullptr);
    EXPECT_EQ(local.losses.first_contract()->path, "messages[0].content[1]");
}

TEST(ChatUpstream, ToolChoiceAndParallelCallsAreMapped) {  // E066, E067, wire-formats 10.3
    const std::pair<std::string_view, std::string_view> rows[] = {
        {R"({"type":"auto"})", "auto"},
        {R"({"type":"any"})", "required"},
        {R"({"type":"none"})", "none"},
        {R"({"type":"tool","name":"f"})", R"({"type":"function","function":{"name":"f"}})"}};
    for (const auto& [choice, expected] : rows)
        EXPECT_EQ(at(from_anthropic(hello, fmt::format(R"({},"tool_choice":{})", one_tool, choice)).body, "tool_choice"),
                  expected);
    EXPECT_EQ(
        at(from_anthropic(hello, fmt::format(R"({},"tool_choice":{{"type":"auto","disable_parallel_tool_use":true}})", one_tool))
               .body,
           "parallel_tool_calls"),
        "false");
    EXPECT_EQ(at(from_anthropic(hello, R"(,"tool_choice":{"type":"auto"})").body, "tool_choice"), "");
    EXPECT_EQ(at(from_anthropic(hello, fmt::format(R"({},"tool_choice":{})", one_tool, R"({"type":"any"})"), mistral).body,
                 "tool_choice"),
              "any");  // E184
}

TEST(ChatUpstream, LongToolNamesAreShortenedEverywhereAlikeAndRemembered) {  // E072
    const std::string name(70, 'n');
    const auto written = from_anthropic(
        fmt::format(
            R"([{{"role":"assistant","content":[{{"type":"tool_use","id":"a","name":"{0}","input":{{}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"a","content":"1"}}]}}])",
            name),
        fmt::format(
            R"(,"tools":[{{"name":"{0}","input_schema":{{"type":"object"}}}}],"tool_choice":{{"type":"tool","name":"{0}"}})",
            name));
    const auto sent = at(written.body, "tools.0.function.name");
    EXPECT_EQ(sent.size(), 64u);
    EXPECT_EQ(at(written.body, "messages.0.tool_calls.0.function.name"), sent);
    EXPECT_EQ(at(written.body, "tool_choice.function.name"), sent);
    ASSERT_EQ(written.memory.tool_names.size(), 1u);
    EXPECT_EQ(written.memory.tool_names[0], (std::pair<std::string, std::string>{sent, name}));
}

TEST(ChatUpstream, SchemasLoseWhatWouldBeRefusedAndNothingElse) {  // E004, E183, E185, wire-formats 10.3 rule 5
    constexpr std::string_view tools =
        R"(,"tools":[{"name":"f","strict":true,"input_schema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"strict":{"type":"string","enum":["$schema"]},"o":{"type":"object","additionalProperties":false}},"additionalProperties":false}}])";
    const auto written = from_anthropic(hello, tools);
    EXPECT_EQ(
        at(written.body, "tools.0.function.parameters"),
        R"({"type":"object","properties":{"strict":{"type":"string","enum":["$schema"]},"o":{"type":"object","additionalProperties":false}},"additionalProperties":false})");
    EXPECT_TRUE(written.lost("tools[0].strict"));  // not every property is required
    const auto stripped = from_anthropic(hello, tools, mistral);
    EXPECT_EQ(at(stripped.body, "tools.0.function.parameters"),
              R"({"type":"object","properties":{"strict":{"type":"string","enum":["$schema"]},"o":{"type":"object"}}})");
    EXPECT_EQ(at(from_anthropic(hello, R"(,"tools":[{"name":"f","input_schema":{}}])").body, "tools.0.function.parameters"),
              R"({"type":"object","properties":{}})");
}

TEST(ChatUpstream, StrictSchemasStayStrict) {
    const auto written = from_anthropic(
        hello,
        R"(,"tools":[{"name":"f","strict":true,"input_schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}])");
    EXPECT_EQ(at(written.body, "tools.0.function.strict"), "true");
}

TEST(ChatUpstream, HostedToolsAreMappedOrToldAsLosses) {  // E073, CC-10
    constexpr std::string_view search =
        R"(,"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":8}],"tool_choice":{"type":"tool","name":"web_search"})";
    const auto perplexity = from_anthropic(hello, search, {.provider = "perplexity", .model = "sonar"});
    EXPECT_EQ(at(perplexity.body, "web_search_options"), "{}");
    EXPECT_EQ(at(perplexity.body, "tools"), "");
    const auto plain = from_anthropic(hello, search);
    EXPECT_EQ(at(plain.body, "tool_choice"), "");
    EXPECT_TRUE(plain.lost("tools[0]"));
    EXPECT_EQ(plain.losses.first_contract(), nullptr);
    EXPECT_NE(
        from_anthropic(hello, R"(,"tools":[{"type":"code_execution_20250825","name":"code_execution"}])").losses.first_contract(),
        nullptr);
}

TEST(ChatUpstream, DeferredToolsAreSentAndTheirPlaceholderIsNot) {  // CC-9
    const auto written = from_anthropic(
        R"([{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"ToolSearch","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference","tool_name":"Grep"}]},{"type":"text","text":"Tool loaded."}]}])",
        R"(,"tools":[{"name":"DeferredToolPlaceholder","input_schema":{"type":"object"},"defer_loading":true},{"name":"Grep","input_schema":{"type":"object"},"defer_loading":true}])");
    EXPECT_EQ(at(written.body, "tools.0.function.name"), "Grep");
    EXPECT_EQ(at(written.body, "tools.1"), "");
    EXPECT_EQ(at(written.body, "messages.2.content"), "Loaded tool: Grep");
    EXPECT_EQ(at(written.body, "messages.3.content"), "Tool loaded.");
}

TEST(ChatUpstream, ThinkingBecomesEffort) {  // E074, E182, wire-formats 10.4
    const std::pair<int, std::string_view> budgets[] = {{31999, "high"}, {10000, "high"}, {9999, "medium"}, {5000, "medium"},
                                                        {4999, "low"},   {2000, "low"},   {1999, "minimal"}};
    for (const auto& [budget, effort] : budgets)
        EXPECT_EQ(
            at(from_anthropic(hello, fmt::format(R"(,"thinking":{{"type":"enabled","budget_tokens":{}}})", budget), reasoner)
                   .body,
               "reasoning_effort"),
            effort);
    EXPECT_EQ(at(from_anthropic(hello, R"(,"thinking":{"type":"adaptive"},"output_config":{"effort":"medium"})", reasoner).body,
                 "reasoning_effort"),
              "medium");
    const auto capped = from_anthropic(hello, R"(,"output_config":{"effort":"max"})", reasoner);
    EXPECT_EQ(at(capped.body, "reasoning_effort"), "high");
    EXPECT_TRUE(capped.lost("output_config.effort"));
    const auto plain = from_anthropic(hello, R"(,"thinking":{"type":"enabled","budget_tokens":31999,"display":"omitted"})");
    EXPECT_EQ(at(plain.body, "reasoning_effort"), "");
    EXPECT_TRUE(plain.lost("thinking"));
    EXPECT_TRUE(plain.lost("thinking.display"));  // CC-8
    EXPECT_TRUE(from_anthropic(hello, R"(,"thinking":{"type":"disabled"})", reasoner).lost("thinking"));
    EXPECT_EQ(at(from_anthropic(hello, R"(,"thinking":{"type":"disabled"})", {.provider = "openai", .model = "gpt-5.1"}).body,
                 "reasoning_effort"),
              "none");
    EXPECT_EQ(at(from_anthropic(hello, R"(,"thinking":{"type":"enabled","budget_tokens":4000})", openrouter).body,
                 "reasoning.max_tokens"),
              "4000");
    EXPECT_EQ(at(from_anthropic(hello, R"(,"thinking":{"type":"enabled","budget_tokens":4000})",
                                {.provider = "deepseek", .model = "deepseek-chat"})
                     .body,
                 "thinking.type"),
              "enabled");
}

TEST(ChatUpstream, ReasoningOfEarlierTurnsGoesToThoseWhoWantIt) {  // E091, E189
    constexpr std::string_view history =
        R"([{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"S"},{"type":"text","text":"a"}]},{"role":"user","content":"more"}])";
    EXPECT_EQ(at(from_anthropic(history, {}, engine).body, "messages.1.reasoning_content"), "hm");
    const auto claude = from_anthropic(history, {}, openrouter);
    EXPECT_EQ(at(claude.body, "messages.1.reasoning_details.0.signature"), "S");
    const auto plain = from_anthropic(history);
    EXPECT_EQ(at(plain.body, "messages.1.reasoning_content"), "");
    EXPECT_TRUE(plain.lost("messages[1].content[0]"));
}

TEST(ChatUpstream, StructuredOutputIsJsonSchemaStrictWithALegalName) {  // E075
    for (std::string_view more : {R"(,"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}})",
                                  R"(,"output_format":{"type":"json_schema","schema":{"type":"object"}})"}) {
        const auto written = from_anthropic(hello, more);
        EXPECT_EQ(at(written.body, "response_format"),
                  R"({"type":"json_schema","json_schema":{"name":"response","strict":true,"schema":{"type":"object"}}})");
    }
}

TEST(ChatUpstream, CacheMarksAreKeptForThoseWhoKnowThem) {  // E011, E076
    constexpr std::string_view messages =
        R"([{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}])";
    constexpr std::string_view more =
        R"(,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral","ttl":"1h"}}],"tools":[{"name":"f","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}])";
    const auto kept = from_anthropic(messages, more, openrouter);
    EXPECT_EQ(at(kept.body, "messages.0.content.0.cache_control.ttl"), "1h");
    EXPECT_EQ(at(kept.body, "messages.1.content.0.cache_control.type"), "ephemeral");
    EXPECT_EQ(at(kept.body, "tools.0.cache_control.type"), "ephemeral");
    const auto stripped = from_anthropic(messages, more);
    EXPECT_EQ(stripped.body.find("cache_control"), std::string::npos);
    EXPECT_EQ(stripped.losses.size(), 3u);
}

TEST(ChatUpstream, ParametersAreMappedOrToldAsLosses) {  // E065, E077, wire-formats 10.7, E236
    const std::string user(90, 'u');
    const auto written = from_anthropic(
        hello,
        fmt::format(
            R"(,"stop_sequences":["a","b"],"top_k":5,"temperature":0.3,"top_p":0.9,"stream":true,"metadata":{{"user_id":"{}"}},"context_management":{{"edits":[]}},"container":"c1","service_tier":"standard_only")",
            user));
    EXPECT_EQ(at(written.body, "max_completion_tokens"), "100");
    EXPECT_EQ(at(written.body, "stop"), R"(["a","b"])");
    EXPECT_EQ(at(written.body, "temperature"), "0.3");
    EXPECT_EQ(at(written.body, "user").size(), 64u);
    EXPECT_EQ(at(written.body, "service_tier"), "default");
    EXPECT_EQ(at(written.body, "stream_options"), R"({"include_usage":true})");  // E219
    for (std::string_view lost : {"top_k", "context_management", "container"}) EXPECT_TRUE(written.lost(lost)) << lost;
    EXPECT_EQ(written.losses.first_contract(), nullptr);
    EXPECT_EQ(at(from_anthropic(hello, R"(,"top_k":5)", engine).body, "top_k"), "5");
    EXPECT_EQ(at(from_anthropic(hello, {}, engine).body, "max_tokens"), "100");
    const auto five = from_anthropic(hello, R"(,"stop_sequences":["a","b","c","d","e"])");
    EXPECT_EQ(at(five.body, "stop"), R"(["a","b","c","d"])");
    ASSERT_NE(five.losses.first_contract(), nullptr);
    EXPECT_EQ(five.losses.first_contract()->path, "stop_sequences");
}

TEST(ChatUpstream, LimitsAreClampedAndTold) {  // wire-formats 10.7
    Target small = openai;
    small.max_output_tokens = 50;
    const auto written = from_anthropic(hello, {}, small);
    EXPECT_EQ(at(written.body, "max_completion_tokens"), "50");
    EXPECT_TRUE(written.lost("max_tokens"));
}

TEST(ChatUpstream, ReasoningModelsGetWhatTheyTake) {  // E179, E180
    const auto written = from_chat(
        R"([{"role":"developer","content":"d"},{"role":"user","content":"hi"}])",
        R"(,"max_tokens":10,"temperature":0.5,"top_p":0.5,"stop":"x","frequency_penalty":1,"logit_bias":{"1":1},"logprobs":true,"top_logprobs":2,"reasoning_effort":"none")",
        reasoner);
    EXPECT_EQ(at(written.body, "max_completion_tokens"), "10");
    EXPECT_EQ(at(written.body, "max_tokens"), "");
    EXPECT_EQ(at(written.body, "messages.0.role"), "developer");
    for (std::string_view key : {"temperature", "top_p", "stop", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs"}) {
        EXPECT_EQ(at(written.body, key), "") << key;
        EXPECT_TRUE(written.lost(key)) << key;
    }
    EXPECT_EQ(at(written.body, "reasoning_effort"), "minimal");
    EXPECT_TRUE(written.lost("reasoning_effort"));  // E182
    const auto one =
        from_chat(hello, R"(,"temperature":1,"reasoning_effort":"none")", {.provider = "openai", .model = "gpt-5.1"});
    EXPECT_EQ(at(one.body, "reasoning_effort"), "none");
    EXPECT_EQ(at(one.body, "temperature"), "1");
    EXPECT_EQ(at(from_chat(R"([{"role":"developer","content":"d"},{"role":"user","content":"hi"}])", {}, openai).body,
                 "messages.0.role"),
              "system");
    EXPECT_EQ(at(from_chat(R"([{"role":"system","content":"d"},{"role":"user","content":"hi"}])", {},
                           {.provider = "openai", .model = "o1-mini"})
                     .body,
                 "messages.0.role"),
              "user");
    EXPECT_EQ(at(from_chat(hello, R"(,"reasoning_effort":"xhigh")", {.provider = "openai", .model = "gpt-5.2"}).body,
                 "reasoning_effort"),
              "xhigh");
    const auto tools = from_chat(hello, R"(,"reasoning_effort":"high","tools":[{"type":"function","function":{"name":"f"}}])",
                                 {.provider = "openai", .model = "gpt-5.4"});
    EXPECT_TRUE(tools.lost("reasoning_effort"));  // E181
    EXPECT_TRUE(from_chat(hello, R"(,"parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"f"}}])",
                          {.provider = "openai", .model = "o3-mini"})
                    .lost("parallel_tool_calls"));
}

TEST(ChatUpstream, MistralGetsItsOwnSpelling) {  // E184, E185, wire-formats 7
    const auto written = from_chat(
        R"([{"role":"user","content":"hi","name":"ann"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_longer_than_nine","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"call_longer_than_nine","name":"f","content":"1"}])",
        R"(,"seed":3,"max_tokens":5,"stream":true,"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","additionalProperties":false}}}])",
        mistral);
    EXPECT_EQ(at(written.body, "random_seed"), "3");
    EXPECT_EQ(at(written.body, "seed"), "");
    EXPECT_EQ(at(written.body, "max_tokens"), "5");
    EXPECT_EQ(at(written.body, "stream_options"), "");
    EXPECT_EQ(at(written.body, "messages.0.name"), "");
    EXPECT_EQ(at(written.body, "messages.1.content"), "");
    EXPECT_EQ(at(written.body, "messages.1.tool_calls.0.id").size(), 9u);
    EXPECT_EQ(at(written.body, "messages.2.tool_call_id"), at(written.body, "messages.1.tool_calls.0.id"));
    EXPECT_EQ(at(written.body, "messages.2.name"), "f");
    EXPECT_EQ(at(written.body, "tools.0.function.parameters"), R"({"type":"object"})");
    EXPECT_EQ(at(written.body, "tools.0.function.strict"), "");
    ASSERT_EQ(written.memory.call_ids.size(), 1u);
    EXPECT_EQ(written.memory.call_ids[0].second, "call_longer_than_nine");
}

TEST(ChatUpstream, TextIsOneStringWhereOnlyStringsAreTaken) {  // E189
    Target strings = engine;
    strings.quirks = strings.quirks | Quirk::string_content_only;
    EXPECT_EQ(
        at(from_chat(R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])", {}, strings).body,
           "messages.0.content"),
        "a\n\nb");
    EXPECT_EQ(at(from_chat(R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])").body,
                 "messages.0.content.1.text"),
              "b");
}

TEST(ChatUpstream, NothingIsSentThatTheClientDidNotSend) {  // E192
    EXPECT_EQ(from_chat(hello).body, R"({"model":"gpt-4.1","messages":[{"role":"user","content":"hi"}]})");
    EXPECT_EQ(from_anthropic(hello).body,
              R"({"model":"gpt-4.1","messages":[{"role":"user","content":"hi"}],"max_completion_tokens":100})");
}

TEST(ChatUpstream, TheSameRequestGivesTheSameBytesAndUnknownMembersRideAlong) {  // E271, E248
    const auto once = from_chat(hello, R"(,"verbosity":"low","store":true,"prompt_cache_key":"k","seed":123456789012)");
    EXPECT_EQ(once.body, from_chat(hello, R"(,"seed":123456789012,"verbosity":"low","store":true,"prompt_cache_key":"k")").body);
    EXPECT_EQ(at(once.body, "verbosity"), "low");
    EXPECT_EQ(once.losses.size(), 0u);
    EXPECT_EQ(refusal_of_chat(once.body), "");
}

TEST(ChatUpstream, StreamOptionsKeepWhatTheClientSaid) {
    const auto written = from_chat(hello, R"(,"stream":true,"stream_options":{"include_obfuscation":false})");
    EXPECT_EQ(at(written.body, "stream_options"), R"({"include_usage":true,"include_obfuscation":false})");
}

TEST(ChatUpstream, ForeignCallIdsOfAnyLengthFit) {  // wire-formats 1.2 rule 5
    const std::string id(80, 'i');
    const auto written = from_anthropic(
        fmt::format(
            R"([{{"role":"assistant","content":[{{"type":"tool_use","id":"{0}","name":"f","input":{{}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"{0}","content":"1"}}]}}])",
            id),
        one_tool);
    EXPECT_LE(at(written.body, "messages.0.tool_calls.0.id").size(), 64u);
    EXPECT_EQ(at(written.body, "messages.1.tool_call_id"), at(written.body, "messages.0.tool_calls.0.id"));
}

}  // namespace
}  // namespace gotthard::dialect::testing
