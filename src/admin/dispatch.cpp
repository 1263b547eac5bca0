#include "admin/dispatch.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "admin/problem.hpp"
#include "admin/schema.hpp"
#include "base/text.hpp"

namespace gotthard::admin {
namespace {

constexpr std::string_view api_prefix = "/api/v1";
constexpr std::size_t max_parameters = 64;

/// The token of "Bearer TOKEN", or "".
std::string_view bearer_of(std::string_view authorization) {
    constexpr std::string_view scheme = "Bearer ";
    if (!starts_with_ignoring_case(authorization, scheme)) return {};
    return trim(authorization.substr(scheme.size()));
}

Result<Actor> authenticate(const Call& call, const Services& services) {
    if (call.trusted) return Actor{"socket"};
    if (call.authorization.empty())
        return fail(unauthenticated(
            "This needs the administrator token: send it as 'Authorization: Bearer TOKEN'. It was printed at the first start."));
    const auto token = bearer_of(call.authorization);
    if (!token.empty())
        if (auto administrator = services.identity.authenticate_admin(token)) return Actor{administrator->name};
    return fail(unauthenticated("The administrator token is not valid. Send the right one as 'Authorization: Bearer TOKEN'."));
}

std::string allowed_methods(std::string_view path) {
    std::string allowed;
    for (const auto& route : routes())
        if (matches(route.path, path, nullptr)) allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
    return allowed;
}

Failure wrong_method(std::string_view path) {
    return {FailureKind::method_not_allowed, fmt::format("This path takes {} only.", allowed_methods(path))};
}

Failure no_route(std::string_view path) {
    for (const auto& later : later_paths())
        if (matches(later.path, path, nullptr) || (path.starts_with(later.path) && path[later.path.size()] == '/'))
            return not_available(later.what);
    return {FailureKind::not_found, fmt::format("There is nothing at '{}'. What there is stands in {}/openapi.json.",
                                                utf8_prefix(path, 200), api_prefix)};
}

/// HEAD is answered as GET; the connection leaves the body out.
std::string_view effective_method(std::string_view method) { return method == "HEAD" ? std::string_view("GET") : method; }

Result<const Route*> find_route(const Call& call, std::string& id) {
    bool path_exists = false;
    for (const auto& route : routes()) {
        if (!matches(route.path, call.path, &id)) continue;
        if (route.stream != nullptr && call.method == "HEAD") return fail(wrong_method(call.path));  // it would never end
        if (route.method == effective_method(call.method)) return &route;
        path_exists = true;
    }
    return fail(path_exists ? wrong_method(call.path) : no_route(call.path));
}

std::vector<std::string> parameter_names(const Route& route) {
    std::vector<std::string> names;
    for (const auto list : {route.parameters, route.filters})
        for (const auto& parameter : list) names.emplace_back(parameter.name);
    return names;
}

Failure unknown_parameter(const std::string& name, const std::vector<std::string>& known) {
    const auto closest = closest_names(name, known, 1);
    std::string message = fmt::format("'{}' is not a parameter of this path", utf8_prefix(name, 64));
    if (!closest.empty())
        message += fmt::format("; did you mean '{}'?", closest.front());
    else
        message += known.empty() ? "; it takes none." : ".";
    return Failure(FailureKind::invalid_request, std::move(message)).at(name);
}

Status read_parameters(std::string_view query, const Route& route, Parameters& into) {
    const auto known = parameter_names(route);
    const auto parts = split_list(query, '&');
    if (parts.size() > max_parameters)
        return fail(FailureKind::invalid_request, fmt::format("At most {} query parameters are read.", max_parameters));
    for (const auto part : parts) {
        const auto equals = part.find('=');
        auto name = percent_decode(part.substr(0, equals), true);
        auto value = equals == std::string_view::npos ? std::string() : percent_decode(part.substr(equals + 1), true);
        if (std::ranges::find(known, name) == known.end()) return fail(unknown_parameter(name, known));
        if (into.has(name))
            return fail(Failure(FailureKind::invalid_request, fmt::format("'{}' is there twice.", name)).at(name));
        if (!is_utf8(value)) return fail(Failure(FailureKind::invalid_request, fmt::format("'{}' is not UTF-8.", name)).at(name));
        into.add(std::move(name), std::move(value));
    }
    return {};
}

bool needs_body(const Schema& schema) {
    for (const auto& field : schema.fields)
        if (field.presence == Presence::required) return true;
    return false;
}

bool open_to_all(const Call& call, const Services& services) {
    if (!services.open_metrics) return false;
    for (const auto& route : routes())
        if (route.role == Role::scraper && route.method == effective_method(call.method) &&
            matches(route.path, call.path, nullptr))
            return true;
    return false;
}

}  // namespace

std::string_view Parameters::get(std::string_view name) const {
    for (const auto& [key, value] : values_)
        if (key == name) return value;
    return {};
}

bool Parameters::has(std::string_view name) const {
    for (const auto& entry : values_)
        if (entry.first == name) return true;
    return false;
}

bool matches(std::string_view pattern, std::string_view path, std::string* id) {
    constexpr std::string_view hole = "{id}";
    const auto at = pattern.find(hole);
    if (at == std::string_view::npos) return pattern == path;
    const auto before = pattern.substr(0, at);
    const auto after = pattern.substr(at + hole.size());
    if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after)) return false;
    const auto middle = path.substr(before.size(), path.size() - before.size() - after.size());
    if (middle.find('/') != std::string_view::npos) return false;
    if (id != nullptr) *id = percent_decode(middle);
    return true;
}

Status admit(const Call& call, Services& services, Admission& admission) {
    if (open_to_all(call, services)) {
        admission.call.actor = {"anyone"};
    } else {
        auto actor = authenticate(call, services);
        if (!actor) return fail(std::move(actor.error()));
        admission.call.actor = *std::move(actor);
    }
    auto route = find_route(call, admission.call.id);
    if (!route) return fail(std::move(route.error()));
    admission.call.route = *route;
    admission.call.if_match = call.if_match;
    admission.call.last_event_id = call.last_event_id;
    admission.call.accept = call.accept;
    return read_parameters(call.query, **route, admission.call.parameters);
}

bool takes_body(const Admission& admission) { return !admission.call.route->request.empty(); }

Status accept_body(std::string_view text, Admission& admission) {
    if (!takes_body(admission)) return {};
    const Schema& schema = *find_schema(admission.call.route->request);
    if (text.size() > max_body) return fail(FailureKind::body_too_large, "The body may have at most 1 MiB.");
    if (trim(text).empty())
        return needs_body(schema) ? fail(FailureKind::invalid_request, "A JSON body is needed here.") : Status{};
    if (auto parsed = admission.document.parse(text, {.depth = 64}); !parsed)
        return fail(FailureKind::invalid_request, fmt::format("The body is not JSON: {}", parsed.error().message));
    admission.call.body = admission.document.root();
    return check_shape(admission.call.body, schema, Side::request);
}

Response refusal(const Failure& failure, const Call& call) {
    auto response = problem(failure);
    if (failure.status == 405) response.headers += fmt::format("allow: {}\r\n", allowed_methods(call.path));
    return response;
}

Response run(const Admission& admission, Services& services) {
    auto response = admission.call.route->handler(admission.call, services);
    return response ? *std::move(response) : problem(response.error());
}

Response handle(const Call& call, Services& services) {
    Admission admission;
    if (auto admitted = admit(call, services, admission); !admitted) return refusal(admitted.error(), call);
    if (auto accepted = accept_body(call.body, admission); !accepted) return refusal(accepted.error(), call);
    return run(admission, services);
}

}  // namespace gotthard::admin
