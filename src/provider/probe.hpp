// Discovery over the network: which local engines answer, and which models upstreams list. For background work on one loop,
// at start and then on a timer; never on the path of a request. One question after the other: a closed port answers at once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/client.hpp"
#include "provider/discovery.hpp"

namespace gotthard::provider {

/// Asks every usual port of local engines on 127.0.0.1. `timeout` bounds each question. `probes` must live until then.
net::Task<std::vector<FoundEngine>> find_local_engines(net::HttpClient& client, const std::vector<Probe>& probes, Nanos timeout);

/// Whose models to ask for. All of it must live until the answer.
struct Listing {
    std::string provider;
    const Upstream* upstream = nullptr;
    std::shared_ptr<const net::UpstreamEndpoint> endpoint;
};

/// The models of one upstream, asked for with its first account. unsupported_feature when it cannot list them; else as
/// HttpClient::fetch and parse_model_list, and upstream_error for a status other than 200. Redirects are not followed.
net::Task<Result<std::vector<ListedModel>>> list_models(net::HttpClient& client, const Listing& listing,
                                                        net::ClientTimeouts timeouts);

/// Ids by provider. One that cannot be asked now keeps what `before` says of it.
using ModelIds = std::map<std::string, std::vector<std::string>, std::less<>>;
net::Task<ModelIds> refresh_models(net::HttpClient& client, const std::vector<Listing>& listings, ModelIds before);

}  // namespace gotthard::provider
