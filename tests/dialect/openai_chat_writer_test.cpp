// Answers as chat clients get them, and what becomes of an Anthropic answer on the way (edge-cases.md section 2).
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "dialect/openai_chat.hpp"
#include "dialect/openai_chat_support.hpp"

namespace gotthard::dialect::testing {
namespace {

using llm::Event;
using llm::EventKind;
using llm::PartKind;
using llm::StopReason;

std::string write_events(const llm::Events& events, WriterOptions options) {
    const auto writer = openai_chat.make_writer(options);
    llm::EventValidator validator;
    std::string out;
    for (const auto& event : events) {
        EXPECT_EQ(validator.see(event), "");
        writer->write(event, out);
    }
    return out;
}

llm::Events answer(std::vector<Event> parts, StopReason stop = StopReason::stop, std::string_view raw_stop = {}) {
    llm::Events events{{.kind = EventKind::started, .created = 5, .id = "chatcmpl-1", .model = "upstream"}};
    events.insert(events.end(), parts.begin(), parts.end());
    llm::Usage usage{.input = 10, .output = 5, .cache_read = 4, .source = llm::UsageSource::provider};
    events.push_back({.kind = EventKind::choice_finished, .stop = stop, .raw_stop = raw_stop});
    events.push_back({.kind = EventKind::usage_seen, .usage = usage});
    events.push_back({.kind = EventKind::finished});
    return events;
}
std::vector<Event> part(std::uint32_t number, PartKind kind, EventKind delta, std::string_view text, Event start = {}) {
    start.kind = EventKind::part_started;
    start.part = number;
    start.part_kind = kind;
    std::vector<Event> out{start};
    if (!text.empty()) out.push_back({.kind = delta, .part = number, .text = text});
    out.push_back({.kind = EventKind::part_finished, .part = number});
    return out;
}
std::vector<Event> operator+(std::vector<Event> a, const std::vector<Event>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}
std::vector<Event> text(std::uint32_t number, std::string_view value) {
    return part(number, PartKind::text, EventKind::text_delta, value);
}
std::vector<Event> call(std::uint32_t number, std::uint32_t index, std::string_view arguments) {
    return part(number, PartKind::tool_call, EventKind::arguments_delta, arguments, {.call = index, .id = "c", .name = "f"});
}

const WriterOptions stream{.mode = Mode::stream, .model = "alias", .id = "chatcmpl-x"};
const WriterOptions unary{.mode = Mode::unary, .model = "alias", .id = "chatcmpl-x"};

TEST(ChatWriter, AStreamHasExactlyOpenAisShape) {  // wire-formats 1.4, E197, E204, E205
    EXPECT_EQ(
        write_events(answer(text(0, "Hi")), stream),
        "data: "
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"alias\",\"system_fingerprint\":"
        "null,\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,"
        "\"finish_reason\":null}]}\n\n"
        "data: "
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"alias\",\"system_fingerprint\":"
        "null,\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"
        "data: "
        "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"alias\",\"system_fingerprint\":"
        "null,\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n"
        "data: [DONE]\n\n");
}

TEST(ChatWriter, AUnaryAnswerHasExactlyOpenAisShape) {  // wire-formats 1.3, E205
    EXPECT_EQ(write_events(answer(text(0, "Hi")), unary),
              "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":5,\"model\":\"alias\",\"choices\":[{\"index\":0,"
              "\"message\":{\"role\":\"assistant\",\"content\":\"Hi\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
              "\"finish_reason\":\"stop\"}],"
              "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_tokens\":15,\"prompt_tokens_details\":{\"cached_"
              "tokens\":4,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
              "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},"
              "\"system_fingerprint\":null}");
}

TEST(ChatWriter, UsageComesInItsOwnChunkOnlyWhenAskedFor) {  // E219
    auto options = stream;
    EXPECT_EQ(write_events(answer(text(0, "Hi")), options).find("usage"), std::string::npos);
    options.include_usage = true;
    const auto chunks = chunks_of(write_events(answer(text(0, "Hi")), options));
    ASSERT_EQ(chunks.size(), 5u);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(at(chunks[i], "usage"), "null");
    EXPECT_EQ(at(chunks[3], "choices"), "[]");
    EXPECT_EQ(at(chunks[3], "usage.total_tokens"), "15");
    EXPECT_EQ(chunks[4], "[DONE]");
}

TEST(ChatWriter, FinishReasonsAreThoseOfTheMapAndNoRawWordLeaks) {  // E054, E055, wire-formats 10.1
    struct Row {
        StopReason reason;
        std::string_view shown;
    };
    const Row rows[] = {{StopReason::stop, "stop"},
                        {StopReason::stop_sequence, "stop"},
                        {StopReason::length, "length"},
                        {StopReason::context_full, "length"},
                        {StopReason::tool_calls, "tool_calls"},
                        {StopReason::filter, "content_filter"},
                        {StopReason::refusal, "content_filter"},
                        {StopReason::pause, "stop"},
                        {StopReason::compaction, "length"},
                        {StopReason::malformed_call, "stop"}};
    for (const auto& row : rows) {
        const auto writer = openai_chat.make_writer(stream);
        std::string out;
        for (const auto& event : answer(text(0, "x"), row.reason, "raw_word")) writer->write(event, out);
        const auto chunks = chunks_of(out);
        EXPECT_EQ(at(chunks[chunks.size() - 2], "choices.0.finish_reason"), row.shown);
        EXPECT_EQ(writer->shown_stop(), row.shown);  // E244
        EXPECT_EQ(at(write_events(answer(text(0, "x"), row.reason), unary), "choices.0.finish_reason"), row.shown);
    }
    EXPECT_EQ(chat::finish_reason_of(StopReason::refusal, false, true), "stop");
    EXPECT_EQ(chat::finish_reason_of(StopReason::stop, true, false), "tool_calls");
    EXPECT_EQ(at(write_events(answer(text(0, "x"), StopReason::pause, "pause_turn"), unary),
                 "choices.0.message.provider_specific_fields.stop_reason"),
              "pause_turn");
}

TEST(ChatWriter, TextsJoinAndNoTextIsNull) {  // E050
    EXPECT_EQ(at(write_events(answer(text(0, "a") + text(1, "b")), unary), "choices.0.message.content"), "ab");
    EXPECT_EQ(at(write_events(answer(call(0, 0, "{}"), StopReason::tool_calls), unary), "choices.0.message.content"), "null");
    auto options = unary;
    options.null_text = false;
    EXPECT_EQ(at(write_events(answer(call(0, 0, "{}"), StopReason::tool_calls), options), "choices.0.message.content"), "");
}

TEST(ChatWriter, CallsAreNumberedByOrderAndEmptyArgumentsAreAnObject) {  // E056, E057, E204
    const auto events = answer(text(0, "a") + call(1, 0, R"({"x":1})") + call(2, 1, ""), StopReason::tool_calls);
    const auto chunks = chunks_of(write_events(events, stream));
    EXPECT_EQ(at(chunks[2], "choices.0.delta"),
              R"({"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":""}}]})");
    EXPECT_EQ(at(chunks[3], "choices.0.delta"), R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1}"}}]})");
    EXPECT_EQ(at(chunks[4], "choices.0.delta.tool_calls.0.index"), "1");
    EXPECT_EQ(at(chunks[5], "choices.0.delta"), R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]})");
    const auto body = write_events(events, unary);
    EXPECT_EQ(at(body, "choices.0.message.tool_calls.1.function.arguments"), "{}");
}

