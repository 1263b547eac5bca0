#include "admin/server.hpp"

#include <fmt/format.h>

#include "admin/dispatch.hpp"
#include "admin/problem.hpp"

namespace gotthard::admin {
namespace {

constexpr std::string_view common_headers = "cache-control: no-store\r\nx-content-type-options: nosniff\r\n";

Call call_of(const net::RequestHead& head, Trust trust) {
    return {
        .method = head.method,
        .path = head.path,
        .query = head.query,
        .authorization = head.header("authorization"),
        .if_match = head.header("if-match"),
        .last_event_id = head.header("last-event-id"),
        .accept = head.header("accept"),
        .body = {},
        .trusted = trust == Trust::socket,
    };
}

net::Task<> send(net::HttpRequest& request, Response response) {
    std::string headers;
    if (response.status != 204) headers = fmt::format("content-type: {}\r\n", response.content_type);
    headers.append(common_headers).append(response.headers);
    (void)co_await request.respond(response.status, headers, response.body);
}

}  // namespace

net::Task<> serve(net::HttpRequest& request, Services& services, Trust trust) {
    const Call call = call_of(request.head(), trust);
    Admission admission;
    if (auto admitted = admit(call, services, admission); !admitted) {
        co_await send(request, refusal(admitted.error(), call));
        co_return;
    }
    if (admission.call.route->stream != nullptr) {
        co_await admission.call.route->stream(request, admission.call, services);
        co_return;
    }
    if (takes_body(admission)) {
        auto body = co_await request.read_body(max_body);
        auto accepted = body ? accept_body(*body, admission) : Status(std::unexpected(std::move(body.error())));
        if (!accepted) {
            co_await send(request, refusal(accepted.error(), call));
            co_return;
        }
    }
    co_await send(request, run(admission, services));
}

std::string refusal_body(const Failure& failure) { return problem(failure).body; }

}  // namespace gotthard::admin
