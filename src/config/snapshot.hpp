// The configuration in force: immutable once made, shared by all threads through shared_ptr<const Snapshot>. A request pins
// one and keeps it to its end; a reload swaps the pointer. Everything is resolved: defaults filled in, environment and files
// read, names turned into indices. Lengths of time are nanoseconds, sizes bytes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/money.hpp"
#include "base/secret.hpp"
#include "provider/upstream.hpp"

namespace gotthard::config {

using llm::DialectId;

struct ServerTls {
    std::string cert;  ///< Paths of PEM files.
    std::string key;
    std::string client_ca;  ///< Empty: clients need no certificate.
};

struct Listener {
    std::string host = "127.0.0.1";  ///< A literal address; IPv6 without brackets.
    std::uint16_t port = 0;
    std::optional<ServerTls> tls;
    bool loopback() const;
    std::string text() const;  ///< "127.0.0.1:7300", "[::1]:7300"
};

/// How an upstream's certificate is checked and what is shown to it.
struct ClientTls {
    std::string ca;  ///< PEM file; empty: the system's.
    std::string cert;
    std::string key;
    bool insecure = false;  ///< Accept any certificate. Warned about.
    bool operator==(const ClientTls&) const = default;
};

/// A forward proxy on the way to an upstream.
struct Proxy {
    std::string host;
    std::uint16_t port = 0;
    Secret authorization;  ///< Value of Proxy-Authorization; empty: none.
};

struct Timeouts {
    Nanos connect = 2'000'000'000;
    Nanos first_token = 60'000'000'000;   ///< From the request sent to the first event (unary: to the head of the answer).
    Nanos idle = 60'000'000'000;          ///< Between two reads of an answer.
    Nanos total = 600'000'000'000;        ///< All attempts of one request together.
    Nanos client_write = 60'000'000'000;  ///< A client that takes nothing of its answer for so long is cut off.
};

/// Outcome classes of routing.md 6.1 that may be repeated on the same target.
enum class RetryOn : std::uint8_t { server = 1, network = 2, rate_limited = 4, timeout = 8 };

struct Retry {
    std::uint32_t max_attempts = 3;  ///< Over all targets.
    std::uint8_t on = 7;             ///< Set of RetryOn: server, network, rate_limited.
    Nanos backoff_initial = 250'000'000;
    Nanos backoff_max = 8'000'000'000;
    Nanos retry_after_max = 30'000'000'000;  ///< A longer Retry-After is not waited for.
    bool repeats(RetryOn kind) const { return (on & static_cast<std::uint8_t>(kind)) != 0; }
};

struct Limits {
    std::uint64_t body = 32ULL << 20;    ///< Decoded request body.
    std::uint64_t header = 64ULL << 10;  ///< Request head.
    Nanos header_time = 10'000'000'000;  ///< From a head's first byte to its last.
    Nanos body_time = 30'000'000'000;    ///< Without any byte while a body is read.
    Nanos idle_time = 75'000'000'000;    ///< Between two requests of a connection.
    std::uint64_t answer = 64ULL << 20;  ///< Of an upstream's unary answer.
};

/// A model that a provider offers: a glob, or one name with what the upstream calls it.
struct ModelRule {
    std::string name;
    std::string upstream;  ///< Empty: the name itself.
    bool is_glob() const { return name.find_first_of("*?") != std::string::npos; }
};

struct Provider {
    std::string name;
    provider::Upstream upstream;
    std::vector<ModelRule> models;  ///< Empty: whatever is asked for.
    Timeouts timeouts;
    Retry retry;
    std::optional<Proxy> proxy;
    ClientTls tls;
    bool found = false;  ///< Not in the file: its key was in the environment, or the engine answered.

