// Writes Exchange::candidates: whom to ask, in order. Accounts of one provider stand side by side, so that another account
// is tried before another provider (E242).
#include <fmt/format.h>

#include "spine/gateway.hpp"

namespace gotthard::spine {
namespace {

constexpr std::size_t max_resolved = 4096;

provider::Operation operation_of(const Exchange& x) {
    switch (x.endpoint.operation) {
        case Operation::embeddings: return provider::Operation::embeddings;
        default: return provider::Operation::generate;
    }
}

}  // namespace

const std::vector<config::Target>* Gateway::resolve(Exchange& x, Failure& failure) {
    if (auto known = resolved_.find(x.facts.model); known != resolved_.end()) return &known->second;
    const identity::Caller& caller = *x.caller;
    auto targets = route::resolve_model(x.facts.model, *x.snapshot, *known_, [&caller](std::string_view name) { return caller.may_use(name); });
    if (!targets) {
        failure = std::move(targets.error());
        return nullptr;
    }
    if (resolved_.size() >= max_resolved) resolved_.clear();
    return &resolved_.emplace(std::string(x.facts.model), std::move(*targets)).first->second;
}

bool Gateway::priced(const Exchange& x, const Candidate& candidate) {
    const auto& provider = x.provider(candidate);
    const auto* card = prices_->find({.provider_name = provider.name, .provider_row = provider.upstream.row->id, .model = candidate.model, .alias = x.facts.model});
    return card != nullptr && card->priced();
}

Status Gateway::plan_route(Exchange& x) {
    Failure unknown;
    const auto* targets = resolve(x, unknown);
    if (targets == nullptr) return fail(std::move(unknown));
    const bool by_name = x.caller->may_use(x.facts.model);
    bool allowed = false, spoken = false;
    for (const auto& target : *targets) {
        if (!by_name && !x.caller->may_use(target.shown)) continue;
        allowed = true;
        const auto& upstream = x.snapshot->providers[target.provider].upstream;
        const auto dialect = upstream.dialect_for(x.endpoint.dialect);
        if (!upstream.supports(dialect, operation_of(x))) continue;
        spoken = true;
        const auto accounts = static_cast<std::uint32_t>(upstream.accounts.size());
        const std::uint32_t first = accounts > 1 ? next_account_[target.provider]++ % accounts : 0;
        for (std::uint32_t i = 0; i < accounts; ++i)
            x.candidates.push_back({.provider = target.provider,
                                    .account = (first + i) % accounts,
                                    .model = x.arena.copy(target.model),
                                    .shown = x.arena.copy(target.shown),
                                    .dialect = dialect,
                                    .pass_through = dialect == x.endpoint.dialect});
        if (x.no_fallbacks) break;
    }
    if (!allowed)
        return fail(Failure(FailureKind::model_not_allowed, fmt::format("the key \"{}\" may not use the model `{}`; GET /v1/models lists what it may use", x.caller->name, x.facts.model)).at("model"));
    if (!spoken)
        return fail(Failure(FailureKind::unsupported_feature, fmt::format("the upstream of `{}` does not offer {}", x.facts.model, x.endpoint.name)).at("model"));
    if (x.snapshot->unknown_model == config::UnknownModel::block) {
        std::erase_if(x.candidates, [&](const Candidate& candidate) { return !priced(x, candidate); });
        if (x.candidates.empty())
            return fail(Failure(FailureKind::model_not_allowed,
                                fmt::format("no price is known for `{}` and the configuration blocks unpriced models (pricing.unknown_model: block); add it under `prices:`", x.facts.model))
                            .at("model"));
    }
    // An alias is what the client knows: the answer shows it (E197). A name that says the upstream's own model leaves the answer's bytes alone.
    const auto& first = targets->front();
    x.restamp = x.facts.model != first.shown && x.facts.model != first.model && x.endpoint.operation == Operation::conversation;
    if (const auto* alias = x.snapshot->find_alias(x.facts.model)) {
        x.route = alias->name;
        x.restamp = x.endpoint.operation == Operation::conversation;
    }
    return {};
}

}  // namespace gotthard::spine
