#include "spine/gateway.hpp"

namespace gotthard::spine {

Gateway::Gateway(unsigned shard, const Services& services, net::Loop& loop)
    : shard_(shard), services_(services), loop_(loop), client_(loop), authenticator_(services.identity), metrics_(services.metrics.shard(shard)),
      known_(std::make_shared<const route::KnownModels>()) {
    spare_exchanges_.reserve(64);
}

Gateway::~Gateway() = default;

void Gateway::configure(std::shared_ptr<const Configuration> configuration) {
    // A copy of its own, so that shards do not count references to one block.
    configuration_ = std::make_shared<const Configuration>(*configuration);
    prices_ = std::make_unique<account::PriceFinder>(configuration_->prices);
    next_account_.assign(configuration_->snapshot->providers.size(), 0);
    resolved_.clear();
}

void Gateway::learn(std::shared_ptr<const route::KnownModels> known) {
    known_ = std::move(known);
    resolved_.clear();
}

}  // namespace gotthard::spine
