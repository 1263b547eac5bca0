// Configurations as data: golden/NAME.yaml and, beside it, what `check` says about it (NAME.expected). The surroundings of all
// cases are the same and stand below. GOTTHARD_WRITE_EXPECTED=1 writes the expected files; read them before committing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "config/load.hpp"

namespace gotthard::config {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::string, std::less<>> environment = {
    {"OPENAI_EU", "sk-eu-0123456789abcdef"},
    {"CI_KEY", "sk-ci-0123456789abcdef"},
    {"TOKEN", "admin-token"},
    {"EMPTY", ""},
    {"MULTILINE", "two\nlines of a secret"},
    {"LISTEN", "nonsense"},
    {"SLASH", "sk-with/slash-0123456789"},
};
const std::map<std::string, std::string> files = {
    {"/run/secrets/claude", "sk-ant-0123456789\n"}, {"/etc/cert.pem", "c"}, {"/etc/key.pem", "k"}, {"/etc/ca.pem", "a"},
    {"/etc/cert-path", "/etc/cert.pem\n"},
};

Surroundings surroundings() {
    return {.environment = [](std::string_view name) -> std::optional<std::string> {
                const auto found = environment.find(name);
                return found == environment.end() ? std::nullopt : std::optional(found->second);
            },
            .read_file = [](const std::string& path) -> std::optional<std::string> {
                const auto found = files.find(path);
                return found == files.end() ? std::nullopt : std::optional(found->second);
            },
            .engines = {},
            .superuser = true};
}

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<fs::path> cases() {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(GOTTHARD_SOURCE_DIR "/tests/config/golden"))
        if (entry.path().extension() == ".yaml") paths.push_back(entry.path());
    std::ranges::sort(paths);
    return paths;
}

class Case : public testing::TestWithParam<fs::path> {};

TEST_P(Case, SaysEveryFaultWithItsPlaceAndRemedy) {
    const Loaded loaded = load_text(read(GetParam()), GetParam().filename().string(), surroundings());
    const std::string said = render_text(loaded.faults, false);
    fs::path expected = GetParam();
    expected.replace_extension(".expected");
    if (std::getenv("GOTTHARD_WRITE_EXPECTED") != nullptr) std::ofstream(expected, std::ios::binary) << said;
    EXPECT_EQ(said, read(expected));
    const bool errors = std::ranges::any_of(loaded.faults, [](const Fault& fault) { return fault.severity == Severity::error; });
    EXPECT_EQ(loaded.ok(), !errors);
    for (const Fault& fault : loaded.faults) {
        EXPECT_FALSE(fault.remedy.empty()) << fault.message;
        for (const auto& [name, value] : environment)
            if (name != "EMPTY" && name != "LISTEN")
                EXPECT_EQ((fault.message + fault.remedy).find(value), std::string::npos) << "a secret is shown";
    }
}

INSTANTIATE_TEST_SUITE_P(Configurations, Case, testing::ValuesIn(cases()),
                         [](const testing::TestParamInfo<fs::path>& info) { return info.param.stem().string(); });

}  // namespace
}  // namespace gotthard::config
