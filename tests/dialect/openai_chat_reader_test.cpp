// What chat servers really send (wire-formats.md sections 1, 7, 9) and what must come of it.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "dialect/openai_chat.hpp"
#include "dialect/openai_chat_support.hpp"

namespace gotthard::dialect::testing {
namespace {

using llm::PartKind;
using llm::StopReason;

std::string text_chunk(std::string_view text, std::string_view finish = "null", std::string_view more = {}) {
    return chunk(fmt::format(R"({{"content":"{}"}})", text), finish, more);
}

llm::Answer read(const std::vector<std::string>& chunks, Arena& arena, std::uint32_t quirks = 0, bool done = true) {
    const auto stream = chat_stream(chunks, done);
    return answer_of(stream, Mode::stream, arena, quirks);
}

std::vector<const llm::Part*> calls_of(const llm::Answer& answer) {
    std::vector<const llm::Part*> out;
    for (const auto& part : answer.choices.at(0).parts)
        if (part.kind == PartKind::tool_call) out.push_back(&part);
    return out;
}

std::string call_chunk(std::string_view calls, std::string_view finish = "null") {
    return chunk(fmt::format(R"({{"tool_calls":[{}]}})", calls), finish);
}

TEST(ChatReader, StopReasonsAreThoseOfTheMap) {  // wire-formats 10.1, cell by cell
    const std::pair<std::string_view, StopReason> rows[] = {{"stop", StopReason::stop},
                                                            {"eos", StopReason::stop},
                                                            {"eos_token", StopReason::stop},
                                                            {"stop_sequence", StopReason::stop_sequence},
                                                            {"length", StopReason::length},
                                                            {"model_length", StopReason::context_full},
                                                            {"tool_calls", StopReason::tool_calls},
                                                            {"function_call", StopReason::tool_calls},
                                                            {"content_filter", StopReason::filter},
                                                            {"never heard of", StopReason::stop},
                                                            {"", StopReason::none}};
    for (const auto& [word, reason] : rows) EXPECT_EQ(chat::stop_reason_of(word), reason) << word;
}

TEST(ChatReader, AFirstChunkWithoutChoicesStartsNothing) {  // Azure
    Arena arena;
    const auto answer = read({R"({"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[]})",
                              text_chunk("Hi"), text_chunk("", "\"stop\"")},
                             arena);
    EXPECT_EQ(answer.id, "c1");
    EXPECT_EQ(answer.choices.at(0).parts.at(0).text, "Hi");
}

TEST(ChatReader, AnEmptyFinishReasonIsNone) {  // Snowflake, Avian
    Arena arena;
    const auto answer = read({text_chunk("a", "\"\""), text_chunk("b", "\"\""), text_chunk("", "\"length\"")}, arena);
    EXPECT_EQ(answer.choices.at(0).parts.at(0).text, "ab");
    EXPECT_EQ(answer.choices.at(0).stop, StopReason::length);
}

TEST(ChatReader, ARepeatedFinishReasonIsNoNewChoiceAndTheFirstCounts) {  // OpenRouter; 10.1 rule 2
    Arena arena;
    const auto answer =
        read({text_chunk("a"), text_chunk("", "\"length\""),
              text_chunk("", "\"stop\"", R"(,"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3})")},
             arena);
    ASSERT_EQ(answer.choices.size(), 1u);
    EXPECT_EQ(answer.choices[0].stop, StopReason::length);
    EXPECT_EQ(answer.usage.output, 2);
}

TEST(ChatReader, CallsThatComeAfterAFinishReasonAreNotLost) {  // Together
    Arena arena;
    const auto answer =
        read({call_chunk(R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}})", "\"tool_calls\""),
              call_chunk(R"({"index":1,"id":"b","type":"function","function":{"name":"g","arguments":"{}"}})", "\"tool_calls\"")},
             arena);
    EXPECT_EQ(calls_of(answer).size(), 2u);
}

