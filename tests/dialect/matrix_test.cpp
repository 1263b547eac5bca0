// All four cells of client dialect x upstream dialect, unary and streaming, over every recorded exchange of both dialects:
// an answer read in one dialect, written in the other and read back says the same; a request translated to the other dialect is one
// that its vendor would take.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/anthropic_support.hpp"
#include "imposter/strict.hpp"
#include "llm/answer.hpp"

namespace gotthard::dialect::testing {
namespace {

using llm::StopReason;

/// What must survive any translation.
struct Essence {
    std::string text;       ///< Texts and refusals of choice 0, in order.
    std::string thinking;
    std::vector<std::string> calls;  ///< "name arguments", in order.
    StopReason stop = StopReason::none;
    llm::Usage usage;
    std::string failure;
    bool refused = false;  ///< Holds a refusal part.
};

/// No arguments are written as nothing, as {} or as null.
std::string_view arguments_of(const llm::Part& part) {
    const auto text = trim(part.arguments);
    return text.empty() || text == "null" ? std::string_view("{}") : text;
}

Essence essence_of(const Dialect& dialect, std::string_view bytes, Mode mode) {
    Essence out;
    Arena arena;
    llm::Collector collector(arena);
    llm::EventValidator validator;
    const auto reader = dialect.make_reader({.mode = mode});
    llm::Events events;
    const auto take = [&] {
        for (const auto& event : events) {
            EXPECT_EQ(validator.see(event), "");
            collector.see(event);
            if (event.kind == llm::EventKind::failed) out.failure = event.failure->message;
        }
        events.clear();
    };
    for (const auto piece : cut_at_random(11)(bytes)) {
        reader->feed(piece, events);
        take();
    }
    if (!reader->ended()) reader->finish(true, events);
    take();
    const auto answer = collector.take();
    out.usage = answer.usage;
    for (const auto& choice : answer.choices) {
        if (choice.index != 0) continue;
        out.stop = choice.stop;
        for (const auto& part : choice.parts) {
            if (part.kind == llm::PartKind::text || part.kind == llm::PartKind::refusal) out.text += part.text;
            if (part.kind == llm::PartKind::refusal) out.refused = true;
            if (part.kind == llm::PartKind::thinking) out.thinking += part.text;
            if (part.kind == llm::PartKind::tool_call) out.calls.push_back(fmt::format("{} {}", part.name, canonical(arguments_of(part))));
        }
    }
    return out;
}

/// The reason as a reader of `dialect` gets it back: wire-formats 10.1 and its rule 1.
StopReason seen_in(const Dialect& dialect, StopReason reason, const Essence& answer) {
    using enum StopReason;
    const bool calls = !answer.calls.empty();
    if (dialect.id == DialectId::anthropic) {
        if (reason == filter) return refusal;
        if (calls && (reason == stop || reason == stop_sequence || reason == malformed_call || reason == error || reason == pause)) return tool_calls;
        if (!calls && (reason == tool_calls || reason == malformed_call || reason == error || reason == cancelled)) return stop;
        return reason;
    }
    switch (reason) {
        case context_full:
        case compaction: return length;
        case stop_sequence:
        case pause:
        case malformed_call:
        case cancelled: return calls ? tool_calls : stop;
        case refusal: return answer.refused ? refusal : filter;  // OpenAI says it by a refusal text
        case tool_calls: return calls ? tool_calls : stop;
        case stop: return calls ? tool_calls : stop;
        default: return reason;
    }
}

bool is_custom_call(std::string_view answer) { return answer.find("\"type\":\"custom\"") != std::string_view::npos || answer.find("\"custom\":") != std::string_view::npos; }

/// Counts what was compared, so that an empty run shows.
struct Tally {
    int compared = 0;
    int skipped = 0;
};

void compare(const Dialect& from, const Dialect& to, const Recording& recording, Tally& tally) {
    if (recording.status != 200 || recording.answer.empty()) return;
    const Mode mode = recording.stream ? Mode::stream : Mode::unary;
    const auto first = essence_of(from, recording.answer, mode);
    if (!first.failure.empty() || is_custom_call(recording.answer)) return void(++tally.skipped);
    SCOPED_TRACE(recording.id);
    std::optional<Essence> other_mode;
    for (const Mode out_mode : {Mode::stream, Mode::unary}) {
        const auto written = translated(from, to, recording.answer, mode, {.mode = out_mode, .model = "alias", .id = "id1", .created = 1, .include_usage = true});
        const auto again = essence_of(to, written, out_mode);
        EXPECT_EQ(again.failure, "");
        EXPECT_EQ(again.text, first.text);
        // Arguments that were cut are no object: a unary Anthropic answer shows their text (wire-formats 10.3 rule 6).
        const bool cut = std::ranges::any_of(first.calls, [](const std::string& call) { return call.find("not JSON") != std::string::npos; });
        if (!cut) EXPECT_EQ(again.calls, first.calls);
        else EXPECT_EQ(again.calls.size(), first.calls.size());
        EXPECT_EQ(again.thinking, first.thinking);
        EXPECT_EQ(llm::to_string(again.stop), llm::to_string(seen_in(to, first.stop, first))) << llm::to_string(first.stop);
        if (first.usage.known()) {
            EXPECT_EQ(again.usage.input, std::max<std::int64_t>(first.usage.input, 0));
            EXPECT_EQ(again.usage.output, std::max<std::int64_t>(first.usage.output, 0));
            // Some providers tell more cached tokens than tokens.
            const auto input = std::max<std::int64_t>(first.usage.input, 0);
            EXPECT_EQ(std::clamp<std::int64_t>(again.usage.cache_read, 0, input), std::clamp<std::int64_t>(first.usage.cache_read, 0, input));
        }
        if (other_mode) {
            EXPECT_EQ(again.text, other_mode->text);
            EXPECT_EQ(again.stop, other_mode->stop);
        }
        other_mode = again;
    }
    ++tally.compared;
}

struct Source {
    const Dialect& dialect;
    const char* file;
    std::vector<std::string> endpoints;
};
const std::vector<Source> sources = {{anthropic_messages, "dev.anthropic.jsonl", {"messages"}},
                                     {anthropic_messages, "dev.ollama.jsonl", {"messages"}},
                                     {openai_chat, "dev.openai-chat.jsonl", {"chat.completions"}},
                                     {openai_chat, "dev.openai-compatible.jsonl", {"chat.completions"}},
                                     {openai_chat, "dev.mistral.jsonl", {"chat.completions"}}};

void compare_all(DialectId from, const Dialect& to) {
    Tally tally;
    for (const auto& source : sources)
        if (source.dialect.id == from)
            for (const auto& recording : recordings(source.file, source.endpoints)) compare(source.dialect, to, recording, tally);
    ::testing::Test::RecordProperty("compared", tally.compared);
    EXPECT_LE(tally.skipped, tally.compared / 5 + 1);
}

TEST(Matrix, AnthropicAnswersReachAnthropicClients) { compare_all(DialectId::anthropic, anthropic_messages); }
TEST(Matrix, AnthropicAnswersReachChatClients) { compare_all(DialectId::anthropic, openai_chat); }        // E050 to E064
TEST(Matrix, ChatAnswersReachAnthropicClients) { compare_all(DialectId::chat, anthropic_messages); }       // E078 to E090
TEST(Matrix, ChatAnswersReachChatClients) { compare_all(DialectId::chat, openai_chat); }

// ---- Requests -----------------------------------------------------------------------------------------------------------

std::string vendor_says(const Dialect& to, const Written& written) {
    imposter::Seen seen;
    seen.method = "POST";
    seen.target = to.id == DialectId::anthropic ? "/v1/messages" : "/v1/chat/completions";
    seen.body = written.body;
    for (const auto& header : written.headers) seen.headers.emplace_back(header.name, header.value);
    return to.id == DialectId::anthropic ? imposter::refusal_of_messages(seen) : imposter::refusal_of_chat(seen);
}

void translate_all(DialectId from, const Dialect& to, const Target& target) {
    int sent = 0, refused = 0;
    for (const auto& source : sources) {
        if (source.dialect.id != from) continue;
        for (const auto& recording : recordings(source.file, source.endpoints)) {
            if (recording.request.empty() || recording.status != 200) continue;
            SCOPED_TRACE(recording.id);
            const auto written = write(source.dialect, to, recording.request, target);
            if (written.refusal.starts_with("model is missing")) continue;  // clouds name it in the path
            if (!written.refusal.empty()) {
                EXPECT_EQ(written.failed.status, 400) << written.refusal;
                ++refused;
                if (std::getenv("GOTTHARD_SHOW_REFUSALS")) fmt::print("{}: {}\n", recording.id, written.refusal);
                continue;
            }
            ++sent;
            EXPECT_EQ(vendor_says(to, written), "") << written.body.substr(0, 2000);
            EXPECT_EQ(write(source.dialect, to, recording.request, target).body, written.body);  // E271
        }
    }
    ::testing::Test::RecordProperty("sent", sent);
    ::testing::Test::RecordProperty("refused", refused);
    EXPECT_LE(refused, sent / 10 + 1);
}

const Target claude{.provider = "anthropic", .model = "claude-sonnet-4-5"};
const Target old_claude{.provider = "anthropic", .model = "claude-3-5-haiku-20241022"};
const Target new_claude{.provider = "anthropic", .model = "claude-opus-4-6"};
const Target gpt{.provider = "openai", .model = "gpt-4.1"};

TEST(Matrix, ChatRequestsReachAnthropicUpstreams) {  // E001 to E049
    for (const auto& target : {claude, old_claude, new_claude}) translate_all(DialectId::chat, anthropic_messages, target);
}
TEST(Matrix, AnthropicRequestsReachChatUpstreams) { translate_all(DialectId::anthropic, openai_chat, gpt); }  // E065 to E077

/// What a request says, in the words of the conversation: texts, calls with arguments, results, tools, limits.
std::string said(const Dialect& dialect, std::string_view body) {
    Arena arena;
    const auto request = dialect.read_request(body, {}, arena);
    if (!request) return "refused: " + request.error().message;
    std::string system, out;
    for (const auto& message : request->messages)
        for (const auto& part : message.parts) {
            auto& to = message.role == llm::Role::system || message.role == llm::Role::developer ? system : out;
            const bool billing = part.text.starts_with("x-anthropic-billing-header:");  // E014
            if (part.kind == llm::PartKind::text && !trim(part.text).empty() && !billing) to += part.text;
            if (part.kind == llm::PartKind::tool_call) to += fmt::format("\ncall {} {}\n", part.name, canonical(arguments_of(part)));
            if (part.kind == llm::PartKind::tool_result) {
                to += part.is_error ? "\nfailed result " : "\nresult ";
                for (const auto& inner : part.content) to += inner.text;
            }
            if (part.kind == llm::PartKind::image) to += fmt::format("\nimage {}\n", part.media.data.substr(0, 40));
        }
    for (const auto& tool : request->tools) out += fmt::format("\ntool {} {} {}", tool.name, tool.description, canonical(tool.parameters.empty() ? "{}" : at(tool.parameters, "properties")).size());
    // Texts that are joined get a blank line between them.
    std::erase_if(system, is_space);
    return fmt::format("{}\n{}\nmax {} stop {} temperature {}", system, out, request->max_output_tokens.value_or(-1), request->stop.size(), request->temperature.value_or(-1));
}

/// Only what both dialects can say: no server tools, no marks of state, one system text, nothing that is shown otherwise on the way.
bool is_common(std::string_view body) {
    Arena arena;
    const auto request = anthropic_messages.read_request(body, {}, arena);
    if (!request || request->thinking.mode != llm::ThinkingMode::unset) return false;
    for (const auto& tool : request->tools)
        if (tool.kind == llm::ToolKind::hosted || tool.defer_loading) return false;
    for (const auto& message : request->messages)
        for (const auto& part : message.parts) {
            if (part.kind == llm::PartKind::opaque || part.kind == llm::PartKind::document || part.is_error) return false;
            for (const auto& inner : part.content)
                if (inner.kind != llm::PartKind::text) return false;
        }
    return true;
}

TEST(Matrix, ARequestThatWentThereAndBackAsksTheSame) {
    for (const auto& recording : recordings("dev.anthropic.jsonl", {"messages"})) {
        if (recording.request.empty() || recording.status != 200 || !is_common(recording.request)) continue;
        SCOPED_TRACE(recording.id);
        const auto there = write(anthropic_messages, openai_chat, recording.request, gpt);
        if (there.losses.first_contract() != nullptr) continue;
        ASSERT_EQ(there.refusal, "");
        const auto back = write(openai_chat, anthropic_messages, there.body, claude);
        if (back.refusal.find("begins with the assistant") != std::string::npos) continue;  // E016
        ASSERT_EQ(back.refusal, "") << there.body.substr(0, 1000);
        EXPECT_EQ(vendor_says(anthropic_messages, back), "");
        EXPECT_EQ(said(anthropic_messages, back.body), said(anthropic_messages, recording.request));
    }
}

}  // namespace
}  // namespace gotthard::dialect::testing
