// Anthropic answers read into events and events written as Anthropic answers: edge-cases.md sections 2, 3, 8, 9.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <deque>

#include "dialect/anthropic_support.hpp"

namespace gotthard::dialect::testing {
namespace {

std::string event(std::string_view name, std::string_view data) { return fmt::format("event: {}\ndata: {}\n\n", name, data); }
std::string start(std::string_view usage = R"({"input_tokens":10,"output_tokens":1})") {
    return event("message_start", R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"usage":)" + std::string(usage) + "}}");
}
std::string open(int index, std::string_view block) { return event("content_block_start", fmt::format(R"({{"type":"content_block_start","index":{},"content_block":{}}})", index, block)); }
std::string delta(int index, std::string_view delta) { return event("content_block_delta", fmt::format(R"({{"type":"content_block_delta","index":{},"delta":{}}})", index, delta)); }
std::string close(int index) { return event("content_block_stop", fmt::format(R"({{"type":"content_block_stop","index":{}}})", index)); }
std::string end(std::string_view reason = "end_turn", std::string_view usage = R"({"output_tokens":5})") {
    return event("message_delta", fmt::format(R"({{"type":"message_delta","delta":{{"stop_reason":"{}","stop_sequence":null}},"usage":{}}})", reason, usage)) + event("message_stop", R"({"type":"message_stop"})");
}
Read read(std::string_view stream, const Memory* memory = nullptr, bool clean = true) {
    auto once = read_answer(anthropic_messages, stream, Mode::stream, whole, clean, memory);
    EXPECT_EQ(once.fault, "");
    EXPECT_EQ(read_answer(anthropic_messages, stream, Mode::stream, byte_by_byte, clean, memory).events, once.events);
    return once;
}
bool has(const Read& read, std::string_view text) { return read.answer.find(text) != std::string::npos; }

TEST(AnthropicAnswer, SeveralTextsStayInOrder) {  // E050
    const auto answer = read(start() + open(0, R"({"type":"text","text":""})") + delta(0, R"({"type":"text_delta","text":"a"})") + close(0) + open(1, R"({"type":"text","text":""})") + delta(1, R"({"type":"text_delta","text":"\u00e9b"})") + close(1) + end());
    EXPECT_LT(answer.answer.find("text=a"), answer.answer.find("text=\xC3\xA9" "b"));
    EXPECT_EQ(answer.stop, llm::StopReason::stop);
}

TEST(AnthropicAnswer, ServerToolsAreNoClientCalls) {  // E051, E058
    const auto answer = read(start() + open(0, R"({"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}})") + delta(0, R"({"type":"input_json_delta","partial_json":"{\"query\":"})") + delta(0, R"({"type":"input_json_delta","partial_json":"\"x\"}"})") + close(0) +
                             open(1, R"({"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]})") + close(1) + end());
    EXPECT_FALSE(has(answer, "arguments="));
    EXPECT_TRUE(has(answer, R"("input":{"query":"x",})"));
    EXPECT_TRUE(has(answer, "web_search_tool_result"));
}

TEST(AnthropicAnswer, ThinkingAndItsSignatureAreKept) {  // E052, E059, E085
    const auto answer = read(start() + open(0, R"({"type":"thinking","thinking":"","signature":""})") + delta(0, R"({"type":"thinking_delta","thinking":"hm","estimated_tokens":3})") + delta(0, R"({"type":"signature_delta","signature":"SIG"})") + close(0) +
                             open(1, R"({"type":"redacted_thinking","data":"RED"})") + close(1) + open(2, R"({"type":"thinking","thinking":"","signature":""})") + delta(2, R"({"type":"signature_delta","signature":"ALONE"})") + close(2) + end());
    EXPECT_TRUE(has(answer, "text=hm signature=SIG"));
    EXPECT_TRUE(has(answer, "text=RED"));
    EXPECT_TRUE(has(answer, "text= signature=ALONE"));
}

TEST(AnthropicAnswer, CitationsAreKept) {  // E053, E059
    const auto answer = read(start() + open(0, R"({"type":"text","text":"","citations":[]})") + delta(0, R"({"type":"text_delta","text":"a"})") + delta(0, R"({"type":"citations_delta","citation":{"type":"char_location","cited_text":"x"}})") + close(0) + end());
    EXPECT_TRUE(has(answer, R"(citations=[{"cited_text":"x","type":"char_location",},])"));
}

