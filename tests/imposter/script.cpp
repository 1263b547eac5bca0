#include "imposter/script.hpp"

#include <simdjson.h>

#include <ranges>

#include "imposter/imposter.hpp"

namespace gotthard::imposter {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

std::string text_or(const object& from, std::string_view key, std::string_view otherwise = "") {
    std::string_view text;
    return std::string(from[key].get_string().get(text) == simdjson::SUCCESS ? text : otherwise);
}

std::int64_t number_or(const object& from, std::string_view key, std::int64_t otherwise) {
    std::int64_t number = 0;
    return from[key].get(number) == simdjson::SUCCESS ? number : otherwise;
}

bool has(const object& from, std::string_view key) { return from[key].error() == simdjson::SUCCESS; }

std::vector<std::string> each_as_text(const array& values) {
    std::vector<std::string> texts;
    for (const element value : values) texts.push_back(simdjson::minify(value));
    return texts;
}

std::vector<std::pair<std::string, std::string>> headers_of(const object& from) {
    std::vector<std::pair<std::string, std::string>> headers;
    object given;
    if (from["headers"].get(given) != simdjson::SUCCESS) return headers;
    for (const auto [name, value] : given) headers.emplace_back(name, std::string(std::string_view(value)));
    return headers;
}

Reply body_of(const object& from) {
    element value;
    array list;
    object fill;
    if (from["json"].get(value) == simdjson::SUCCESS) return Reply::json(simdjson::minify(value));
    if (from["chat_stream"].get(list) == simdjson::SUCCESS) return Reply::chat_stream(each_as_text(list));
    if (from["messages_stream"].get(list) == simdjson::SUCCESS) return Reply::messages_stream(each_as_text(list));
    if (has(from, "raw")) return Reply::garbage(text_or(from, "raw"));
    Reply reply = Reply::text(text_or(from, "text"), "");
    reply.headers.clear();
    if (from["fill"].get(fill) == simdjson::SUCCESS) {
        reply.pieces = {{text_or(fill, "text"), {}}};
        reply.repeat = static_cast<std::size_t>(number_or(fill, "times", 1));
    }
    if (from["pieces"].get(list) == simdjson::SUCCESS) {
        reply.pieces.clear();
        for (const object piece : list)
            reply.pieces.push_back({text_or(piece, "text"), std::chrono::milliseconds(number_or(piece, "pause_ms", 0))});
    }
    return reply;
}

Framing framing_of(const std::string& name, Framing otherwise) {
    return name == "content_length" ? Framing::content_length
           : name == "chunked"      ? Framing::chunked
           : name == "until_close"  ? Framing::until_close
                                    : otherwise;
}

Ending ending_of(const std::string& name, Ending otherwise) {
    return name == "complete" ? Ending::complete
           : name == "close"  ? Ending::close
           : name == "reset"  ? Ending::reset
           : name == "hang"   ? Ending::hang
                              : otherwise;
}

Reply reply_of(const object& from) {
    Reply reply = body_of(from);
    reply.status = static_cast<int>(number_or(from, "status", 200));
    for (auto& [name, value] : headers_of(from)) {
        std::erase_if(reply.headers, [&](const auto& present) { return equal_without_case(present.first, name); });
        reply.headers.emplace_back(std::move(name), std::move(value));
    }
    reply.framing = framing_of(text_or(from, "framing"), reply.framing);
    if (has(from, "cut_at")) std::move(reply).cut_after(static_cast<std::size_t>(number_or(from, "cut_at", 0)));
    if (has(from, "claimed_length"))
        std::move(reply).claiming_length(static_cast<std::size_t>(number_or(from, "claimed_length", 0)));
    if (has(from, "in_pieces_of"))
        std::move(reply).in_pieces_of(static_cast<std::size_t>(number_or(from, "in_pieces_of", 1)));
    if (has(from, "pause_ms")) std::move(reply).paced(std::chrono::milliseconds(number_or(from, "pause_ms", 0)));
    reply.ending = ending_of(text_or(from, "ending"), reply.ending);
    reply.repeat = static_cast<std::size_t>(number_or(from, "repeat", static_cast<std::int64_t>(reply.repeat)));
    return reply;
}

void add_rule(Imposter& imposter, const object& from) {
    Rule& rule = imposter.when(text_or(from, "path", "*"));
    rule.method(text_or(from, "method")).with_body_containing(text_or(from, "body_contains"));
    for (auto& [name, value] : headers_of(from)) rule.with_header(std::move(name), std::move(value));
    array replies;
    if (from["replies"].get(replies) != simdjson::SUCCESS) return;
    for (const object reply : replies) rule.then_return(reply_of(reply));
}

}  // namespace

std::string apply_script(Imposter& imposter, const std::string& json) try {
    simdjson::dom::parser parser;
    const simdjson::padded_string padded(json);
    const object script = parser.parse(padded);
    bool strict = true;
    if (script["strict"].get(strict) != simdjson::SUCCESS) strict = true;
    imposter.start_over();
    strict ? imposter.be_strict() : imposter.be_lenient();
    std::vector<object> rules;
    for (const object rule : array(script["rules"])) rules.push_back(rule);
    for (const object& rule : rules | std::views::reverse) add_rule(imposter, rule);
    return {};
} catch (const simdjson::simdjson_error& error) { return error.what(); }

}  // namespace gotthard::imposter
