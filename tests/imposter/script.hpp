// Scripts of an Imposter as JSON, for tests that are not written in C++:
//
//   {"strict": true,
//    "rules": [{"path": "/v1/chat/completions", "method": "POST", "headers": {"x-a": "b"}, "body_contains": "text", "replies":
//    [REPLY, ...]}]}
//
// REPLY: {"status": 200, "headers": {NAME: VALUE}, and one body of
//           "json": any value | "text": "..." | "chat_stream": [chunk, ...] | "messages_stream": [event, ...] |
//           "pieces": [{"text": "...", "pause_ms": 5}, ...] | "raw": "bytes of the whole answer" | "fill": {"text": "x", "times":
//           50000000},
//         "framing": "content_length" | "chunked" | "until_close", "ending": "complete" | "close" | "reset" | "hang",
//         "cut_at": N, "claimed_length": N, "pause_ms": N (before every piece), "in_pieces_of": N, "repeat": N}
// Rules are asked in the order they are written. A script replaces the one before and forgets what was seen.
#pragma once

#include <string>

namespace gotthard::imposter {

class Imposter;

/// Empty when the script was taken over; else what is wrong with it.
std::string apply_script(Imposter& imposter, const std::string& json);

}  // namespace gotthard::imposter
