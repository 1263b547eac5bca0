// Helpers for the tests of the chat dialect, beside those that both dialects share (anthropic_support.hpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dialect/anthropic_support.hpp"

namespace gotthard::dialect::testing {

/// The files of ../shared/fixtures that hold chat exchanges.
inline const std::vector<std::string> chat_files = {
    "dev.openai-chat.jsonl", "dev.openai-compatible.jsonl", "dev.mistral.jsonl", "dev.huggingface-tgi.jsonl",
    "dev.ollama.jsonl",      "dev.bedrock.jsonl",           "dev.gemini.jsonl",  "dev.anthropic.jsonl"};

template <class Check>
void for_each_chat_recording(Check check) {
    for (const auto& file : chat_files)
        for (const auto& recording : recordings(file, {"chat.completions"})) {
            SCOPED_TRACE(file + " " + recording.id);
            check(recording);
        }
}

/// Why OpenAI would answer 400 to this request, or "": the judge of the imposter.
std::string refusal_of_chat(std::string_view body);
/// "data: {chunk}\n\n" for each chunk, and the terminator.
std::string chat_stream(const std::vector<std::string>& chunks, bool done = true);
/// A chunk of one choice with this delta (and a finish reason, as JSON).
std::string chunk(std::string_view delta, std::string_view finish_reason = "null", std::string_view more = {});
/// The data of every event of a stream.
std::vector<std::string> chunks_of(std::string_view stream);
/// What an answer says, whatever the order in which its kinds of parts came: texts, thinking and refusals joined, then the calls.
std::string gist(std::string_view bytes, Mode mode, std::uint32_t quirks = 0);
/// The collected answer; its events are checked on the way, and it must not be a failure.
llm::Answer answer_of(std::string_view bytes, Mode mode, Arena& arena, std::uint32_t quirks = 0, const Memory* memory = nullptr);
/// A chat request with these messages (JSON array) and more members (",\"n\":1").
std::string chat_request(std::string_view messages, std::string_view more = {});
std::string anthropic_request(std::string_view messages, std::string_view more = {});

}  // namespace gotthard::dialect::testing
