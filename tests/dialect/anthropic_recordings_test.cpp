// Every recorded Messages exchange, fed whole, byte by byte and cut at random.
#include <gtest/gtest.h>

#include "dialect/anthropic_support.hpp"

namespace gotthard::dialect::testing {
namespace {

const std::vector<std::string> files = {"dev.anthropic.jsonl", "dev.gemini.jsonl", "dev.ollama.jsonl", "dev.openai-compatible.jsonl"};
const std::vector<std::string> endpoints = {"messages", "rawPredict", "streamRawPredict"};

template <class Check>
void for_each(Check check) {
    for (const auto& file : files)
        for (const auto& recording : recordings(file, endpoints)) {
            SCOPED_TRACE(file + " " + recording.id);
            check(recording);
        }
}

// Five files hold several messages spliced into one: a reader must survive them, what they mean is open.
bool is_spliced(const Recording& recording) {
    const auto first = recording.answer.find("\"message_start\",\"message\"");
    return first != std::string::npos && recording.answer.find("\"message_start\",\"message\"", first + 1) != std::string::npos;
}

TEST(AnthropicRecordings, AnswersReadTheSameHoweverTheyAreCut) {  // E062, E200
    for_each([](const Recording& recording) {
        if (recording.status != 200 || recording.answer.empty()) return;
        const Mode mode = recording.stream ? Mode::stream : Mode::unary;
        const auto once = read_answer(anthropic_messages, recording.answer, mode);
        EXPECT_EQ(once.fault, "");
        if (!is_spliced(recording) && recording.answer.find("\"type\":\"error\"") == std::string::npos) EXPECT_EQ(once.failure, "");
        EXPECT_EQ(read_answer(anthropic_messages, recording.answer, mode, byte_by_byte).events, once.events);
        for (std::uint64_t seed = 1; seed <= 3; ++seed) EXPECT_EQ(read_answer(anthropic_messages, recording.answer, mode, cut_at_random(seed)).events, once.events);
    });
}

TEST(AnthropicRecordings, AStreamCutAnywhereBeforeItsStopReasonNeverLooksFinished) {  // G-13, E214
    for_each([](const Recording& recording) {
        if (recording.status != 200 || !recording.stream || is_spliced(recording)) return;
        const auto end = recording.answer.find("message_delta");
        if (end == std::string::npos) return;
        for (std::size_t at = 0; at < end; at += 1 + end / 23) {
            const auto cut = read_answer(anthropic_messages, std::string_view(recording.answer).substr(0, at), Mode::stream, whole, false);
            EXPECT_EQ(cut.fault, "");
            EXPECT_NE(cut.failure, "") << at;
            EXPECT_EQ(cut.failed.kind, FailureKind::upstream_malformed);
        }
    });
}

TEST(AnthropicRecordings, AnAnswerWrittenAndReadBackIsTheSameAnswer) {
    for_each([](const Recording& recording) {
        if (recording.status != 200 || recording.answer.empty() || is_spliced(recording)) return;
        const Mode mode = recording.stream ? Mode::stream : Mode::unary;
        const auto first = read_answer(anthropic_messages, recording.answer, mode);
        if (!first.failure.empty()) return;
        const auto stream = translated(anthropic_messages, anthropic_messages, recording.answer, mode, {.mode = Mode::stream});
        const auto unary = translated(anthropic_messages, anthropic_messages, recording.answer, mode, {.mode = Mode::unary});
        const auto streamed = read_answer(anthropic_messages, stream, Mode::stream);
        const auto single = read_answer(anthropic_messages, unary, Mode::unary);
        EXPECT_EQ(streamed.fault, "");
        EXPECT_EQ(streamed.answer, single.answer);
        // An ordinary end beside tool calls is written as tool_use (wire-formats 10.1 rule 1).
        const bool calls = first.answer.find("arguments=") != std::string::npos;
        if (!calls || first.stop != llm::StopReason::stop) EXPECT_EQ(streamed.stop, first.stop);
        EXPECT_EQ(streamed.usage.input, std::max<std::int64_t>(first.usage.input, 0));
        EXPECT_EQ(single.usage.output, std::max<std::int64_t>(first.usage.output, 0));
        EXPECT_EQ(streamed.usage.cache_read, std::max<std::int64_t>(first.usage.cache_read, 0));
    });
}

TEST(AnthropicRecordings, RequestsAreReadAndWrittenAgainAsTheSameValue) {  // E262
    for_each([](const Recording& recording) {
        if (recording.status != 200 || recording.request.empty()) return;
        const auto again = write(anthropic_messages, anthropic_messages, recording.request, {.provider = "anthropic"}, {.anthropic_beta = "mid-conversation-system"});
        if (recording.endpoint != "messages" && again.refusal.starts_with("model is missing")) return;
        ASSERT_EQ(again.refusal, "");
        EXPECT_EQ(again.losses.size(), 0u);
        for (std::string_view key : {"model", "max_tokens", "tools", "tool_choice", "thinking", "context_management", "mcp_servers", "container", "metadata", "cache_control", "temperature", "stop_sequences"}) {
            const auto sent = at(recording.request, key);
            if (sent.empty() || sent == "null") continue;
            if (key == "tools" || key == "model") continue;
            EXPECT_EQ(canonical(sent), canonical(at(again.body, key))) << key;
        }
    });
}

TEST(AnthropicRecordings, ErrorsKeepTheirStatusMessageAndType) {
    for_each([](const Recording& recording) {
        if (recording.status < 400) return;
        const auto failure = anthropic_messages.read_error(recording.status, recording.answer);
        EXPECT_EQ(failure.status, recording.status);
        EXPECT_EQ(failure.type, at(recording.answer, "error.type"));
        const auto shown = anthropic_messages.write_error(failure, "req_1");
        EXPECT_EQ(shown.status, recording.status);
        EXPECT_EQ(at(shown.body, "error.type"), failure.type);
    });
}

TEST(AnthropicRecordings, RestampingChangesTheModelAndNothingElse) {  // E197, E260
    for_each([](const Recording& recording) {
        if (recording.status != 200 || recording.answer.empty() || is_spliced(recording)) return;
        const Mode mode = recording.stream ? Mode::stream : Mode::unary;
        for (const auto& cut : {Cut(whole), Cut(byte_by_byte), cut_at_random(5)}) {
            const auto edit = anthropic_messages.make_edit({.mode = mode, .model = "claude/alias"});
            std::string out;
            for (const auto piece : cut(recording.answer)) edit->feed(piece, out);
            edit->finish(out);
            const auto model = json::quoted("claude/alias");
            const auto from = out.find(model);
            if (from == std::string::npos) {
                EXPECT_EQ(out, recording.answer);
                continue;
            }
            EXPECT_EQ(out.substr(0, from), recording.answer.substr(0, from));
            const auto rest = out.substr(from + model.size());
            EXPECT_TRUE(recording.answer.ends_with(rest));
            EXPECT_EQ(recording.answer.size() - rest.size() - from, recording.answer.find('"', from + 1) + 1 - from);
        }
    });
}

}  // namespace
}  // namespace gotthard::dialect::testing
