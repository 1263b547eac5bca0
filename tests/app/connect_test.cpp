// The settings of every client, against golden files: tests/app/golden/connect_CLIENT.txt.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "app/cli/connect.hpp"
#include "app/cli/json_text.hpp"
#include "app/shell.hpp"

namespace gotthard::app::test {
namespace {

std::string read_golden(const std::string& client) {
    std::ifstream file(GOTTHARD_SOURCE_DIR "/tests/app/golden/connect_" + client + ".txt");
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Connect, EveryClientGetsItsSettings) {
    for (const auto& client : clients()) {
        if (!client.needs.empty()) continue;
        Shell shell;
        EXPECT_EQ(shell.run({"connect", std::string(client.name), "--base", "http://127.0.0.1:7300", "--model", "lab/qwen3-8b",
                             "--key", "sk-gw-KEY"}),
                  0)
            << shell.error;
        EXPECT_EQ(shell.out, read_golden(std::string(client.name))) << client.name;
        EXPECT_EQ(shell.out.find('@' + std::string("MODEL")), std::string::npos);
    }
}

TEST(Connect, ClientsWhoseDialectIsNotSpokenYetAreToldSo) {
    for (const auto* name : {"codex", "gemini-cli", "google-genai"}) {
        Shell shell;
        EXPECT_EQ(shell.run({"connect", name}), 2) << name;
        EXPECT_NE(shell.error.find("not available in this version"), std::string::npos) << shell.error;
    }
}

TEST(Connect, TheContractsClientsAreAllKnown) {
    for (const auto* name : {"claude-code", "codex", "gemini-cli", "opencode", "openai-python", "openai-node", "anthropic-python",
                             "anthropic-node", "google-genai", "langchain", "ai-sdk", "curl"})
        EXPECT_NE(find_client(name), nullptr) << name;
    Shell shell;
    EXPECT_EQ(shell.run({"connect", "netscape"}), 2);
    EXPECT_NE(shell.error.find("claude-code"), std::string::npos);
}

TEST(Connect, NothingThatCouldEndAStringIsPutIn) {
    const std::vector<std::vector<std::string>> attempts = {
        {"--model", "a\"; rm -rf /"}, {"--key", "k'x"},   {"--base", "http://x\ny"}, {"--model", "$(id)"},
        {"--model", "a\\"},           {"--model", "a b"}, {"--model", "`id`"}};
    for (const auto& attempt : attempts) {
        Shell shell;
        std::vector<std::string> arguments = {"connect", "curl", "--base", "http://gw", "--model", "fast"};
        if (attempt[0] == "--key")
            arguments.insert(arguments.end(), attempt.begin(), attempt.end());
        else
            arguments = {"connect", "curl",
                         "--base",  attempt[0] == "--base" ? attempt[1] : "http://gw",
                         "--model", attempt[0] == "--model" ? attempt[1] : "fast"};
        EXPECT_EQ(shell.run(arguments), 2) << attempt[1];
        EXPECT_TRUE(shell.out.empty());
    }
}

TEST(Connect, WithoutAGatewayTheUsualAddressAndPlaceholdersAreShown) {
    Shell shell;
    EXPECT_EQ(shell.run({"connect", "curl", "--data", "/nonexistent"}), 0);
    EXPECT_NE(shell.out.find("http://127.0.0.1:7300/v1/messages"), std::string::npos);
    EXPECT_NE(shell.out.find("YOUR-MODEL"), std::string::npos);
    EXPECT_NE(shell.error.find("gotthard keys create"), std::string::npos);
}

TEST(MergeJson, MergesObjectsAndReplacesTheRest) {
    EXPECT_EQ(*merge_json("", R"({"a":{"b":1}})"), "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n");
    EXPECT_EQ(*merge_json(R"({"a":{"c":2,"b":0},"z":[1,2]})", R"({"a":{"b":1},"n":null})"),
              "{\n  \"a\": {\n    \"c\": 2,\n    \"b\": 1\n  },\n  \"z\": [\n    1,\n    2\n  ],\n  \"n\": null\n}\n");
    EXPECT_EQ(*merge_json(R"({"n":1e400,"u":"\u00e4"})", "{}"), "{\n  \"n\": 1e400,\n  \"u\": \"\\u00e4\"\n}\n");
    EXPECT_FALSE(merge_json("[]", "{}"));
    EXPECT_FALSE(merge_json("{", "{}"));
}

}  // namespace
}  // namespace gotthard::app::test
