#include "spine/configuration.hpp"

#include <fmt/format.h>

namespace gotthard::spine {
namespace {

std::optional<net::Proxy> proxy_of(const config::Provider& provider) {
    if (!provider.proxy) return std::nullopt;
    return net::Proxy{{.tls = false, .host = provider.proxy->host, .port = provider.proxy->port}, std::string(provider.proxy->authorization.reveal())};
}

account::ConfiguredPrice price_of(const config::Price& price) {
    const auto text = [](const std::optional<Money>& money) { return money ? std::optional(money->text()) : std::nullopt; };
    return {.model = price.model,
            .input = text(price.input),
            .output = text(price.output),
            .cache_read = text(price.cache_read),
            .cache_write = text(price.cache_write),
            .cache_write_1h = text(price.cache_write_1h)};
}

}  // namespace

Result<std::shared_ptr<const Configuration>> make_configuration(std::shared_ptr<const config::Snapshot> snapshot, net::TlsClientContexts& contexts) {
    auto made = std::make_shared<Configuration>();
    for (const auto& provider : snapshot->providers) {
        const auto& base = provider.upstream.base;
        const net::Origin origin{.tls = base.secure, .host = base.host, .port = base.port};
        std::shared_ptr<const net::TlsClientContext> tls;
        if (base.secure) {
            auto context = contexts.get({.ca_file = provider.tls.ca, .cert_file = provider.tls.cert, .key_file = provider.tls.key, .insecure = provider.tls.insecure});
            if (!context) return fail(Failure(context.error().kind, fmt::format("providers.{}.tls: {}", provider.name, context.error().message)));
            tls = std::move(*context);
        }
        made->endpoints.push_back(net::UpstreamEndpoint::make(origin, std::move(tls), proxy_of(provider)));
    }
    std::vector<account::ConfiguredPrice> prices;
    for (const auto& price : snapshot->prices) prices.push_back(price_of(price));
    auto book = account::PriceBook::make(prices);
    if (!book) return fail(std::move(book.error()));
    made->prices = std::move(*book);
    made->snapshot = std::move(snapshot);
    return made;
}

}  // namespace gotthard::spine
