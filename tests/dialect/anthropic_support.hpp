// Helpers for the tests of the Anthropic dialect: recordings, cutting of bytes, events and answers as text, JSON as a value.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "dialect/anthropic_messages.hpp"
#include "dialect/dialect.hpp"

namespace gotthard::dialect::testing {

/// One recorded exchange. Only what the tests need.
struct Recording {
    std::string id, endpoint, fidelity, model, request, answer;
    int status = 0;
    bool stream = false;  ///< The answer is no JSON value.
};
/// The recordings of `file` ("dev.anthropic.jsonl") whose endpoint is one of `endpoints`; none where the folder is missing.
std::vector<Recording> recordings(std::string_view file, const std::vector<std::string>& endpoints);

/// JSON without blanks and with sorted keys: equal texts are equal values. Not JSON: "not JSON: ...".
std::string canonical(std::string_view json);
/// The member at a dotted path ("messages.0.content.1.text") as source text, strings without quotes; "" when missing.
std::string at(std::string_view json, std::string_view path);

struct Read {
    std::vector<std::string> events;  ///< Each as text; text fragments of one part are joined, so that cuts do not show.
    std::string fault;                ///< What EventValidator found, or "".
    std::string answer;               ///< The collected answer as text.
    std::string failure;              ///< Message of the failure, or "".
    Failure failed;
    llm::Usage usage;
    llm::StopReason stop = llm::StopReason::none;
};
using Cut = std::function<std::vector<std::string_view>(std::string_view)>;
std::vector<std::string_view> whole(std::string_view bytes);
std::vector<std::string_view> byte_by_byte(std::string_view bytes);
Cut cut_at_random(std::uint64_t seed);
Cut cut_once(std::size_t at);

Read read_answer(const Dialect& dialect, std::string_view bytes, Mode mode, const Cut& cut = whole, bool clean = true, const Memory* memory = nullptr);

/// The answer of `bytes` read by `from` and written by `to`.
std::string translated(const Dialect& from, const Dialect& to, std::string_view bytes, Mode from_mode, const WriterOptions& options);
/// All events of one `kind`, as their `data` values.
std::vector<std::string> data_of_events(std::string_view stream, std::string_view event);
/// The names of the events of a stream, in order.
std::vector<std::string> event_names(std::string_view stream);

struct Written {
    std::string body;
    std::vector<Header> headers;
    Memory memory;
    llm::Losses losses;
    std::string refusal;  ///< The message of the failure, or "".
    Failure failed;
    std::string header(std::string_view name) const;
    bool lost(std::string_view path) const;
};
/// `body` read as a request of `from` and written for `to`.
Written write(const Dialect& from, const Dialect& to, std::string_view body, const Target& target, const RequestContext& context = {});

/// Why Anthropic would answer 400 to this request, or "": the judge of the imposter.
std::string refusal_of(const Written& written);

}  // namespace gotthard::dialect::testing