TEST(ChatReader, DoneWithoutAFinishReasonIsACompleteAnswer) {  // recorded: OpenRouter with Novita, Snowflake
    Arena arena;
    EXPECT_EQ(read({text_chunk("a")}, arena).choices.at(0).stop, StopReason::stop);
}

TEST(ChatReader, AFinishReasonWithoutDoneIsComplete) {  // E198, contract "How streams end"
    Arena arena;
    EXPECT_EQ(read({text_chunk("a", "\"stop\"")}, arena, 0, false).choices.at(0).parts.at(0).text, "a");
    const auto cut = read_answer(openai_chat, chat_stream({text_chunk("a", "\"stop\"")}, false), Mode::stream, whole, false);
    EXPECT_EQ(cut.failure, "");
}

TEST(ChatReader, NoFinishReasonAndTheEndIsAFailureUnlessTheProviderIsKnownForIt) {  // G-13
    const auto stream = chat_stream({text_chunk("a")}, false);
    for (const bool clean : {true, false}) {
        const auto read = read_answer(openai_chat, stream, Mode::stream, whole, clean);
        EXPECT_EQ(read.failed.kind, FailureKind::upstream_malformed);
        EXPECT_EQ(read.failed.status, 502);
    }
    Arena arena;
    EXPECT_EQ(answer_of(stream, Mode::stream, arena, 0u | Quirk::ends_without_finish).choices.at(0).stop, StopReason::stop);
}

TEST(ChatReader, ACallMakesTheReasonToolCallsWhateverTheUpstreamSays) {  // 10.1 rule 1, E088
    Arena arena;
    const auto call = call_chunk(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}})");
    EXPECT_EQ(read({text_chunk("Let me see"), call, text_chunk("", "\"stop\"")}, arena).choices.at(0).stop,
              StopReason::tool_calls);
    EXPECT_EQ(read({call, text_chunk("", "\"length\"")}, arena).choices.at(0).stop, StopReason::tool_calls);
    const auto half = call_chunk(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}})");
    EXPECT_EQ(read({half, text_chunk("", "\"length\"")}, arena).choices.at(0).stop, StopReason::length);
}

TEST(ChatReader, RoleInEveryDeltaAndEmptyTextMakeNoParts) {  // z.ai, OpenRouter
    Arena arena;
    const auto answer = read({chunk(R"({"role":"assistant","content":""})"), chunk(R"({"role":"assistant","content":"x"})"),
                              chunk(R"({"role":"assistant","content":""})", "\"stop\"")},
                             arena);
    ASSERT_EQ(answer.choices.at(0).parts.size(), 1u);
    EXPECT_EQ(answer.choices[0].parts[0].text, "x");
}

TEST(ChatReader, ToolDeltasWithRepeatedIdAndNameAreOneCall) {  // E203
    Arena arena;
    const auto answer =
        read({call_chunk(R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\""}})"),
              call_chunk(R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":":1}"}})"),
              text_chunk("", "\"tool_calls\"")},
             arena);
    ASSERT_EQ(calls_of(answer).size(), 1u);
    EXPECT_EQ(calls_of(answer)[0]->name, "f");
    EXPECT_EQ(calls_of(answer)[0]->arguments, R"({"x":1})");
}

TEST(ChatReader, ToolDeltasWithoutIndexAreToldApartByIdAndName) {  // E203, Mistral
    Arena arena;
    const auto answer = read(
        {call_chunk(
             R"({"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"b","function":{"name":"f","arguments":"{\"x\":2}"}})"),
         call_chunk(R"({"function":{"name":"g","arguments":"{\"y\""}})"), call_chunk(R"({"function":{"arguments":":3}"}})"),
         text_chunk("", "\"tool_calls\"")},
        arena);
    ASSERT_EQ(calls_of(answer).size(), 3u);
    EXPECT_EQ(calls_of(answer)[1]->arguments, R"({"x":2})");
    EXPECT_EQ(calls_of(answer)[2]->arguments, R"({"y":3})");
    EXPECT_TRUE(calls_of(answer)[2]->id.starts_with("call_"));
    EXPECT_EQ(calls_of(answer)[2]->id.size(), 29u);
}

