#include "base/sse.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace gotthard {
namespace {

struct Seen {
    std::string event, data, id, comment;
    bool has_data = false, unfinished = false;
    bool operator==(const Seen&) const = default;
};

struct Reading {
    std::vector<Seen> events;  // keep-alives left out
    std::string raw;
    bool failed = false;
};

void drain(SseReader& reader, Reading& into) {
    while (const SseEvent* event = reader.next()) {
        into.raw.append(event->raw);
        if (event->has_data)
            into.events.push_back({std::string(event->event), std::string(event->data), std::string(event->id),
                                   std::string(event->comment), true, event->unfinished});
    }
}

Reading read_cut(std::string_view text, const std::vector<std::size_t>& cuts, std::size_t cap = SseReader::default_cap) {
    SseReader reader(cap);
    Reading reading;
    std::size_t at = 0;
    const auto feed_until = [&](std::size_t end) {
        const std::string piece(text.substr(at, end - at));  // its own memory: a view kept too long is seen by the sanitizer
        reader.feed(piece);
        drain(reader, reading);
        at = end;
    };
    for (const std::size_t cut : cuts) feed_until(cut);
    feed_until(text.size());
    reader.finish();
    drain(reader, reading);
    reading.failed = reader.failed();
    return reading;
}

Reading read_whole(std::string_view text) { return read_cut(text, {}); }

constexpr std::string_view mixed =
    "\xEF\xBB\xBF: hello\r\n\r\n"
    "event: message_start\ndata: {\"type\":\"message_start\"}\n\n"
    "event:ping\rdata:{\"type\": \"ping\"}   \r\r"
    "id: 7\r\ndata: first\r\ndata: second\r\ndata\r\ndata:third\r\n\r\n"
    "\n\nretry: 10\nunknown: x\nnocolon\n\n"
    "data:  two spaces\n: comment inside\n\ndata: [DONE]\n\n"
    "data: cut";

TEST(SseReader, ReadsEveryLineEndAndFieldForm) {
    const auto reading = read_whole(mixed);
    const std::vector<Seen> want = {
        {"message_start", "{\"type\":\"message_start\"}", "", "", true, false},
        {"ping", "{\"type\": \"ping\"}   ", "", "", true, false},
        {"", "first\nsecond\n\nthird", "7", "", true, false},
        {"", " two spaces", "", "comment inside", true, false},
        {"", "[DONE]", "", "", true, false},
        {"", "cut", "", "", true, true},
    };
    EXPECT_EQ(reading.events, want);
    EXPECT_EQ(reading.raw, mixed);
}

TEST(SseReader, SeesTheSameEventsCutAtAnyTwoBytes) {
    const auto whole = read_whole(mixed);
    for (std::size_t first = 0; first <= mixed.size(); ++first)
        for (std::size_t second = first; second <= mixed.size(); ++second) {
            const auto cut = read_cut(mixed, {first, second});
            ASSERT_EQ(cut.events, whole.events) << first << " " << second;
            ASSERT_EQ(cut.raw, mixed) << first << " " << second;
        }
}

TEST(SseReader, SeesTheSameEventsByteByByte) {
    std::vector<std::size_t> cuts;
    for (std::size_t i = 1; i < mixed.size(); ++i) cuts.push_back(i);
    const auto reading = read_cut(mixed, cuts);
    EXPECT_EQ(reading.events, read_whole(mixed).events);
    EXPECT_EQ(reading.raw, mixed);
}

TEST(SseReader, HandsOutAWholeEventWithoutCopyingIt) {
    const std::string bytes = "data: {\"a\":1}\n\ndata: {\"b\":2}\n\n";
    SseReader reader;
    reader.feed(bytes);
    const SseEvent* first = reader.next();
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->data.data(), bytes.data() + 6);
    const SseEvent* second = reader.next();
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->raw.data(), bytes.data() + 15);
    EXPECT_EQ(reader.next(), nullptr);
    EXPECT_EQ(reader.held(), 0u);
}

