// What a Claude model takes, told from its name: which form of thinking, which efforts, native structured output.
#pragma once

#include <string_view>

namespace gotthard::dialect::anthropic {

struct ModelTraits {
    bool claude = false;          ///< A Claude model; anything else is an engine that speaks Messages.
    bool thinks = true;           ///< Takes `thinking` at all.
    bool adaptive = false;        ///< thinking:{type:adaptive} and output_config.effort (4.6 and later); else budgets (E033).
    bool budgets = true;          ///< thinking:{type:enabled,budget_tokens} (up to 4.6).
    bool effort_xhigh = false;
    bool effort_max = false;
    bool native_schema = false;   ///< output_config.format and strict tools (4.1, 4.5 and later; E035).
};

/// "claude-sonnet-4-5-20250929", "anthropic.claude-opus-4-6-v1:0", "claude-3-7-sonnet@20250219", "claude-fable-5": any spelling of
/// any cloud. A Claude without a readable version counts as the newest.
ModelTraits traits_of(std::string_view model);

}  // namespace gotthard::dialect::anthropic
