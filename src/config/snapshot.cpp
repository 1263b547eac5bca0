#include "config/snapshot.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "config/values.hpp"

namespace gotthard::config {

bool Listener::loopback() const { return is_loopback_address(host); }

std::string Listener::text() const {
    std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
    out += ':';
    append_integer(out, port);
    return out;
}

std::optional<std::string_view> Provider::upstream_model(std::string_view model) const {
    if (models.empty()) return model;
    for (const ModelRule& rule : models) {
        if (rule.is_glob() ? glob_match(rule.name, model) : rule.name == model)
            return rule.upstream.empty() ? model : std::string_view(rule.upstream);
    }
    return std::nullopt;
}

bool Cors::allows(std::string_view origin) const {
    return !origin.empty() &&
           std::ranges::any_of(origins, [origin](const std::string& allowed) { return allowed == "*" || allowed == origin; });
}

const Provider* Snapshot::find_provider(std::string_view name) const {
    const auto found = provider_names_.find(name);
    return found == provider_names_.end() ? nullptr : &providers[found->second];
}

std::optional<std::uint32_t> Snapshot::provider_index(std::string_view name) const {
    const auto found = provider_names_.find(name);
    if (found == provider_names_.end()) return std::nullopt;
    return found->second;
}

const Alias* Snapshot::find_alias(std::string_view name) const {
    const auto found = alias_names_.find(name);
    return found == alias_names_.end() ? nullptr : &aliases[found->second];
}

const Price* Snapshot::find_price(std::string_view target) const {
    const auto found = std::ranges::find_if(prices, [target](const Price& price) { return glob_match(price.model, target); });
    return found == prices.end() ? nullptr : &*found;
}

std::optional<ParameterPolicy> Snapshot::parameter_policy(std::string_view target, std::string_view parameter) const {
    for (const ParameterRule& rule : parameters) {
        if (!glob_match(rule.target, target)) continue;
        for (const auto& [name, policy] : rule.parameters)
            if (name == parameter) return policy;
    }
    return std::nullopt;
}

void Snapshot::index() {
    provider_names_.clear();
    alias_names_.clear();
    for (std::uint32_t i = 0; i < providers.size(); ++i) provider_names_.emplace(providers[i].name, i);
    for (std::uint32_t i = 0; i < aliases.size(); ++i) alias_names_.emplace(aliases[i].name, i);
}

}  // namespace gotthard::config