    /// What the upstream calls `model`; nullopt when it is not offered.
    std::optional<std::string_view> upstream_model(std::string_view model) const;
};

/// A place that can serve a request: a provider and the upstream's own model id.
struct Target {
    std::uint32_t provider = 0;  ///< Index into Snapshot::providers.
    std::string model;           ///< As the upstream is asked (renames applied).
    std::string shown;           ///< As in "provider/model".
    bool operator==(const Target&) const = default;
};

/// A name under `models:`; aliases of aliases are flattened, in order, each target once.
struct Alias {
    std::string name;
    std::vector<Target> targets;
    bool hidden = false;  ///< Callable, but not listed.
};

/// A key that stands in the configuration.
struct ConfiguredKey {
    std::string name;
    Secret value;
    std::vector<std::string> models;  ///< Globs; empty: every model.
    std::optional<Micros> expires;
};

/// A row of `prices:`; nano-dollars per million tokens, `request` and `web_search` per piece. Unset: falls back as in pricing.md.
struct Price {
    std::string model;  ///< Glob over "provider/model".
    std::optional<Money> input, output, cache_read, cache_write, cache_write_1h, reasoning, audio_input, audio_output, request,
        web_search;
};

enum class UnknownModel : std::uint8_t { allow, warn, block };
enum class Losses : std::uint8_t { standard, allow, strict };
enum class ParameterPolicy : std::uint8_t { refuse, drop, force };
enum class Bodies : std::uint8_t { none, masked, full };
enum class HalfClose : std::uint8_t { finish, cancel };

/// A row of `parameters:`.
struct ParameterRule {
    std::string target;  ///< Glob over "provider/model".
    std::vector<std::pair<std::string, ParameterPolicy>> parameters;
};

struct Cors {
    std::vector<std::string> origins;  ///< Empty: no CORS headers at all. "*": any.
    std::vector<std::string> headers;  ///< Allowed request headers; empty: those that were asked for.
    Nanos max_age = 600'000'000'000;
    bool allows(std::string_view origin) const;
};

struct Snapshot {
    std::uint64_t version = 0;  ///< 1 for the first of a process, then counting; set by whoever publishes.
    std::uint64_t hash = 0;     ///< Of all that is in force, secrets included; comments and order of keys do not matter.
    std::string hash_text;      ///< 16 hexadecimal digits.
    std::string file;           ///< Where it came from; empty: defaults and the environment.

    Listener data{"127.0.0.1", 7300, {}};
    Listener admin{"127.0.0.1", 7301, {}};
    bool admin_insecure = false;
    Secret admin_token;  ///< admin.token or GOTTHARD_ADMIN_TOKEN; empty: none was given.
    std::string data_directory;
    bool require_keys = true;   ///< auth: keys
    std::uint32_t threads = 0;  ///< 0: one per core.
    bool discover = false;

    std::vector<Provider> providers;
    std::vector<Alias> aliases;
    std::vector<ConfiguredKey> keys;
    std::vector<Price> prices;  ///< The first that matches counts.
    UnknownModel unknown_model = UnknownModel::warn;
    Bodies bodies = Bodies::none;
    Nanos retention = 30LL * 86'400 * 1'000'000'000;
    Retry retry;
    Timeouts timeouts;
    Limits limits;
    Losses losses = Losses::standard;
    std::vector<ParameterRule> parameters;
    Cors cors;
    HalfClose client_half_close = HalfClose::finish;
    Nanos shutdown_grace = 30'000'000'000;

    const Provider* find_provider(std::string_view name) const;
    std::optional<std::uint32_t> provider_index(std::string_view name) const;
    const Alias* find_alias(std::string_view name) const;
    const Price* find_price(std::string_view target) const;  ///< `target`: "provider/model".
    std::optional<ParameterPolicy> parameter_policy(std::string_view target, std::string_view parameter) const;

    /// Builds the look-up tables; called once by whoever filled the members.
    void index();

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    using Names = std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>>;
    Names provider_names_;
    Names alias_names_;
};

}  // namespace gotthard::config
