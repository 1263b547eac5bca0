// From the name that a client asked for to ordered targets (contract: model names). Pure; names are opaque (G-11).
//
// Order: a name under `models:`; "provider/model", where the model part may hold slashes, colons and at signs (E273); a bare
// name that exactly one provider is known to serve. Anything else is model_not_found, with the three closest names.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/failure.hpp"
#include "config/snapshot.hpp"

namespace gotthard::route {

/// What providers said they serve, by the provider's name. Immutable; refreshed in the background by swapping the pointer.
class KnownModels {
public:
    KnownModels() = default;
    using ByProvider = std::map<std::string, std::vector<std::string>, std::less<>>;
    /// `listed`: what providers answered. `catalogue`: what they are known to have without asking; counts for bare names of
    /// providers that have not answered, and is not listed.
    explicit KnownModels(ByProvider listed, const ByProvider& catalogue = {});

    /// Ids in the provider's order; empty when nothing is known.
    std::span<const std::string> of(std::string_view provider) const;
    /// Names of the providers that list `model`.
    std::span<const std::string> serving(std::string_view model) const;

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    void add(const std::string& provider, const std::vector<std::string>& models);
    ByProvider by_provider_;
    std::unordered_map<std::string, std::vector<std::string>, Hash, std::equal_to<>> providers_of_;
};

/// Which names the caller may use; decides what a refusal may suggest.
using MayUse = std::function<bool(std::string_view name)>;

/// Targets in the order to try them; never empty on success. The failure's message names the three closest names that
/// `may_use` accepts (null: all).
Result<std::vector<config::Target>> resolve_model(std::string_view name, const config::Snapshot& snapshot,
                                                  const KnownModels& known, const MayUse& may_use = nullptr);

/// A name that can be called, for /v1/models and `gotthard models`.
struct CallableModel {
    std::string name;      ///< "fast", "lab/qwen3-8b"
    std::string provider;  ///< Of its first target.
    std::string upstream;  ///< The first target's own model id.
    bool alias = false;
};
/// Aliases (unless hidden), then every provider's known models as "provider/model", in order, each once.
std::vector<CallableModel> callable_models(const config::Snapshot& snapshot, const KnownModels& known);

}  // namespace gotthard::route
