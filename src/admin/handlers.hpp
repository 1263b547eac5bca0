// The handlers of the route table, one file per subject (keys.cpp, requests.cpp, ...).
#pragma once

#include "admin/call.hpp"
#include "admin/services.hpp"
#include "net/server.hpp"
#include "net/task.hpp"

namespace gotthard::admin {

Result<Response> list_keys(const Admitted& call, Services& services);
Result<Response> create_key(const Admitted& call, Services& services);
Result<Response> get_key(const Admitted& call, Services& services);
Result<Response> update_key(const Admitted& call, Services& services);
Result<Response> delete_key(const Admitted& call, Services& services);
Result<Response> rotate_key(const Admitted& call, Services& services);
Result<Response> revoke_key(const Admitted& call, Services& services);

Result<Response> list_requests(const Admitted& call, Services& services);
Result<Response> get_request(const Admitted& call, Services& services);
net::Task<> follow_requests(net::HttpRequest& request, const Admitted& call, Services& services);
Result<Response> get_usage(const Admitted& call, Services& services);

Result<Response> list_models(const Admitted& call, Services& services);
Result<Response> list_providers(const Admitted& call, Services& services);
Result<Response> list_prices(const Admitted& call, Services& services);

Result<Response> get_config(const Admitted& call, Services& services);
Result<Response> replace_config(const Admitted& call, Services& services);
Result<Response> validate_config(const Admitted& call, Services& services);
Result<Response> reload_config(const Admitted& call, Services& services);
Result<Response> list_config_history(const Admitted& call, Services& services);

Result<Response> explain(const Admitted& call, Services& services);
Result<Response> get_status(const Admitted& call, Services& services);
Result<Response> get_metrics(const Admitted& call, Services& services);
Result<Response> get_openapi(const Admitted& call, Services& services);

/// ?limit= of a list: 1 to `most`, else invalid_request.
Result<std::size_t> read_limit(const Parameters& parameters, std::size_t usual, std::size_t most);
/// A time parameter: RFC 3339, or a duration back from `now` ("7d"). Absent: 0.
Result<Micros> read_time(const Parameters& parameters, std::string_view name, Micros now);
/// The filter parameters that lists of requests and usage share.
Result<store::RequestFilter> read_filter(const Parameters& parameters, Micros now);

/// Writes text, or null when it is empty.
void write_text_or_null(json::Writer& writer, std::string_view name, std::string_view text);
/// Writes a time, or null when it is 0.
void write_time_or_null(json::Writer& writer, std::string_view name, Micros at);
/// One record, as the schema Request says.
void write_request(json::Writer& writer, const store::RequestRow& row);
/// What `name` costs now, as the schema Price says; `target` and `alias` decide which row applies.
void write_price(json::Writer& writer, std::string_view name, const config::Target& target, std::string_view alias,
                 const config::Snapshot& snapshot, const account::PriceBook& book, Micros now);
/// The configuration with all defaults and without secrets: one JSON object.
void write_snapshot(json::Writer& writer, const config::Snapshot& snapshot);

}  // namespace gotthard::admin
