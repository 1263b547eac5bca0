// The three steps of writing a conversation for an Anthropic upstream; only write_request uses them.
//   plan_turns     messages -> system blocks and turns in an order and form that the vendor accepts
//   plan_tools     tools and tool choice
//   plan_settings  thinking, limits, sampling, structured output: what depends on the model
// A plan holds views of the request, of the Arena and of literals. Nothing fails after planning.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/arena.hpp"
#include "dialect/anthropic/models.hpp"
#include "dialect/common.hpp"
#include "dialect/dialect.hpp"

namespace gotthard::dialect::anthropic {

/// What all steps share during one write_request.
struct Writing {
    const llm::Request& request;
    const Target& target;
    ModelTraits traits;
    Arena& arena;
    llm::Losses& losses;
    Memory& memory;
    ToolNames& names;
    CallIds& ids;
    std::vector<std::string_view> betas;  ///< Values of anthropic-beta that the translation needs (E038).

    /// The client speaks this dialect too: its blocks go as they came.
    bool own() const { return request.dialect == DialectId::anthropic; }
    void need_beta(std::string_view beta);
};

/// One content block: a part of the request with what planning decided about it.
struct Block {
    const llm::Part* part = nullptr;
    std::string_view text;           ///< Text as it goes (trimmed prefill, ...).
    std::string_view id;             ///< Tool ids as they go upstream.
    std::string_view name;           ///< Tool name as it goes upstream.
    std::string_view input;          ///< tool_use: a JSON object.
    std::string_view cache_control;  ///< Raw or empty.
    const llm::Message* message = nullptr;  ///< Whose part it is; null: made here.

    /// In the client's body, for messages about it. Made only when there is something to tell.
    std::string path(std::string_view field = {}) const { return message == nullptr ? "messages" : llm::path_of(*message, *part, field); }
};

struct Turn {
    llm::Role role = llm::Role::user;
    std::vector<Block> blocks;
    const llm::Message* message = nullptr;  ///< The first message of the turn.
};

struct Turns {
    std::vector<Block> system;
    std::vector<Turn> turns;
    std::vector<std::string_view> called;  ///< Names of tools in the history, as sent, in order of their first use (E026).
    bool own = false;                      ///< Of a client of this dialect: unknown members of blocks stay.
    bool has_container_upload = false;
    bool unsigned_call = false;            ///< The last assistant turn has calls and no thinking (E034).
};

Result<Turns> plan_turns(Writing& writing);
/// Whether an image, document, audio or video part can go upstream; notes the betas it needs and the losses (E041 to E044).
Status check_media(Writing& writing, const llm::Part& part, const std::string& path);
/// A file that only the code execution tool can open (E043, E044).
bool is_container_upload(const llm::Part& part);
/// A block type of this dialect (server tools and their results, search results, references, ...).
bool is_messages_block(std::string_view type);
void append_system(const Turns& turns, std::string& out);
void append_messages(const Turns& turns, std::string& out);
/// Leaves at most `allowed` cache marks: the earliest of the conversation go first (E010, wire-formats 3.2).
void limit_cache_marks(Turns& turns, std::size_t allowed, llm::Losses& losses);

struct Tools {
    std::string list;    ///< Members of `tools`, comma-separated, without brackets.
    std::string choice;  ///< Raw tool_choice, or empty.
    bool forced = false; ///< The choice forces a call.
    std::size_t cache_marks = 0;
    std::string mcp_servers;  ///< Members of `mcp_servers` (E007).
};

/// `structured` is what to emulate by a tool: kind json_schema or json_object, or unset.
Result<Tools> plan_tools(Writing& writing, const Turns& turns, const llm::ResponseFormat& structured, bool thinking);

struct Settings {
    std::int64_t max_tokens = 0;
    std::string thinking;        ///< Raw object, or empty.
    bool thinking_on = false;
    std::string_view effort;     ///< output_config.effort, or empty.
    std::string format;          ///< output_config.format, raw, or empty.
    llm::ResponseFormat emulated;  ///< Structured output that needs a tool (E036, E037).
    std::optional<double> temperature, top_p;
    std::optional<std::int64_t> top_k;
};

/// Thinking is off when the client forces a tool call (E030) or the last calls carry none (E034).
Settings plan_settings(Writing& writing, const Turns& turns);

/// The choice means that the model must call a tool.
bool forces_a_call(const llm::ToolChoice& choice);
/// OpenAI's list of compactions as Anthropic's edits (E048); raw JSON, or "" when nothing of it can be said.
std::string edits_of(Writing& writing);

}  // namespace gotthard::dialect::anthropic
