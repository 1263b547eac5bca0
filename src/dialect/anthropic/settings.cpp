// What depends on the model: thinking, limits, sampling, structured output. Requirements E028 to E030, E033 to E037, E048.
#include <algorithm>

#include <fmt/format.h>

#include "dialect/anthropic/write.hpp"
#include "dialect/anthropic/json_schema.hpp"

namespace gotthard::dialect::anthropic {

using llm::FormatKind;
using llm::ThinkingMode;

namespace {

constexpr std::int64_t default_max_tokens = 4096;
constexpr std::int64_t least_budget = 1024;

struct Effort {
    std::string_view name;
    std::int64_t budget;
};
constexpr Effort efforts[] = {{"minimal", 1024}, {"low", 1024}, {"medium", 2048}, {"high", 4096}, {"xhigh", 8192}, {"max", 16384}};

std::int64_t budget_of(std::string_view effort) {
    const auto row = std::ranges::find(efforts, effort, &Effort::name);
    return row == std::end(efforts) ? 2048 : row->budget;
}

class SettingsPlanner {
public:
    SettingsPlanner(Writing& writing, const Turns& turns) : writing_(writing), request_(writing.request), turns_(turns) {}
    Settings plan();

private:
    void own();
    void limits();
    void thinking();
    void adaptive();
    void budget(std::int64_t tokens);
    void sampling();
    void format();
    /// Why thinking cannot be on in this request, or "".
    std::string_view obstacle() const;
    std::string_view effort_path() const { return request_.thinking.raw.empty() ? "reasoning_effort" : "thinking"; }

