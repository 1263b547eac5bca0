// The table of keys and what is made from it: schema, reference page, first file.
#include "config/keys.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "base/json.hpp"
#include "config/load.hpp"
#include "config/values.hpp"

namespace gotthard::config {
namespace {

TEST(Keys, HaveAParentATypeThatTheirDefaultFitsAndAnExplanation) {
    std::set<std::string_view> seen;
    for (const auto table : key_tables()) {
        for (const Key& key : table) {
            EXPECT_TRUE(seen.insert(key.path).second) << key.path;
            EXPECT_FALSE(key.doc.empty()) << key.path;
            if (const auto parent = parent_path(key.path); !parent.empty()) EXPECT_NE(find_key(parent), nullptr) << key.path;
            if (!key.like.empty()) EXPECT_NE(find_key(key.like), nullptr) << key.path;
            if (key.type == Type::map && key.since == Since::now)
                EXPECT_NE(find_key(child_path(key.path, "*")), nullptr) << key.path;
            if (key.type == Type::list && key.since == Since::now)
                EXPECT_NE(find_key(child_path(key.path, "[]")), nullptr) << key.path;
            if (!key.fallback.empty() && key.type != Type::choices)
                EXPECT_FALSE(complaint_about(key, key.fallback, "x").has_value()) << key.path;
        }
    }
}

TEST(Schema, IsJsonAndKnowsEveryKey) {
    const std::string text = schema();
    json::Document document;
    ASSERT_TRUE(document.parse(text).has_value()) << text.substr(0, 200);
    const auto properties = document.root()["properties"];
    EXPECT_TRUE(properties["listen"]);
    EXPECT_TRUE(properties["admin"]["properties"]["tls"]["properties"]["cert"]);
    const auto provider = properties["providers"]["additionalProperties"]["properties"];
    EXPECT_TRUE(provider["base_url"]);
    EXPECT_TRUE(provider["timeouts"]["properties"]["first_token"]);
    EXPECT_TRUE(provider["accounts"]["items"]["anyOf"].at(1)["properties"]["weight"]);
    EXPECT_TRUE(provider["api_version"]);
    EXPECT_TRUE(properties["keys"]["items"]["properties"]["value"]);
    EXPECT_TRUE(properties["parameters"]["additionalProperties"]["additionalProperties"]);
    EXPECT_FALSE(properties["routes"]);
    EXPECT_FALSE(properties["keys"]["items"]["properties"]["limits"]);
    EXPECT_TRUE(document.root()["additionalProperties"].is_boolean());
}

TEST(ReferencePage, IsWhatTheTableSays) {
    const std::string path = GOTTHARD_SOURCE_DIR "/docs/reference/configuration.md";
    if (std::getenv("GOTTHARD_WRITE_EXPECTED") != nullptr) std::ofstream(path, std::ios::binary) << reference_markdown();
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_EQ(text.str(), reference_markdown());
}

Surroundings with_finds() {
    Surroundings out;
    out.environment = [](std::string_view name) -> std::optional<std::string> {
        if (name == "OPENAI_API_KEY") return "sk-secret-value";
        return std::nullopt;
    };
    out.engines = {
        {provider::find_row("ollama"), provider::parse_base_url("http://localhost:11434").value(), {"qwen3:8b", "a", "b", "c"}}};
    return out;
}

TEST(InitialFile, IsValidAndNamesWhatWasFound) {
    const std::string text = initial_file(with_finds());
    EXPECT_NE(text.find("openai: {api_key: env:OPENAI_API_KEY}"), std::string::npos) << text;
    EXPECT_NE(text.find("ollama: {base_url: http://localhost:11434}"), std::string::npos) << text;
    EXPECT_NE(text.find("serves qwen3:8b, a, b\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("sk-secret-value"), std::string::npos);
    const Loaded loaded = load_text(text, "gotthard.yaml", with_finds());
    ASSERT_TRUE(loaded.ok()) << render_text(loaded.faults, false);
    EXPECT_EQ(loaded.snapshot->providers.size(), 2u);
    EXPECT_TRUE(loaded.faults.empty());
}

TEST(InitialFile, IsValidWhenNothingWasFound) {
    const std::string text = initial_file({});
    EXPECT_NE(text.find("Nothing was found"), std::string::npos);
    EXPECT_TRUE(load_text(text, "gotthard.yaml", {}).ok());
}

TEST(Values, AddressesAreLiteralWithAPort) {
    EXPECT_EQ(parse_address("127.0.0.1:7300")->host, "127.0.0.1");
    EXPECT_EQ(parse_address("[::1]:1")->host, "::1");
    EXPECT_EQ(parse_address(":80")->host, "0.0.0.0");
    EXPECT_EQ(parse_address("localhost:80")->host, "127.0.0.1");
    for (const char* bad :
         {"", "127.0.0.1", "7300", "h:1", "1.2.3:4", "::1:80", "[::1]", "127.0.0.1:70000", "127.0.0.1:-1", "127.0.0.1:1 "})
        EXPECT_FALSE(parse_address(bad).has_value()) << bad;
}

}  // namespace
}  // namespace gotthard::config
