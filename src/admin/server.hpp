// The admin API behind net's HTTP server. Runs on the admin thread's loop, never on a shard that serves clients: handlers wait
// for the store.
//
//   net::RequestHandler over_tcp    = [&](net::HttpRequest& request) { return admin::serve(request, services,
//   admin::Trust::token); }; net::RequestHandler over_socket = [&](net::HttpRequest& request) { return admin::serve(request,
//   services, admin::Trust::socket); }; spawn(net::serve_http(std::move(stream), options, over_tcp, ...));
#pragma once

#include <string>

#include "admin/services.hpp"
#include "net/server.hpp"
#include "net/task.hpp"

namespace gotthard::admin {

/// By what a caller is known: a bearer token, or having been able to open the socket file.
enum class Trust : std::uint8_t { token, socket };

/// Answers one request. `services` outlives the connection.
net::Task<> serve(net::HttpRequest& request, Services& services, Trust trust);

/// For ServerOptions::refusal_body: problem+json for what the HTTP layer itself refuses.
std::string refusal_body(const Failure& failure);

}  // namespace gotthard::admin
