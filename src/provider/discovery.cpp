#include "provider/discovery.hpp"

#include <algorithm>
#include <unordered_set>

#include "base/json.hpp"
#include "base/text.hpp"
#include "provider/table.hpp"

namespace gotthard::provider {
namespace {

constexpr std::size_t most_models = 10'000;
constexpr std::size_t longest_id = 512;

/// What an engine calls itself in `owned_by` or the Server header.
struct Signature {
    std::string_view row;
    std::string_view owner;   ///< Equal to owned_by; "" never.
    std::string_view server;  ///< Begins the Server header; "" never.
};
constexpr Signature signatures[] = {
    {"llama_cpp", "llamacpp", "llama.cpp"},
    {"llamafile", "llamafile", "llamafile"},
    {"vllm", "vllm", ""},
    {"sglang", "sglang", ""},
    {"ollama", "library", ""},
    {"lm_studio", "organization_owner", ""},
    {"tabbyapi", "tabbyAPI", ""},
    {"koboldcpp", "koboldcpp", "KoboldCpp"},
    {"tensorrt_llm", "tensorrt_llm", ""},
    {"lmdeploy", "lmdeploy", ""},
    {"mistral_rs", "mistral.rs", ""},
    {"xinference", "xinference", ""},
    {"docker_model_runner", "docker", ""},
    {"lemonade", "lemonade", ""},
    {"openvino_model_server", "OVMS", ""},
    {"localai", "localai", "LocalAI"},
    {"mlx_lm", "mlx_lm", "BaseHTTP"},
    {"tgi", "tgi", ""},
};

bool usable_id(std::string_view id) {
    if (id.empty() || id.size() > longest_id) return false;
    return std::ranges::none_of(id, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::int64_t context_of(json::Value entry) {
    for (const std::string_view key :
         {"max_model_len", "context_length", "context_window", "max_context_length", "max_input_tokens"})
        if (const auto number = entry[key].integer(); number && *number > 0) return *number;
    return entry["meta"]["n_ctx_train"].integer().value_or(0);
}

ListedModel read_entry(json::Value entry) {
    if (entry.is_string()) return {.id = entry.string(), .name = {}, .owner = {}, .context = 0};
    ListedModel model;
    for (const std::string_view key : {"id", "model", "name"}) {
        model.id = entry[key].string();
        if (!model.id.empty()) break;
    }
    model.name = entry["display_name"].string();
    model.owner = entry["owned_by"].string();
    model.context = std::max<std::int64_t>(context_of(entry), 0);
    return model;
}

}  // namespace

std::vector<FoundKey> keys_in_environment(const Environment& environment) {
    std::vector<FoundKey> found;
    for (const Row& row : hosted_rows()) {
        if (row.generic && row.base_url.empty()) continue;
        const auto key = usual_key(row, environment);
        if (!key) continue;
        const bool taken = std::ranges::any_of(found, [&](const FoundKey& other) { return other.variable == key->variable; });
        if (!taken) found.push_back({&row, key->variable});
    }
    return found;
}

Result<std::vector<ListedModel>> parse_model_list(std::string_view body) {
    json::Document document;
    const auto malformed = [] {
        return fail(FailureKind::upstream_malformed, "the answer to the request for the model list is no model list");
    };
    if (!document.parse(body, {.depth = 64, .lone_surrogates = true})) return malformed();
    json::Value list = document.root();
    for (const std::string_view key : {"data", "models"})
        if (list.is_object() && list[key].is_array()) list = list[key];
    if (list.is_object() && document.root()["data"].is_null() && document.root()["object"].equals("list"))
        return std::vector<ListedModel>{};
    if (!list.is_array()) return malformed();
    std::vector<ListedModel> models;
    std::unordered_set<std::string> seen;
    for (const json::Value entry : list.items()) {
        ListedModel model = read_entry(entry);
        if (!usable_id(model.id) || !seen.insert(model.id).second) continue;
        models.push_back(std::move(model));
        if (models.size() == most_models) break;
    }
    return models;
}

std::vector<Probe> local_probes() {
    std::vector<Probe> probes;
    for (const Row& row : local_rows()) {
        const auto base = parse_base_url(row.base_url);
        if (!base || row.default_port == 0) continue;
        const std::string target = base->path + std::string(row.models_path);
        const auto same = std::ranges::find_if(
            probes, [&](const Probe& probe) { return probe.port == row.default_port && probe.target == target; });
        if (same != probes.end())
            same->candidates.push_back(&row);
        else
            probes.push_back({row.default_port, target, {&row}});
    }
    return probes;
}

const Row* recognise_engine(const Probe& probe, std::string_view server_header, std::span<const ListedModel> models) {
    for (const Signature& signature : signatures) {
        const bool by_server = !signature.server.empty() && starts_with_ignoring_case(server_header, signature.server);
        const bool by_owner =
            std::ranges::any_of(models, [&](const ListedModel& model) { return model.owner == signature.owner; });
        if (!by_server && !by_owner) continue;
        for (const Row* row : probe.candidates)
            if (row->id == signature.row) return row;
    }
    return probe.candidates.empty() ? nullptr : probe.candidates.front();
}

}  // namespace gotthard::provider