TEST(ChatReader, WholeCallsThatAllCountAsZeroAreToldApart) {
    Arena arena;
    const auto answer =
        read({call_chunk(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{}"}})"),
              call_chunk(R"({"index":0,"id":"b","function":{"name":"g","arguments":"{\"x\":1}"}})"), text_chunk("", "\"stop\"")},
             arena);
    ASSERT_EQ(calls_of(answer).size(), 2u);
    EXPECT_EQ(calls_of(answer)[0]->arguments, "{}");
    EXPECT_EQ(calls_of(answer)[1]->arguments, R"({"x":1})");
}

TEST(ChatReader, InterleavedArgumentFragmentsReachTheirCalls) {  // E089
    Arena arena;
    const auto answer = read(
        {call_chunk(
             R"({"index":0,"id":"a","function":{"name":"f","arguments":""}},{"index":1,"id":"b","function":{"name":"g","arguments":""}})"),
         call_chunk(R"({"index":1,"function":{"arguments":"{\"b\":"}})"),
         call_chunk(R"({"index":0,"function":{"arguments":"{\"a\":"}})"),
         call_chunk(R"({"index":1,"function":{"arguments":"2}"}})"), call_chunk(R"({"index":0,"function":{"arguments":"1}"}})"),
         text_chunk("", "\"tool_calls\"")},
        arena);
    ASSERT_EQ(calls_of(answer).size(), 2u);
    EXPECT_EQ(calls_of(answer)[0]->arguments, R"({"a":1})");
    EXPECT_EQ(calls_of(answer)[1]->arguments, R"({"b":2})");
}

TEST(ChatReader, ArgumentsComeAsObjectNullOrAnEmptyObjectFirst) {  // Ollama, Hugging Face, Claude behind chat
    Arena arena;
    const auto object =
        read({call_chunk(R"({"index":0,"id":"a","function":{"name":"f","arguments":{"x": 1}}})", "\"stop\"")}, arena);
    EXPECT_EQ(calls_of(object)[0]->arguments, R"({"x": 1})");
    const auto null = read({call_chunk(R"({"index":0,"id":"a","function":{"name":"f","arguments":null}})", "\"stop\"")}, arena);
    EXPECT_EQ(calls_of(null)[0]->arguments, "");
    const auto first = read({call_chunk(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{}"}})"),
                             call_chunk(R"({"index":0,"function":{"arguments":"{\"x\":1}"}})", "\"stop\"")},
                            arena);
    EXPECT_EQ(calls_of(first)[0]->arguments, R"({"x":1})");
}

TEST(ChatReader, LegacyFunctionCallsAreCalls) {
    Arena arena;
    const auto answer = read({chunk(R"({"function_call":{"name":"f","arguments":""}})"),
                              chunk(R"({"function_call":{"arguments":"{\"x\":1}"}})"), chunk("{}", "\"function_call\"")},
                             arena);
    ASSERT_EQ(calls_of(answer).size(), 1u);
    EXPECT_EQ(calls_of(answer)[0]->arguments, R"({"x":1})");
    EXPECT_EQ(answer.choices.at(0).stop, StopReason::tool_calls);
}

