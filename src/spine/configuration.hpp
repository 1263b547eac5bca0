// What a shard works with: the Snapshot and what was built from it once, so that no request builds it again. Immutable; each
// shard holds a copy of its own, so that no two threads count references to the same block.
#pragma once

#include <memory>
#include <vector>

#include "account/price_book.hpp"
#include "config/snapshot.hpp"
#include "net/dialer.hpp"

namespace gotthard::spine {

struct Configuration {
    std::shared_ptr<const config::Snapshot> snapshot;
    std::vector<std::shared_ptr<const net::UpstreamEndpoint>> endpoints;  ///< By provider index.
    std::shared_ptr<const account::PriceBook> prices;
};

/// Builds trust contexts and endpoints. `contexts` shares one context per set of trust. Failure: a certificate file is unusable.
Result<std::shared_ptr<const Configuration>> make_configuration(std::shared_ptr<const config::Snapshot> snapshot, net::TlsClientContexts& contexts);

}  // namespace gotthard::spine
