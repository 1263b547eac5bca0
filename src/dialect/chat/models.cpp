#include "dialect/chat/models.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace gotthard::dialect::chat {
namespace {

// Bits of ModelRules::efforts, in the order of effort_words.
constexpr std::uint32_t none = 1, minimal = 2, low = 4, medium = 8, high = 16, xhigh = 32;

struct Row {
    std::string_view model;  // glob over the id without a vendor prefix; the first row that fits counts
    ModelRules rules;
};

constexpr ModelRules reasoning(std::uint32_t efforts) {
    return {.reasoning = true, .sampling = false, .stop = false, .penalties = false, .logprobs = false, .efforts = efforts};
}
constexpr ModelRules o_series(std::uint32_t efforts) {
    ModelRules rules = reasoning(efforts);
    rules.parallel_switch = false;
    rules.effort = efforts != 0;
    return rules;
}
constexpr ModelRules early_o() {
    ModelRules rules = o_series(0);
    rules.instructions = false;
    return rules;
}
constexpr ModelRules later_five(std::uint32_t efforts, bool with_tools) {
    ModelRules rules = reasoning(efforts);
    rules.sampling_without_effort = true;
    rules.effort_with_tools = with_tools;
    return rules;
}
constexpr ModelRules no_effort() { return {.effort = false}; }

constexpr Row model_rows[] = {
    {"o1-mini*", early_o()},
    {"o1-preview*", early_o()},
    {"o1-pro*", o_series(low | medium | high)},
    {"o1", o_series(low | medium | high)},
    {"o1-*", o_series(low | medium | high)},
    {"o3", o_series(low | medium | high)},
    {"o3-*", o_series(low | medium | high)},
    {"o4-*", o_series(low | medium | high)},
    {"gpt-5*-chat*", {.reasoning = true, .effort = false}},
    {"gpt-5-pro*", reasoning(high)},
    {"gpt-5-codex*", reasoning(low | medium | high)},
    {"gpt-5.1-codex-max*", later_five(none | low | medium | high | xhigh, true)},
    {"gpt-5.1*", later_five(none | low | medium | high, true)},
    {"gpt-5.2*", later_five(none | low | medium | high | xhigh, true)},
    {"gpt-5.3*", later_five(none | low | medium | high | xhigh, true)},
    {"gpt-5.*", later_five(none | low | medium | high | xhigh, false)},
    {"gpt-5", reasoning(minimal | low | medium | high)},
    {"gpt-5-*", reasoning(minimal | low | medium | high)},
};

/// Rows by provider for models that model_rows do not know.
struct ProviderRow {
    std::string_view provider;
    std::string_view model;
    ModelRules rules;
};
constexpr ModelRules efforts_only(std::uint32_t efforts) { return {.efforts = efforts}; }
constexpr ProviderRow provider_rows[] = {
    {"openai", "*", no_effort()},
    {"azure", "*", no_effort()},
    {"xai", "grok-3-mini*", efforts_only(low | high)},
    {"xai", "grok-3*", no_effort()},
    {"xai", "grok-4", no_effort()},
    {"xai", "grok-4-0709", no_effort()},
    {"xai", "grok-code*", no_effort()},
    {"groq", "*gpt-oss*", efforts_only(low | medium | high)},
    {"groq", "*", no_effort()},
    {"cerebras", "*gpt-oss*", efforts_only(low | medium | high)},
    {"cerebras", "*", no_effort()},
    {"deepseek", "*", {.effort = false, .thinking_object = true}},
    {"zai", "*", {.effort = false, .thinking_object = true}},
    {"moonshot", "*", {.effort = false, .thinking_object = true}},
};

std::string_view bare(std::string_view model) {
    const auto slash = model.rfind('/');
    return slash == std::string_view::npos ? model : model.substr(slash + 1);
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> list) {
    return std::ranges::find(list, name) != list.end();
}

}  // namespace

ModelRules rules_of(const Target& target) {
    const auto model = bare(target.model);
    for (const auto& row : model_rows)
        if (glob_match(row.model, model)) return row.rules;
    for (const auto& row : provider_rows)
        if (row.provider == target.provider && glob_match(row.model, model)) return row.rules;
    // Servers of other vendors know the three common words; own engines hand the word to their template as it is.
    return efforts_only(target.has(Quirk::own_engine) ? 0x7f : none | minimal | low | medium | high);
}

std::string_view nearest_effort(std::string_view effort, std::uint32_t efforts) {
    const auto found = std::ranges::find(effort_words, effort);
    if (found == std::end(effort_words)) return effort;
    const auto rank = static_cast<int>(found - std::begin(effort_words));
    const auto taken = [&](int i) { return (efforts >> i & 1) != 0; };
    if (taken(rank)) return effort;
    for (int i = rank - 1; i > 0; --i)
        if (taken(i)) return effort_words[i];
    for (int i = rank + 1; i < 7; ++i)
        if (taken(i)) return effort_words[i];
    return taken(0) ? effort_words[0] : std::string_view{};
}

std::string_view effort_of_budget(std::int64_t budget_tokens) {
    if (budget_tokens >= 10'000) return "high";
    if (budget_tokens >= 5'000) return "medium";
    return budget_tokens >= 2'000 ? "low" : "minimal";
}

bool knows_web_search(const Target& target) {
    if (is_one_of(target.provider, {"perplexity", "openrouter", "xai"})) return true;
    return bare(target.model).find("search") != std::string_view::npos &&
           is_one_of(target.provider, {"openai", "azure", "openai_compatible", "litellm_proxy"});
}

bool knows_files(const Target& target) {
    return !target.has(Quirk::own_engine) &&
           !is_one_of(target.provider, {"deepseek", "groq", "cerebras", "sambanova", "xai", "zai", "moonshot", "perplexity"});
}

bool is_claude(const Target& target) { return target.model.find("claude") != std::string_view::npos; }

}  // namespace gotthard::dialect::chat
