// How many input tokens a request has, without the model's own tokenizer: for message_start (E083), for count_tokens where the
// upstream has no counter (E086, CC-6), and for records of upstreams that report no usage (E227).
//
// Counted: every text by script, tool declarations and schemas, calls and results, images by their size, documents, and what the
// vendors add around tools and structured output. Not counted: what a server-side tool fetches during the call.
//
// Measured against the input that real models reported (calls without server-side tools and remote files; the test
// Estimate.StaysNearTheUsageOfRecordedCalls repeats it and holds bounds), as estimate divided by truth:
//   Anthropic Messages, 241 calls: median 1.00; nine of ten calls between 0.79 and 1.55
//   OpenAI chat,        192 calls: median 1.23; nine of ten calls between 0.82 and 1.84 (it errs upwards on purpose)
// The figures and what lies outside of them stand in docs/decisions/0010-token-estimate.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "llm/request.hpp"

namespace gotthard::llm {

/// Input tokens of `request`, at least 1. Pure; reads every text once, of texts beyond 4 KB one block of eight.
std::int64_t estimate_input_tokens(const Request& request);

/// Tokens of a plain text.
std::int64_t estimate_text_tokens(std::string_view text);

/// Tokens of an image given as base64: by its pixels where the header tells them (png, jpeg, gif), else a typical image.
std::int64_t estimate_image_tokens(std::string_view base64);

}  // namespace gotthard::llm
