// Error bodies of any upstream, in any dialect, as one Failure: wire-formats.md section 10.6.
// Readers of both dialects use these for HTTP errors and for error objects inside a 200 stream (0.2.9).
#pragma once

#include <string>
#include <string_view>

#include "base/failure.hpp"
#include "base/json.hpp"

namespace gotthard::dialect {

/// Any status, any body (JSON of every known shape, an array, HTML, text, nothing). Sets kind, status (the upstream's own), retry
/// verdict, message, code, type, param, retry_after (from the body: Gemini RetryInfo, retry_after fields, "try again in 20s"),
/// upstream_body (bounded). Secrets and private addresses in the message are masked. A status below 400 is taken from the body
/// when that tells one, else 502.
Failure read_upstream_error(int status, std::string_view body);

/// The same for an error object seen inside a stream or a 200 answer. `object` is the whole JSON object that holds the error.
Failure read_stream_error(json::Value object);

/// Whether this object is an error in any known form: {"error":...}, {"type":"error",...}, {"object":"error",...}.
bool is_error_object(json::Value object);

/// The answer is not what the dialect says: kind upstream_malformed, 502, next target. `detail` is for the log.
Failure malformed(std::string_view what, std::string_view detail = {});
/// The upstream's connection ended before its answer did.
Failure truncated(std::string_view what);

/// Whether the error says that the conversation does not fit the model's context (E243).
bool is_context_length(const Failure& failure);
/// Whether the error says that the account has no credit or quota left: waiting does not help.
bool is_out_of_quota(const Failure& failure);
/// Whether repeating the same request later can help: decides x-should-retry (G-4).
bool is_retryable(const Failure& failure);
/// Whole seconds for Retry-After of a 429, 503 or 529: the failure's own wait rounded up, else a default; 0: none is due (G-3).
std::int64_t retry_after_seconds(const Failure& failure, int status);

/// `text` with API keys, bearer tokens and addresses of private hosts replaced by "***".
std::string masked(std::string_view text);

}  // namespace gotthard::dialect
