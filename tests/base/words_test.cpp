#include <gtest/gtest.h>

#include <set>
#include <type_traits>

#include "base/arena.hpp"
#include "base/clock.hpp"
#include "base/failure.hpp"
#include "base/id.hpp"
#include "base/money.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"

namespace gotthard {
namespace {

TEST(Money, ReadsAndWritesExactDecimals) {
    EXPECT_EQ(Money::nanos(1234).text(), "0.000001234");
    EXPECT_EQ(Money::dollars(12).text(), "12");
    EXPECT_EQ(Money::nanos(-500'000'000).text(), "-0.5");
    EXPECT_EQ(Money::unknown().text(), "");
    EXPECT_EQ(Money::parse("0.25"), Money::nanos(250'000'000));
    EXPECT_EQ(Money::parse(" $1.5 "), Money::nanos(1'500'000'000));
    for (auto bad : {"", ".", "1e3", "0.0000000001", "12a", "9999999999", "--1", "1.2.3"}) EXPECT_EQ(Money::parse(bad), std::nullopt) << bad;
}

TEST(Money, UnknownStaysUnknownInASum) {
    EXPECT_FALSE((Money::unknown() + Money::dollars(1)).known());
    EXPECT_FALSE((Money::dollars(1) - Money::unknown()).known());
    EXPECT_TRUE((Money::dollars(1) + Money::dollars(2)).known());
}

TEST(Text, GlobsMatchWholeNames) {
    EXPECT_TRUE(glob_match("lab/*", "lab/qwen/3:8b@x"));
    EXPECT_TRUE(glob_match("*", ""));
    EXPECT_TRUE(glob_match("a?c*", "abc"));
    EXPECT_FALSE(glob_match("lab/*", "Lab/x"));
    EXPECT_FALSE(glob_match("fast", "faster"));
    EXPECT_TRUE(glob_match("*a*b*c*", "xxaxxbxxcxx"));
    EXPECT_FALSE(glob_match(std::string(30, '*') + "b", std::string(5000, 'a')));
}

TEST(Text, DurationsAndSizesNeedTheirUnit) {
    EXPECT_EQ(parse_duration("10s"), 10'000'000'000);
    EXPECT_EQ(parse_duration("1h30m"), 5'400'000'000'000);
    for (auto bad : {"", "10", "s", "-1s", "1.5s", "10x", "99999999999999999999s", "9999999999w"}) EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
    EXPECT_EQ(parse_bytes("32MiB"), 32u << 20);
    EXPECT_EQ(parse_bytes("64 KB"), 64'000u);
    EXPECT_EQ(parse_bytes("5 parsecs"), std::nullopt);
}

TEST(Text, ClosestNamesAreThoseThatAreMeant) {
    const std::vector<std::string> known{"openai/gpt-5.4", "openai/gpt-5.4-mini", "claude/claude-sonnet-5", "fast"};
    EXPECT_EQ(closest_names("gpt-5.4", known, 2), (std::vector<std::string>{"openai/gpt-5.4", "openai/gpt-5.4-mini"}));
    EXPECT_EQ(closest_names("fsat", known, 1), (std::vector<std::string>{"fast"}));
    EXPECT_TRUE(closest_names("zzzzzzzzzzzz", known, 3).empty());
}

TEST(Text, TimesRoundTrip) {
    const std::int64_t at = 1'764'078'185'123'456;
    EXPECT_EQ(rfc3339(at), "2025-11-25T13:43:05.123456Z");
    EXPECT_EQ(parse_rfc3339(rfc3339(at)), at);
    EXPECT_EQ(parse_rfc3339("2025-11-25T14:43:05.123456+01:00"), at);
    for (auto bad : {"", "2025-13-01", "2025-02-30T00:00:00Z", "2025-11-25T25:00:00Z", "2025-11-25T00:00:00"}) EXPECT_EQ(parse_rfc3339(bad), std::nullopt) << bad;
}

TEST(Text, Base64RoundTripsAndRefusesGarbage) {
    for (const std::string& text : std::vector<std::string>{"", "a", "ab", "abc", "abcd", std::string("\0\xff\x80", 3)}) EXPECT_EQ(from_base64(base64(text)), text);
    EXPECT_EQ(from_base64("-_-_"), "\xfb\xff\xbf");
    EXPECT_EQ(from_base64("a"), std::nullopt);
    EXPECT_EQ(from_base64("ab c"), std::nullopt);
}

TEST(Text, Utf8PrefixEndsOnACodePoint) {
    EXPECT_EQ(utf8_prefix("a\xc3\xa9", 2), "a");
    EXPECT_EQ(utf8_prefix("a\xc3\xa9", 3), "a\xc3\xa9");
    EXPECT_EQ(crc32("123456789"), 0xcbf43926u);
}

TEST(Id, IsAVersion7UuidThatSortsByTime) {
    SystemRandom random(7);
    const Id early = Id::make(1'700'000'000'000'000, random), late = Id::make(1'700'000'001'000'000, random);
    EXPECT_LT(early.text(), late.text());
    EXPECT_EQ(early.text().size(), 36u);
    EXPECT_EQ(early.text()[14], '7');
    EXPECT_NE(std::string("89ab").find(early.text()[19]), std::string::npos);
    EXPECT_EQ(Id::parse(early.text()), early);
    EXPECT_EQ(Id::parse("not-a-uuid"), std::nullopt);
}

TEST(Secret, CannotBeFormatted) {
    static_assert(!fmt::is_formattable<Secret>::value);
    static_assert(!std::is_convertible_v<Secret, std::string>);
    EXPECT_EQ(Secret("k").reveal(), "k");
}

TEST(Arena, HandsOutWhatLivesTogether) {
    Arena arena;
    std::vector<std::string_view> views;
    for (int i = 0; i < 5000; ++i) views.push_back(arena.copy("text number " + std::to_string(i)));
    for (int i = 0; i < 5000; ++i) EXPECT_EQ(views[static_cast<std::size_t>(i)], "text number " + std::to_string(i));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(arena.allocate(8, 64)) % 64, 0u);
    Arena moved = std::move(arena);
    EXPECT_EQ(views[42], "text number 42");
}

TEST(Failure, KindsCarryStatusOriginAndRetry) {
    const Failure failure(FailureKind::upstream_timeout, "late");
    EXPECT_EQ(failure.status, 504);
    EXPECT_EQ(failure.origin, Origin::upstream);
    EXPECT_EQ(failure.retry, Retry::next_target);
    EXPECT_EQ(to_string(FailureKind::model_not_allowed), "model_not_allowed");
}

}  // namespace
}  // namespace gotthard
