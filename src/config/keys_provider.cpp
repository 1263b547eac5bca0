// The keys of `providers`, and those of later versions.
#include "config/keys.hpp"

namespace gotthard::config {
namespace {

// clang-format off
constexpr Key rows[] = {
    {.path = "providers", .type = Type::map, .doc = "Where models are; a provider's name is the prefix of its models (`openai/gpt-5.4`)."},
    {.path = "providers.*", .type = Type::object, .doc = "One provider. Beside these keys, what its row of the catalogue asks for: `region`, `resource`, `api_version`, ..."},
    {.path = "providers.*.type", .type = Type::text, .doc = "A row of the catalogue (docs/reference/providers.md), or `openai_compatible`, `anthropic` for any engine of that dialect. Default: the provider's name."},
    {.path = "providers.*.base_url", .type = Type::url, .doc = "Default: the row's usual environment variable, else the row's own. Without a path, `/v1` is added where the dialect has it; with a slash at the end it is taken as it stands."},
    {.path = "providers.*.api_key", .type = Type::secret, .doc = "Default: the row's usual environment variable."},
    {.path = "providers.*.api_keys", .type = Type::list, .doc = "Several accounts; each a key, or an object."},
    {.path = "providers.*.api_keys[]", .type = Type::account, .doc = "One account."},
    {.path = "providers.*.api_keys[].name", .type = Type::text, .doc = "Shown in `targets`; unique within the provider."},
    {.path = "providers.*.api_keys[].api_key", .type = Type::secret, .doc = "The account's key."},
    {.path = "providers.*.api_keys[].weight", .type = Type::whole, .fallback = "1", .allowed = "1..1000", .doc = "Its share of the calls."},
    {.path = "providers.*.api_keys[].limits", .type = Type::list, .doc = "Limits of the account.", .since = Since::later},
    {.path = "providers.*.accounts", .type = Type::list, .doc = "The same as `api_keys`."},
    {.path = "providers.*.accounts[]", .type = Type::account, .doc = "One account.", .like = "providers.*.api_keys[]"},
    {.path = "providers.*.auth", .type = Type::text, .allowed = "bearer, none, header:NAME, query:NAME, scheme:NAME", .doc = "How the key travels, when not as the row says."},
    {.path = "providers.*.dialects", .type = Type::texts, .allowed = "chat, anthropic", .doc = "Narrows what is spoken to it, in order of preference. The client's own dialect is preferred when it is among them."},
    {.path = "providers.*.headers", .type = Type::map, .doc = "Sent with every call, in place of the row's own and the client's."},
    {.path = "providers.*.headers.*", .type = Type::text, .doc = "Value of one header."},
    {.path = "providers.*.models", .type = Type::models, .doc = "What is offered; everything when absent."},
    {.path = "providers.*.quirks", .type = Type::texts, .doc = "Deviations of an engine from its dialect, beside the row's: see docs/adding-a-provider.md."},
    {.path = "providers.*.timeouts", .type = Type::object, .doc = "Over the general ones.", .like = "timeouts"},
    {.path = "providers.*.retry", .type = Type::object, .doc = "Over the general ones.", .like = "retry"},
    {.path = "providers.*.proxy", .type = Type::proxy, .doc = "Forward proxy to this provider, or `none`. Default: the general one."},
    {.path = "providers.*.tls", .type = Type::object, .doc = "Towards this provider."},
    {.path = "providers.*.tls.ca", .type = Type::path, .doc = "Trusted authorities, PEM. Default: the system's."},
    {.path = "providers.*.tls.cert", .type = Type::path, .doc = "Own certificate, PEM."},
    {.path = "providers.*.tls.key", .type = Type::path, .doc = "Own private key, PEM."},
    {.path = "providers.*.tls.insecure", .type = Type::boolean, .fallback = "false", .doc = "Accepts any certificate."},
};

constexpr Key later[] = {
    {.path = "routes", .type = Type::list, .doc = "Routes with strategies.", .since = Since::later},
    {.path = "keys[].limits", .type = Type::list, .doc = "Limits and budgets of a key.", .since = Since::later},
    {.path = "keys[].priority", .type = Type::text, .doc = "Priority of a key.", .since = Since::later},
    {.path = "keys[].team", .type = Type::text, .doc = "Team of a key.", .since = Since::later},
    {.path = "keys[].user", .type = Type::text, .doc = "User of a key.", .since = Since::later},
    {.path = "keys[].project", .type = Type::text, .doc = "Project of a key.", .since = Since::later},
    {.path = "keys[].guardrails", .type = Type::list, .doc = "Guardrails of a key.", .since = Since::later},
    {.path = "models.*.strategy", .type = Type::object, .doc = "How targets are chosen.", .since = Since::later},
    {.path = "models.*.fallbacks", .type = Type::object, .doc = "Where else to go, by kind of failure.", .since = Since::later},
    {.path = "models.*.affinity", .type = Type::object, .doc = "Sessions that stay on a target.", .since = Since::later},
    {.path = "models.*.hedge", .type = Type::object, .doc = "A second call when the first is slow.", .since = Since::later},
    {.path = "models.*.cache", .type = Type::object, .doc = "Answers from the cache.", .since = Since::later},
    {.path = "models.*.guardrails", .type = Type::list, .doc = "Guardrails of a model.", .since = Since::later},
    {.path = "models.*.limits", .type = Type::list, .doc = "Limits of a model.", .since = Since::later},
    {.path = "models.*.timeouts", .type = Type::object, .doc = "Timeouts of a model.", .since = Since::later},
    {.path = "models.*.retry", .type = Type::object, .doc = "Repeats of a model.", .since = Since::later},
    {.path = "providers.*.limits", .type = Type::list, .doc = "Limits of a provider.", .since = Since::later},
    {.path = "providers.*.health", .type = Type::object, .doc = "Breaker and probes.", .since = Since::later},
    {.path = "retry.per_target", .type = Type::whole, .doc = "Repeats per target.", .since = Since::later},
    {.path = "retry.budget_ratio", .type = Type::text, .doc = "Repeats as a share of requests.", .since = Since::later},
    {.path = "timeouts.headers", .type = Type::duration, .doc = "To the head of the answer.", .since = Since::later},
    {.path = "records.sinks", .type = Type::list, .doc = "Further places for records.", .since = Since::later},
    {.path = "limits.connections", .type = Type::whole, .doc = "Connections of clients.", .since = Since::later},
    {.path = "pricing.reported_cost", .type = Type::text, .doc = "What to make of a cost that a provider reports.", .since = Since::later},
    {.path = "pricing.file", .type = Type::path, .doc = "Prices from a file.", .since = Since::later},
    {.path = "budgets", .type = Type::list, .doc = "Budgets.", .since = Since::later},
    {.path = "teams", .type = Type::list, .doc = "Teams.", .since = Since::later},
    {.path = "users", .type = Type::list, .doc = "Users.", .since = Since::later},
    {.path = "projects", .type = Type::list, .doc = "Projects.", .since = Since::later},
    {.path = "orgs", .type = Type::list, .doc = "Organisations.", .since = Since::later},
    {.path = "model_aliases", .type = Type::map, .doc = "Aliases per team and key.", .since = Since::later},
    {.path = "queue", .type = Type::object, .doc = "Waiting for a free target.", .since = Since::later},
    {.path = "hold", .type = Type::object, .doc = "Holding back the beginning of a stream.", .since = Since::later},
    {.path = "cache", .type = Type::object, .doc = "Exact and semantic cache.", .since = Since::later},
    {.path = "guardrails", .type = Type::list, .doc = "Checks of requests and answers.", .since = Since::later},
    {.path = "mcp", .type = Type::object, .doc = "The MCP gateway.", .since = Since::later},
    {.path = "responses", .type = Type::object, .doc = "Stored answers of the Responses dialect.", .since = Since::later},
    {.path = "store", .type = Type::object, .doc = "Another store than SQLite.", .since = Since::later},
    {.path = "ledger", .type = Type::object, .doc = "Policies of the ledger.", .since = Since::later},
    {.path = "telemetry", .type = Type::object, .doc = "Traces and metrics by OTLP.", .since = Since::later},
    {.path = "audit", .type = Type::object, .doc = "The audit log.", .since = Since::later},
    {.path = "alerts", .type = Type::list, .doc = "Alerts.", .since = Since::later},
    {.path = "oidc", .type = Type::object, .doc = "Log-in by OpenID Connect.", .since = Since::later},
    {.path = "vault", .type = Type::object, .doc = "Secrets from a vault.", .since = Since::later},
};
// clang-format on

}  // namespace

std::span<const Key> provider_keys() { return rows; }
std::span<const Key> later_keys() { return later; }

}  // namespace gotthard::config
