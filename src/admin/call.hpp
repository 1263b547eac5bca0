// One call of the admin API on its way through: as it came (Call), admitted (Admitted), answered (Response).
//
// Everything here is plain values. A Call's views live as long as the request they came from; an Admitted call lives for
// one handler. All of it happens on the admin thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/failure.hpp"
#include "base/json.hpp"

namespace gotthard::admin {

struct Route;
struct Services;

inline constexpr std::size_t max_body = 1 << 20;

/// A request as it came.
struct Call {
    std::string_view method;
    std::string_view path;           ///< Without the query.
    std::string_view query;          ///< After '?'.
    std::string_view authorization;  ///< The header's value.
    std::string_view if_match;
    std::string_view last_event_id;
    std::string_view accept;
    std::string_view body;  ///< At most max_body.
    bool trusted = false;   ///< Came over the admin socket: whoever may open it is administrator.
};

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    std::string headers;  ///< Further finished lines ("etag: ...\r\n").
    std::string body;
};

/// Who calls. For the audit trail; there is one role in this version.
struct Actor {
    std::string name;
};

/// The query string, read once: known names only, no name twice.
class Parameters {
public:
    void add(std::string name, std::string value) { values_.emplace_back(std::move(name), std::move(value)); }
    /// The value, or "" when absent.
    std::string_view get(std::string_view name) const;
    bool has(std::string_view name) const;

private:
    std::vector<std::pair<std::string, std::string>> values_;
};

/// A call that was authenticated, whose route exists, whose query and body have the route's shape.
struct Admitted {
    const Route* route = nullptr;
    Actor actor;
    std::string id;  ///< The {id} of the path, decoded; empty when the route has none.
    Parameters parameters;
    json::Value body;  ///< Missing when the route takes none, or when it may be left out and was.
    std::string_view if_match;
    std::string_view last_event_id;
    std::string_view accept;
};

}  // namespace gotthard::admin
