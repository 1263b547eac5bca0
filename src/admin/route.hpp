// The route table of the admin API: the one source of what is served, to whom, in which shape. The dispatcher and the OpenAPI
// document read it. A path that is not in it is refused: nothing is open by default (S06).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "admin/call.hpp"
#include "net/task.hpp"

namespace gotthard::net {
class HttpRequest;
}

namespace gotthard::admin {

enum class Role : std::uint8_t {
    administrator,
    scraper,  ///< Whoever may read /metrics: the administrator, and everybody when the configuration says so.
};

struct Parameter {
    std::string_view name;
    std::string_view description;
};

using Handler = Result<Response> (*)(const Admitted& call, Services& services);
/// Answers over time: events, until the client goes. `call` lives until the task ends.
using StreamHandler = net::Task<> (*)(net::HttpRequest& request, const Admitted& call, Services& services);

struct Route {
    std::string_view method;
    std::string_view path;  ///< "/api/v1/keys/{id}": at most one {id}.
    Role role;
    Handler handler;  ///< Null for streams.
    std::string_view summary;
    std::string_view request = {};  ///< Schema of the body; empty: none is read.
    std::string_view answer = {};   ///< Schema of the answer; empty: see `answer_type`.
    std::span<const Parameter> parameters = {};
    std::span<const Parameter> filters = {};  ///< More parameters, shared between routes.
    int status = 200;                         ///< Of a good answer.
    std::string_view answer_type = "application/json";
    StreamHandler stream = nullptr;
};

std::span<const Route> routes();

/// Parts of the surface that later versions have: their 404 says so.
struct LaterPath {
    std::string_view path;  ///< A pattern, or the prefix of whole segments.
    std::string_view what;
};
std::span<const LaterPath> later_paths();

/// Whether `pattern` matches the whole of `path`; `id` takes the decoded {id}.
bool matches(std::string_view pattern, std::string_view path, std::string* id);

/// The OpenAPI 3.1 document, made of the table. `version` is the product's.
std::string openapi_document(std::string_view version);

}  // namespace gotthard::admin
