#include "admin/problem.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace gotthard::admin {
namespace {

struct Title {
    int status;
    std::string_view text;
};

constexpr Title titles[] = {
    {400, "Bad request"},         {401, "Not authenticated"},  {403, "Not allowed"},
    {404, "Not found"},           {405, "Method not allowed"}, {409, "Conflict"},
    {412, "Precondition failed"}, {413, "Content too large"},  {415, "Unsupported media type"},
    {429, "Too many requests"},   {500, "Internal error"},     {502, "Bad gateway"},
    {503, "Unavailable"},         {504, "Gateway timeout"},
};

std::string_view title_of(int status) {
    for (const auto& title : titles)
        if (title.status == status) return title.text;
    return status < 500 ? "Bad request" : "Internal error";
}

Failure with(FailureKind kind, int status, std::string_view code, std::string message) {
    Failure failure(kind, std::move(message));
    failure.status = status;
    failure.code = code;
    return failure;
}

}  // namespace

Response problem(const Failure& failure) {
    const std::string_view code = failure.code.empty() ? to_string(failure.kind) : std::string_view(failure.code);
    Response response;
    response.status = failure.status;
    response.content_type = "application/problem+json";
    json::Writer writer(response.body);
    writer.begin_object()
        .member("type", fmt::format("urn:gotthard:error:{}", code))
        .member("title", title_of(failure.status))
        .member("status", failure.status)
        .member("detail", failure.message)
        .member("code", code);
    if (!failure.param.empty()) writer.member("field", failure.param);
    writer.end_object();
    if (failure.status == 401) response.headers += "www-authenticate: Bearer realm=\"gotthard\"\r\n";
    if (failure.retry_after) response.headers += fmt::format("retry-after: {}\r\n", (failure.retry_after->count() + 999) / 1000);
    return response;
}

Failure unauthenticated(std::string message) {
    return with(FailureKind::invalid_api_key, 401, "not_authenticated", std::move(message));
}

Failure no_such(std::string_view kind, std::string_view id) {
    return with(FailureKind::not_found, 404, "",
                fmt::format("There is no {} '{}'. List them to see the ids.", kind, utf8_prefix(id, 100)));
}

Failure not_available(std::string_view what) {
    return with(FailureKind::not_found, 404, "not_available",
                fmt::format("{} is not available in this version of gotthard.", what));
}

Failure conflict(std::string message) { return with(FailureKind::invalid_request, 409, "conflict", std::move(message)); }

Failure precondition_failed(std::string_view kind) {
    return with(
        FailureKind::invalid_request, 412, "precondition_failed",
        fmt::format("The {} has changed since it was read. Read it again and repeat the change with its new ETag in If-Match.",
                    kind));
}

}  // namespace gotthard::admin