TEST(ChatReader, ReasoningIsReadInEverySpelling) {  // wire-formats 10.4
    Arena arena;
    for (std::string_view key : {"reasoning_content", "reasoning"}) {
        const auto answer =
            read({chunk(fmt::format(R"({{"{}":"hm","content":null}})", key)), text_chunk("a", "\"stop\"")}, arena);
        ASSERT_EQ(answer.choices.at(0).parts.size(), 2u);
        EXPECT_EQ(answer.choices[0].parts[0].kind, PartKind::thinking);
        EXPECT_EQ(answer.choices[0].parts[0].text, "hm");
    }
    const auto both =
        read({chunk(R"({"reasoning":"hm","reasoning_content":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]})"),
              text_chunk("a", "\"stop\"")},
             arena);
    EXPECT_EQ(both.choices.at(0).parts.at(0).text, "hm");
    const auto list = read(
        {chunk(
            R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"h"},{"type":"text","text":"m"}]},{"type":"text","text":"a"}]})",
            "\"stop\"")},
        arena);
    EXPECT_EQ(list.choices.at(0).parts.at(0).text, "hm");
    EXPECT_EQ(list.choices.at(0).parts.at(1).text, "a");
}

TEST(ChatReader, SignaturesAndEncryptedReasoningAreKept) {  // E052, E085
    Arena arena;
    const auto answer =
        read({chunk(R"({"reasoning":"hm","reasoning_details":[{"type":"reasoning.text","text":"hm"}]})"),
              chunk(R"({"reasoning_details":[{"type":"reasoning.text","signature":"SIG"}]})"),
              chunk(R"({"reasoning_details":[{"type":"reasoning.encrypted","data":"XYZ"}]})"), text_chunk("a", "\"stop\"")},
             arena);
    EXPECT_EQ(answer.choices.at(0).parts.at(0).signature, "SIG");
    EXPECT_EQ(answer.choices.at(0).parts.at(1).kind, PartKind::redacted_thinking);
    EXPECT_EQ(answer.choices.at(0).parts.at(1).text, "XYZ");
}

TEST(ChatReader, ThinkTagsStayText) {
    Arena arena;
    EXPECT_EQ(read({text_chunk("<think>a</think>b", "\"stop\"")}, arena).choices.at(0).parts.at(0).text, "<think>a</think>b");
}

TEST(ChatReader, RefusalsLogprobsAndAnnotationsAreKept) {
    Arena arena;
    const auto refused = read({chunk(R"({"refusal":"No"})"), chunk(R"({"refusal":"."})"), chunk("{}", "\"stop\"")}, arena);
    EXPECT_EQ(refused.choices.at(0).parts.at(0).kind, PartKind::refusal);
    EXPECT_EQ(refused.choices.at(0).parts.at(0).text, "No.");
    EXPECT_EQ(refused.choices.at(0).stop, StopReason::refusal);
    const auto logged = read(
        {R"({"id":"c","choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-1}]},"finish_reason":null}]})",
         R"({"id":"c","choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[{"token":"b","logprob":-2}]},"finish_reason":"stop"}]})"},
        arena);
    EXPECT_EQ(logged.choices.at(0).logprobs,
              R"({"content":[{"token":"a","logprob":-1},{"token":"b","logprob":-2}],"refusal":null})");
    const auto cited = read(
        {text_chunk("a"), chunk(R"({"annotations":[{"type":"url_citation","url_citation":{"url":"u"}}]})", "\"stop\"")}, arena);
    EXPECT_EQ(cited.choices.at(0).parts.at(0).citations, R"([{"type":"url_citation","url_citation":{"url":"u"}}])");
}

TEST(ChatReader, SeveralChoicesInterleave) {
    Arena arena;
    const auto of = [](int index, std::string_view text, std::string_view finish) {
        return fmt::format(R"({{"id":"c","choices":[{{"index":{},"delta":{{"content":"{}"}},"finish_reason":{}}}]}})", index,
                           text, finish);
    };
    const auto answer = read({of(1, "x", "null"), of(0, "a", "null"), of(1, "y", "\"stop\""), of(0, "b", "\"length\"")}, arena);
    ASSERT_EQ(answer.choices.size(), 2u);
    EXPECT_EQ(answer.choices[0].parts.at(0).text, "ab");
    EXPECT_EQ(answer.choices[1].parts.at(0).text, "xy");
    EXPECT_EQ(answer.choices[0].stop, StopReason::length);
}