TEST(AnthropicAnswer, EveryStopReasonHasOneMeaning) {  // E054, E055, E265
    using enum llm::StopReason;
    for (const auto& [word, reason] : {std::pair{"end_turn", stop}, {"stop_sequence", stop_sequence}, {"max_tokens", length}, {"tool_use", tool_calls}, {"refusal", refusal}, {"pause_turn", pause},
                                       {"compaction", compaction}, {"model_context_window_exceeded", context_full}, {"brand_new", stop}})
        EXPECT_EQ(read(start() + end(word)).stop, reason) << word;
}

TEST(AnthropicAnswer, CallsAreNumberedInTheirOwnOrder) {  // E056
    const auto answer = read(start() + open(0, R"({"type":"text","text":""})") + delta(0, R"({"type":"text_delta","text":"a"})") + close(0) + open(1, R"({"type":"tool_use","id":"t1","name":"f","input":{}})") + delta(1, R"({"type":"input_json_delta","partial_json":""})") +
                             delta(1, R"({"type":"input_json_delta","partial_json":"{\"x\":1}"})") + close(1) + open(2, R"({"type":"tool_use","id":"t2","name":"g","input":{}})") + close(2) + end("tool_use"));
    EXPECT_TRUE(has(answer, R"(arguments={"x":1,})"));
    EXPECT_TRUE(std::ranges::any_of(answer.events, [](const std::string& text) { return text.find("kind 7 call 0 0 id=t1") != std::string::npos; }));
    EXPECT_TRUE(std::ranges::any_of(answer.events, [](const std::string& text) { return text.find("kind 7 call 1 0 id=t2") != std::string::npos; }));
    EXPECT_TRUE(has(answer, "t2 g text= signature= arguments={}"));  // E057
}

TEST(AnthropicAnswer, UsageIsTheLargestPerFieldNeverASum) {  // E060, E064, E220, G26
    const auto answer = read(start(R"({"input_tokens":1200,"cache_read_input_tokens":3000,"cache_creation_input_tokens":0,"output_tokens":1})") + end("end_turn", R"({"input_tokens":1200,"cache_read_input_tokens":3000,"cache_creation_input_tokens":0,"output_tokens":350})"));
    EXPECT_EQ(answer.usage.input, 4200);
    EXPECT_EQ(answer.usage.cache_read, 3000);
    EXPECT_EQ(answer.usage.output, 350);
    EXPECT_EQ(answer.usage.source, llm::UsageSource::provider);
}

TEST(AnthropicAnswer, PassesOfOneAnswerAreSummedAndWritesSplit) {  // E229, G17, G3
    const auto passes = read_answer(anthropic_messages, R"({"type":"message","id":"m","content":[],"stop_reason":"end_turn","usage":{"input_tokens":5400,"output_tokens":700,"iterations":[{"input_tokens":5000,"output_tokens":300},{"input_tokens":5400,"output_tokens":700}]}})", Mode::unary);
    EXPECT_EQ(passes.usage.input, 10400);
    EXPECT_EQ(passes.usage.output, 1000);
    const auto split = read_answer(anthropic_messages, R"({"type":"message","id":"m","content":[],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2,"cache_creation_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":70},"server_tool_use":{"web_search_requests":3},"output_tokens_details":{"thinking_tokens":1}}})", Mode::unary);
    EXPECT_EQ(split.usage.cache_write_5m, 30);
    EXPECT_EQ(split.usage.cache_write_1h, 70);
    EXPECT_EQ(split.usage.input, 101);
    EXPECT_EQ(split.usage.web_searches, 3);  // G15
    EXPECT_EQ(split.usage.reasoning, 1);
    const auto none = read_answer(anthropic_messages, R"({"type":"message","id":"m","content":[],"stop_reason":"end_turn"})", Mode::unary);
    EXPECT_FALSE(none.usage.known());
}

TEST(AnthropicAnswer, AnErrorInsideAGoodStreamIsTheRealError) {  // E061, E208
    const auto first = read(event("error", R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"));
    EXPECT_EQ(first.failed.status, 529);
    EXPECT_EQ(first.failed.message, "Overloaded");
    EXPECT_EQ(first.failed.retry, Retry::next_target);
    const auto later = read(start() + open(0, R"({"type":"text","text":""})") + event("error", R"({"type":"error","error":{"type":"rate_limit_error","message":"slow"}})") + end());
    EXPECT_EQ(later.failed.status, 429);
    EXPECT_EQ(read(event("error", R"({"error":{"message":"chat shaped","type":"server_error"}})")).failed.message, "chat shaped");
}

TEST(AnthropicAnswer, PingsOnlyKeepTheLineAlive) {  // E063
    const auto answer = read(": hello\n\n" + event("ping", R"({"type": "ping"})") + start() + event("brand_new", R"({"type":"brand_new","x":1})") + end());
    EXPECT_EQ(std::ranges::count_if(answer.events, [](const std::string& text) { return text.starts_with("13/"); }), 3);
    EXPECT_EQ(answer.failure, "");
}

TEST(AnthropicAnswer, AnEndWithoutItsTerminatorIsCompleteOnlyAfterTheStopReason) {  // E198, G-13
    const std::string text = start() + open(0, R"({"type":"text","text":""})") + delta(0, R"({"type":"text_delta","text":"a"})") + close(0);
    EXPECT_EQ(read(text, nullptr, true).failed.kind, FailureKind::upstream_malformed);
    EXPECT_EQ(read(text, nullptr, false).failed.kind, FailureKind::upstream_malformed);
    const auto stopped = text + event("message_delta", R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}})");
    EXPECT_EQ(read(stopped, nullptr, false).failure, "");
    EXPECT_EQ(read("").failed.kind, FailureKind::upstream_malformed);
}

TEST(AnthropicAnswer, AnotherDialectAWebPageAndGarbageAreMalformed) {  // E206
    EXPECT_EQ(read("data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[]}\n\ndata: [DONE]\n\n").failed.kind, FailureKind::upstream_malformed);
    EXPECT_EQ(read("<html><body>502</body></html>").failed.kind, FailureKind::upstream_malformed);
    EXPECT_EQ(read(start() + "data: {broken\n\n" + end()).failed.kind, FailureKind::upstream_malformed);
    for (std::string_view body : {"", "<html>", "{\"type\":\"message\",\"content\":[{", "{\"choices\":[]}", "[]", "null", "\"x\""})
        EXPECT_EQ(read_answer(anthropic_messages, body, Mode::unary).failed.kind, FailureKind::upstream_malformed) << body;
    EXPECT_EQ(read_answer(anthropic_messages, R"({"type":"error","error":{"type":"overloaded_error","message":"m"}})", Mode::unary).failed.status, 529);
    EXPECT_EQ(read(start() + delta(3, R"({"type":"input_json_delta","partial_json":"{}"})") + end()).failed.kind, FailureKind::upstream_malformed);
}

TEST(AnthropicAnswer, AWholeBodyWhereAStreamWasAskedForIsRead) {
    EXPECT_EQ(read(R"( {"type":"message","id":"msg_1","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn"})").failure, "");
    EXPECT_EQ(read(R"({"type":"error","error":{"type":"api_error","message":"m"}})").failed.status, 500);
}

TEST(AnthropicAnswer, DeviationsOfEnginesAreRead) {  // llama.cpp, Ollama: no ping, foreign ids, CRLF, [DONE], no index, start without input
    std::string stream = "event: message_start\r\ndata:{\"type\":\"message_start\",\"message\":{\"id\":\"chatcmpl-1\",\"usage\":{\"input_tokens\":3}}}\r\n\r\n";
    stream += "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\",\"id\":\"x\",\"name\":\"f\"}}\n\n";
    stream += "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}}\n\n";
    stream += "data: {\"type\":\"content_block_stop\"}\n\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}\n\ndata: {\"type\":\"message_stop\"}\n\ndata: [DONE]\n\n";
    const auto answer = read(stream);
    EXPECT_EQ(answer.failure, "");
    EXPECT_TRUE(has(answer, R"(arguments={"a":1,})"));
}

TEST(AnthropicAnswer, StructuredOutputByAToolStreamsAsText) {  // E036
    Memory memory;
    memory.json_tool = "respond_in_json";
    const auto stream = [&](std::vector<std::string> fragments) {
        std::string out = start() + open(0, R"({"type":"tool_use","id":"t","name":"respond_in_json","input":{}})");
        for (const auto& fragment : fragments) out += delta(0, R"({"type":"input_json_delta","partial_json":)" + json::quoted(fragment) + "}");
        return out + close(0) + end("tool_use");
    };
    const auto plain = read(stream({"{\"na", "me\":\"A\"}"}), &memory);
    EXPECT_TRUE(has(plain, R"(text={"name":"A"})"));
    EXPECT_EQ(plain.stop, llm::StopReason::stop);
    EXPECT_TRUE(has(read(stream({"{\"val", "ues\": [1,", "2]}"}), &memory), "text=[1,2]"));
    EXPECT_TRUE(has(read(stream({"{\"values\":1,\"more\":2}"}), &memory), R"(text={"values":1,"more":2})"));
    memory.json_tool_envelope = false;
    EXPECT_TRUE(has(read(stream({"{\"values\":1}"}), &memory), R"(text={"values":1})"));
}

// ---- Writing ------------------------------------------------------------------------------------------------------------

struct Script {
    llm::Events events;
    std::deque<std::string> texts;
    std::optional<Failure> failure;
    std::string_view keep(std::string_view text) { return texts.emplace_back(text); }
    Script& add(llm::Event event) { return events.push_back(event), *this; }
    Script& started(std::string_view id = "chatcmpl-9") { return add({.kind = llm::EventKind::started, .id = id, .model = "up"}); }
    Script& part(std::uint32_t number, llm::PartKind kind) { return add({.kind = llm::EventKind::part_started, .part = number, .part_kind = kind}); }
    Script& call(std::uint32_t number, std::uint32_t call, std::string_view id, std::string_view name) {
        return add({.kind = llm::EventKind::part_started, .part = number, .part_kind = llm::PartKind::tool_call, .call = call, .id = id, .name = name});
    }
    Script& text(std::uint32_t number, llm::EventKind kind, std::string_view text) { return add({.kind = kind, .part = number, .text = keep(text)}); }
    Script& close(std::uint32_t number) { return add({.kind = llm::EventKind::part_finished, .part = number}); }
    Script& stop(llm::StopReason reason, std::string_view sequence = {}) { return add({.kind = llm::EventKind::choice_finished, .stop = reason, .stop_sequence = sequence}); }
    Script& usage(llm::Usage usage) { return add({.kind = llm::EventKind::usage_seen, .usage = usage}); }
    Script& finished() { return add({.kind = llm::EventKind::finished}); }

    std::string write(const WriterOptions& options = {.mode = Mode::stream, .model = "alias", .id = "abc", .input_estimate = 77}) {
        llm::EventValidator validator;
        for (const auto& event : events) EXPECT_EQ(validator.see(event), "");
        const auto writer = anthropic_messages.make_writer(options);
        std::string out;
        for (const auto& event : events) writer->write(event, out);
        if (writer->failure()) failure = *writer->failure();
        return out;
    }
    std::string unary() { return write({.mode = Mode::unary, .model = "alias", .id = "abc", .input_estimate = 77}); }
};

TEST(AnthropicWriter, AToolOnlyAnswerHasNoEmptyText) {  // E081, CC-2
    Script script;
    script.started().part(0, llm::PartKind::text).close(0).call(1, 0, "call_1", "f").close(1).stop(llm::StopReason::tool_calls).finished();
    const auto out = script.write();
    EXPECT_EQ(event_names(out), (std::vector<std::string>{"message_start", "content_block_start", "ping", "content_block_stop", "message_delta", "message_stop"}));
    EXPECT_EQ(at(data_of_events(out, "content_block_start")[0], "index"), "0");
    EXPECT_EQ(at(data_of_events(out, "content_block_start")[0], "content_block"), R"({"type":"tool_use","id":"call_1","name":"f","input":{}})");
    EXPECT_EQ(at(script.unary(), "content"), R"([{"type":"tool_use","id":"call_1","name":"f","input":{}}])");
}

TEST(AnthropicWriter, TheFirstFragmentBehindASwitchArrives) {  // E080, E088, E089, E090
    Script script;
    script.started().part(0, llm::PartKind::thinking).text(0, llm::EventKind::thinking_delta, "hm").close(0).part(1, llm::PartKind::text).text(1, llm::EventKind::text_delta, "Hello").close(1);
    script.call(2, 0, "a", "f").text(2, llm::EventKind::arguments_delta, "{\"x\":").text(2, llm::EventKind::arguments_delta, "1}").close(2).call(3, 1, "b", "g").text(3, llm::EventKind::arguments_delta, "{}").close(3);
    script.stop(llm::StopReason::stop).finished();
    const auto out = script.write();
    const auto deltas = data_of_events(out, "content_block_delta");
    ASSERT_EQ(deltas.size(), 5u);
    EXPECT_EQ(at(deltas[0], "delta"), R"({"type":"thinking_delta","thinking":"hm"})");
    EXPECT_EQ(at(deltas[1], "delta"), R"({"type":"text_delta","text":"Hello"})");
    EXPECT_EQ(at(deltas[2], "index"), "2");
    EXPECT_EQ(at(deltas[2], "delta"), R"({"type":"input_json_delta","partial_json":"{\"x\":"})");
    EXPECT_EQ(at(deltas[4], "index"), "3");
    EXPECT_EQ(data_of_events(out, "content_block_start").size(), data_of_events(out, "content_block_stop").size());
    EXPECT_EQ(at(data_of_events(out, "message_delta")[0], "delta.stop_reason"), "tool_use");
    EXPECT_EQ(read_answer(anthropic_messages, out, Mode::stream).answer, read_answer(anthropic_messages, script.unary(), Mode::unary).answer);
}

TEST(AnthropicWriter, ThoughtAndSignatureMayComeTogetherOrAlone) {  // E082, E085
    Script script;
    script.started().part(0, llm::PartKind::thinking).text(0, llm::EventKind::thinking_delta, "hm").text(0, llm::EventKind::signature_delta, "S").close(0).part(1, llm::PartKind::thinking).text(1, llm::EventKind::signature_delta, "T").close(1).stop(llm::StopReason::stop).finished();
    const auto answer = read_answer(anthropic_messages, script.write(), Mode::stream);
    EXPECT_NE(answer.answer.find("text=hm signature=S"), std::string::npos);
    EXPECT_NE(answer.answer.find("text= signature=T"), std::string::npos);
    EXPECT_EQ(at(script.unary(), "content.1"), R"({"type":"thinking","thinking":"","signature":"T"})");
}

TEST(AnthropicWriter, TheStartTellsAnEstimateAndTheEndTheTruth) {  // E079, E083, E084, CC-1
    Script script;
    script.started().part(0, llm::PartKind::text).text(0, llm::EventKind::text_delta, "x").close(0).stop(llm::StopReason::length);
    script.usage({.input = 100, .output = 20, .cache_read = 30, .cache_write_5m = 10, .reasoning = 5, .source = llm::UsageSource::provider}).finished();
    const auto out = script.write();
    const auto first = data_of_events(out, "message_start")[0];
    EXPECT_EQ(at(first, "message.usage"), R"({"input_tokens":77,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1})");
    EXPECT_EQ(at(first, "message.id"), "msg_9");
    EXPECT_EQ(at(first, "message.model"), "alias");
    EXPECT_EQ(at(first, "message.stop_reason"), "null");
    const auto ends = data_of_events(out, "message_delta");
    ASSERT_EQ(ends.size(), 1u);
    EXPECT_EQ(ends[0], R"({"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"input_tokens":60,"cache_creation_input_tokens":10,"cache_read_input_tokens":30,"output_tokens":20,"output_tokens_details":{"thinking_tokens":5}}})");
    EXPECT_TRUE(out.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    EXPECT_EQ(out.find("[DONE]"), std::string::npos);
    for (const auto& name : event_names(out)) EXPECT_EQ(at(data_of_events(out, name)[0], "type"), name);
}

