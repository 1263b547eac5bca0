// Any bytes as a configuration: no crash, no hang, every fault has a sentence, and what is accepted can be used.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace gotthard;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    config::Surroundings surroundings;
    surroundings.environment = [](std::string_view name) -> std::optional<std::string> {
        if (name == "SET" || name == "CI_KEY" || name == "OPENAI_API_KEY") return "0123456789abcdef";
        return std::nullopt;
    };
    surroundings.read_file = [](const std::string& path) -> std::optional<std::string> {
        if (path == "/set") return "content\n";
        return std::nullopt;
    };
    const config::Loaded loaded = config::load_text(text, "fuzz.yaml", surroundings);
    for (const config::Fault& fault : loaded.faults)
        if (fault.message.empty() || fault.remedy.empty()) std::abort();
    if (!loaded.ok()) {
        if (loaded.faults.empty()) std::abort();
        return 0;
    }
    for (const config::Provider& provider : loaded.snapshot->providers) {
        for (const provider::DialectId id : provider.upstream.dialects) {
            std::string target;
            provider.upstream.append_target(id, provider::Operation::generate, "m", provider.upstream.accounts.at(0), target);
            if (!target.starts_with('/')) std::abort();
        }
    }
    for (const config::Alias& alias : loaded.snapshot->aliases)
        for (const config::Target& target : alias.targets)
            if (target.provider >= loaded.snapshot->providers.size()) std::abort();
    return 0;
}
