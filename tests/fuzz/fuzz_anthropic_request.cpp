// Any Messages body: reading it never crashes, and what is written of it, for either upstream dialect, is JSON and the same twice.
#include <cstdlib>
#include <string>

#include "base/json.hpp"
#include "dialect/anthropic_messages.hpp"
#include "dialect/dialect.hpp"
#include "llm/estimate.hpp"

namespace {

using namespace gotthard;

void check(bool good) {
    if (!good) std::abort();
}

std::string written(const llm::Request& request, const dialect::Dialect& to, bool repair) {
    Arena arena;
    llm::Losses losses;
    auto out = to.write_request(request, {.provider = "p", .model = request.messages.size() % 2 ? "claude-opus-4-6" : "claude-3-7-sonnet", .repair = repair}, arena, losses);
    if (!out) {
        check(!out.error().message.empty());
        return {};
    }
    json::Document document;
    check(document.parse(out->body, {.depth = 1024, .lone_surrogates = true}).has_value());
    check(document.root().is_object());
    return std::move(out->body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    Arena arena;
    const auto request = dialect::read_count_request(body, {}, arena);
    if (!request) {
        check(request.error().status >= 400 && request.error().status < 500);
        return 0;
    }
    check(llm::estimate_input_tokens(*request) >= 1);
    for (const auto* to : {&dialect::anthropic_messages, &dialect::openai_chat})
        for (const bool repair : {false, true}) check(written(*request, *to, repair) == written(*request, *to, repair));
    // The same conversation as if it had come from a chat client: everything that is repaired or moved for the vendor.
    auto foreign = *request;
    foreign.dialect = dialect::DialectId::chat;
    for (const bool repair : {false, true}) check(written(foreign, dialect::anthropic_messages, repair) == written(foreign, dialect::anthropic_messages, repair));
    return 0;
}