TEST(AnthropicWriter, StopReasonsFollowTheTable) {  // E078, E088, wire-formats 10.1
    using enum llm::StopReason;
    const auto shown = [](llm::StopReason reason, bool call = false, std::string_view sequence = {}) {
        Script script;
        script.started();
        if (call) script.call(0, 0, "c", "f").close(0);
        script.stop(reason, sequence).finished();
        const auto unary = at(script.unary(), "stop_reason");
        EXPECT_EQ(at(data_of_events(script.write(), "message_delta")[0], "delta.stop_reason"), unary);
        return unary;
    };
    EXPECT_EQ(shown(stop), "end_turn");
    EXPECT_EQ(shown(stop, false, "END"), "stop_sequence");
    EXPECT_EQ(shown(length), "max_tokens");
    EXPECT_EQ(shown(context_full), "model_context_window_exceeded");
    EXPECT_EQ(shown(tool_calls, true), "tool_use");
    EXPECT_EQ(shown(stop, true), "tool_use");
    EXPECT_EQ(shown(length, true), "max_tokens");  // a cut call is no finished one
    EXPECT_EQ(shown(filter), "refusal");
    EXPECT_EQ(shown(refusal), "refusal");
    EXPECT_EQ(shown(pause), "pause_turn");
    EXPECT_EQ(shown(malformed_call), "end_turn");
}

