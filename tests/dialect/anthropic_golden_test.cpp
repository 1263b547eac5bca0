// Golden conversations: tests/golden/anthropic-*/.
//   input.json   a Messages request; chat.json and anthropic.json: what goes to an upstream of that dialect; *.losses: what it lost;
//                *.headers: what goes beside the body
//   answer.sse   a Messages answer; chat.sse and chat-unary.json: what a chat client sees; anthropic-unary.json: a Messages client
// GOTTHARD_UPDATE_GOLDEN=1 writes the goldens anew; the change is then read like code.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dialect/anthropic_support.hpp"

namespace gotthard::dialect::testing {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

/// One member or item a line, two blanks a level; short values stay on theirs.
void append_pretty(json::Value value, std::string& out, std::size_t indent) {
    const bool array = value.is_array();
    if ((!array && !value.is_object()) || value.raw().size() <= 100) return json::append_minified(out, value);
    const std::string inside(indent + 2, ' ');
    out += array ? "[\n" : "{\n";
    bool first = true;
    const auto item = [&](json::Value each, std::string_view name) {
        if (!std::exchange(first, false)) out += ",\n";
        out += inside;
        if (!name.empty()) out += std::string(name) + ": ";
        append_pretty(each, out, indent + 2);
    };
    for (json::Value each : value.items()) item(each, {});
    for (const auto& member : value.members()) item(member.value, member.name.raw());
    out += "\n" + std::string(indent, ' ') + (array ? "]" : "}");
}

std::string pretty(std::string_view text) {
    json::Document document;
    if (!document.parse(text)) return "not JSON: " + std::string(text);
    std::string out;
    append_pretty(document.root(), out, 0);
    return out + "\n";
}

void expect_golden(const fs::path& path, const std::string& text) {
    if (std::getenv("GOTTHARD_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(text, read_file(path)) << path;
}

std::string losses_of(const Written& written) {
    std::string out;
    for (const auto& loss : written.losses.list()) out += fmt::format("{} {}: {}\n", loss.severity == llm::Severity::contract ? "contract" : "tuning", loss.path, loss.reason);
    return out;
}

void check_request(const fs::path& folder, const Dialect& to, const Target& target) {
    const auto written = write(anthropic_messages, to, read_file(folder / "input.json"), target, {.anthropic_version = "2023-06-01", .anthropic_beta = "claude-code-20250219"});
    std::string body = written.refusal.empty() ? pretty(written.body) : fmt::format("refused, {}: {}\n", to_string(written.failed.kind), written.refusal);
    expect_golden(folder / fmt::format("{}.json", to.name), body);
    std::string headers;
    for (const auto& header : written.headers) headers += fmt::format("{}: {}\n", header.name, header.value);
    if (!headers.empty()) expect_golden(folder / fmt::format("{}.headers", to.name), headers);
    const auto losses = losses_of(written);
    if (!losses.empty()) expect_golden(folder / fmt::format("{}.losses", to.name), losses);
    else EXPECT_FALSE(fs::exists(folder / fmt::format("{}.losses", to.name)));
}

void check_answer(const fs::path& folder) {
    const auto answer = read_file(folder / "answer.sse");
    const auto shown = [&](const Dialect& to, Mode mode) {
        return translated(anthropic_messages, to, answer, Mode::stream, {.mode = mode, .model = "alias", .id = "id-1", .created = 1700000000, .include_usage = true, .input_estimate = 42});
    };
    expect_golden(folder / "chat.sse", shown(openai_chat, Mode::stream));
    expect_golden(folder / "chat-unary.json", pretty(shown(openai_chat, Mode::unary)));
    expect_golden(folder / "anthropic-unary.json", pretty(shown(anthropic_messages, Mode::unary)));
}

TEST(Golden, AnthropicConversationsReachEveryDialectAsWrittenDown) {
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(GOTTHARD_SOURCE_DIR "/tests/golden"))
        if (entry.is_directory() && entry.path().filename().string().starts_with("anthropic-")) folders.push_back(entry.path());
    std::ranges::sort(folders);
    ASSERT_GE(folders.size(), 10u);
    for (const auto& folder : folders) {
        SCOPED_TRACE(folder.filename().string());
        if (fs::exists(folder / "answer.sse")) {
            check_answer(folder);
            continue;
        }
        check_request(folder, openai_chat, {.provider = "openai", .model = "gpt-4.1"});
        check_request(folder, anthropic_messages, {.provider = "anthropic", .model = "claude-sonnet-4-5"});
    }
}

}  // namespace
}  // namespace gotthard::dialect::testing
