// Which operation a path means, and in which client dialect (clients.md 1.1, G-9). A table, no prefixes guessed.
//
// Every route stands at its vendor's path and also under the vendor's drop-in prefix, with and without the version segment.
// Paths are normalised once: repeated slashes count as one, a trailing slash does not count, dot segments are refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dialect/dialect.hpp"
#include "net/http1.hpp"

namespace gotthard::spine {

enum class Operation : std::uint8_t {
    none,          ///< No such path.
    wrong_method,  ///< The path exists, the method does not.
    later,         ///< A path of a dialect that this version does not speak.
    conversation,  ///< chat completions, messages
    count_tokens,
    embeddings,
    list_models,
    get_model,
    passthrough,   ///< /passthrough/{provider}/...: any path of a provider, byte for byte.
    probe,         ///< Answers 200 with nothing: HEAD /, HEAD /api/hello.
    swallow,       ///< Accepts and forgets: client telemetry (E087).
    health,
    ready,
};

struct Endpoint {
    Operation operation = Operation::none;
    dialect::DialectId dialect = dialect::DialectId::chat;  ///< Also the shape of errors.
    std::string_view name;   ///< For records and metrics: "chat.completions".
    std::string model;       ///< get_model: the id in the path, decoded once. passthrough: the provider's name.
    std::string rest;        ///< passthrough: the path behind the provider, as the client wrote it.
    std::string_view allow;  ///< wrong_method: the methods there are.
};

Endpoint find_endpoint(const net::RequestHead& head);

}  // namespace gotthard::spine
