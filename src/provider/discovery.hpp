// What is there without being told: providers whose keys stand in the environment, engines on their usual ports, and the
// models that an upstream lists. This header is pure; probe.hpp asks over the network.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.hpp"
#include "provider/upstream.hpp"

namespace gotthard::provider {

/// A provider that the environment offers.
struct FoundKey {
    const Row* row = nullptr;
    std::string_view variable;  ///< Which environment variable holds the key.
};
/// In the order of the catalogue. Local engines are not among them.
std::vector<FoundKey> keys_in_environment(const Environment& environment);

/// A model as its provider lists it.
struct ListedModel {
    std::string id;
    std::string name;          ///< For people; may be empty.
    std::string owner;         ///< owned_by; may be empty.
    std::int64_t context = 0;  ///< Tokens; 0 unknown.
    bool operator==(const ListedModel&) const = default;
};
/// Reads the model list of every kind of engine: OpenAI {data:[{id}]}, Anthropic {data:[{type:"model",id,display_name}]},
/// Ollama {models:[{name|model}]}, a bare array, ids as plain strings. Entries without an id are left out, repeats too;
/// at most 10,000 are kept. Anything else: upstream_malformed.
Result<std::vector<ListedModel>> parse_model_list(std::string_view body);

/// A local engine that answered on a default port.
struct FoundEngine {
    const Row* row = nullptr;
    BaseUrl base;
    std::vector<std::string> models;
    bool operator==(const FoundEngine&) const = default;
};

/// Where discovery asks: one probe per place, whatever number of engines use that port.
struct Probe {
    std::uint16_t port = 0;
    std::string target;                  ///< "/v1/models"
    std::vector<const Row*> candidates;  ///< In order of preference.
};
std::vector<Probe> local_probes();
/// Which engine it is, from its answer (owner of the models, `server` header): an engine that names itself, else the first
/// candidate.
const Row* recognise_engine(const Probe& probe, std::string_view server_header, std::span<const ListedModel> models);

}  // namespace gotthard::provider
