#include "base/json.hpp"

#include <gtest/gtest.h>

namespace gotthard::json {
namespace {

Document parsed(std::string_view text, Limits limits = {}) {
    Document document;
    const auto status = document.parse(text, limits);
    EXPECT_TRUE(status) << text << ": " << (status ? "" : status.error().message);
    return document;
}

TEST(Json, ValuesKnowTheirSourceText) {
    const std::string_view text = R"( {"model" : "a\u0062c", "n":1.50e+2, "deep":[ {"x":null}, true ] } )";
    const auto document = parsed(text);
    const Value root = document.root();
    EXPECT_EQ(root["model"].raw(), R"("a\u0062c")");
    EXPECT_EQ(root["model"].string(), "abc");
    EXPECT_EQ(root["n"].raw(), "1.50e+2");
    EXPECT_EQ(root["n"].integer(), 150);
    EXPECT_EQ(root["deep"].raw(), R"([ {"x":null}, true ])");
    EXPECT_TRUE(root["deep"].at(0)["x"].is_null());
    EXPECT_TRUE(root["deep"].at(1).is_true());
    EXPECT_FALSE(root["absent"]);
}

TEST(Json, StringsDecodeEveryEscape) {
    Arena arena;
    const auto document = parsed(R"(["\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83d\ude00", "plain \u0000"])");
    EXPECT_EQ(document.root().at(0).text(arena), "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    EXPECT_EQ(document.root().at(1).text(arena), std::string_view("plain \0", 7));
}

TEST(Json, RefusesWhatIsNotOneValue) {
    for (std::string_view text : {"", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "[1 2]", "nul", "truex", "01", "1.", "1e", "-", "+1", ".5", "NaN", "\"a", "\"\\x\"", "\"\\u12g4\"",
                                  "{} {}", "[1]]", "{\"a\" 1}", "\"tab\tinside\"", "/*c*/1", "\xef\xbb\xbf{}", "[\"\xff\"]", "\"\xed\xa0\x80\""}) {
        Document document;
        EXPECT_FALSE(document.parse(text)) << text;
        EXPECT_FALSE(document.root()) << text;
    }
}

TEST(Json, NestingIsBounded) {
    Document document;
    EXPECT_TRUE(document.parse(std::string(256, '[') + std::string(256, ']')));
    EXPECT_FALSE(document.parse(std::string(257, '[') + std::string(257, ']')));
    EXPECT_FALSE(document.parse(std::string(100'000, '[')));
    std::string objects;
    for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
    EXPECT_FALSE(document.parse(objects));
}

TEST(Json, LoneSurrogatesAreRefusedFromClientsAndReplacedFromUpstreams) {
    Document document;
    for (std::string_view text : {R"("\ud83d")", R"("\ude00")", R"("\ud83d\u0041")", R"("\ud83dx")", R"("\ud83d\ud83d")"}) EXPECT_FALSE(document.parse(text)) << text;
    ASSERT_TRUE(document.parse(R"("a\ud83d\u0041\ude00")", {.lone_surrogates = true}));
    EXPECT_EQ(document.root().string(), "a\xef\xbf\xbd" "A\xef\xbf\xbd");
}

TEST(Json, LongStringsAreScannedAcrossBlockBorders) {
    for (std::size_t length = 0; length < 70; ++length) {
        const std::string inside(length, 'x');
        const std::string text = "\"" + inside + "\\n\"";
        const auto document = parsed(text);
        EXPECT_EQ(document.root().string(), inside + "\n");
        Document broken;
        EXPECT_FALSE(broken.parse("\"" + inside + "\x01" + inside + "\""));
    }
}

TEST(Json, AmbiguousTopLevelKeysAreFound) {
    const std::string_view governed[] = {"model", "stream"};
    EXPECT_EQ(find_ambiguous_key(parsed(R"({"model":"a","x":1,"x":2})").root(), governed), std::nullopt);
    EXPECT_EQ(find_ambiguous_key(parsed(R"({"model":"a","model":"b"})").root(), governed), "model");
    EXPECT_EQ(find_ambiguous_key(parsed(R"({"mod\u0065l":"b"})").root(), governed), "model");
    EXPECT_EQ(find_ambiguous_key(parsed(R"({"inner":{"model":1,"model":2}})").root(), governed), std::nullopt);
}

TEST(Json, BigNumbersKeepTheirText) {
    const auto document = parsed("[123456789012345678901234567890, -0.1e-400, 9007199254740993]");
    EXPECT_EQ(document.root().at(0).raw(), "123456789012345678901234567890");
    EXPECT_EQ(document.root().at(0).integer(), std::nullopt);
    EXPECT_EQ(document.root().at(2).integer(), 9007199254740993);
}

TEST(JsonWriter, PutsCommasAndEscapes) {
    std::string out;
    Writer(out).begin_object().member("a", "x\"\n\x01").key("b").begin_array().integer(1).begin_object().end_object().null().end_array().member("c", true).member("d", 0.5).end_object();
    EXPECT_EQ(out, R"({"a":"x\"\n\u0001","b":[1,{},null],"c":true,"d":0.5})");
    EXPECT_EQ(quoted("a\xff" "b"), "\"a\xef\xbf\xbd" "b\"");
}

TEST(JsonWriter, MinifiesWithoutTouchingTokens) {
    std::string out;
    append_minified(out, parsed(" { \"a\" : [ 1.0 , \"x y\" , { } ] , \"b\" : 1e5 } ").root());
    EXPECT_EQ(out, R"({"a":[1.0,"x y",{}],"b":1e5})");
}

}  // namespace
}  // namespace gotthard::json