TEST(ChatReader, AMatchedSequenceIsToldWhereTheEngineTellsIt) {  // E078, vLLM
    Arena arena;
    const auto answer =
        read({R"({"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop","stop_reason":"END"}]})"}, arena);
    EXPECT_EQ(answer.choices.at(0).stop, StopReason::stop_sequence);
    EXPECT_EQ(answer.choices.at(0).stop_sequence, "END");
    EXPECT_EQ(
        read({R"({"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop","stop_reason":128009}]})"}, arena)
            .choices.at(0)
            .stop,
        StopReason::stop);
}

llm::Usage usage_of(std::string_view usage, std::uint32_t quirks = 0) {
    json::Document document;
    EXPECT_TRUE(document.parse(usage));
    return chat::read_usage(document.root(), quirks);
}

TEST(ChatReader, UsageOfEveryServerComesToOneForm) {  // E221, E223, E224, E228; wire-formats 10.5
    const auto openai = usage_of(
        R"({"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":40,"cache_write_tokens":30},"completion_tokens_details":{"reasoning_tokens":5}})");
    EXPECT_EQ(openai.input, 100);
    EXPECT_EQ(openai.cache_read, 40);
    EXPECT_EQ(openai.cache_write(), 30);
    EXPECT_EQ(openai.reasoning, 5);
    const auto xai = usage_of(
        R"({"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94},"cost_in_usd_ticks":570000})");
    EXPECT_EQ(xai.output, 103);
    EXPECT_EQ(xai.reasoning, 94);
    EXPECT_EQ(xai.provider_cost_nanos, 57000);
    EXPECT_EQ(usage_of(R"({"prompt_tokens":1,"completion_tokens":9,"reasoning_tokens":4})", 0u | Quirk::reasoning_on_top).output,
              13);
    EXPECT_EQ(
        usage_of(
            R"({"prompt_tokens":30,"completion_tokens":9,"total_tokens":39,"completion_tokens_details":{"reasoning_tokens":12}})")
            .reasoning,
        9);
    EXPECT_EQ(usage_of(R"({"prompt_tokens":30,"completion_tokens":9,"prompt_cache_hit_tokens":10,"prompt_cache_miss_tokens":20})")
                  .cache_read,
              10);
    EXPECT_EQ(usage_of(R"({"prompt_tokens":57,"completion_tokens":17,"cost":0.00007159})").provider_cost_nanos, 71590);
    EXPECT_EQ(usage_of(R"({"prompt_tokens":57,"completion_tokens":17,"cost":"0.25"})").provider_cost_nanos, 250'000'000);
    EXPECT_EQ(usage_of(R"({"prompt_tokens":1,"completion_tokens":1,"cost":{"total_cost":0.006}})").provider_cost_nanos,
              6'000'000);
    const auto split = usage_of(
        R"({"prompt_tokens":100,"completion_tokens":1,"prompt_tokens_details":{"cache_write_tokens":{"ttl_30m":10,"ttl_12h":20}}})");
    EXPECT_EQ(split.cache_write_30m, 10);
    EXPECT_EQ(split.cache_write_12h, 20);
    EXPECT_FALSE(usage_of("{}").known());
    EXPECT_FALSE(usage_of(R"({"prompt_tokens":null,"completion_tokens":-3})").known());
}

