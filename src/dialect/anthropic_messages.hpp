// Anthropic Messages, as client dialect and as upstream dialect: the functions behind the row `anthropic_messages`.
//
// Format: POST /v1/messages of the Claude API, versions 2023-06-01 and 2026-10-21, with the beta keys that current clients send.
// Everything here is a pure function of its arguments.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/arena.hpp"
#include "base/failure.hpp"
#include "dialect/dialect.hpp"

namespace gotthard::dialect {

namespace anthropic {

inline constexpr std::string_view default_version = "2023-06-01";

Result<llm::Request> read_request(std::string_view body, const RequestContext& context, Arena& arena);
Result<UpstreamRequest> write_request(const llm::Request& request, const Target& target, Arena& arena, llm::Losses& losses);
std::unique_ptr<Reader> make_reader(const ReaderOptions& options);
std::unique_ptr<Writer> make_writer(const WriterOptions& options);
RenderedError write_error(const Failure& failure, std::string_view request_id);
void write_stream_error(const Failure& failure, std::string_view request_id, std::string& out);
std::unique_ptr<StreamEdit> make_edit(const EditOptions& options);

}  // namespace anthropic

/// The body of POST /v1/messages/count_tokens: a Messages body without need of `max_tokens` (CC-6, E086).
Result<llm::Request> read_count_request(std::string_view body, const RequestContext& context, Arena& arena);

}  // namespace gotthard::dialect