TEST(ChatWriter, ThinkingStandsInReasoningContentAndInBlocksWithItsSignature) {  // E052
    auto thinking = part(0, PartKind::thinking, EventKind::thinking_delta, "hm");
    thinking.insert(thinking.end() - 1, Event{.kind = EventKind::signature_delta, .part = 0, .text = "SIG"});
    const auto redacted = part(1, PartKind::redacted_thinking, EventKind::text_delta, "", {.text = "DATA"});
    const auto events = answer(thinking + redacted + text(2, "a"));
    const auto body = write_events(events, unary);
    EXPECT_EQ(at(body, "choices.0.message.reasoning_content"), "hm");
    EXPECT_EQ(at(body, "choices.0.message.thinking_blocks"),
              R"([{"type":"thinking","thinking":"hm","signature":"SIG"},{"type":"redacted_thinking","data":"DATA"}])");
    const auto chunks = chunks_of(write_events(events, stream));
    EXPECT_EQ(at(chunks[1], "choices.0.delta"), R"({"reasoning_content":"hm"})");
    EXPECT_EQ(at(chunks[2], "choices.0.delta.thinking_blocks.0"), R"({"type":"thinking","thinking":"hm","signature":"SIG"})");
    EXPECT_EQ(at(chunks[3], "choices.0.delta.thinking_blocks.0.data"), "DATA");
    // Read back by a client that is a gateway itself, nothing is doubled.
    EXPECT_EQ(gist(write_events(events, stream), Mode::stream), gist(body, Mode::unary));
}

TEST(ChatWriter, ServerToolsAreNoClientToolCalls) {  // E051, E058
    const auto block =
        part(0, PartKind::opaque, EventKind::text_delta, "",
             {.type = "server_tool_use", .raw = R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}})"});
    auto with_input = block;
    with_input.insert(with_input.end() - 1, Event{.kind = EventKind::opaque_delta,
                                                  .part = 0,
                                                  .raw = R"({"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"})"});
    for (const auto& options : {stream, unary}) {
        const auto out = write_events(answer(with_input + text(1, "a")), options);
        EXPECT_EQ(out.find("tool_calls"), std::string::npos);
        EXPECT_NE(out.find(R"("content_blocks":[{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"x"}}])"),
                  std::string::npos)
            << out;
    }
}

