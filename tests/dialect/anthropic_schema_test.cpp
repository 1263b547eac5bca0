// JSON Schemas for Anthropic upstreams, and what is known of a Claude by its name: E003, E004, E033, E035.
#include <gtest/gtest.h>

#include "dialect/anthropic/json_schema.hpp"
#include "dialect/anthropic/models.hpp"
#include "dialect/anthropic_support.hpp"

namespace gotthard::dialect::testing {
namespace {

std::string input(std::string_view schema) {
    std::string out;
    append_input_schema(out, schema);
    EXPECT_EQ(at(out, "type"), "object");
    return canonical(out);
}

TEST(JsonSchema, AToolsTopIsAnObject) {  // E003
    const auto empty = canonical(R"({"type":"object","properties":{}})");
    for (std::string_view schema : {"", "true", "[]", "{broken", "{}", R"({"type":"object","properties":{}})", R"({"type":["object","null"],"properties":{}})", R"({"type":"string"})"}) EXPECT_EQ(input(schema), empty) << schema;
}

TEST(JsonSchema, ReferencesAndUnionsAtTheTopBecomeOneObject) {  // E004
    EXPECT_EQ(input(R"({"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"x":{"$ref":"#/$defs/b"}},"required":["x"]},"b":{"type":"string"}}})"),
              canonical(R"({"type":"object","properties":{"x":{"$ref":"#/$defs/b"}},"required":["x"],"$defs":{"a":{"type":"object","properties":{"x":{"$ref":"#/$defs/b"}},"required":["x"]},"b":{"type":"string"}}})"));
    EXPECT_EQ(input(R"({"description":"d","allOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"b":{}},"required":["b"]}]})"),
              canonical(R"({"type":"object","description":"d","properties":{"a":{},"b":{}},"required":["a","b"]})"));
    EXPECT_EQ(input(R"({"oneOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"b":{}}}]})"), canonical(R"({"type":"object","properties":{"a":{},"b":{}}})"));
    input(R"({"$ref":"#"})");  // refers to itself
}

TEST(JsonSchema, PropertiesNamedLikeKeywordsStay) {
    EXPECT_EQ(input(R"({"type":"object","properties":{"$schema":{"type":"string"},"strict":{"type":"boolean"},"type":{"type":"string"}},"$schema":"x"})"),
              canonical(R"({"type":"object","properties":{"$schema":{"type":"string"},"strict":{"type":"boolean"},"type":{"type":"string"}}})"));
}

TEST(JsonSchema, TheStrictSubsetInlinesClosesAndTells) {  // E035
    const auto strict = [](std::string_view schema) { return canonical(strict_schema(schema).value_or("none")); };
    EXPECT_EQ(strict(R"({"$schema":"x","type":"object","properties":{"a":{"$ref":"#/definitions/p~1q"},"n":{"type":"number","description":"How many.","minimum":1,"maximum":5},"l":{"type":"array","items":{"type":"string","pattern":"^a"},"minItems":2,"uniqueItems":true}},
        "additionalProperties":{"type":"string"},"definitions":{"p/q":{"enum":["x"]}}})"),
              canonical(R"({"type":"object","properties":{"a":{"enum":["x"]},"n":{"type":"number","description":"How many. {minimum: 1, maximum: 5}"},"l":{"type":"array","items":{"type":"string","description":"{pattern: \"^a\"}"},"description":"{minItems: 2, uniqueItems: true}"}},
        "additionalProperties":false,"description":"{additionalProperties: {\"type\":\"string\"}}"})"));
    EXPECT_EQ(strict(R"({"oneOf":[{"type":"string"},{"type":"null"}]})"), canonical(R"({"anyOf":[{"type":"string"},{"type":"null"}]})"));
    EXPECT_EQ(strict(R"({"type":["string","null"],"enum":["a",null],"description":"d"})"), canonical(R"({"anyOf":[{"type":"string","enum":["a"]},{"type":"null"}],"description":"d"})"));
    EXPECT_EQ(strict(R"({"type":"string","format":"date-time"})"), canonical(R"({"type":"string","format":"date-time"})"));
    EXPECT_EQ(strict(R"({"type":"string","format":"color"})"), canonical(R"({"type":"string","description":"{format: \"color\"}"})"));
    EXPECT_EQ(strict(R"({"type":"object","properties":{"a":{"$ref":"#/$defs/x","description":"mine"}},"$defs":{"x":{"type":"string","description":"theirs"}}})"),
              canonical(R"({"type":"object","properties":{"a":{"type":"string","description":"mine"}},"additionalProperties":false})"));
}

TEST(JsonSchema, WhatTheSubsetCannotSayIsToldSo) {
    EXPECT_FALSE(strict_schema(R"({"type":"object","properties":{"self":{"$ref":"#"}}})"));
    EXPECT_FALSE(strict_schema(R"({"$ref":"https://elsewhere.example/schema"})"));
    EXPECT_FALSE(strict_schema(R"({"$ref":"#/$defs/missing"})"));
    // A schema that doubles with every level would grow beyond any bound.
    std::string doubling = R"({"$ref":"#/$defs/d0","$defs":{)";
    for (int i = 0; i < 40; ++i) {
        const auto next = json::quoted("#/$defs/d" + std::to_string(i + 1));
        doubling += "\"d" + std::to_string(i) + "\":{\"anyOf\":[{\"$ref\":" + next + "},{\"$ref\":" + next + "}]},";
    }
    doubling += R"("d40":{"type":"string"}}})";
    EXPECT_FALSE(strict_schema(doubling));
}

TEST(ClaudeModels, AreKnownByAnySpelling) {  // E033, E035
    using anthropic::traits_of;
    EXPECT_FALSE(traits_of("claude-3-5-haiku-20241022").thinks);
    EXPECT_TRUE(traits_of("claude-3-7-sonnet@20250219").thinks);
    for (std::string_view older : {"claude-3-7-sonnet-20250219", "claude-sonnet-4-20250514", "claude-opus-4-1-20250805", "claude-sonnet-4-5-20250929", "us.anthropic.claude-haiku-4-5-20251001-v1:0"}) EXPECT_FALSE(traits_of(older).adaptive) << older;
    for (std::string_view newer : {"claude-opus-4-6", "anthropic.claude-opus-4-6-v1:0", "claude-sonnet-4.6", "claude-sonnet-5", "claude-opus-5-20260601", "claude-fable-5", "claude-next"}) EXPECT_TRUE(traits_of(newer).adaptive) << newer;
    EXPECT_FALSE(traits_of("claude-sonnet-4-20250514").native_schema);
    EXPECT_TRUE(traits_of("claude-opus-4-1").native_schema);
    EXPECT_TRUE(traits_of("claude-haiku-4-5").native_schema);
    EXPECT_TRUE(traits_of("claude-opus-4-6").effort_max);
    EXPECT_FALSE(traits_of("claude-sonnet-4-6").effort_max);
    EXPECT_TRUE(traits_of("claude-opus-4-6").budgets);
    EXPECT_FALSE(traits_of("claude-opus-4-7").budgets);
    EXPECT_FALSE(traits_of("qwen3-8b").claude);
}

}  // namespace
}  // namespace gotthard::dialect::testing
