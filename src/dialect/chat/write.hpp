// What the files that write a chat request share: the request, where it goes, and where its body grows.
#pragma once

#include <string>

#include "base/json.hpp"
#include "dialect/chat/models.hpp"
#include "dialect/common.hpp"
#include "dialect/dialect.hpp"

namespace gotthard::dialect::chat {

struct Writing {
    Writing(const llm::Request& request_, const Target& target_, llm::Losses& losses_, UpstreamRequest& out)
        : request(request_),
          target(target_),
          losses(losses_),
          memory(out.memory),
          rules(rules_of(target_)),
          names(out.memory),
          ids(out.memory, target_.has(Quirk::nine_character_call_ids) ? CallIdRule::mistral : CallIdRule::chat),
          json(out.body) {}

    const llm::Request& request;
    const Target& target;
    llm::Losses& losses;
    Memory& memory;
    ModelRules rules;
    ToolNames names;
    CallIds ids;
    json::Writer json;

    bool same_dialect() const { return request.dialect == DialectId::chat; }
    bool keeps_marks() const { return target.has(Quirk::keeps_cache_control); }
};

/// The value of "messages".
Status write_messages(Writing& writing);
/// "tools", "tool_choice", "parallel_tool_calls", and "web_search_options" when a search tool stands for it.
void write_tools(Writing& writing);

}  // namespace gotthard::dialect::chat