TEST(SseReader, HandsOutAnEventAsSoonAsItsBlankLineHasCome) {
    SseReader reader;
    reader.feed("data: a\r\n\r");
    ASSERT_NE(reader.next(), nullptr);
    EXPECT_EQ(reader.next(), nullptr);
    reader.feed("\ndata: b\n\n");
    const SseEvent* second = reader.next();
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->data, "b");
    EXPECT_FALSE(second->unfinished);
}

TEST(SseReader, AStreamThatEndsInsideCrLfIsNotUnfinished) {
    SseReader reader;
    reader.feed("data: a\r\n\r");
    while (reader.next() != nullptr) {}
    reader.feed("\n");
    reader.finish();
    while (const SseEvent* event = reader.next()) {
        EXPECT_FALSE(event->has_data);
        EXPECT_FALSE(event->unfinished);
    }
}

TEST(SseReader, KeepAlivesAreHandedOutWithoutData) {
    SseReader reader;
    reader.feed(": OPENROUTER PROCESSING\n\n\nevent: ping\n\ndata:\n\n");
    const SseEvent* event = reader.next();
    ASSERT_NE(event, nullptr);
    EXPECT_FALSE(event->has_data);
    EXPECT_EQ(event->comment, "OPENROUTER PROCESSING");
    ASSERT_NE(event = reader.next(), nullptr);
    EXPECT_EQ(event->raw, "\n");
    ASSERT_NE(event = reader.next(), nullptr);
    EXPECT_EQ(event->event, "ping");
    EXPECT_FALSE(event->has_data);
    ASSERT_NE(event = reader.next(), nullptr);
    EXPECT_TRUE(event->has_data);
    EXPECT_EQ(event->data, "");
}

TEST(SseReader, AnEventLongerThanTheCapFailsCleanlyHoweverItIsCut) {
    const std::string text = "data: ok\n\ndata: " + std::string(100, 'x') + "\n\ndata: after\n\n";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        const auto reading = read_cut(text, {cut}, 64);
        ASSERT_TRUE(reading.failed) << cut;
        ASSERT_EQ(reading.events.size(), 1u) << cut;
    }
    SseReader reader(64);
    reader.feed(text);
    while (reader.next() != nullptr) {}
    ASSERT_FALSE(reader.status().has_value());
    EXPECT_EQ(reader.status().error().kind, FailureKind::upstream_malformed);
    reader.feed("data: more\n\n");
    EXPECT_EQ(reader.next(), nullptr);
}

TEST(SseReader, ALineOfAHundredThousandBytesIsRead) {
    const std::string data(100'875, 'j');
    const auto reading = read_cut("data: " + data + "\n\n", {10, 50'000, 100'000});
    ASSERT_EQ(reading.events.size(), 1u);
    EXPECT_EQ(reading.events[0].data, data);
}

TEST(SseReader, AnEndlessLineFedInSmallPiecesStopsAtTheCap) {
    SseReader reader(1 << 16);
    const std::string piece(100, 'a');
    for (int i = 0; i < 10'000 && !reader.failed(); ++i) {
        reader.feed(piece);
        EXPECT_EQ(reader.next(), nullptr);
        EXPECT_LE(reader.held(), 1u << 16);
    }
    EXPECT_TRUE(reader.failed());
}

TEST(SseReader, FeedingBeforeTheEarlierBytesAreDrainedLosesNothing) {
    SseReader reader;
    reader.feed("data: a\n\ndata: b\n\ndata: c");
    ASSERT_NE(reader.next(), nullptr);
    reader.feed("c\n\ndata: d\n\n");
    std::vector<std::string> data;
    while (const SseEvent* event = reader.next()) data.emplace_back(event->data);
    EXPECT_EQ(data, (std::vector<std::string>{"b", "cc", "d"}));
}

}  // namespace
}  // namespace gotthard