    Writing& writing_;
    const llm::Request& request_;
    const Turns& turns_;
    Settings out_;
};

/// A client of this dialect has said it all itself.
void SettingsPlanner::own() {
    out_.max_tokens = request_.max_output_tokens.value_or(writing_.target.max_output_tokens > 0 ? writing_.target.max_output_tokens : default_max_tokens);
    out_.thinking = std::string(request_.thinking.raw);
    out_.thinking_on = request_.thinking.mode == ThinkingMode::enabled || request_.thinking.mode == ThinkingMode::adaptive;
    out_.effort = request_.thinking.effort;
    out_.temperature = request_.temperature;
    out_.top_p = request_.top_p;
    out_.top_k = request_.top_k;
    if (request_.response_format.kind == FormatKind::json_schema)
        out_.format = fmt::format(R"({{"type":"json_schema","schema":{}}})", request_.response_format.schema);
}

void SettingsPlanner::limits() {
    const auto most = writing_.target.max_output_tokens;
    if (!request_.max_output_tokens) {
        out_.max_tokens = most > 0 ? most : default_max_tokens;
        return;
    }
    out_.max_tokens = std::max<std::int64_t>(*request_.max_output_tokens, 1);
    if (most > 0 && out_.max_tokens > most) {
        lose(writing_.losses, std::string(request_.max_output_tokens_key.empty() ? "max_tokens" : request_.max_output_tokens_key), fmt::format("lowered to the model's maximum of {}", most));
        out_.max_tokens = most;
    }
}

std::string_view SettingsPlanner::obstacle() const {
    if (!writing_.traits.thinks) return not_this_model;
    if (forces_a_call(request_.tool_choice)) return "the upstream cannot think when a tool call is forced";
    if (turns_.unsigned_call) return "the last tool calls come without their thinking, and the upstream refuses to think on from there";
    return {};
}

/// A budget below max_tokens, at least the legal minimum; without a client limit it comes on top of the default (E029).
void SettingsPlanner::budget(std::int64_t tokens) {
    tokens = std::max(tokens, least_budget);
    if (!request_.max_output_tokens) {
        const auto most = writing_.target.max_output_tokens;
        out_.max_tokens = most > 0 ? most : tokens + default_max_tokens;
    }
    if (tokens >= out_.max_tokens) {
        if (out_.max_tokens <= least_budget) {
            lose(writing_.losses, std::string(effort_path()), fmt::format("the answer may have {} tokens and thinking needs {}", out_.max_tokens, least_budget));
            return;
        }
        tokens = std::max(least_budget, out_.max_tokens / 2);
        lose(writing_.losses, std::string(effort_path()), fmt::format("thinking was lowered to {} tokens to fit into the limit of the answer", tokens));
    }
    out_.thinking_on = true;
    out_.thinking = fmt::format(R"({{"type":"enabled","budget_tokens":{}}})", tokens);
}

/// Models that choose the amount themselves: adaptive thinking, and the effort beside it (E033).
void SettingsPlanner::adaptive() {
    out_.thinking_on = true;
    out_.thinking = R"({"type":"adaptive"})";
    if (!request_.thinking.display.empty()) {
        out_.thinking = R"({"type":"adaptive","display":)";
        json::append_string(out_.thinking, request_.thinking.display);
        out_.thinking += '}';
    }
    std::string_view effort = request_.thinking.effort;
    if (effort.empty() && request_.thinking.budget_tokens) effort = *request_.thinking.budget_tokens >= 10000 ? "high" : *request_.thinking.budget_tokens >= 4096 ? "medium" : "low";
    if (effort.empty()) return;
    std::string_view given = effort;
    if (effort == "minimal") given = "low";
    if (effort == "max" && !writing_.traits.effort_max) given = writing_.traits.effort_xhigh ? "xhigh" : "high";
    if (effort == "xhigh" && !writing_.traits.effort_xhigh) given = "high";
    if (given != effort) lose(writing_.losses, std::string(effort_path()), fmt::format("the model knows no effort \"{}\"; \"{}\" was asked for", effort, given));
    out_.effort = given;
}

void SettingsPlanner::thinking() {
    const auto& asked = request_.thinking;
    if (asked.mode == ThinkingMode::unset && asked.effort.empty()) return;
    if (asked.mode == ThinkingMode::disabled || (asked.mode == ThinkingMode::unset && asked.effort == "none")) {
        if (writing_.traits.thinks) out_.thinking = R"({"type":"disabled"})";
        return;
    }
    if (const auto why = obstacle(); !why.empty()) {
        lose(writing_.losses, std::string(effort_path()), std::string(why));
        return;
    }
    // A budget that the client chose itself stays one where the model still takes it.
    const bool own_budget = asked.mode == ThinkingMode::enabled && asked.budget_tokens && asked.effort.empty() && writing_.traits.budgets;
    if (writing_.traits.adaptive && !own_budget) return adaptive();
    budget(asked.budget_tokens.value_or(budget_of(asked.effort)));
}

void SettingsPlanner::sampling() {
    out_.temperature = request_.temperature;
    out_.top_p = request_.top_p;
    out_.top_k = request_.top_k;
    const auto drop = [&](auto& value, std::string_view name, std::string_view why) {
        if (!value) return;
        value.reset();
        lose(writing_.losses, std::string(name), std::string(why));
    };
    constexpr std::string_view thinks = "the upstream takes it only without thinking";
    if (out_.thinking_on) {
        if (out_.temperature != 1.0) drop(out_.temperature, "temperature", thinks);
        if (out_.top_p && *out_.top_p < 0.95) drop(out_.top_p, "top_p", thinks);
        drop(out_.top_k, "top_k", thinks);
    }
    const auto clamp = [&](std::optional<double>& value, std::string_view name) {
        if (!value || (*value >= 0 && *value <= 1)) return;
        value = std::clamp(*value, 0.0, 1.0);
        lose(writing_.losses, std::string(name), fmt::format("brought into the upstream's range of 0 to 1: {}", *value));
    };
    clamp(out_.temperature, "temperature");
    clamp(out_.top_p, "top_p");
    if (out_.top_k && *out_.top_k < 0) drop(out_.top_k, "top_k", "must not be negative");
}

void SettingsPlanner::format() {
    const auto& asked = request_.response_format;
    if (asked.kind != FormatKind::json_schema && asked.kind != FormatKind::json_object) return;
    if (writing_.traits.native_schema && !asked.schema.empty())
        if (const auto schema = strict_schema(asked.schema)) {
            out_.format = fmt::format(R"({{"type":"json_schema","schema":{}}})", *schema);
            return;
        }
    out_.emulated = asked;
    // Some clients give json_object a schema, others json_schema none.
    out_.emulated.kind = asked.schema.empty() ? FormatKind::json_object : FormatKind::json_schema;
}

Settings SettingsPlanner::plan() {
    if (writing_.own()) {
        own();
        return std::move(out_);
    }
    limits();
    thinking();
    sampling();
    format();
    return std::move(out_);
}

}  // namespace

Settings plan_settings(Writing& writing, const Turns& turns) { return SettingsPlanner(writing, turns).plan(); }

std::string edits_of(Writing& writing) {
    const auto raw = writing.request.context_management;
    json::Document document;
    if (raw.empty() || writing.own() || !document.parse(raw)) return std::string(raw);
    const auto root = document.root();
    const auto list = root.is_array() ? root : root["edits"];
    std::string out;
    json::Writer w(out);
    w.begin_object().key("edits").begin_array();
    std::size_t count = 0, index = 0;
    for (json::Value each : list.items()) {
        const auto type = each["type"].string();
        const auto path = fmt::format("context_management[{}]", index++);
        if (type == "compaction") {
            w.begin_object().member("type", "compact_20260112");
            if (const auto threshold = each["compact_threshold"].integer()) w.key("trigger").begin_object().member("type", "input_tokens").member("value", *threshold).end_object();
            w.end_object();
            writing.need_beta("compact-2026-01-12");
        } else if (type.starts_with("compact_") || type.starts_with("clear_")) {
            w.raw(each.raw());
            writing.need_beta(type.starts_with("compact_") ? "compact-2026-01-12" : "context-management-2025-06-27");
        } else {
            lose(writing.losses, path, fmt::format("the upstream knows no edit \"{}\"", type));
            continue;
        }
        ++count;
    }
    w.end_array().end_object();
    return count == 0 ? std::string() : out;
}

}  // namespace gotthard::dialect::anthropic
