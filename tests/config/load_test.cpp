#include "config/load.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/json.hpp"

namespace gotthard::config {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

Surroundings with(Variables variables) {
    Surroundings out;
    out.environment = [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    return out;
}

std::shared_ptr<const Snapshot> good(std::string_view text, const Surroundings& surroundings = {},
                                     const Overrides& overrides = {}) {
    const Loaded loaded = load_text(text, "test.yaml", surroundings, overrides);
    EXPECT_TRUE(loaded.ok()) << render_text(loaded.faults, false);
    return loaded.snapshot;
}

std::string header(const provider::Account& account, DialectId id, std::string_view name) {
    for (const auto& line : account.for_dialect(id).headers)
        if (line.name == name) return std::string(line.value.reveal());
    return {};
}

TEST(Configuration, HasTheDefaultsOfTheReferencePage) {
    const auto s =
        good("providers: {lab: {type: openai_compatible, base_url: 'http://127.0.0.1:1/v1'}}", with({{"HOME", "/home/me"}}));
    EXPECT_EQ(s->data.text(), "127.0.0.1:7300");
    EXPECT_EQ(s->admin.text(), "127.0.0.1:7301");
    EXPECT_EQ(s->data_directory, "/home/me/.local/share/gotthard");
    EXPECT_TRUE(s->require_keys);
    EXPECT_FALSE(s->discover);
    EXPECT_EQ(s->threads, 0u);
    EXPECT_EQ(s->retry.max_attempts, 3u);
    EXPECT_TRUE(s->retry.repeats(RetryOn::server) && s->retry.repeats(RetryOn::network) &&
                s->retry.repeats(RetryOn::rate_limited));
    EXPECT_FALSE(s->retry.repeats(RetryOn::timeout));
    EXPECT_EQ(s->timeouts.connect, 2'000'000'000);
    EXPECT_EQ(s->timeouts.total, 600'000'000'000);
    EXPECT_EQ(s->limits.body, 32u << 20);
    EXPECT_EQ(s->limits.header, 64u << 10);
    EXPECT_EQ(s->shutdown_grace, 30'000'000'000);
    EXPECT_EQ(s->unknown_model, UnknownModel::warn);
    EXPECT_EQ(s->retention, 30LL * 86'400 * 1'000'000'000);
}

TEST(Configuration, DefaultsOfTheStructsAreThoseOfTheTable) {
    const auto s = good("");
    const Timeouts timeouts;
    const Retry retry;
    const Limits limits;
    EXPECT_EQ(s->timeouts.first_token, timeouts.first_token);
    EXPECT_EQ(s->timeouts.idle, timeouts.idle);
    EXPECT_EQ(s->timeouts.client_write, timeouts.client_write);
    EXPECT_EQ(s->retry.on, retry.on);
    EXPECT_EQ(s->retry.backoff_initial, retry.backoff_initial);
    EXPECT_EQ(s->retry.backoff_max, retry.backoff_max);
    EXPECT_EQ(s->retry.retry_after_max, retry.retry_after_max);
    EXPECT_EQ(s->limits.header_time, limits.header_time);
    EXPECT_EQ(s->limits.body_time, limits.body_time);
    EXPECT_EQ(s->limits.idle_time, limits.idle_time);
    EXPECT_EQ(s->limits.answer, limits.answer);
    EXPECT_EQ(s->cors.max_age, Cors{}.max_age);
}

TEST(Configuration, ReadsProvidersWithAccountsHeadersAndRenames) {
    const auto s = good(R"(
providers:
  lab:
    type: openai_compatible
    base_url: http://127.0.0.1:8000/v1
    api_keys: [{name: one, api_key: env:K1, weight: 3}, env:K2]
    headers: {X-Team: a}
    models: ["qwen*", {fast: qwen3-8b}]
    timeouts: {first_token: 5s}
    retry: {max_attempts: 1, on: network}
    tls: {insecure: true}
)",
                        with({{"K1", "k1"}, {"K2", "k2"}}));
    const Provider& lab = s->providers.at(0);
    EXPECT_EQ(lab.name, "lab");
    ASSERT_EQ(lab.upstream.accounts.size(), 2u);
    EXPECT_EQ(lab.upstream.accounts[0].name, "one");
    EXPECT_EQ(lab.upstream.accounts[0].weight, 3u);
    EXPECT_EQ(lab.upstream.accounts[1].name, "account-2");
    EXPECT_EQ(header(lab.upstream.accounts[1], DialectId::chat, "authorization"), "Bearer k2");
    EXPECT_EQ(lab.upstream_model("qwen3-8b"), "qwen3-8b");
    EXPECT_EQ(lab.upstream_model("fast"), "qwen3-8b");
    EXPECT_EQ(lab.upstream_model("llama"), std::nullopt);
    EXPECT_EQ(lab.timeouts.first_token, 5'000'000'000);
    EXPECT_EQ(lab.timeouts.idle, s->timeouts.idle);
    EXPECT_EQ(lab.retry.max_attempts, 1u);
    EXPECT_FALSE(lab.retry.repeats(RetryOn::server));
    EXPECT_TRUE(lab.tls.insecure);
    EXPECT_EQ(s->find_provider("lab"), &lab);
    EXPECT_EQ(s->find_provider("lob"), nullptr);
}

TEST(Configuration, TakesAKeyFromItsUsualVariableAndABaseUrlToo) {
    const auto s =
        good("providers: {anthropic: {}, openai: {organization: org-1}}",
             with({{"ANTHROPIC_AUTH_TOKEN", "t"}, {"OPENAI_API_KEY", "o"}, {"OPENAI_BASE_URL", "http://127.0.0.1:9/v1"}}));
    EXPECT_EQ(header(s->providers[0].upstream.accounts[0], DialectId::anthropic, "authorization"), "Bearer t");
    EXPECT_EQ(s->providers[1].upstream.base.text(), "http://127.0.0.1:9/v1");
    EXPECT_EQ(s->providers[1].upstream.headers(DialectId::chat)[0].value.reveal(), "org-1");
}

TEST(Configuration, AVariableThatPointsToTheGatewayItselfIsNotFollowed) {
    const Loaded loaded = load_text("providers: {anthropic: {}}", "f",
                                    with({{"ANTHROPIC_API_KEY", "k"}, {"ANTHROPIC_BASE_URL", "http://localhost:7300"}}));
    ASSERT_TRUE(loaded.ok());
    EXPECT_EQ(loaded.snapshot->providers[0].upstream.base.host, "api.anthropic.com");
    ASSERT_EQ(loaded.faults.size(), 1u);
    EXPECT_EQ(loaded.faults[0].severity, Severity::warning);
    EXPECT_EQ(loaded.faults[0].message, "ANTHROPIC_BASE_URL points to this gateway and is not used");
}

TEST(Configuration, LocalEnginesMayTakeLongerForTheFirstTokenUnlessToldOtherwise) {
    const auto s = good("providers: {ollama: {}, vllm: {timeouts: {first_token: 7s}}}");
    EXPECT_EQ(s->providers[0].timeouts.first_token, 300'000'000'000);
    EXPECT_EQ(s->providers[1].timeouts.first_token, 7'000'000'000);
    EXPECT_TRUE(s->providers[0].upstream.accounts[0].key.empty());
    const auto told = good("timeouts: {first_token: 9s}\nproviders: {ollama: {}}");
    EXPECT_EQ(told->providers[0].timeouts.first_token, 9'000'000'000);
}

TEST(Configuration, WithoutAFileTheEnvironmentDecides) {
    Surroundings surroundings = with({{"GROQ_API_KEY", "k"}, {"OPENAI_API_KEY", "k"}});
    const provider::BaseUrl at_8080 = provider::parse_base_url("http://127.0.0.1:8080/v1").value();
    surroundings.engines = {{provider::find_row("llama_cpp"), at_8080, {"smollm2"}}};
    const Loaded loaded = load(std::nullopt, surroundings);
    ASSERT_TRUE(loaded.ok()) << render_text(loaded.faults, false);
    const auto& s = *loaded.snapshot;
    EXPECT_TRUE(s.discover);
    EXPECT_TRUE(s.require_keys);
    std::vector<std::string> names;
    for (const auto& provider : s.providers) {
        names.push_back(provider.name);
        EXPECT_TRUE(provider.found);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"openai", "groq", "llama_cpp"}));
    EXPECT_TRUE(load(std::nullopt, {}).ok());  // nothing at all: a warning only
}

TEST(Configuration, DiscoveryAddsNothingThatTheFileHasAlready) {
    Surroundings surroundings = with({{"OPENAI_API_KEY", "k"}});
    surroundings.engines = {{provider::find_row("llama_cpp"), provider::parse_base_url("http://localhost:8080/v1").value(), {}}};
    const std::string text =
        "providers: {local: {type: openai_compatible, base_url: 'http://127.0.0.1:8080/v1'}, openai: {api_key: "
        "env:OPENAI_API_KEY}}\n";
    EXPECT_EQ(good(text + "discover: true", surroundings)->providers.size(), 2u);
    EXPECT_EQ(good("discover: false", surroundings)->providers.size(), 0u);
    EXPECT_EQ(good("", surroundings)->providers.size(), 0u);
}

TEST(Configuration, AnEngineThatHasNotAnsweredYetKeepsItsPlaceInAnAlias) {
    const auto s = good("discover: true\nmodels: {fast: {use: ollama/qwen3}}");
    ASSERT_EQ(s->providers.size(), 1u);
    EXPECT_EQ(s->find_alias("fast")->targets[0].shown, "ollama/qwen3");
}

TEST(Configuration, FlattensNamesOfNamesInOrder) {
    const auto s = good(R"(
providers:
  a: {type: openai_compatible, base_url: "http://127.0.0.1:1", models: ["*", {small: tiny}]}
  b: {type: anthropic, base_url: "http://127.0.0.1:2"}
models:
  first: {use: [a/x, b/claude:1@2/3]}
  second: {use: [b/y, first, a/x, a/small], hidden: true}
)");
    const Alias* second = s->find_alias("second");
    ASSERT_NE(second, nullptr);
    EXPECT_TRUE(second->hidden);
    std::vector<std::string> shown, models;
    for (const auto& target : second->targets) {
        shown.push_back(target.shown);
        models.push_back(target.model);
    }
    EXPECT_EQ(shown, (std::vector<std::string>{"b/y", "a/x", "b/claude:1@2/3", "a/small"}));
    EXPECT_EQ(models[2], "claude:1@2/3");
    EXPECT_EQ(s->find_alias("third"), nullptr);
}

TEST(Configuration, ChainsOfNamesCannotExplode) {
    std::string text = "providers: {a: {type: openai_compatible, base_url: 'http://127.0.0.1:1'}}\nmodels:\n";
    for (int i = 0; i < 14; ++i) {
        text += "  m" + std::to_string(i) + ": {use: [";
        for (int j = 0; j < 30; ++j) text += "m" + std::to_string(i + 1) + ", ";
        text += "a/x" + std::to_string(i) + "]}\n";
    }
    text += "  m14: {use: a/end}\n";
    EXPECT_EQ(good(text)->find_alias("m0")->targets.size(), 15u);
}

TEST(Configuration, TheCommandLineWinsOverTheFile) {
    const auto s = good("listen: 127.0.0.1:1\nadmin: {listen: 127.0.0.1:2}\ndata: /a", {},
                        {.listen = "127.0.0.1:0", .admin = "[::1]:9", .data = "/b"});
    EXPECT_EQ(s->data.text(), "127.0.0.1:0");
    EXPECT_EQ(s->admin.text(), "[::1]:9");
    EXPECT_EQ(s->data_directory, "/b");
    const Loaded bad = load_text("auth: off", "f", {}, {.listen = "0.0.0.0:7300", .admin = std::nullopt, .data = std::nullopt});
    EXPECT_FALSE(bad.ok());
    EXPECT_FALSE(load_text("", "f", {}, {.listen = "everywhere", .admin = std::nullopt, .data = std::nullopt}).ok());
}

TEST(Configuration, TheAdministratorsTokenComesFromTheEnvironmentToo) {
    EXPECT_EQ(good("", with({{"GOTTHARD_ADMIN_TOKEN", "t1"}}))->admin_token.reveal(), "t1");
    EXPECT_EQ(good("admin: {token: env:T}", with({{"GOTTHARD_ADMIN_TOKEN", "t1"}, {"T", "t2"}}))->admin_token.reveal(), "t2");
    EXPECT_TRUE(good("")->admin_token.empty());
}

TEST(Configuration, ReadsKeysPricesAndPolicies) {
    const auto s = good(R"(
keys: [{name: ci, value: env:CI, models: ["lab/*", fast], expires: 2027-01-31}, {name: all, value: env:ALL}]
prices:
  - {model: "lab/big", input: 0.15, output: "0.6", request: 0.000000001}
  - {model: "lab/*", input: 0, output: 0}
parameters: {"lab/*": {seed: drop}, "*": {seed: refuse, top_k: force}}
)",
                        with({{"CI", "0123456789abcdef-ci"}, {"ALL", "0123456789abcdef-all"}}));
    EXPECT_EQ(s->keys[0].models, (std::vector<std::string>{"lab/*", "fast"}));
    EXPECT_EQ(s->keys[0].expires, 1801353600000000);
    EXPECT_EQ(s->keys[1].expires, std::nullopt);
    EXPECT_TRUE(s->keys[1].models.empty());
    EXPECT_EQ(s->find_price("lab/big")->input, Money::nanos(150'000'000));
    EXPECT_EQ(s->find_price("lab/big")->request, Money::nanos(1));
    EXPECT_EQ(s->find_price("lab/big")->cache_read, std::nullopt);
    EXPECT_EQ(s->find_price("lab/small")->output, Money::nanos(0));
    EXPECT_EQ(s->find_price("openai/x"), nullptr);
    EXPECT_EQ(s->parameter_policy("lab/x", "seed"), ParameterPolicy::drop);
    EXPECT_EQ(s->parameter_policy("other/x", "seed"), ParameterPolicy::refuse);
    EXPECT_EQ(s->parameter_policy("lab/x", "top_k"), ParameterPolicy::force);
    EXPECT_EQ(s->parameter_policy("lab/x", "n"), std::nullopt);
}

TEST(Configuration, TheHashTellsContentAndNotSpelling) {
    const auto one = good("listen: 127.0.0.1:1 # comment\nauth: keys\n"), two = good("auth: \"keys\"\n\nlisten: '127.0.0.1:1'\n");
    EXPECT_EQ(one->hash, two->hash);
    EXPECT_EQ(one->hash_text.size(), 16u);
    EXPECT_NE(one->hash, good("listen: 127.0.0.1:2\nauth: keys\n")->hash);
    const auto a = good("providers: {openai: {api_key: env:K}}", with({{"K", "a"}})),
               b = good("providers: {openai: {api_key: env:K}}", with({{"K", "b"}}));
    EXPECT_NE(a->hash, b->hash);
}

TEST(Proxy, ComesFromTheProviderTheFileOrTheEnvironment) {
    const auto proxy_of = [](std::string_view provider_keys, std::string_view general, Variables variables) -> std::string {
        const auto s =
            good(std::string(general) + "\nproviders: {p: {type: openai_compatible, " + std::string(provider_keys) + "}}",
                 with(std::move(variables)));
        const auto& proxy = s->providers.at(0).proxy;
        return proxy ? proxy->host + ":" + std::to_string(proxy->port) + " " + std::string(proxy->authorization.reveal())
                     : "straight";
    };
    const std::string far = "base_url: 'https://api.far.test/v1'", near = "base_url: 'http://127.0.0.1:1/v1'";
    EXPECT_EQ(proxy_of(far, "", {}), "straight");
    EXPECT_EQ(proxy_of(far, "", {{"HTTPS_PROXY", "http://p.test:3128"}}), "p.test:3128 ");
    EXPECT_EQ(proxy_of(far, "", {{"https_proxy", "user:pa%20ss@p.test:3128"}}), "p.test:3128 Basic dXNlcjpwYSBzcw==");
    EXPECT_EQ(proxy_of(far, "", {{"HTTP_PROXY", "http://p.test:3128"}}), "straight");
    EXPECT_EQ(proxy_of(far, "", {{"HTTPS_PROXY", "http://p.test:3128"}, {"NO_PROXY", "localhost, .far.test"}}), "straight");
    EXPECT_EQ(proxy_of(far, "", {{"HTTPS_PROXY", "http://p.test:3128"}, {"NO_PROXY", "far.test:444"}}), "p.test:3128 ");
    EXPECT_EQ(proxy_of(far, "", {{"HTTPS_PROXY", "http://p.test:3128"}, {"NO_PROXY", "*"}}), "straight");
    EXPECT_EQ(proxy_of(near, "", {{"HTTP_PROXY", "http://p.test:3128"}}), "straight");
    EXPECT_EQ(proxy_of(far, "proxy: http://q.test:1", {{"HTTPS_PROXY", "http://p.test:3128"}}), "q.test:1 ");
    EXPECT_EQ(proxy_of(far, "proxy: none", {{"HTTPS_PROXY", "http://p.test:3128"}}), "straight");
    EXPECT_EQ(proxy_of(near, "proxy: http://q.test:1", {}), "straight");
    EXPECT_EQ(proxy_of(near + ", proxy: 'http://r.test:2'", "proxy: http://q.test:1", {}), "r.test:2 ");
    EXPECT_EQ(proxy_of(far + ", proxy: none", "proxy: http://q.test:1", {}), "straight");
}

TEST(ConfigurationFile, IsLookedForInOrder) {
    const auto environment = with({{"GOTTHARD_CONFIG", "/from/env.yaml"}}).environment;
    EXPECT_EQ(find_file("/asked.yaml", environment), "/asked.yaml");
    EXPECT_EQ(find_file(std::nullopt, environment), "/from/env.yaml");
}

TEST(ConfigurationFile, ThatCannotBeReadIsAFault) {
    for (const char* path : {"/nowhere/gotthard.yaml", "/"}) {
        const Loaded loaded = load(path, {});
        EXPECT_FALSE(loaded.ok());
        ASSERT_EQ(loaded.faults.size(), 1u);
        EXPECT_EQ(loaded.faults[0].message, "the configuration file cannot be read");
    }
}

TEST(ConfigurationFile, IsReadWithItsSecretsFromFiles) {
    const auto folder = std::filesystem::temp_directory_path() / ("gotthard-config-test-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "key") << "sk-from-file\n";
    std::ofstream(folder / "g.yaml") << "providers: {openai: {api_key: 'file:" << (folder / "key").string() << "'}}\n";
    const Loaded loaded = load((folder / "g.yaml").string(), {});
    ASSERT_TRUE(loaded.ok()) << render_text(loaded.faults, false);
    EXPECT_EQ(header(loaded.snapshot->providers[0].upstream.accounts[0], DialectId::chat, "authorization"),
              "Bearer sk-from-file");
    EXPECT_EQ(loaded.snapshot->file, (folder / "g.yaml").string());
    EXPECT_FALSE(load_text("providers: {openai: {api_key: file:/dev/zero}}", "f", {}).ok());
    EXPECT_FALSE(load_text("providers: {openai: {api_key: file:/}}", "f", {}).ok());
    std::filesystem::remove_all(folder);
}

TEST(ConfigurationFile, IsBoundedInSize) {
    const Loaded loaded = load_text("# " + std::string(2 << 20, 'x'), "big.yaml", {});
    EXPECT_FALSE(loaded.ok());
    ASSERT_EQ(loaded.faults.size(), 1u);
    std::string many = "models:\n";
    for (int i = 0; i < 20'000; ++i) many += "  m" + std::to_string(i) + ": {usee: 1}\n";
    EXPECT_LE(load_text(many, "many.yaml", {}).faults.size(), 500u);
}

TEST(Faults, AreRenderedForProgramsToo) {
    const Loaded loaded = load_text("lisen: \"1\"\n", "a.yaml", {});
    json::Document document;
    const std::string text = render_json(loaded.faults);
    ASSERT_TRUE(document.parse(text).has_value()) << text;
    EXPECT_FALSE(document.root()["valid"].is_true());
    const auto fault = document.root()["faults"].at(0);
    EXPECT_EQ(fault["line"].integer(), 1);
    EXPECT_EQ(fault["column"].integer(), 1);
    EXPECT_TRUE(fault["severity"].equals("error"));
    EXPECT_TRUE(fault["remedy"].equals("did you mean `listen`?"));
    EXPECT_NE(render_text(loaded.faults, true).find("\x1b[1;31merror"), std::string::npos);
}

}  // namespace
}  // namespace gotthard::config
