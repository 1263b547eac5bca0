#include "provider/probe.hpp"

#include <fmt/format.h>

namespace gotthard::provider {
namespace {

constexpr std::size_t largest_list = 8 << 20;
constexpr net::ClientTimeouts background = {
    .connect = 2'000'000'000, .headers = 10'000'000'000, .idle = 5'000'000'000, .total = 20'000'000'000};

std::vector<std::string> ids_of(const std::vector<ListedModel>& models) {
    std::vector<std::string> ids;
    ids.reserve(models.size());
    for (const ListedModel& model : models) ids.push_back(model.id);
    return ids;
}

net::SimpleRequest models_request(const Upstream& upstream, DialectId id) {
    net::SimpleRequest request;
    const Account& account = upstream.accounts.front();
    request.target.clear();
    upstream.append_target(id, Operation::models, "", account, request.target);
    // Anthropic gives 20 models a page unless asked for more.
    if (id == DialectId::anthropic)
        request.target += request.target.find('?') == std::string::npos ? "?limit=1000" : "&limit=1000";
    request.headers = "accept: application/json\r\n";
    const auto add = [&request](const HeaderLine& line) {
        request.headers += fmt::format("{}: {}\r\n", line.name, line.value.reveal());
    };
    for (const HeaderLine& line : account.for_dialect(id).headers) add(line);
    for (const HeaderLine& line : upstream.headers(id)) add(line);
    if (const auto beta = account.for_dialect(id).beta; !beta.empty())
        request.headers += fmt::format("anthropic-beta: {}\r\n", beta);
    request.limit = largest_list;
    return request;
}

}  // namespace

net::Task<std::vector<FoundEngine>> find_local_engines(net::HttpClient& client, const std::vector<Probe>& probes, Nanos timeout) {
    std::vector<FoundEngine> found;
    for (const Probe& probe : probes) {
        auto endpoint = net::UpstreamEndpoint::make({.tls = false, .host = "127.0.0.1", .port = probe.port});
        net::SimpleRequest request{.method = "GET",
                                   .target = probe.target,
                                   .headers = "accept: application/json\r\n",
                                   .body = {},
                                   .limit = largest_list};
        auto answer = co_await client.fetch(std::move(endpoint), std::move(request),
                                            {.connect = timeout, .headers = timeout, .idle = timeout, .total = timeout});
        if (!answer || answer->status != 200) continue;
        const auto models = parse_model_list(answer->body);
        if (!models) continue;
        const Row* row = recognise_engine(probe, answer->header("server"), *models);
        if (row == nullptr) continue;
        BaseUrl base = parse_base_url(row->base_url).value_or(BaseUrl{});
        base.secure = false;
        base.host = "127.0.0.1";
        base.port = probe.port;
        found.push_back({row, std::move(base), ids_of(*models)});
    }
    co_return found;
}

net::Task<Result<std::vector<ListedModel>>> list_models(net::HttpClient& client, const Listing& listing,
                                                        net::ClientTimeouts timeouts) {
    const Upstream& upstream = *listing.upstream;
    const DialectId id = upstream.dialects.front();
    if (!upstream.supports(id, Operation::models))
        co_return fail(FailureKind::unsupported_feature, fmt::format("{} cannot list its models", listing.provider));
    auto answer = co_await client.fetch(listing.endpoint, models_request(upstream, id), timeouts);
    if (!answer) co_return fail(std::move(answer.error()));
    if (answer->status != 200)
        co_return fail(FailureKind::upstream_error,
                       fmt::format("{} answered the request for its models with status {}", listing.provider, answer->status));
    co_return parse_model_list(answer->body);
}

net::Task<ModelIds> refresh_models(net::HttpClient& client, const std::vector<Listing>& listings, ModelIds before) {
    ModelIds now;
    for (const Listing& listing : listings) {
        auto models = co_await list_models(client, listing, background);
        if (models)
            now[listing.provider] = ids_of(*models);
        else if (const auto old = before.find(listing.provider); old != before.end())
            now[listing.provider] = std::move(old->second);
    }
    co_return now;
}

}  // namespace gotthard::provider
