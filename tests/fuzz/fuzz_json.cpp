// The strict parser against simdjson as the oracle: both must agree on what is JSON, and every value must re-read from its raw text.
#include <simdjson.h>

#include "base/json.hpp"

using gotthard::json::Document;
using gotthard::json::Kind;
using gotthard::json::Value;

namespace {

void walk(Value value) {
    Document again;
    if (!again.parse(value.raw(), {.lone_surrogates = true}) || again.root().kind() != value.kind()) __builtin_trap();
    if (value.is_string()) {
        std::string out;
        gotthard::json::append_string(out, value.string());
        Document quoted;
        if (!quoted.parse(out) || quoted.root().string() != value.string()) __builtin_trap();
    }
    for (Value item : value.items()) walk(item);
    for (const auto& member : value.members()) walk(member.value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size > 4096) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Document document;
    const bool ours = document.parse(text, {.depth = 64}).has_value();
    if (ours && text.size() < 512) walk(document.root());
    thread_local simdjson::dom::parser parser(1 << 20);
    simdjson::dom::element element;
    simdjson::padded_string padded(text);
    const auto error = parser.parse(padded).get(element);
    // simdjson refuses numbers beyond 64 bits and lone surrogates are judged alike; only its verdict "valid" binds us, up to the depth we allow.
    if (error == simdjson::SUCCESS && !ours && !document.parse(text, {.depth = 1024, .lone_surrogates = true})) __builtin_trap();
    if (ours && error != simdjson::SUCCESS && error != simdjson::NUMBER_ERROR && error != simdjson::STRING_ERROR && error != simdjson::BIGINT_ERROR) __builtin_trap();
    return 0;
}
