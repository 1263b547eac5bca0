// What the vendors refuse with 400 and a translator must therefore never produce: the OpenAI chat and the Anthropic Messages
// checks. Pure functions of one request; an empty answer means the vendor would take it. Written from the vendors' documentation
// and recordings, without the code under test.
#pragma once

#include <string>

#include "imposter/http_reader.hpp"

namespace gotthard::imposter {

/// Why OpenAI's `POST /v1/chat/completions` would answer 400, or "".
std::string refusal_of_chat(const Seen& request);

/// Why Anthropic's `POST /v1/messages` would answer 400, or "".
std::string refusal_of_messages(const Seen& request);

}  // namespace gotthard::imposter
