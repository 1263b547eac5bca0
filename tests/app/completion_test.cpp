// Completion scripts know every verb, and bash accepts its own.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "app/shell.hpp"

namespace gotthard::app::test {
namespace {

TEST(Completion, EveryShellKnowsVerbsClientsAndOptions) {
    for (const auto* shell_name : {"bash", "zsh", "fish"}) {
        Shell shell;
        EXPECT_EQ(shell.run({"completion", shell_name}), 0);
        for (const auto* word : {"serve", "keys", "create", "rotate", "requests", "claude-code", "follow", "completion"})
            EXPECT_NE(shell.out.find(word), std::string::npos) << shell_name << ": " << word;
        for (const auto* word : {"codex", "teams"})
            EXPECT_EQ(shell.out.find(word), std::string::npos) << shell_name << ": " << word;
    }
}

/// What bash offers at the end of `line`, or "" when there is no bash here.
std::string offered(const std::string& script, const std::string& words, int at) {
    const auto path = testing::TempDir() + "gotthard-completion-" + std::to_string(getpid()) + ".sh";
    std::ofstream(path) << script << "\nCOMP_WORDS=(" << words << ")\nCOMP_CWORD=" << at
                        << "\n_gotthard\necho \"${COMPREPLY[*]}\"\n";
    std::FILE* pipe = popen(("bash " + path + " 2>&1").c_str(), "r");
    char room[4096] = "";
    const auto got = std::fread(room, 1, sizeof room - 1, pipe);
    pclose(pipe);
    std::remove(path.c_str());
    return {room, got};
}

TEST(Completion, BashOffersWhatMayFollow) {
    if (std::system("bash -c true >/dev/null 2>&1") != 0) return;
    Shell shell;
    ASSERT_EQ(shell.run({"completion", "bash"}), 0);
    EXPECT_EQ(offered(shell.out, "gotthard ke", 1), "keys\n");
    EXPECT_EQ(offered(shell.out, "gotthard keys ro", 2), "rotate\n");
    EXPECT_EQ(offered(shell.out, "gotthard keys create ci --mo", 4), "--model\n");
    EXPECT_EQ(offered(shell.out, "gotthard connect claude", 2), "claude-code\n");
    EXPECT_EQ(offered(shell.out, "gotthard requests --fol", 2), "--follow\n");
    EXPECT_EQ(offered(shell.out, "gotthard completion b", 2), "bash\n");
}

}  // namespace
}  // namespace gotthard::app::test
