// Golden conversations: tests/golden/chat-*/, the twins of anthropic-*/.
//   input.json   a chat request; chat.json and anthropic.json: what goes to an upstream of that dialect; *.losses: the paths it
//   lost target.json  {"provider","model","quirks"} of the chat upstream, where it is not plain OpenAI answer.sse or answer.json
//   a chat answer; chat.sse, chat-unary.json, anthropic.sse, anthropic-unary.json: what clients see
// JSON is compared as a value. GOTTHARD_UPDATE_GOLDEN=1 writes the goldens anew; the change is then read like code.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dialect/openai_chat_support.hpp"

namespace gotthard::dialect::testing {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void expect_golden(const fs::path& path, const std::string& text) {
    if (std::getenv("GOTTHARD_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
    if (path.extension() == ".json")
        EXPECT_EQ(canonical(text), canonical(read_file(path))) << path;
    else
        EXPECT_EQ(text, read_file(path)) << path;
}

struct Upstream {
    std::string provider = "openai", model = "gpt-4.1";
    std::uint32_t quirks = 0;
    explicit Upstream(const fs::path& path) {
        struct Row {
            std::string_view name;
            Quirk quirk;
        };
        static constexpr Row rows[] = {{"max_tokens_key", Quirk::max_tokens_key},
                                       {"tool_choice_any", Quirk::tool_choice_any},
                                       {"strip_schema_keywords", Quirk::strip_schema_keywords},
                                       {"nine_character_call_ids", Quirk::nine_character_call_ids},
                                       {"random_seed", Quirk::random_seed},
                                       {"no_stream_options", Quirk::no_stream_options},
                                       {"no_developer_role", Quirk::no_developer_role},
                                       {"keeps_cache_control", Quirk::keeps_cache_control},
                                       {"replays_reasoning", Quirk::replays_reasoning}};
        if (!fs::exists(path)) return;
        const auto text = read_file(path);
        provider = at(text, "provider");
        model = at(text, "model");
        json::Document document;
        EXPECT_TRUE(document.parse(text).has_value());
        for (json::Value quirk : document.root()["quirks"].items())
            for (const auto& row : rows)
                if (quirk.equals(row.name)) quirks = quirks | row.quirk;
    }
    Target target() const { return {.provider = provider, .model = model, .quirks = quirks}; }
};

void check_request(const fs::path& folder, const Dialect& to, const Target& target) {
    const auto written = write(openai_chat, to, read_file(folder / "input.json"), target);
    const auto refused =
        fmt::format("{{\"refused\":\"{}\",\"message\":{}}}", to_string(written.failed.kind), json::quoted(written.refusal));
    expect_golden(folder / fmt::format("{}.json", to.name), written.refusal.empty() ? written.body : refused);
    if (written.refusal.empty() && to.id == DialectId::chat && target.provider == "openai")
        EXPECT_EQ(refusal_of_chat(written.body), "");
    if (written.refusal.empty() && to.id == DialectId::anthropic) EXPECT_EQ(refusal_of(written), "");
    std::string lost;
    for (const auto& loss : written.losses.list())
        lost += fmt::format("{} {}\n", loss.severity == llm::Severity::contract ? "contract" : "tuning", loss.path);
    const auto path = folder / fmt::format("{}.losses", to.name);
    if (!lost.empty())
        expect_golden(path, lost);
    else
        EXPECT_FALSE(fs::exists(path)) << path;
}

void check_answer(const fs::path& folder) {
    const bool unary = fs::exists(folder / "answer.json");
    const auto answer = read_file(folder / (unary ? "answer.json" : "answer.sse"));
    const auto shown = [&](const Dialect& to, Mode mode) {
        return translated(
            openai_chat, to, answer, unary ? Mode::unary : Mode::stream,
            {.mode = mode, .model = "alias", .id = "id-1", .created = 1700000000, .include_usage = true, .input_estimate = 42});
    };
    for (const auto* to : {&openai_chat, &anthropic_messages}) {
        expect_golden(folder / fmt::format("{}.sse", to->name), shown(*to, Mode::stream));
        expect_golden(folder / fmt::format("{}-unary.json", to->name), shown(*to, Mode::unary));
    }
}

TEST(Golden, ChatConversationsReachEveryDialectAsWrittenDown) {
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(GOTTHARD_SOURCE_DIR "/tests/golden"))
        if (entry.is_directory() && entry.path().filename().string().starts_with("chat-")) folders.push_back(entry.path());
    std::ranges::sort(folders);
    ASSERT_GE(folders.size(), 8u);
    for (const auto& folder : folders) {
        SCOPED_TRACE(folder.filename().string());
        if (!fs::exists(folder / "input.json")) {
            check_answer(folder);
            continue;
        }
        const Upstream upstream(folder / "target.json");
        check_request(folder, openai_chat, upstream.target());
        check_request(folder, anthropic_messages, {.provider = "anthropic", .model = "claude-sonnet-4-5"});
    }
}

}  // namespace
}  // namespace gotthard::dialect::testing
