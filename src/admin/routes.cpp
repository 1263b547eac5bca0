// The table. Order: subjects as in docs/reference/admin-api.md; a fixed path before one with {id}.
#include "admin/route.hpp"

#include "admin/handlers.hpp"

namespace gotthard::admin {
namespace {

using enum Role;

constexpr Parameter cursor{"cursor", "next_cursor of the page before."};
constexpr Parameter limit{"limit", "Rows of a page: 1 to 500, usually 50."};

constexpr Parameter key_list[] = {limit, cursor, {"name", "Only keys of this name."}};

constexpr Parameter filters[] = {
    {"key", "Name or id of the key."},
    {"team", "Team of the key."},
    {"model", "Glob over the model asked for, the target and the model that answered."},
    {"provider", "Provider that was called."},
    {"target", "Glob over provider/model."},
    {"route", "Name of the configuration that was used."},
    {"endpoint", "chat, messages, embeddings, ..."},
    {"outcome", "ok, client_error, upstream_error, timeout, cancelled, ..."},
    {"status", "HTTP status: 429, or 4xx, 5xx."},
    {"session", "Session id."},
    {"from", "Arrived then or later: a time, or a duration back from now (7d)."},
    {"to", "Arrived before then."},
};
constexpr Parameter page[] = {limit, cursor};
constexpr Parameter request_stream[] = {{"after", "seq of the last record seen. Default: only what comes from now on."}};
constexpr Parameter usage_query[] = {
    {"by",
     "Dimensions, comma-separated: key, key_id, team, model, request_model, response_model, provider, target, route, endpoint, "
     "dialect, outcome, end_user, session, day."},
    {"bucket", "hour, day or month."},
    {"limit", "Rows: 1 to 10000."},
};
constexpr Parameter price_query[] = {{"model", "Only this model; any name that can be called."}};

// clang-format off
constexpr Route table[] = {
    {"GET", "/api/v1/keys", administrator, list_keys, "Keys, newest first", {}, "KeyList", key_list},
    {"POST", "/api/v1/keys", administrator, create_key, "Make a key; its value is in this answer only", "KeyCreate", "IssuedKey", {}, {}, 201},
    {"GET", "/api/v1/keys/{id}", administrator, get_key, "One key", {}, "Key"},
    {"PATCH", "/api/v1/keys/{id}", administrator, update_key, "Change a key (If-Match is honoured)", "KeyUpdate", "Key"},
    {"DELETE", "/api/v1/keys/{id}", administrator, delete_key, "Revoke a key", {}, {}, {}, {}, 204},
    {"POST", "/api/v1/keys/{id}/rotate", administrator, rotate_key, "Give a key a new value; it is in this answer only", "KeyRotate", "IssuedKey"},
    {"POST", "/api/v1/keys/{id}/revoke", administrator, revoke_key, "Revoke a key", {}, "Key"},

    {"GET", "/api/v1/requests", administrator, list_requests, "Records of requests, newest first", {}, "RequestList", page, filters},
    {"GET", "/api/v1/requests/stream", administrator, nullptr, "Records as they come (server-sent events named request)", {}, {}, request_stream, filters, 200,
     "text/event-stream", follow_requests},
    {"GET", "/api/v1/requests/{id}", administrator, get_request, "One record", {}, "Request"},
    {"GET", "/api/v1/usage", administrator, get_usage, "Requests, tokens and cost, summed", {}, "UsageList", usage_query, filters},

    {"GET", "/api/v1/models", administrator, list_models, "What can be called", {}, "ModelList"},
    {"GET", "/api/v1/providers", administrator, list_providers, "Where it can be called", {}, "ProviderList"},
    {"GET", "/api/v1/prices", administrator, list_prices, "What it costs", {}, "PriceList", price_query},

    {"GET", "/api/v1/config", administrator, get_config, "The configuration in force, without secrets", {}, "Config"},
    {"PUT", "/api/v1/config", administrator, replace_config, "Write the configuration file and put it into force (If-Match is honoured)", "ConfigText", "ConfigVerdict"},
    {"POST", "/api/v1/config/validate", administrator, validate_config, "Check a configuration", "ConfigText", "ConfigVerdict"},
    {"POST", "/api/v1/config/reload", administrator, reload_config, "Read the configuration file again", {}, "ConfigVerdict"},
    {"GET", "/api/v1/config/history", administrator, list_config_history, "Configurations that were in force, newest first", {}, "ConfigHistory", page},

    {"POST", "/api/v1/explain", administrator, explain, "Which way a request would take, without a call", "Question", "Explanation"},
    {"GET", "/api/v1/status", administrator, get_status, "State of the process", {}, "Status"},
    {"GET", "/api/v1/openapi.json", administrator, get_openapi, "This document"},
    {"GET", "/metrics", scraper, get_metrics, "Metrics for Prometheus", {}, {}, {}, {}, 200, "text/plain"},
};
// clang-format on

constexpr LaterPath later[] = {
    {"/api/v1/requests/{id}/bodies", "Reading recorded bodies"},
    {"/api/v1/teams", "Team administration"},
    {"/api/v1/users", "User administration"},
    {"/api/v1/projects", "Project administration"},
    {"/api/v1/orgs", "Administration of organisations"},
    {"/api/v1/limits", "The state of limits"},
    {"/api/v1/targets", "The health of targets"},
    {"/api/v1/sql", "SQL over the records"},
    {"/api/v1/session", "Logging in to the console"},
    {"/api/v1/first-run", "The console's first page"},
    {"/api/v1/overview", "The console's overview"},
    {"/api/v1/facets", "Facets of the records"},
    {"/api/v1/search", "Search"},
    {"/api/v1/events", "The console's event stream"},
    {"/api/v1/routes", "Route administration"},
    {"/api/v1/forecast", "The forecast"},
    {"/api/v1/saved-queries", "Saved queries"},
    {"/api/v1/audit", "The audit log"},
    {"/api/v1/play", "The playground"},
};

}  // namespace

std::span<const Route> routes() { return table; }
std::span<const LaterPath> later_paths() { return later; }

}  // namespace gotthard::admin
