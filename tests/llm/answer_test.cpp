// The bridges between an answer and its events, and the judge of their order.
#include <gtest/gtest.h>

#include "llm/answer.hpp"
#include "llm/event.hpp"
#include "llm/losses.hpp"

namespace gotthard::llm {
namespace {

Part part(PartKind kind, std::string_view text) {
    Part out;
    out.kind = kind;
    out.text = text;
    return out;
}

Answer whole_answer() {
    Answer answer{.id = "a1", .model = "m", .created = 7};
    Choice& choice = answer.choices.emplace_back();
    choice.parts.push_back(part(PartKind::thinking, "hm"));
    choice.parts.back().signature = "SIG";
    choice.parts.push_back(part(PartKind::redacted_thinking, "DATA"));
    choice.parts.push_back(part(PartKind::text, "Hello"));
    choice.parts.back().citations = R"([{"a":1},{"b":2}])";
    choice.parts.push_back(part(PartKind::tool_call, ""));
    choice.parts.back().id = "c1";
    choice.parts.back().name = "f";
    choice.parts.back().arguments = R"({"x":1})";
    choice.parts.push_back(part(PartKind::opaque, ""));
    choice.parts.back().type = "server_tool_use";
    choice.parts.back().raw = R"({"type":"server_tool_use"})";
    choice.stop = StopReason::tool_calls;
    choice.logprobs = R"({"content":[{"token":"H"}],"refusal":null})";
    answer.choices.emplace_back(Choice{.index = 1, .stop = StopReason::stop});
    answer.usage = {.input = 3, .output = 4, .source = UsageSource::provider};
    answer.service_tier = "flex";
    return answer;
}

TEST(Answer, ReplayedAndCollectedIsTheSameAnswer) {
    const auto answer = whole_answer();
    Events events;
    replay(answer, events);
    EventValidator validator;
    Arena arena;
    Collector collector(arena);
    for (const auto& event : events) {
        EXPECT_EQ(validator.see(event), "");
        collector.see(event);
    }
    EXPECT_TRUE(validator.ended());
    EXPECT_TRUE(collector.finished());
    const auto again = collector.take();
    EXPECT_EQ(again.id, "a1");
    EXPECT_EQ(again.created, 7);
    EXPECT_EQ(again.service_tier, "flex");
    EXPECT_EQ(again.usage, answer.usage);
    ASSERT_EQ(again.choices.size(), 2u);
    ASSERT_EQ(again.choices[0].parts.size(), answer.choices[0].parts.size());
    EXPECT_EQ(again.choices[0].stop, StopReason::tool_calls);
    EXPECT_EQ(again.choices[0].logprobs, answer.choices[0].logprobs);
    for (std::size_t i = 0; i < again.choices[0].parts.size(); ++i) {
        const auto &mine = again.choices[0].parts[i], &theirs = answer.choices[0].parts[i];
        EXPECT_EQ(mine.kind, theirs.kind);
        EXPECT_EQ(mine.text, theirs.text);
        EXPECT_EQ(mine.signature, theirs.signature);
        EXPECT_EQ(mine.arguments, theirs.arguments);
        EXPECT_EQ(mine.citations, theirs.citations);
        EXPECT_EQ(mine.raw, theirs.raw);
    }
}

TEST(Collector, JoinsFragmentsAndOwnsItsTexts) {
    Arena arena;
    Collector collector(arena);
    collector.see({.kind = EventKind::started, .id = "a"});
    {
        std::string gone = "Hel";
        collector.see(Event{.kind = EventKind::part_started});
        collector.see({.kind = EventKind::text_delta, .text = gone});
        gone = "lo";
        collector.see({.kind = EventKind::text_delta, .text = gone});
        collector.see(Event{.kind = EventKind::part_finished});
    }
    EXPECT_EQ(collector.take().choices.at(0).parts.at(0).text, "Hello");
}

TEST(Collector, StopsAtItsLimit) {
    Arena arena;
    Collector collector(arena, 100);
    collector.see(Event{.kind = EventKind::started});
    collector.see(Event{.kind = EventKind::part_started});
    const std::string text(60, 'x');
    collector.see({.kind = EventKind::text_delta, .text = text});
    EXPECT_FALSE(collector.failure().has_value());
    collector.see({.kind = EventKind::text_delta, .text = text});
    ASSERT_TRUE(collector.failure().has_value());
    EXPECT_EQ(collector.failure()->kind, FailureKind::upstream_malformed);
}

TEST(Usage, RepeatedCountsAreMergedByMaximumAndNeverAdded) {  // E060, E220
    Usage usage{.input = 10, .output = 1, .source = UsageSource::provider};
    usage.merge_max({.input = 10, .output = 5, .cache_read = 2, .source = UsageSource::provider});
    EXPECT_EQ(usage.input, 10);
    EXPECT_EQ(usage.output, 5);
    EXPECT_EQ(usage.cache_read, 2);
    EXPECT_EQ(usage.reasoning, -1);
}

std::string judge(const Events& events) {
    EventValidator validator;
    for (const auto& event : events)
        if (auto fault = validator.see(event); !fault.empty()) return fault;
    return {};
}

TEST(EventValidator, SeesEveryBreachOfTheOrder) {
    const Event started{.kind = EventKind::started}, open{.kind = EventKind::part_started},
        close{.kind = EventKind::part_finished}, stop{.kind = EventKind::choice_finished, .stop = StopReason::stop},
        end{.kind = EventKind::finished};
    const Event text{.kind = EventKind::text_delta, .text = "x"}, second{.kind = EventKind::part_started, .part = 1};
    EXPECT_EQ(judge({started, open, text, close, second, {.kind = EventKind::part_finished, .part = 1}, stop, end}), "");
    EXPECT_NE(judge({open}), "");
    EXPECT_NE(judge({started, started}), "");
    EXPECT_NE(judge({started, text}), "");
    EXPECT_NE(judge({started, open, open}), "");
    EXPECT_NE(judge({started, second}), "");
    EXPECT_NE(judge({started, open, stop}), "");
    EXPECT_NE(judge({started, open, close, end}), "");
    EXPECT_NE(judge({started, stop, text}), "");
    EXPECT_NE(judge({started, stop, end, end}), "");
    EXPECT_NE(judge({end}), "");
    EXPECT_NE(judge({{.kind = EventKind::failed}}), "");
    EXPECT_NE(judge({started, open, {.kind = EventKind::thinking_delta, .text = "x"}}), "");
    EXPECT_NE(judge({started, {.kind = EventKind::part_started, .part_kind = PartKind::tool_call, .call = 1}}), "");
    EXPECT_NE(judge({started, {.kind = EventKind::choice_finished}}), "");
    EXPECT_NE(judge({started, {.kind = EventKind::part_started, .choice = 999}}), "");
}

TEST(Paths, AreWrittenInTheClientsOwnTerms) {
    Message message{.source_message = 3};
    Part inside;
    inside.source_part = 2;
    EXPECT_EQ(path_of(message), "messages[3]");
    EXPECT_EQ(path_of(message, inside, "cache_control"), "messages[3].content[2].cache_control");
    message.content_is_string = true;
    EXPECT_EQ(path_of(message, inside), "messages[3].content");
    message.source_message = -1;
    EXPECT_EQ(path_of(message, inside), "system");
    message.content_is_string = false;
    EXPECT_EQ(path_of(message, inside), "system[2]");
}

TEST(Losses, KnowTheFirstThatChangesWhatTheCallerGets) {
    Losses losses;
    losses.add("seed", "x");
    EXPECT_EQ(losses.first_contract(), nullptr);
    losses.add("tools[0]", "x", Severity::contract);
    losses.add("n", "x", Severity::contract);
    EXPECT_EQ(losses.first_contract()->path, "tools[0]");
    EXPECT_EQ(losses.size(), 3u);
}

}  // namespace
}  // namespace gotthard::llm