TEST(ChatWriter, CitationsKeepTheTextTheySupport) {  // E053
    auto cited = text(0, "Claim");
    cited.insert(cited.end() - 1,
                 Event{.kind = EventKind::citation_delta, .part = 0, .raw = R"({"type":"char_location","cited_text":"x"})"});
    for (const auto& options : {stream, unary})
        EXPECT_NE(write_events(answer(cited), options)
                      .find(R"("citations":[{"type":"char_location","cited_text":"x","supported_text":"Claim"}])"),
                  std::string::npos);
    cited[2].raw = R"({"type":"url_citation","url_citation":{"url":"u"}})";
    for (const auto& options : {stream, unary})
        EXPECT_NE(write_events(answer(cited), options).find(R"("annotations":[{"type":"url_citation")"), std::string::npos);
}

TEST(ChatWriter, EveryChoiceThatWasBegunIsEnded) {
    const auto out =
        translated(openai_chat, openai_chat,
                   chat_stream({R"({"id":"c","choices":[{"index":1,"delta":{"content":"x"},"finish_reason":"stop"}]})"}),
                   Mode::stream, stream);
    EXPECT_EQ(read_answer(openai_chat, out, Mode::stream).fault, "");
    int ended = 0;
    for (const auto& each : chunks_of(out)) ended += at(each, "choices.0.finish_reason") == "stop";
    EXPECT_EQ(ended, 2);
}

TEST(ChatWriter, AFailureEndsTheStreamWithAnErrorAndNoDone) {  // G-13, contract "How streams end"
    const Failure broken(FailureKind::upstream_malformed, "It broke off.");
    const auto writer = openai_chat.make_writer(stream);
    std::string out;
    writer->write({.kind = EventKind::started}, out);
    writer->write({.kind = EventKind::failed, .failure = &broken}, out);
    EXPECT_EQ(out.find("[DONE]"), std::string::npos);
    EXPECT_EQ(chunks_of(out).back(),
              R"({"error":{"message":"It broke off.","type":"server_error","param":null,"code":"upstream_malformed"}})");
    ASSERT_NE(writer->failure(), nullptr);
    EXPECT_EQ(writer->failure()->message, "It broke off.");
    const auto single = openai_chat.make_writer(unary);
    std::string body;
    single->write({.kind = EventKind::failed, .failure = &broken}, body);
    EXPECT_EQ(body, "");
    EXPECT_NE(single->failure(), nullptr);
}

TEST(ChatWriter, PingsSayNothingAndKeepAlivesAreComments) {  // E063, G-6
    const auto writer = openai_chat.make_writer(stream);
    std::string out;
    writer->write({.kind = EventKind::keep_alive}, out);
    EXPECT_EQ(out, "");
    writer->keep_alive(out);
    EXPECT_EQ(out, ": keepalive\n\n");
}

TEST(ChatWriter, LogprobsStandInTheirChunkAndInTheAnswer) {
    auto logged = text(0, "a");
    logged[1].logprobs = "{\"content\":[{\"token\":\"a\"}],\n\"refusal\":null}";
    EXPECT_EQ(at(chunks_of(write_events(answer(logged), stream))[1], "choices.0.logprobs.content.0.token"), "a");
    EXPECT_EQ(at(write_events(answer(logged), unary), "choices.0.logprobs.content.0.token"), "a");
}

TEST(ChatWriter, AnthropicAnswersBecomeChatAnswersUnaryAndStreamed) {  // E050-E060, E064
    const std::string body =
        R"({"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"thinking","thinking":"hm","signature":"S"},{"type":"text","text":"Let me see"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"x":1}}],
        "stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"output_tokens":5}})";
    const auto out = translated(anthropic_messages, openai_chat, body, Mode::unary, unary);
    EXPECT_EQ(at(out, "choices.0.finish_reason"), "tool_calls");
    EXPECT_EQ(at(out, "choices.0.message.content"), "Let me see");
    EXPECT_EQ(at(out, "choices.0.message.tool_calls.0.id"), "toolu_1");
    EXPECT_EQ(canonical(at(out, "choices.0.message.tool_calls.0.function.arguments")), canonical(R"({"x":1})"));
    EXPECT_EQ(at(out, "usage.prompt_tokens"), "17");  // E064
    EXPECT_EQ(at(out, "usage.prompt_tokens_details.cached_tokens"), "4");
    EXPECT_EQ(gist(translated(anthropic_messages, openai_chat, body, Mode::unary, stream), Mode::stream), gist(out, Mode::unary));
}

}  // namespace
}  // namespace gotthard::dialect::testing
