// What single models behind the chat surface refuse, by model id (E179-E182). A model that no row knows takes everything.
#pragma once

#include <cstdint>
#include <string_view>

#include "dialect/dialect.hpp"

namespace gotthard::dialect::chat {

struct ModelRules {
    bool reasoning = false;                ///< Takes max_completion_tokens only, and developer messages.
    bool instructions = true;              ///< Has a system or developer role at all.
    bool sampling = true;                  ///< temperature and top_p other than 1.
    bool sampling_without_effort = false;  ///< They are taken when the effort is none or unset.
    bool stop = true;
    bool penalties = true;  ///< frequency_penalty, presence_penalty, logit_bias.
    bool logprobs = true;
    bool parallel_switch = true;
    bool effort = true;             ///< reasoning_effort at all.
    bool effort_with_tools = true;  ///< reasoning_effort together with tools (else only through Responses, E181).
    bool thinking_object = false;   ///< Takes Anthropic's `thinking` object instead (DeepSeek, z.ai).
    std::uint32_t efforts = 0x7f;   ///< Bit i: effort_words[i] is taken.
};

inline constexpr std::string_view effort_words[] = {"none", "minimal", "low", "medium", "high", "xhigh", "max"};

ModelRules rules_of(const Target& target);
/// The word itself when the model takes it or no row knows it; else the nearest word the model takes; "" when it takes none.
std::string_view nearest_effort(std::string_view effort, std::uint32_t efforts);
/// Effort that stands for a thinking budget (E074).
std::string_view effort_of_budget(std::int64_t budget_tokens);
/// Whether the upstream searches the web when asked by web_search_options (E073).
bool knows_web_search(const Target& target);
/// Whether the upstream takes `file` parts (E071).
bool knows_files(const Target& target);
/// Whether a Claude model stands behind this chat surface.
bool is_claude(const Target& target);

}  // namespace gotthard::dialect::chat
