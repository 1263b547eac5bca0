#include "route/resolve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/text.hpp"

namespace gotthard::route {
namespace {

using config::Provider;
using config::Snapshot;
using config::Target;

constexpr std::size_t longest_shown = 128;
constexpr std::size_t most_compared = 3000;  ///< Names that a refusal is compared with: bounded work for a bad request.

std::string full_name(const Provider& provider, std::string_view model) { return provider.name + "/" + std::string(model); }

std::optional<Target> target_at(const Snapshot& snapshot, std::uint32_t index, std::string_view model) {
    const Provider& provider = snapshot.providers[index];
    const auto upstream = provider.upstream_model(model);
    if (!upstream || model.empty()) return std::nullopt;
    return Target{.provider = index, .model = std::string(*upstream), .shown = full_name(provider, model)};
}

/// Whether the configuration names it: a glob of stars alone offers everything and names nothing.
bool names_model(const config::ModelRule& rule, std::string_view name) {
    if (!rule.is_glob()) return rule.name == name;
    return rule.name.find_first_not_of('*') != std::string::npos && glob_match(rule.name, name);
}

/// Providers that are known to serve a bare name: they list it, or the configuration names it.
std::vector<Target> serving(std::string_view name, const Snapshot& snapshot, const KnownModels& known) {
    std::vector<Target> found;
    const auto listed = known.serving(name);
    for (std::uint32_t i = 0; i < snapshot.providers.size(); ++i) {
        const Provider& provider = snapshot.providers[i];
        const bool named =
            std::ranges::any_of(provider.models, [name](const config::ModelRule& rule) { return names_model(rule, name); });
        const bool lists = std::ranges::find(listed, provider.name) != listed.end();
        if (!named && !lists) continue;
        if (auto target = target_at(snapshot, i, name)) found.push_back(std::move(*target));
    }
    return found;
}

/// Up to three names near the one asked for, of those that the caller may use.
std::vector<std::string> near_names(std::string_view name, const Snapshot& snapshot, const KnownModels& known,
                                    const MayUse& may_use) {
    std::vector<std::string> names;
    for (CallableModel& model : callable_models(snapshot, known))
        if (names.size() < most_compared && (!may_use || may_use(model.name))) names.push_back(std::move(model.name));
    auto near = closest_names(name, names, 3);
    if (near.size() >= 3 || name.find('/') != std::string_view::npos) return near;
    // A bare name may be meant as the model part of provider/model.
    std::vector<std::string> parts;
    for (const std::string& full : names) parts.push_back(full.substr(full.find('/') + 1));
    for (const std::string& part : closest_names(name, parts, 3)) {
        for (std::size_t i = 0; i < parts.size() && near.size() < 3; ++i)
            if (parts[i] == part && std::ranges::find(near, names[i]) == near.end()) near.push_back(names[i]);
    }
    return near;
}

Failure not_found(std::string_view name, const Snapshot& snapshot, const KnownModels& known, const MayUse& may_use,
                  std::string why) {
    std::string shown(utf8_prefix(name, longest_shown));
    if (shown.size() < name.size()) shown += "...";
    std::string message = fmt::format("The model `{}` {}.", shown, why);
    const auto near = near_names(name, snapshot, known, may_use);
    if (near.empty())
        message += " GET /v1/models lists the names that this key may use.";
    else
        message += fmt::format(" Closest names: {}.", fmt::join(near, ", "));
    return Failure(FailureKind::model_not_found, std::move(message));
}

}  // namespace

KnownModels::KnownModels(ByProvider listed, const ByProvider& catalogue) : by_provider_(std::move(listed)) {
    for (const auto& [provider, models] : by_provider_) add(provider, models);
    for (const auto& [provider, models] : catalogue)
        if (!by_provider_.contains(provider)) add(provider, models);
}

void KnownModels::add(const std::string& provider, const std::vector<std::string>& models) {
    for (const std::string& model : models) {
        auto& providers = providers_of_[model];
        if (providers.empty() || providers.back() != provider) providers.push_back(provider);
    }
}

std::span<const std::string> KnownModels::of(std::string_view provider) const {
    const auto found = by_provider_.find(provider);
    if (found == by_provider_.end()) return {};
    return found->second;
}

std::span<const std::string> KnownModels::serving(std::string_view model) const {
    const auto found = providers_of_.find(model);
    if (found == providers_of_.end()) return {};
    return found->second;
}

Result<std::vector<Target>> resolve_model(std::string_view name, const Snapshot& snapshot, const KnownModels& known,
                                          const MayUse& may_use) {
    if (name.empty())
        return fail(FailureKind::invalid_request,
                    "The request names no model. Give `model`, for instance `provider/model`; GET /v1/models lists the names.");
    if (const config::Alias* alias = snapshot.find_alias(name)) {
        if (!alias->targets.empty()) return alias->targets;
        return fail(not_found(name, snapshot, known, may_use, "has no target that can be reached in this configuration"));
    }
    std::string why = "is not known here";
    if (const auto slash = name.find('/'); slash != std::string_view::npos) {
        if (const auto index = snapshot.provider_index(name.substr(0, slash))) {
            if (auto target = target_at(snapshot, *index, name.substr(slash + 1))) return std::vector<Target>{std::move(*target)};
            why = fmt::format("is not offered by `{}`", name.substr(0, slash));
        }
    }
    auto found = serving(name, snapshot, known);
    if (found.size() == 1) return found;
    if (found.size() > 1) {
        std::vector<std::string> names;
        for (const Target& target : found)
            if (names.size() < 3 && (!may_use || may_use(target.shown))) names.push_back(target.shown);
        const std::string which =
            names.empty() ? "write `provider/model`" : fmt::format("say which one: {}", fmt::join(names, ", "));
        return fail(FailureKind::model_not_found,
                    fmt::format("The model `{}` is served by several providers; {}.", utf8_prefix(name, longest_shown), which));
    }
    return fail(not_found(name, snapshot, known, may_use, std::move(why)));
}

std::vector<CallableModel> callable_models(const Snapshot& snapshot, const KnownModels& known) {
    std::vector<CallableModel> out;
    std::unordered_set<std::string> seen;
    const auto add = [&](std::string name, const Target& target, bool alias) {
        if (!seen.insert(name).second) return;
        out.push_back({.name = std::move(name),
                       .provider = snapshot.providers[target.provider].name,
                       .upstream = target.model,
                       .alias = alias});
    };
    for (const config::Alias& alias : snapshot.aliases)
        if (!alias.hidden && !alias.targets.empty()) add(alias.name, alias.targets[0], true);
    for (std::uint32_t i = 0; i < snapshot.providers.size(); ++i) {
        const Provider& provider = snapshot.providers[i];
        const auto add_model = [&](std::string_view model) {
            if (auto target = target_at(snapshot, i, model)) add(target->shown, *target, false);
        };
        for (const config::ModelRule& rule : provider.models)
            if (!rule.is_glob()) add_model(rule.name);
        for (const std::string& model : known.of(provider.name)) add_model(model);
    }
    return out;
}

}  // namespace gotthard::route
