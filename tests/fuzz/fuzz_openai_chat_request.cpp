// Any body as a chat request: read without harm, written for plain OpenAI, for an engine with quirks and for Anthropic; what was
// written is JSON, and what was written for chat reads back and is written again as the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "dialect/dialect.hpp"

namespace {

using namespace gotthard;

void check(bool good) {
    if (!good) std::abort();
}

std::string written(std::string_view body, const dialect::Dialect& to, const dialect::Target& target) {
    Arena arena;
    llm::Losses losses;
    auto request = dialect::openai_chat.read_request(body, {}, arena);
    if (!request) {
        check(!request.error().message.empty());
        return {};
    }
    auto out = to.write_request(*request, target, arena, losses);
    if (!out) {
        check(!out.error().message.empty());
        return {};
    }
    json::Document document;
    check(document.parse(out->body, {.depth = 400, .lone_surrogates = true}).has_value());
    return std::move(out->body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    using dialect::Quirk;
    const dialect::Target openai{.provider = "openai", .model = "gpt-5"};
    const dialect::Target quirky{.provider = "mistral",
                                 .model = "m",
                                 .quirks = Quirk::tool_choice_any | Quirk::strip_schema_keywords |
                                           Quirk::nine_character_call_ids | Quirk::string_content_only,
                                 .repair = true};
    const dialect::Target router{
        .provider = "openrouter", .model = "claude", .quirks = Quirk::keeps_cache_control | Quirk::knows_top_k};
    (void)written(body, dialect::openai_chat, openai);
    (void)written(body, dialect::openai_chat, quirky);
    (void)written(body, dialect::anthropic_messages, {.provider = "anthropic", .model = "claude-sonnet-4-5"});
    const auto once = written(body, dialect::openai_chat, router);
    if (once.empty()) return 0;
    const auto twice = written(once, dialect::openai_chat, router);
    check(twice.empty() || twice == once || written(twice, dialect::openai_chat, router) == twice);
    return 0;
}
