#include "spine/body_scan.hpp"

#include <array>

#include <fmt/format.h>

#include "base/json.hpp"

namespace gotthard::spine {
namespace {

constexpr std::array<std::string_view, 16> governed{"model",  "stream", "max_tokens", "max_completion_tokens", "user",     "n",        "tools",    "tool_choice",
                                                    "system", "input",  "messages",   "stream_options",        "metadata", "thinking", "response_format", "functions"};

Span span_of(json::Value value) { return {value.begin(), value.end_offset()}; }

std::unexpected<Failure> wrong_type(std::string_view key, std::string_view wanted, json::Value value) {
    return fail(Failure(FailureKind::invalid_request, fmt::format("`{}` must be {}, not {}", key, wanted, json::to_string(value.kind()))).at(std::string(key)));
}

void read_stream_options(json::Value value, BodyFacts& facts) {
    facts.stream_options = span_of(value);
    facts.stream_options_empty = value.size() == 0;
    for (const auto& member : value.members()) {
        if (!member.is("include_usage")) continue;
        facts.include_usage = member.value.is_true();
        facts.include_usage_at = span_of(member.value);
    }
}

Status read_member(const json::Member& member, Arena& arena, BodyFacts& facts) {
    const json::Value value = member.value;
    const auto key = member.key(arena);
    if (key == "model") {
        if (!value.is_string()) return wrong_type(key, "a string", value);
        facts.model = value.text(arena);
        facts.model_at = span_of(value);
    } else if (key == "stream") {
        if (!value.is_boolean() && !value.is_null()) return wrong_type(key, "a boolean", value);
        facts.stream = value.is_true();
    } else if (key == "max_tokens" || key == "max_completion_tokens") {
        if (value.is_null()) return {};
        const auto tokens = value.number();
        if (!tokens) return wrong_type(key, "a number", value);
        facts.max_tokens = static_cast<std::int64_t>(std::min(*tokens, 9.0e15));
    } else if (key == "user") {
        if (value.is_string()) facts.user = value.text(arena);
    } else if (key == "metadata") {
        const json::Value user = value["user_id"];
        if (user.is_string()) facts.user = user.text(arena);
    } else if (key == "stream_options") {
        if (!value.is_object() && !value.is_null()) return wrong_type(key, "an object", value);
        read_stream_options(value, facts);
    } else if (key == "temperature") {
        facts.temperature = value.number().value_or(-1);
    } else if (key == "top_p") {
        facts.top_p = value.number().value_or(-1);
    } else if (key == "n") {
        facts.n = value.integer().value_or(-1);
    } else if (key == "reasoning_effort") {
        facts.reasoning_effort = value.text(arena);
    } else if (key == "output_config") {
        facts.reasoning_effort = value["effort"].text(arena);
    } else if (key == "tools") {
        facts.tools = static_cast<std::uint32_t>(value.size());
    }
    return {};
}

}  // namespace

Result<BodyFacts> scan_body(std::string_view body, Arena& arena) {
    if (body.empty()) return fail(FailureKind::invalid_request, "the request has no body; send a JSON object with at least `model`");
    // Used between two suspension points only, so one per thread serves all requests.
    thread_local json::Document document;
    if (auto parsed = document.parse(body); !parsed) return fail(std::move(parsed.error()));
    const json::Value root = document.root();
    if (!root.is_object()) return fail(FailureKind::invalid_request, fmt::format("the body must be a JSON object, not {}", json::to_string(root.kind())));
    if (auto key = json::find_ambiguous_key(root, governed))
        return fail(Failure(FailureKind::invalid_request, fmt::format("the top-level key `{}` is repeated or written with escapes; send each key once and plainly", *key)).at(*key));
    BodyFacts facts;
    facts.object_end = root.end_offset() - 1;
    facts.has_members = root.size() > 0;
    for (const auto& member : root.members())
        if (auto status = read_member(member, arena, facts); !status) return fail(std::move(status.error()));
    if (facts.model_at == Span{}) return fail(Failure(FailureKind::invalid_request, "`model` is missing: name a model, for instance one of GET /v1/models").at("model"));
    if (facts.model.empty() || facts.model.size() > 512) return fail(Failure(FailureKind::invalid_request, "`model` must have 1 to 512 bytes").at("model"));
    return facts;
}

std::size_t splice_body(std::string_view body, std::span<const Splice> splices, std::vector<iovec>& out) {
    std::size_t total = 0;
    const auto put = [&](std::string_view piece) {
        if (piece.empty()) return;
        out.push_back({const_cast<char*>(piece.data()), piece.size()});
        total += piece.size();
    };
    std::size_t at = 0;
    for (const auto& splice : splices) {
        put(body.substr(at, splice.at.begin - at));
        put(splice.text);
        at = splice.at.end;
    }
    put(body.substr(at));
    return total;
}

}  // namespace gotthard::spine