TEST(AnthropicWriter, AFailureIsAnErrorEventAndTheEnd) {  // G-13, CC-11
    Failure failure(FailureKind::upstream_malformed, "cut");
    Script script;
    script.started().part(0, llm::PartKind::text).text(0, llm::EventKind::text_delta, "x").add({.kind = llm::EventKind::failed, .failure = &failure});
    const auto out = script.write();
    EXPECT_EQ(event_names(out).back(), "error");
    EXPECT_EQ(at(data_of_events(out, "error")[0], "error.message"), "cut");
    ASSERT_TRUE(script.failure.has_value());
    Script single;
    single.started().add({.kind = llm::EventKind::failed, .failure = &failure});
    EXPECT_EQ(single.unary(), "");
    EXPECT_EQ(single.failure->message, "cut");
}

TEST(AnthropicWriter, OnlyTheFirstOfSeveralAnswersShows) {
    Script script;
    script.started();
    script.add({.kind = llm::EventKind::part_started, .choice = 1, .part = 0, .part_kind = llm::PartKind::text}).add({.kind = llm::EventKind::text_delta, .choice = 1, .part = 0, .text = "no"});
    script.part(0, llm::PartKind::text).text(0, llm::EventKind::text_delta, "yes").close(0).add({.kind = llm::EventKind::part_finished, .choice = 1}).stop(llm::StopReason::stop);
    script.add({.kind = llm::EventKind::choice_finished, .choice = 1, .stop = llm::StopReason::stop}).finished();
    EXPECT_EQ(script.write().find("no\""), std::string::npos);
    EXPECT_EQ(at(script.unary(), "content"), R"([{"type":"text","text":"yes"}])");
}

