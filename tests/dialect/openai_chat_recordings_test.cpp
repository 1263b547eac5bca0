// Every recorded chat exchange of every provider, fed whole, byte by byte and cut at random.
#include <gtest/gtest.h>

#include "dialect/openai_chat_support.hpp"

namespace gotthard::dialect::testing {
namespace {

/// Not chat answers although they are labelled so: worker and SDK artefacts.
bool is_artefact(const Recording& recording) {
    return recording.answer.find("\"choices\"") == std::string::npos && recording.answer.find("\"error\"") == std::string::npos;
}

bool has_error(const Recording& recording) { return recording.answer.find("data: {\"error\"") != std::string::npos; }

TEST(ChatRecordings, AnswersReadTheSameHoweverTheyAreCut) {  // E062, E200
    for_each_chat_recording([](const Recording& recording) {
        if (recording.status != 200 || recording.answer.empty()) return;
        const Mode mode = recording.stream ? Mode::stream : Mode::unary;
        const auto once = read_answer(openai_chat, recording.answer, mode);
        EXPECT_EQ(once.fault, "");
        if (!is_artefact(recording) && !has_error(recording)) EXPECT_EQ(once.failure, "");
        if (has_error(recording)) EXPECT_NE(once.failure, "");
        if (recording.answer.size() < 40'000)
            EXPECT_EQ(read_answer(openai_chat, recording.answer, mode, byte_by_byte).events, once.events);
        for (std::uint64_t seed = 1; seed <= 2; ++seed)
            EXPECT_EQ(read_answer(openai_chat, recording.answer, mode, cut_at_random(seed)).events, once.events);
    });
}

TEST(ChatRecordings, AStreamCutAnywhereBeforeItsFinishReasonNeverLooksFinished) {  // G-13, E214
    for_each_chat_recording([](const Recording& recording) {
        if (recording.status != 200 || !recording.stream || is_artefact(recording)) return;
        std::size_t end = recording.answer.size();
        for (std::string_view reason : {"\"finish_reason\":\"", "\"finish_reason\": \"", "[DONE]"})
            end = std::min(end, recording.answer.find(reason));
        for (std::size_t at = 0; at < end; at += 1 + end / 17) {
            const auto cut =
                read_answer(openai_chat, std::string_view(recording.answer).substr(0, at), Mode::stream, whole, true);
            EXPECT_EQ(cut.fault, "");
            EXPECT_NE(cut.failure, "") << at;
        }
    });
}

TEST(ChatRecordings, UnaryAnswersCutShortAreFailures) {  // contract: unary answers cut short are 502
    for_each_chat_recording([](const Recording& recording) {
        if (recording.status != 200 || recording.stream || is_artefact(recording)) return;
        const auto text = std::string_view(recording.answer).substr(0, recording.answer.find_last_of('}'));
        for (std::size_t at = 0; at < text.size(); at += 1 + text.size() / 7) {
            const auto cut = read_answer(openai_chat, text.substr(0, at), Mode::unary, whole, false);
            EXPECT_EQ(cut.failed.kind, FailureKind::upstream_malformed);
            EXPECT_EQ(cut.failed.status, 502);
        }
    });
}

TEST(ChatRecordings, AnAnswerWrittenAndReadBackIsTheSameAnswer) {
    for_each_chat_recording([](const Recording& recording) {
        if (recording.status != 200 || recording.answer.empty()) return;
        const Mode mode = recording.stream ? Mode::stream : Mode::unary;
        const auto first = read_answer(openai_chat, recording.answer, mode);
        if (!first.failure.empty()) return;
        const auto stream = translated(openai_chat, openai_chat, recording.answer, mode,
                                       {.mode = Mode::stream, .id = "chatcmpl-x", .include_usage = true});
        const auto unary =
            translated(openai_chat, openai_chat, recording.answer, mode, {.mode = Mode::unary, .id = "chatcmpl-x"});
        const auto streamed = read_answer(openai_chat, stream, Mode::stream);
        const auto single = read_answer(openai_chat, unary, Mode::unary);
        EXPECT_EQ(streamed.fault, "");
        EXPECT_EQ(single.fault, "");
        EXPECT_EQ(streamed.failure, "");
        EXPECT_EQ(gist(stream, Mode::stream), gist(unary, Mode::unary));
        EXPECT_EQ(gist(recording.answer, mode), gist(unary, Mode::unary));
        EXPECT_EQ(streamed.stop == llm::StopReason::stop,
                  first.stop == llm::StopReason::stop || first.stop == llm::StopReason::stop_sequence);
        EXPECT_EQ(single.usage.output, first.usage.output);
        EXPECT_EQ(streamed.usage.input, first.usage.input);
    });
}

TEST(ChatRecordings, RequestsAreReadAndWhatIsWrittenForAnotherUpstreamIsAccepted) {
    for_each_chat_recording([](const Recording& recording) {
        if (recording.status != 200 || recording.request.empty()) return;
        const auto again = write(openai_chat, openai_chat, recording.request, {.provider = "openai_compatible"});
        if (again.refusal.starts_with("model is missing")) return;  // deployments name the model in the path
        EXPECT_EQ(again.refusal, "");
        for (std::string_view key : {"model", "tool_choice", "temperature", "response_format", "parallel_tool_calls", "seed", "n",
                                     "provider", "reasoning", "top_logprobs"}) {
            const auto sent = at(recording.request, key);
            if (key == "response_format" && at(recording.request, "response_format.type") != "json_object") continue;
            if (key == "tool_choice" && sent.find("function") == std::string::npos && sent != "auto" && sent != "required" &&
                sent != "none")
                continue;
            if (sent == "null" || sent.empty()) continue;
            if (key == "tool_choice" && (sent.starts_with('{') || at(recording.request, "tools.0").empty()))
                continue;  // no choice without tools
            const bool text = key == "model" || key == "tool_choice";
            EXPECT_EQ(text ? at(again.body, key) : canonical(at(again.body, key)), text ? sent : canonical(sent)) << key;
        }
        EXPECT_EQ(at(again.body, "messages.0.role").empty(), false);
    });
}

TEST(ChatRecordings, WhatWasWrittenReadsBackAsTheSameConversation) {
    for_each_chat_recording([](const Recording& recording) {
        if (recording.status != 200 || recording.request.empty()) return;
        const Target target{.provider = "openrouter", .quirks = Quirk::keeps_cache_control | Quirk::knows_top_k};
        const auto once = write(openai_chat, openai_chat, recording.request, target);
        if (!once.refusal.empty()) return;
        const auto twice = write(openai_chat, openai_chat, once.body, target);
        EXPECT_EQ(twice.refusal, "");
        EXPECT_EQ(canonical(twice.body), canonical(once.body));
    });
}

TEST(ChatRecordings, EveryRecordedErrorIsUnderstood) {  // fixtures README 7.7
    for_each_chat_recording([](const Recording& recording) {
        if (recording.status < 400) return;
        const auto failure = openai_chat.read_error(recording.status, recording.answer);
        EXPECT_EQ(failure.status, recording.status);
        EXPECT_EQ(failure.origin, Origin::upstream);
        EXPECT_GT(failure.message.size(), 3u) << recording.answer;
        EXPECT_EQ(failure.message.find('<'), std::string::npos == failure.message.find("<html") ? failure.message.find('<') : 0);
        const auto rendered = openai_chat.write_error(failure, "req");
        EXPECT_EQ(at(rendered.body, "error.message"), failure.message);
        EXPECT_FALSE(at(rendered.body, "error.type").empty());
    });
}

TEST(ChatRecordings, UsageIsReadAsItsDialectMeansIt) {  // fixtures README 7.6, E221
    for_each_chat_recording([](const Recording& recording) {
        if (recording.status != 200 || recording.stream || is_artefact(recording)) return;
        const auto prompt = at(recording.answer, "usage.prompt_tokens"),
                   completion = at(recording.answer, "usage.completion_tokens"),
                   total = at(recording.answer, "usage.total_tokens");
        if (prompt.empty() || completion.empty() || prompt == "null" || completion == "null") return;
        const auto read = read_answer(openai_chat, recording.answer, Mode::unary);
        if (!read.failure.empty()) return;
        EXPECT_EQ(read.usage.input, std::stoll(prompt));
        EXPECT_GE(read.usage.output, std::stoll(completion));
        if (!total.empty() && total != "null" && read.usage.output != std::stoll(completion))
            EXPECT_EQ(read.usage.input + read.usage.output, std::stoll(total));
        EXPECT_LE(read.usage.reasoning, std::max<std::int64_t>(read.usage.output, 0));
    });
}

TEST(ChatRecordings, TheEditRestampsTheModelAndNothingElse) {  // E197, E260
    for_each_chat_recording([](const Recording& recording) {
        if (recording.status != 200 || recording.answer.empty()) return;
        const Mode mode = recording.stream ? Mode::stream : Mode::unary;
        const auto edited = [&](const EditOptions& options, const Cut& cut) {
            const auto edit = openai_chat.make_edit(options);
            std::string out;
            for (const auto piece : cut(recording.answer)) edit->feed(piece, out);
            edit->finish(out);
            return out;
        };
        EXPECT_EQ(edited({.mode = mode}, cut_at_random(3)), recording.answer);
        const auto stamped = edited({.mode = mode, .model = "alias"}, whole);
        EXPECT_EQ(edited({.mode = mode, .model = "alias"}, cut_at_random(5)), stamped);
        if (recording.answer.size() < 40'000)
            EXPECT_EQ(edited({.mode = mode, .model = "alias", .strip_usage = true}, byte_by_byte),
                      edited({.mode = mode, .model = "alias", .strip_usage = true}, whole));
        const auto before = read_answer(openai_chat, recording.answer, mode);
        const auto after = read_answer(openai_chat, stamped, mode);
        EXPECT_EQ(after.events.size(), before.events.size());
        if (mode == Mode::unary && !recording.model.empty() && before.failure.empty() && !at(recording.answer, "model").empty())
            EXPECT_EQ(at(stamped, "model"), "alias");
    });
}

}  // namespace
}  // namespace gotthard::dialect::testing
