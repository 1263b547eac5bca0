#include <gtest/gtest.h>

#include "net/http1.hpp"

namespace gotthard::net {
namespace {

struct Decoded {
    std::string payload;
    std::size_t consumed = 0;
    std::string error;
    bool finished = false;
};

/// Feeds `raw` in pieces of `piece` bytes with room for `spans` spans.
Decoded decode(BodyDecoder decoder, std::string_view raw, std::size_t piece, std::size_t spans = 4) {
    Decoded out;
    std::vector<std::string_view> room(spans);
    for (std::size_t at = 0; at < raw.size() && !decoder.finished();) {
        const auto part = raw.substr(at, piece);
        const auto step = decoder.step(part, room);
        if (step.error != nullptr) {
            out.error = step.error;
            return out;
        }
        for (std::size_t i = 0; i < step.spans; ++i) out.payload += room[i];
        at += step.consumed;
        out.consumed = at;
    }
    out.finished = decoder.finished();
    return out;
}

constexpr std::string_view three = "5\r\nhello\r\n1;a=\"b\"\r\n \r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nrest";

TEST(Chunked, IsDecodedWhereverItIsCut) {
    for (std::size_t piece = 1; piece <= three.size(); ++piece)
        for (const std::size_t spans : {1U, 2U, 64U}) {
            const auto out = decode(BodyDecoder::chunked(), three, piece, spans);
            EXPECT_EQ(out.payload, "hello 0123456789") << piece << out.error;
            EXPECT_TRUE(out.finished);
            EXPECT_EQ(three.substr(out.consumed), "rest");
        }
}

struct Bad {
    const char* what;
    std::string text;
};

TEST(Chunked, RefusesLooseFraming) {
    const Bad rows[] = {
        {"no size", "\r\nhello\r\n"},
        {"negative size", "-5\r\nhello\r\n"},
        {"signed size", "+5\r\nhello\r\n"},
        {"0x size", "0x5\r\nhello\r\n"},
        {"blank before the size", " 5\r\nhello\r\n"},
        {"blank behind the size", "5 \r\nhello\r\n"},
        {"bare LF behind the size", "5\nhello\r\n"},
        {"bare CR behind the size", "5\rhello\r\n"},
        {"bare LF behind the data", "5\r\nhello\n0\r\n\r\n"},
        {"data longer than its size", "5\r\nhello!\r\n"},
        {"size of 16 digits", "fffffffffffffff0\r\n"},
        {"size of zeros without end", std::string(100, '0')},
        {"LF in an extension", "5;a\nb\r\nhello\r\n"},
        {"NUL in an extension", std::string("5;a\0b\r\nhello\r\n", 14)},
        {"extension without end", "5;" + std::string(2000, 'a')},
        {"trailers without end", "0\r\n" + std::string(9000, 'a')},
        {"bare LF at the end", "0\r\n\n"},
        {"CR CR", "0\r\n\r\r\n"},
        {"folded trailer", "0\r\nA: b\r\n c\r\n\r\n"},
        {"trailer with a blank before its colon", "0\r\nA : b\r\n\r\n"},
    };
    for (const auto& row : rows)
        for (const std::size_t piece : {1UL, 3UL, row.text.size()})
            EXPECT_NE(decode(BodyDecoder::chunked(), row.text, piece).error, "") << row.what;
}

TEST(Chunked, IsNotFinishedBeforeItsLastLine) {
    constexpr std::string_view text = "5\r\nhello\r\n0\r\n\r\n";
    for (std::size_t size = 0; size < text.size(); ++size) {
        auto decoder = BodyDecoder::chunked();
        std::string_view room[4];
        decoder.step(text.substr(0, size), room);
        EXPECT_FALSE(decoder.end_of_input()) << size;
    }
}

TEST(Chunked, TellsWhatCanBeForwardedWithItsFraming) {
    struct Case {
        std::string_view before;
        std::string_view raw;
        std::size_t whole;
    };
    for (const auto& [before, raw, whole] : {
             Case{"", "5\r\nhello\r\n", 10},
             Case{"", "5\r\nhello\r\n1\r\n!\r\n", 16},
             Case{"", "5\r\nhello\r\n0\r\n\r\n", 10},
             Case{"", "5\r\nhello\r\n0\r\nX: y\r\n\r\n", 10},
             Case{"", "5\r\nhello\r\n1", 10},  // the size line that is cut is not part of it
             Case{"", "5\r\nhello\r\n1\r\n", 10},
             Case{"", "5\r\nhello\r\n2\r\n!", 0},  // payload of a chunk that goes on
             Case{"", "5\r\nhello\r", 0},
             Case{"", "5;x=y\r\nhello\r\n", 0},  // extensions end here
             Case{"", "0\r\n\r\n", 0},
             Case{"5\r\nhe", "llo\r\n", 0},
             Case{"5\r\nhello\r\n", "1\r\n!\r\n", 6},
             Case{"5\r\nhello\r\n1", "\r\n!\r\n", 0},
         }) {
        auto decoder = BodyDecoder::chunked();
        std::string_view room[8];
        decoder.step(before, room);
        const auto step = decoder.step(raw, room);
        EXPECT_EQ(step.error, nullptr);
        EXPECT_EQ(step.consumed, raw.size());
        EXPECT_EQ(step.whole_chunks, whole) << before << "|" << raw;
    }
}

TEST(Chunked, ForwardedFramingHoldsExactlyThePayload) {
    const std::string text = "3\r\nabc\r\n2\r\nde\r\n4\r\nfghi\r\n1\r\nj\r\n0\r\n\r\n";
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
        auto decoder = BodyDecoder::chunked();
        std::string sent;
        std::string_view room[2];
        char size_room[24];
        for (std::size_t at = 0; at < text.size();) {
            const auto raw = std::string_view(text).substr(at, piece);
            const auto step = decoder.step(raw, room);
            ASSERT_EQ(step.error, nullptr);
            if (step.whole_chunks != 0) {
                sent += raw.substr(0, step.whole_chunks);
            } else {
                for (std::size_t i = 0; i < step.spans; ++i)
                    (sent += chunk_size_line(size_room, room[i].size())).append(room[i]).append("\r\n");
            }
            at += step.consumed;
        }
        EXPECT_EQ(decode(BodyDecoder::chunked(), sent + "0\r\n\r\n", 7).payload, "abcdefghij") << piece;
    }
}

TEST(Body, OfKnownLengthLeavesWhatFollows) {
    const auto out = decode(BodyDecoder::length(5), "hello, next", 3);
    EXPECT_EQ(out.payload, "hello");
    EXPECT_EQ(out.consumed, 5U);
    EXPECT_TRUE(out.finished);
}

TEST(Body, CutShortIsNotAGoodEnd) {
    auto decoder = BodyDecoder::length(5);
    std::string_view room[1];
    decoder.step("hell", room);
    EXPECT_EQ(decoder.remaining(), 1U);
    EXPECT_FALSE(decoder.end_of_input());
}

TEST(Body, UntilCloseEndsWithTheConnection) {
    auto decoder = BodyDecoder::until_close();
    std::string_view room[1];
    EXPECT_EQ(decoder.step("anything", room).consumed, 8U);
    EXPECT_FALSE(decoder.finished());
    EXPECT_TRUE(decoder.end_of_input());
    EXPECT_TRUE(decoder.finished());
}

TEST(Texts, AreTheOnesOfTheStandard) {
    char room[24];
    EXPECT_EQ(chunk_size_line(room, 0x1f), "1f\r\n");
    EXPECT_EQ(reason_phrase(200), "OK");
    EXPECT_EQ(reason_phrase(529), "Overloaded");
    EXPECT_EQ(reason_phrase(299), "Unknown");
    EXPECT_TRUE(is_token("x-header_1"));
    EXPECT_FALSE(is_token(""));
    EXPECT_FALSE(is_token("a b"));
    EXPECT_TRUE(is_header_value("a\tb \xff"));
    EXPECT_FALSE(is_header_value("a\r\nb"));
}

}  // namespace
}  // namespace gotthard::net