TEST(AnthropicWriter, ArgumentsThatAreNoObjectAreShownAsTheyCame) {  // wire-formats 10.3 rule 6
    Script script;
    script.started().call(0, 0, "c", "f").text(0, llm::EventKind::arguments_delta, "{\"x\":").close(0).stop(llm::StopReason::tool_calls).finished();
    EXPECT_EQ(at(script.unary(), "content.0.input"), R"({"_raw":"{\"x\":"})");
}

TEST(AnthropicWriter, CallsWithoutAnIdGetOne) {
    Script script;
    script.started().call(0, 0, "", "f").close(0).stop(llm::StopReason::tool_calls).finished();
    const auto id = at(script.unary(), "content.0.id");
    EXPECT_TRUE(id.starts_with("toolu_"));
    EXPECT_EQ(at(data_of_events(script.write(), "content_block_start")[0], "content_block.id"), id);
}

TEST(AnthropicWriter, MissingUsageIsEstimated) {  // E083, E227
    Script script;
    script.started().part(0, llm::PartKind::text).text(0, llm::EventKind::text_delta, "four four").close(0).stop(llm::StopReason::stop).finished();
    EXPECT_EQ(at(script.unary(), "usage.input_tokens"), "77");
    EXPECT_EQ(at(script.unary(), "usage.output_tokens"), "3");
}

TEST(AnthropicWriter, KeepAliveIsAPingOnceTheMessageHasBegun) {  // G-6
    const auto writer = anthropic_messages.make_writer({.mode = Mode::stream});
    std::string out;
    writer->keep_alive(out);
    EXPECT_EQ(out, ": keepalive\n\n");
    writer->write({.kind = llm::EventKind::started, .id = "msg_1"}, out);
    out.clear();
    writer->keep_alive(out);
    EXPECT_EQ(out, "event: ping\ndata: {\"type\": \"ping\"}\n\n");
}

}  // namespace
}  // namespace gotthard::dialect::testing
