// What `gotthard init` writes: a file that works as it stands, with what was found filled in and the rest as comments.
#include <fmt/format.h>

#include "config/load.hpp"

namespace gotthard::config {
namespace {

constexpr std::string_view head =
    R"(# gotthard.yaml: configuration of the gateway. `gotthard check` validates it; docs/reference/configuration.md lists every key.
# Any value may be env:NAME or file:/path. A reload (SIGHUP) takes changes over without a restart.

listen: 127.0.0.1:7300            # where clients call
admin: {listen: 127.0.0.1:7301}   # admin API, console, metrics
# data: /var/lib/gotthard         # store, journal, admin socket
auth: keys                        # off only on a loopback address

)";

constexpr std::string_view tail = R"(
# Names that clients may use in place of provider/model; of several targets the next is tried when one fails.
# models:
#   fast: {use: lab/qwen3-8b}
#   smart: {use: [anthropic/claude-sonnet-5, openai/gpt-5.4]}

# Keys as configuration; `gotthard keys create NAME` makes others, which live in the store.
# keys:
#   - {name: ci, value: env:CI_KEY, models: ["fast", "lab/*"]}

# prices:                         # USD per million tokens, in front of the built-in catalogue
#   - {model: "lab/*", input: 0, output: 0}
# pricing: {unknown_model: warn}  # allow | warn | block

# records: {bodies: none, retention: 30d}
# retry: {max_attempts: 3}
# timeouts: {connect: 2s, first_token: 60s, idle: 60s, total: 10m}
# limits: {body: 32MiB, header: 64KiB, header_time: 10s}
)";

constexpr std::string_view example = R"(#  openai: {}                      # a row of the catalogue; the key from OPENAI_API_KEY
#  claude: {type: anthropic, api_key: file:/run/secrets/claude}
#  lab: {type: openai_compatible, base_url: http://127.0.0.1:8000/v1}   # any engine that speaks a known dialect
)";

}  // namespace

std::string initial_file(const Surroundings& surroundings) {
    std::string out(head);
    const auto keys =
        surroundings.environment ? provider::keys_in_environment(surroundings.environment) : std::vector<provider::FoundKey>{};
    const bool any = !keys.empty() || !surroundings.engines.empty();
    out +=
        any ? "providers:                        # a provider's name is the prefix of its models: openai/gpt-5.4\n"
            : "# Nothing was found: no provider's key in the environment, no local engine on its default port.\n# providers:\n";
    for (const provider::FoundKey& key : keys)
        out += fmt::format("  {}: {{api_key: env:{}}}   # {}\n", key.row->id, key.variable, key.row->name);
    for (const provider::FoundEngine& engine : surroundings.engines) {
        out += fmt::format("  {}: {{base_url: {}}}   # {}", engine.row->id, engine.base.text(), engine.row->name);
        for (std::size_t i = 0; i < engine.models.size() && i < 3; ++i) {
            std::string name;
            for (const char c : engine.models[i]) name += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
            out += fmt::format("{}{}", i == 0 ? ", serves " : ", ", name);
        }
        out += '\n';
    }
    out += example;
    out +=
        "discover: true                    # adds what appears later: keys in the environment, local engines on their default "
        "ports\n";
    out += tail;
    return out;
}

}  // namespace gotthard::config
