#include <gtest/gtest.h>

#include "dialect/openai_chat_support.hpp"

#include <fmt/format.h>

#include "base/sse.hpp"
#include "imposter/strict.hpp"

namespace gotthard::dialect::testing {

std::string refusal_of_chat(std::string_view body) {
    imposter::Seen seen;
    seen.method = "POST";
    seen.target = "/v1/chat/completions";
    seen.body = body;
    return imposter::refusal_of_chat(seen);
}

std::string chat_stream(const std::vector<std::string>& chunks, bool done) {
    std::string out;
    for (const auto& each : chunks) out += "data: " + each + "\n\n";
    return done ? out + "data: [DONE]\n\n" : out;
}

std::string chunk(std::string_view delta, std::string_view finish_reason, std::string_view more) {
    return fmt::format(
        R"({{"id":"c1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{{"index":0,"delta":{},"logprobs":null,"finish_reason":{}}}]{}}})",
        delta, finish_reason, more);
}

std::vector<std::string> chunks_of(std::string_view stream) {
    std::vector<std::string> out;
    SseReader sse;
    sse.feed(stream);
    sse.finish();
    while (const auto* event = sse.next())
        if (event->has_data) out.emplace_back(event->data);
    return out;
}

llm::Answer answer_of(std::string_view bytes, Mode mode, Arena& arena, std::uint32_t quirks, const Memory* memory) {
    const auto reader = openai_chat.make_reader({.mode = mode, .quirks = quirks, .memory = memory});
    llm::EventValidator validator;
    llm::Collector collector(arena);
    llm::Events events;
    const auto take = [&] {
        for (const auto& event : events) {
            EXPECT_EQ(validator.see(event), "");
            collector.see(event);
        }
        events.clear();
    };
    reader->feed(bytes, events);
    take();
    if (!reader->ended()) reader->finish(true, events);
    take();
    EXPECT_TRUE(validator.ended());
    EXPECT_EQ(collector.failure().has_value() ? collector.failure()->message : "", "");
    return collector.take();
}

std::string gist(std::string_view bytes, Mode mode, std::uint32_t quirks) {
    Arena arena;
    std::string out;
    for (const auto& choice : answer_of(bytes, mode, arena, quirks).choices) {
        std::string text, thinking, refusal, calls, signatures;
        for (const auto& part : choice.parts) {
            if (part.kind == llm::PartKind::text) text += part.text;
            if (part.kind == llm::PartKind::thinking) thinking += part.text, signatures += part.signature;
            if (part.kind == llm::PartKind::redacted_thinking) signatures += part.text;
            if (part.kind == llm::PartKind::refusal) refusal += part.text;
            if (part.kind == llm::PartKind::tool_call)
                calls += fmt::format("{} {} {}\n", part.id, part.name, part.arguments.empty() ? "{}" : part.arguments);
        }
        out += fmt::format("{} text={}\nthinking={}\nrefusal={}\nsigned={}\n{}logprobs={}\n", choice.index, text, thinking,
                           refusal, signatures, calls, choice.logprobs.size() > 0);
    }
    return out;
}

std::string chat_request(std::string_view messages, std::string_view more) {
    return fmt::format(R"({{"model":"m","messages":{}{}}})", messages, more);
}
std::string anthropic_request(std::string_view messages, std::string_view more) {
    return fmt::format(R"({{"model":"m","max_tokens":100,"messages":{}{}}})", messages, more);
}

}  // namespace gotthard::dialect::testing
