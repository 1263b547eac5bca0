// Parsing, help and exit codes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "app/shell.hpp"
#include "app/version.hpp"
#include "base/json.hpp"

namespace gotthard::app::test {
namespace {

TEST(CommandLine, WithoutAVerbTheGatewayIsServed) {
    Shell shell;
    EXPECT_EQ(shell.run({}), 0);
    ASSERT_EQ(shell.served.size(), 1U);
    EXPECT_FALSE(shell.served[0].config);
    EXPECT_EQ(shell.run({"--config", "a.yaml", "--listen", "127.0.0.1:1"}), 0);
    EXPECT_EQ(shell.served[1].config, "a.yaml");
    EXPECT_EQ(shell.served[1].listen, "127.0.0.1:1");
    shell.serve_code = 78;
    EXPECT_EQ(shell.run({"serve", "--admin=127.0.0.1:2", "--data", "d"}), 78);
    EXPECT_EQ(shell.served[2].admin, "127.0.0.1:2");
    EXPECT_EQ(shell.served[2].data, "d");
}

TEST(CommandLine, WrongUsageIs2AndSaysWhat) {
    const std::vector<std::vector<std::string>> wrong = {{"--nonsense"},
                                                         {"serve", "--nonsense"},
                                                         {"serve", "x"},
                                                         {"keys"},
                                                         {"keys", "create"},
                                                         {"keys", "creat", "x"},
                                                         {"requests", "--limit", "0"},
                                                         {"requests", "--filter", "noequals"},
                                                         {"connect"},
                                                         {"completion"},
                                                         {"completion", "tcsh"},
                                                         {"check", "a", "b"},
                                                         {"--config"},
                                                         {"keys", "update", "x"},
                                                         {"keys", "create", "a", "--expires", "soon"},
                                                         {"keys", "update", "x", "--model", "a", "--all-models"}};
    for (const auto& arguments : wrong) {
        Shell shell;
        EXPECT_EQ(shell.run(arguments), 2) << arguments.back();
        EXPECT_TRUE(shell.error.starts_with("gotthard: ")) << shell.error;
        EXPECT_TRUE(shell.out.empty());
        EXPECT_TRUE(shell.served.empty());
    }
}

TEST(CommandLine, AnUnknownVerbGetsTheNearestOne) {
    Shell shell;
    EXPECT_EQ(shell.run({"sreve"}), 2);
    EXPECT_NE(shell.error.find("did you mean 'serve'"), std::string::npos) << shell.error;
    EXPECT_EQ(shell.run({"xyzzyplugh"}), 2);
}

TEST(CommandLine, VerbsOfLaterVersionsSaySo) {
    for (const auto* verb : {"teams", "users", "projects", "orgs", "targets", "prices", "import", "sql", "bench"}) {
        Shell shell;
        EXPECT_EQ(shell.run({verb, "list", "--whatever"}), 2) << verb;
        EXPECT_NE(shell.error.find("not available in this version"), std::string::npos) << shell.error;
    }
    Shell shell;
    EXPECT_EQ(shell.run({"keys", "create", "ci", "--limit", "5 usd per day"}), 2);
    EXPECT_NE(shell.error.find("not available in this version"), std::string::npos);
}

TEST(CommandLine, EveryVerbHasHelpWithAnExample) {
    const std::vector<std::vector<std::string>> verbs = {{},
                                                         {"serve"},
                                                         {"check"},
                                                         {"init"},
                                                         {"schema"},
                                                         {"keys"},
                                                         {"keys", "create"},
                                                         {"keys", "list"},
                                                         {"keys", "show"},
                                                         {"keys", "update"},
                                                         {"keys", "rotate"},
                                                         {"keys", "revoke"},
                                                         {"models"},
                                                         {"providers"},
                                                         {"requests"},
                                                         {"requests", "show"},
                                                         {"usage"},
                                                         {"connect"},
                                                         {"explain"},
                                                         {"status"},
                                                         {"version"},
                                                         {"completion"}};
    for (auto arguments : verbs) {
        Shell shell;
        arguments.push_back("--help");
        EXPECT_EQ(shell.run(arguments), 0);
        EXPECT_NE(shell.out.find("Example:"), std::string::npos) << shell.out;
        EXPECT_TRUE(shell.error.empty());
    }
}

TEST(CommandLine, TheVersionIsTheProjects) {
    Shell shell;
    EXPECT_EQ(shell.run({"version"}), 0);
    EXPECT_EQ(shell.out, "gotthard " + std::string(version) + "\n");
    EXPECT_EQ(shell.run({"version", "--json"}), 0);
    EXPECT_EQ(shell.out, "{\"version\":\"" + std::string(version) + "\"}\n");
    EXPECT_EQ(shell.run({"--version"}), 0);
    std::ifstream file(GOTTHARD_SOURCE_DIR "/CMakeLists.txt");
    const std::string cmake(std::istreambuf_iterator<char>(file), {});
    EXPECT_NE(cmake.find("project(gotthard VERSION " + std::string(version) + " "), std::string::npos);
}

class InFolder : public testing::Test {
protected:
    InFolder() : before_(std::filesystem::current_path()) {
        char folder[] = "/tmp/gotthard-cli-XXXXXX";
        folder_ = mkdtemp(folder);
        std::filesystem::current_path(folder_);
    }
    ~InFolder() override {
        std::filesystem::current_path(before_);
        std::filesystem::remove_all(folder_);
    }
    static void write(const std::string& path, std::string_view text) { std::ofstream(path) << text; }
    static std::string read(const std::string& path) {
        std::ifstream file(path);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    std::filesystem::path before_;
    std::string folder_;
    Shell shell;
};

using Check = InFolder;
using Init = InFolder;
using ConnectWrite = InFolder;

TEST_F(Check, ABadConfigurationIs78WithEveryFault) {
    write("bad.yaml", "listne: 127.0.0.1:1\nthreads: many\n");
    EXPECT_EQ(shell.run({"check", "bad.yaml"}), 78);
    EXPECT_NE(shell.out.find("bad.yaml:1:"), std::string::npos) << shell.out;
    EXPECT_NE(shell.out.find("bad.yaml:2:"), std::string::npos) << shell.out;
    EXPECT_EQ(shell.run({"check", "--json", "bad.yaml"}), 78);
    json::Document document;
    ASSERT_TRUE(document.parse(shell.out)) << shell.out;
    EXPECT_FALSE(document.root()["valid"].is_true());
    EXPECT_EQ(shell.run({"check", "--config", "missing.yaml"}), 78);
}

TEST_F(Check, AGoodOneIs0) {
    write("gotthard.yaml", "providers: {lab: {type: openai_compatible, base_url: \"http://127.0.0.1:8000/v1\"}}\n");
    EXPECT_EQ(shell.run({"check"}), 0) << shell.out << shell.error;
}

TEST_F(Init, WritesWhatItFoundAndNeverOverwrites) {
    shell.environment["OPENAI_API_KEY"] = "sk-secret-value";
    EXPECT_EQ(shell.run({"init"}), 0) << shell.error;
    const auto text = read("gotthard.yaml");
    EXPECT_NE(text.find("openai"), std::string::npos);
    EXPECT_EQ(text.find("sk-secret-value"), std::string::npos);
    EXPECT_EQ(shell.run({"check", "gotthard.yaml"}), 0) << shell.out << text;
    write("gotthard.yaml", "mine");
    EXPECT_EQ(shell.run({"init"}), 1);
    EXPECT_NE(shell.error.find("--force"), std::string::npos);
    EXPECT_EQ(read("gotthard.yaml"), "mine");
    EXPECT_EQ(shell.run({"init", "--force"}), 0);
    EXPECT_NE(read("gotthard.yaml"), "mine");
    EXPECT_EQ(shell.run({"init", "--output", "-"}), 0);
    EXPECT_FALSE(shell.out.empty());
    EXPECT_EQ(shell.run({"init", "--output", "no/such/folder.yaml"}), 1);
}

TEST(Schema, IsJson) {
    Shell shell;
    EXPECT_EQ(shell.run({"schema"}), 0);
    json::Document document;
    ASSERT_TRUE(document.parse(shell.out));
    EXPECT_TRUE(document.root()["properties"]["providers"]);
}

TEST_F(ConnectWrite, MergesIntoTheClientsSettings) {
    std::filesystem::create_directory(".claude");
    write(".claude/settings.local.json",
          R"json({"permissions":{"allow":["Bash(ls)"]},"env":{"MINE":"1","ANTHROPIC_MODEL":"old"}})json");
    EXPECT_EQ(
        shell.run({"connect", "claude-code", "--base", "http://gw:7300", "--model", "fast", "--key", "sk-gw-abc", "--write"}), 0)
        << shell.error;
    json::Document document;
    const auto text = read(".claude/settings.local.json");
    ASSERT_TRUE(document.parse(text)) << text;
    const auto root = document.root();
    EXPECT_EQ(root["permissions"]["allow"].at(0).string(), "Bash(ls)");
    EXPECT_EQ(root["env"]["MINE"].string(), "1");
    EXPECT_EQ(root["env"]["ANTHROPIC_MODEL"].string(), "fast");
    EXPECT_EQ(root["env"]["ANTHROPIC_AUTH_TOKEN"].string(), "sk-gw-abc");
    EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(".claude/settings.local.json").permissions()), 0600U);
}

TEST_F(ConnectWrite, ReplacesLinesOfAnEnvironmentFile) {
    write(".env", "A=1\nOPENAI_API_KEY=old\nB=2");
    EXPECT_EQ(
        shell.run({"connect", "openai-python", "--base", "http://gw:7300/", "--model", "fast", "--key", "sk-gw-abc", "--write"}),
        0)
        << shell.error;
    EXPECT_EQ(read(".env"), "A=1\nOPENAI_API_KEY=sk-gw-abc\nB=2\nOPENAI_BASE_URL=http://gw:7300/v1\n");
}

TEST_F(ConnectWrite, LeavesAloneWhatItCannotUnderstand) {
    write("opencode.json", "// a comment\n{}");
    EXPECT_EQ(shell.run({"connect", "opencode", "--base", "http://gw:7300", "--model", "fast", "--key", "k", "--write"}), 1);
    EXPECT_EQ(read("opencode.json"), "// a comment\n{}");
    EXPECT_EQ(shell.run({"connect", "opencode", "--base", "http://gw:7300", "--model", "fast", "--write"}), 2);
    EXPECT_EQ(shell.run({"connect", "curl", "--base", "http://gw:7300", "--model", "fast", "--key", "k", "--write"}), 2);
}

}  // namespace
}  // namespace gotthard::app::test
