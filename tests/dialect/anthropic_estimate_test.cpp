// The local token estimate against the usage that real models reported. Figures: docs/decisions/0010-token-estimate.md.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "dialect/anthropic_support.hpp"
#include "llm/estimate.hpp"

namespace gotthard::dialect::testing {
namespace {

/// What only the vendor can count: pages it fetched, files it stores, tools it runs, prompts cut out of the recording.
bool is_countable(const llm::Request& request) {
    for (const auto& tool : request.tools)
        if (tool.kind == llm::ToolKind::hosted) return false;
    for (const auto& extra : request.extra)
        if (extra.key == "mcp_servers" || extra.key == "container") return false;
    if (!request.web_search_options.empty() || !request.context_management.empty()) return false;
    for (const auto& message : request.messages)
        for (const auto& part : message.parts) {
            if (part.kind == llm::PartKind::opaque || part.kind == llm::PartKind::audio) return false;
            const bool remote = part.media.source == llm::MediaSource::url || part.media.source == llm::MediaSource::file_id;
            if (remote) return false;
        }
    return true;
}

struct Ratio {
    double ratio;
    std::int64_t truth;
    std::string id;
};

std::vector<Ratio> ratios(const Dialect& dialect, std::string_view file, std::string_view endpoint) {
    std::vector<Ratio> out;
    for (const auto& recording : recordings(file, {std::string(endpoint)})) {
        if (recording.status != 200 || recording.request.empty() || recording.answer.empty()) continue;
        Arena arena;
        const auto request = dialect.read_request(recording.request, {}, arena);
        if (!request || !is_countable(*request)) continue;
        const auto answer = read_answer(dialect, recording.answer, recording.stream ? Mode::stream : Mode::unary);
        if (answer.usage.input <= 0) continue;
        const auto guess = llm::estimate_input_tokens(*request);
        out.push_back({static_cast<double>(guess) / static_cast<double>(answer.usage.input), answer.usage.input, recording.id});
    }
    std::ranges::sort(out, {}, &Ratio::ratio);
    return out;
}

void expect_near(const std::vector<Ratio>& all, double low, double high) {
    if (all.empty()) return;  // the recordings are not here
    const auto at = [&](double part) { return all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1))].ratio; };
    ::testing::Test::RecordProperty("figures", fmt::format("n {} p1 {:.2f} p5 {:.2f} median {:.2f} p95 {:.2f} max {:.2f}", all.size(), at(0.01), at(0.05), at(0.5), at(0.95), at(1)));
    if (std::getenv("GOTTHARD_SHOW_ESTIMATES")) {
        fmt::print("n {} p1 {:.2f} p5 {:.2f} median {:.2f} p95 {:.2f} max {:.2f}\n", all.size(), at(0.01), at(0.05), at(0.5), at(0.95), at(1));
        for (std::size_t i = 0; i < std::min<std::size_t>(all.size(), 16); ++i) fmt::print("{:.2f} {} {}\n", all[i].ratio, all[i].truth, all[i].id);
    }
    EXPECT_GT(at(0.05), low);
    EXPECT_LT(at(0.95), high);
    EXPECT_GT(at(0.5), 0.9);
    EXPECT_LT(at(0.5), 1.35);
}

TEST(Estimate, StaysNearTheUsageOfRecordedCalls) {  // E083, E086
    expect_near(ratios(anthropic_messages, "dev.anthropic.jsonl", "messages"), 0.6, 1.8);
    expect_near(ratios(openai_chat, "dev.openai-chat.jsonl", "chat.completions"), 0.6, 2.2);
}

TEST(Estimate, CountsEveryScript) {
    EXPECT_EQ(llm::estimate_text_tokens(""), 0);
    EXPECT_GE(llm::estimate_text_tokens("a"), 1);
    const auto english = llm::estimate_text_tokens("The quick brown fox jumps over the lazy dog, twice a day.");
    EXPECT_GE(english, 10);
    EXPECT_LE(english, 25);
    EXPECT_GE(llm::estimate_text_tokens("\xE4\xBD\xA0\xE5\xA5\xBD\xE4\xB8\x96\xE7\x95\x8C"), 4);  // four ideographs
    EXPECT_GE(llm::estimate_text_tokens("\xF0\x9F\x98\x80\xF0\x9F\x98\x80"), 2);
}

TEST(Estimate, LongTextsCountAsTheirLengthSays) {
    std::string line = "Sampling reads one block of eight; a prose text of any length weighs what its parts weigh.\n", text;
    while (text.size() < 300'000) text += line;
    const auto whole = static_cast<double>(llm::estimate_text_tokens(text));
    const auto parts = static_cast<double>(llm::estimate_text_tokens(line)) * static_cast<double>(text.size()) / static_cast<double>(line.size());
    EXPECT_NEAR(whole / parts, 1.0, 0.05);
    EXPECT_EQ(llm::estimate_text_tokens(text), llm::estimate_text_tokens(text));
}

TEST(Estimate, CountsToolsHistoryAndImages) {
    Arena arena;
    const auto count = [&](std::string_view body) { return llm::estimate_input_tokens(*read_count_request(body, {}, arena)); };
    const auto bare = count(R"({"model":"m","messages":[{"role":"user","content":"foo"}],"tools":[]})");
    EXPECT_GE(bare, 8);
    EXPECT_LE(bare, 20);
    EXPECT_GT(count(R"({"model":"m","messages":[{"role":"user","content":"foo"}],"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}]})"), bare + 300);
    EXPECT_GT(count(R"({"model":"m","messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://x"}}]}]})"), 1000);
    EXPECT_GT(count(R"({"model":"m","messages":[{"role":"user","content":"foo"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"x":"a long argument of several words"}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"and a result of some words"}]}]})"), bare + 15);
}

TEST(Estimate, ReadsTheSizeOfAnImage) {
    std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\x95\0\0\x01\x95\x08\x06\0\0", 26);
    const auto tokens = llm::estimate_image_tokens(base64(png));
    EXPECT_NEAR(static_cast<double>(tokens), 405.0 * 405.0 / 750.0, 15);
    EXPECT_GT(llm::estimate_image_tokens("not base64!"), 1000);
    std::string huge("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0", 26);
    EXPECT_LE(llm::estimate_image_tokens(base64(huge)), 1600);
}

}  // namespace
}  // namespace gotthard::dialect::testing
