// OpenAI chat completions, the parts of it that its own files share. Others include dialect/dialect.hpp only.
//
// Format: wire-formats.md sections 1 (OpenAI), 7 (Mistral), 9 (servers that deviate) and 10 (maps). The files:
//   chat/read*      request JSON -> llm::Request        chat/write, messages, models    llm::Request -> request JSON
//   chat/reader, parts, usage   answer bytes -> events  chat/writer                     events -> answer bytes
//   chat/errors     Failure -> error JSON               chat/edit                       splices on the pass-through path
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "dialect/dialect.hpp"
#include "llm/stop_reason.hpp"
#include "llm/usage.hpp"

namespace gotthard::dialect::chat {

Result<llm::Request> read_request(std::string_view body, const RequestContext& context, Arena& arena);
Result<UpstreamRequest> write_request(const llm::Request& request, const Target& target, Arena& arena, llm::Losses& losses);
std::unique_ptr<Reader> make_reader(const ReaderOptions& options);
std::unique_ptr<Writer> make_writer(const WriterOptions& options);
RenderedError write_error(const Failure& failure, std::string_view request_id);
void write_stream_error(const Failure& failure, std::string_view request_id, std::string& out);
std::unique_ptr<StreamEdit> make_edit(const EditOptions& options);

/// finish_reason as any chat server writes it. Unknown words are `stop` (10.1 rule 4); "" is none. "error" is error.
llm::StopReason stop_reason_of(std::string_view finish_reason);
/// finish_reason for the client. Never a raw word of another dialect (E054, E055).
std::string_view finish_reason_of(llm::StopReason reason, bool has_calls, bool has_refusal);

/// The `usage` object of any chat server in normal form; source none when it tells nothing (10.5, pricing.md section 2).
llm::Usage read_usage(json::Value usage, std::uint32_t quirks);
/// OpenAI's `usage` object, cached tokens inside prompt_tokens (E064).
void append_usage(std::string& out, const llm::Usage& usage);

}  // namespace gotthard::dialect::chat