TEST(ChatReader, RepeatedAndCumulativeUsageIsNeverSummed) {  // E220; Groq, Perplexity
    Arena arena;
    const auto usage = [](int output) {
        return fmt::format(R"(,"usage":{{"prompt_tokens":8,"completion_tokens":{},"total_tokens":{}}})", output, 8 + output);
    };
    const auto answer = read({text_chunk("a", "null", usage(1)), text_chunk("b", "\"stop\"", usage(2)),
                              R"({"id":"c","choices":[],"usage":{"prompt_tokens":8,"completion_tokens":2,"total_tokens":10}})"},
                             arena);
    EXPECT_EQ(answer.usage.input, 8);
    EXPECT_EQ(answer.usage.output, 2);
    const auto groq =
        read({text_chunk("a", "\"stop\"", R"(,"x_groq":{"usage":{"prompt_tokens":3,"completion_tokens":4}})")}, arena);
    EXPECT_EQ(groq.usage.output, 4);
    const auto moonshot = read(
        {R"({"id":"c","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop","usage":{"prompt_tokens":3,"completion_tokens":5,"cached_tokens":2}}]})"},
        arena);
    EXPECT_EQ(moonshot.usage.output, 5);
    EXPECT_EQ(moonshot.usage.cache_read, 2);
    EXPECT_FALSE(read({text_chunk("a", "\"stop\"")}, arena).usage.known());
}

TEST(ChatReader, TheServiceTierIsTheOneServed) {  // E225
    Arena arena;
    EXPECT_EQ(read({text_chunk("a", "null", R"(,"service_tier":"flex")"),
                    text_chunk("", "\"stop\"", R"(,"usage":{"prompt_tokens":1,"completion_tokens":1})")},
                   arena)
                  .service_tier,
              "flex");
}

TEST(ChatReader, ErrorsInsideA200StreamAreFailuresOfTheirClass) {  // wire-formats 0.2.9, E061, E208
    struct Row {
        std::string_view text;
        int status;
        std::string_view message;
    };
    const Row rows[] = {
        {"data: {\"error\":{\"message\":\"slow down\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}\n\n", 429,
         "slow down"},
        {"event: error\ndata: {\"error\":{\"message\":\"bad "
         "call\",\"type\":\"invalid_request_error\",\"code\":\"tool_use_failed\",\"status_code\":400}}\n\n",
         400, "bad call"},
        {"data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n", 529,
         "Overloaded"},
        {"data: {\"error\":\"went wrong\"}\n\n", 502, "went wrong"},
        {"data: "
         "{\"error\":{\"message\":\"provider\",\"code\":502},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_"
         "reason\":\"error\"}]}\n\n",
         502, "provider"},
        {"{\"error\":{\"message\":\"plain body\",\"type\":\"server_error\"}}", 500, "plain body"},
        {"data: {\"object\":\"error\",\"message\":\"old vllm\",\"code\":400}\n\n", 400, "old vllm"},
        {"event: error\ndata: it broke\n\n", 502, "it broke"},
    };
    for (const auto& row : rows) {
        const auto read = read_answer(openai_chat, row.text, Mode::stream);
        EXPECT_EQ(read.failed.status, row.status) << row.text;
        EXPECT_EQ(read.failure, row.message) << row.text;
        EXPECT_EQ(read.failed.origin, Origin::upstream);
        EXPECT_EQ(read.fault, "");
    }
    const auto late = read_answer(openai_chat, chat_stream({text_chunk("a"), R"({"error":{"message":"late"}})"}), Mode::stream);
    EXPECT_EQ(late.failure, "late");
    EXPECT_TRUE(late.events.back().find(" failed ") != std::string::npos);
}

TEST(ChatReader, GarbageIsAMalformedUpstreamAndNeverAnAnswer) {  // E206, E218
    for (std::string_view text : {"data: {not json}\n\n", "data: [1,2]\n\n", "<html><body>502</body></html>", "", "   \n",
                                  "data: \"text\"\n\n", "data: [DONE]\n\n", ": comment\n\n", "{\"id\":\"x\"",
                                  "data: {\"type\":\"message_start\",\"message\":{}}\n\n", "data: {\"candidates\":[{}]}\n\n",
                                  "data: {\"type\":\"response.created\"}\n\n", "{\"type\":\"message\",\"content\":[]}"}) {
        const auto read = read_answer(openai_chat, text, Mode::stream);
        EXPECT_EQ(read.failed.kind, FailureKind::upstream_malformed) << text;
        EXPECT_EQ(read.fault, "");
    }
    for (std::string_view text : {"", "<!doctype html>", "{\"choices\":[]}", "{\"id\":1", "[]", "42",
                                  "{\"type\":\"message\",\"content\":[]}", "{\"candidates\":[]}"})
        EXPECT_EQ(read_answer(openai_chat, text, Mode::unary).failed.kind, FailureKind::upstream_malformed) << text;
}

