// From validated to resolved: fills a Snapshot from the tree, the environment and the command line. What keys mean together
// is checked here; each function fills the members that its name says.
#pragma once

#include "config/faults.hpp"
#include "config/load.hpp"
#include "config/snapshot.hpp"
#include "config/view.hpp"

namespace gotthard::config {

struct Resolving {
    View root;
    const Surroundings& surroundings;
    const Overrides& overrides;
    Faults& faults;
    Snapshot& out;
};

void resolve_general(Resolving& r);
void resolve_listeners(Resolving& r);
void resolve_providers(Resolving& r);  ///< After the general settings and the listeners.
void resolve_models(Resolving& r);     ///< After the providers.
void resolve_keys(Resolving& r);
void resolve_prices(Resolving& r);

Timeouts resolve_timeouts(const View& view, const Timeouts& inherited);
Retry resolve_retry(const View& view, const Retry& inherited);
/// `none` and environment variables included; nullopt: straight.
std::optional<Proxy> resolve_proxy(const View& own, const View& general, const provider::BaseUrl& target,
                                   const provider::Environment& environment, Faults& faults);

}  // namespace gotthard::config