TEST(ChatReader, CommentsKeepTheLineAliveAndSayNothing) {  // E063, E201
    Arena arena;
    const auto read = read_answer(
        openai_chat, ": OPENROUTER PROCESSING\n\n: again\n\n" + chat_stream({text_chunk("a", "\"stop\"")}), Mode::stream);
    EXPECT_EQ(read.failure, "");
    EXPECT_EQ(read.stop, StopReason::stop);
}

TEST(ChatReader, EveryLineEndAndSpacingIsAccepted) {  // E201, wire-formats 0.2
    const auto body = text_chunk("a", "\"stop\"");
    for (std::string_view end : {"\n", "\r\n", "\r"}) {
        const auto stream = fmt::format(
            "\xEF\xBB\xBF"
            "data:{0}{1}{1}data: [DONE] {1}{1}garbage after the end",
            body, end);
        EXPECT_EQ(read_answer(openai_chat, stream, Mode::stream).failure, "") << end.size();
        EXPECT_EQ(read_answer(openai_chat, stream, Mode::stream, byte_by_byte).failure, "") << end.size();
    }
}

TEST(ChatReader, BodiesOfTheOtherKindAreReadAsWhatTheyAre) {  // wire-formats 0.2.7, 0.3.7
    Arena arena;
    constexpr std::string_view body =
        "\n \n  "
        "{\"id\":\"c\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"a\"},\"finish_reason\":"
        "\"stop\"}]}";
    EXPECT_EQ(answer_of(body, Mode::unary, arena).choices.at(0).parts.at(0).text, "a");
    EXPECT_EQ(answer_of(body, Mode::stream, arena).choices.at(0).parts.at(0).text, "a");
    const auto stream = chat_stream({text_chunk("a", "\"stop\"")});
    EXPECT_EQ(answer_of(stream, Mode::unary, arena).choices.at(0).parts.at(0).text, "a");
}

TEST(ChatReader, NamesAndIdsThatWereChangedOnTheWayUpComeBackAsTheClientKnowsThem) {  // E072
    Memory memory;
    memory.tool_names.emplace_back("short_1", "a.very.long/name");
    memory.call_ids.emplace_back("abc123DEF", "toolu_1");
    Arena arena;
    const auto stream = chat_stream(
        {call_chunk(R"({"index":0,"id":"abc123DEF","function":{"name":"short_1","arguments":"{}"}})", "\"tool_calls\"")});
    const auto answer = answer_of(stream, Mode::stream, arena, 0, &memory);
    EXPECT_EQ(calls_of(answer)[0]->name, "a.very.long/name");
    EXPECT_EQ(calls_of(answer)[0]->id, "toolu_1");
}

TEST(ChatReader, AStreamOfPartsWithoutEndIsBounded) {
    std::vector<std::string> chunks;
    for (int i = 0; i < 12'000; ++i)
        chunks.push_back(
            call_chunk(fmt::format(R"({{"index":{},"id":"c{}","function":{{"name":"f","arguments":"{{}}"}}}})", i, i)));
    EXPECT_EQ(read_answer(openai_chat, chat_stream(chunks), Mode::stream).failed.kind, FailureKind::upstream_malformed);
    EXPECT_EQ(read_answer(openai_chat, chat_stream({R"({"id":"c","choices":[{"index":4000000000,"delta":{"content":"x"}}]})"}),
                          Mode::stream)
                  .failed.kind,
              FailureKind::upstream_malformed);
}

}  // namespace
}  // namespace gotthard::dialect::testing
