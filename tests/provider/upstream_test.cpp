#include "provider/upstream.hpp"

#include <gtest/gtest.h>

namespace gotthard::provider {
namespace {

struct Call {
    std::string target;
    std::string host;
    std::map<std::string, std::string> headers;  // authentication and fixed ones
    std::string beta;
};

UpstreamSettings with_key(std::string_view row, std::string key) {
    UpstreamSettings settings{.row = find_row(row)};
    settings.keys.push_back({"default", Secret(std::move(key)), 1, false});
    return settings;
}

Call call(const UpstreamSettings& settings, DialectId id, Operation operation = Operation::generate,
          std::string_view model = "m") {
    const auto upstream = make_upstream(settings);
    EXPECT_TRUE(upstream.has_value()) << (upstream ? "" : upstream.error().message);
    if (!upstream) return {};
    Call out;
    out.host = upstream->base.authority();
    const auto& account = upstream->accounts[0];
    upstream->append_target(id, operation, model, account, out.target);
    for (const auto& line : account.for_dialect(id).headers) out.headers[line.name] = line.value.reveal();
    for (const auto& line : upstream->headers(id)) out.headers[line.name] = line.value.reveal();
    out.beta = account.for_dialect(id).beta;
    return out;
}

UpstreamSettings at(std::string_view row, std::string_view base, std::string key = {}) {
    UpstreamSettings settings{.row = find_row(row)};
    settings.base = parse_base_url(base).value();
    if (!key.empty()) settings.keys.push_back({"default", Secret(std::move(key)), 1, false});
    return settings;
}

using enum DialectId;

TEST(Upstream, JoinsBaseAndPathSoThatTheVersionStandsOnce) {
    struct {
        const char* row;
        const char* base;
        DialectId dialect;
        const char* target;
    } const cases[] = {
        {"openai_compatible", "http://127.0.0.1:8000/v1", chat, "/v1/chat/completions"},
        {"openai_compatible", "http://127.0.0.1:8000/v1/", chat, "/v1/chat/completions"},
        {"openai_compatible", "http://127.0.0.1:8000", chat, "/v1/chat/completions"},
        {"openai_compatible", "http://127.0.0.1:8000/", chat, "/chat/completions"},
        {"openai_compatible", "http://127.0.0.1:8000/some/where", chat, "/some/where/chat/completions"},
        {"anthropic", "http://127.0.0.1:9001", anthropic, "/v1/messages"},
        {"anthropic", "http://127.0.0.1:9001/", anthropic, "/v1/messages"},
        {"anthropic", "http://127.0.0.1:9001/v1", anthropic, "/v1/messages"},
        {"anthropic", "http://127.0.0.1:9001/proxy", anthropic, "/proxy/v1/messages"},
        {"openai", "https://eu.api.openai.com/v1", chat, "/v1/chat/completions"},
        {"openai", "https://eu.api.openai.com", chat, "/v1/chat/completions"},
        {"perplexity", "http://127.0.0.1:9", chat, "/chat/completions"},
        {"ollama", "http://127.0.0.1:11434/v1", chat, "/v1/chat/completions"},
        {"minimax", "https://api.minimaxi.com/v1", anthropic, "/anthropic/v1/messages"},
        {"baseten", "https://inference.baseten.co/v1", anthropic, "/v1/messages"},
        {"zai", "https://api.z.ai/api/paas/v4", chat, "/api/paas/v4/chat/completions"},
    };
    for (const auto& one : cases)
        EXPECT_EQ(call(at(one.row, one.base), one.dialect).target, one.target) << one.row << " " << one.base;
}

TEST(Upstream, OneEngineMayBeCalledInBothDialects) {
    auto settings = at("openai_compatible", "http://127.0.0.1:8000/v1", "k");
    settings.dialects = {anthropic, chat};
    EXPECT_EQ(call(settings, anthropic).target, "/v1/messages");
    EXPECT_EQ(call(settings, anthropic, Operation::count_tokens).target, "/v1/messages/count_tokens");
    EXPECT_EQ(call(settings, anthropic).headers["x-api-key"], "k");
    EXPECT_EQ(call(settings, anthropic).headers["anthropic-version"], "2023-06-01");
    EXPECT_EQ(call(settings, chat).headers["authorization"], "Bearer k");
    EXPECT_FALSE(call(settings, chat).headers.contains("anthropic-version"));
    const auto upstream = make_upstream(settings).value();
    EXPECT_EQ(upstream.dialect_for(chat), chat);
    EXPECT_EQ(upstream.dialects.front(), anthropic);
}

TEST(Upstream, SpeaksItsFirstDialectToClientsOfAnother) {
    const auto upstream = make_upstream(with_key("groq", "k")).value();
    EXPECT_EQ(upstream.dialect_for(anthropic), chat);
    EXPECT_FALSE(upstream.supports(anthropic, Operation::generate));
    EXPECT_TRUE(upstream.supports(chat, Operation::models));
}

TEST(Upstream, AzureNamesTheDeploymentInThePathAndTheVersionInTheQuery) {
    auto settings = with_key("azure", "k");
    settings.variables = {{"resource", "contoso"}, {"api_version", "2024-10-21"}};
    const Call azure = call(settings, chat, Operation::generate, "gpt 4/o");
    EXPECT_EQ(azure.host, "contoso.openai.azure.com");
    EXPECT_EQ(azure.target, "/openai/deployments/gpt%204%2Fo/chat/completions?api-version=2024-10-21");
    EXPECT_EQ(azure.headers.at("api-key"), "k");
    EXPECT_FALSE(azure.headers.contains("authorization"));
    EXPECT_EQ(call(settings, chat, Operation::embeddings, "e").target, "/openai/deployments/e/embeddings?api-version=2024-10-21");
    EXPECT_FALSE(make_upstream(settings)->supports(chat, Operation::models));

    settings.keys[0].always_bearer = true;  // AZURE_AD_TOKEN
    EXPECT_EQ(call(settings, chat).headers.at("authorization"), "Bearer k");
}

TEST(Upstream, AzureFoundrySpeaksBothDialects) {
    auto settings = with_key("azure_ai", "k");
    settings.variables = {{"resource", "contoso"}, {"api_version", "2024-05-01-preview"}};
    EXPECT_EQ(call(settings, chat).target, "/models/chat/completions?api-version=2024-05-01-preview");
    EXPECT_EQ(call(settings, anthropic).target, "/anthropic/v1/messages");
    EXPECT_EQ(call(settings, anthropic).headers.at("api-key"), "k");
}

TEST(Upstream, SaysWhichVariableIsMissing) {
    const auto upstream = make_upstream(with_key("azure", "k"));
    ASSERT_FALSE(upstream.has_value());
    EXPECT_EQ(upstream.error().message, "azure needs `resource` (or the environment variable AZURE_OPENAI_RESOURCE)");
    const auto nowhere = make_upstream(with_key("litellm_proxy", "k"));
    ASSERT_FALSE(nowhere.has_value());
    EXPECT_NE(nowhere.error().message.find("base_url"), std::string::npos);
}

TEST(Upstream, AVariableCannotChangeTheShapeOfTheUrl) {
    for (const char* evil : {"a/b", "x@evil.test", "a?b", "..%2f", "a b", "a#"}) {
        auto settings = with_key("azure", "k");
        settings.variables = {{"resource", evil}, {"api_version", "v"}};
        EXPECT_FALSE(make_upstream(settings).has_value()) << evil;
    }
}

TEST(Upstream, SubscriptionKeysGoAsBearerWithTheirBeta_E040) {
    const Call oauth = call(with_key("anthropic", "sk-ant-oat01-abc"), anthropic);
    EXPECT_EQ(oauth.headers.at("authorization"), "Bearer sk-ant-oat01-abc");
    EXPECT_EQ(oauth.headers.at("anthropic-dangerous-direct-browser-access"), "true");
    EXPECT_EQ(oauth.beta, "oauth-2025-04-20");
    EXPECT_FALSE(oauth.headers.contains("x-api-key"));

    const Call plain = call(with_key("anthropic", "sk-ant-api03-abc"), anthropic);
    EXPECT_EQ(plain.headers.at("x-api-key"), "sk-ant-api03-abc");
    EXPECT_EQ(plain.beta, "");
    EXPECT_FALSE(plain.headers.contains("authorization"));
}

TEST(Upstream, WithoutAKeyNoFakeOneIsSent_E196) {
    for (const char* row : {"ollama", "vllm", "llama_cpp"}) {
        const Call engine = call(UpstreamSettings{.row = find_row(row)}, chat);
        EXPECT_TRUE(engine.headers.empty()) << row;
    }
    const Call keyed = call(with_key("vllm", "secret"), chat);
    EXPECT_EQ(keyed.headers.at("authorization"), "Bearer secret");
}

TEST(Upstream, TheKeyTravelsAsTheOperatorSays) {
    auto settings = at("openai_compatible", "http://127.0.0.1:1/v1", "a b+c&d");
    settings.keys[0].key = Secret("a+c&d=");
    settings.auth = parse_auth("query:key");
    EXPECT_EQ(call(settings, chat).target, "/v1/chat/completions?key=a%2Bc%26d%3D");
    EXPECT_TRUE(call(settings, chat).headers.empty());
    settings.auth = parse_auth("header:X-My-Key");
    EXPECT_EQ(call(settings, chat).headers.at("x-my-key"), "a+c&d=");
    settings.auth = parse_auth("scheme:Token");
    EXPECT_EQ(call(settings, chat).headers.at("authorization"), "Token a+c&d=");
    settings.auth = parse_auth("none");
    EXPECT_TRUE(call(settings, chat).headers.empty());
    EXPECT_EQ(parse_auth("header:"), std::nullopt);
    EXPECT_EQ(parse_auth("header:a b"), std::nullopt);
    EXPECT_EQ(parse_auth("sigv4:bedrock"), std::nullopt);
}

TEST(Upstream, QueryAuthenticationJoinsAQueryThatIsThere) {
    auto settings = with_key("azure", "k");
    settings.variables = {{"resource", "r"}, {"api_version", "v"}};
    settings.auth = parse_auth("query:key");
    EXPECT_EQ(call(settings, chat).target, "/openai/deployments/m/chat/completions?api-version=v&key=k");
}

TEST(Upstream, AKeyThatCouldEndAHeaderLineIsRefusedWithoutShowingIt) {
    for (const char* evil : {"k\r\nx: y", "k k", "k\n", "k\x01", "k\xc3\xa9"}) {
        const auto upstream = make_upstream(with_key("openai", evil));
        ASSERT_FALSE(upstream.has_value());
        EXPECT_EQ(upstream.error().message, "the key of account default holds a blank or a character that no header may hold");
    }
}

TEST(Upstream, SendsTheRowsHeadersWhoseVariablesAreGiven) {
    auto settings = with_key("openrouter", "k");
    EXPECT_FALSE(call(settings, chat).headers.contains("http-referer"));
    settings.variables = {{"site_url", "https://example.test/app"}, {"app_name", "My App"}};
    EXPECT_EQ(call(settings, chat).headers.at("http-referer"), "https://example.test/app");
    EXPECT_EQ(call(settings, chat).headers.at("x-title"), "My App");
    EXPECT_EQ(call(with_key("sarvam", "k"), chat).headers.at("api-subscription-key"), "k");
    auto evil = settings;
    evil.variables["app_name"] = "x\r\ny: z";
    EXPECT_FALSE(make_upstream(evil).has_value());
}

TEST(Upstream, TheOperatorsHeadersReplaceTheRowsAndCannotFrameTheMessage) {
    auto settings = with_key("anthropic", "k");
    settings.headers = {{"Anthropic-Version", Secret("2026-10-21")}, {"X-Team", Secret("a")}};
    EXPECT_EQ(call(settings, anthropic).headers.at("anthropic-version"), "2026-10-21");
    EXPECT_EQ(call(settings, anthropic).headers.at("x-team"), "a");
    for (const char* name : {"Host", "content-length", "Transfer-Encoding", "connection", "", "a b", "x:y"}) {
        settings.headers = {{name, Secret("v")}};
        EXPECT_FALSE(make_upstream(settings).has_value()) << name;
    }
    settings.headers = {{"x-ok", Secret("v\r\nx: y")}};
    EXPECT_FALSE(make_upstream(settings).has_value());
}

TEST(Upstream, ADialectThatTheRowHasNotIsRefused) {
    auto settings = with_key("groq", "k");
    settings.dialects = {anthropic};
    const auto upstream = make_upstream(settings);
    ASSERT_FALSE(upstream.has_value());
    EXPECT_EQ(upstream.error().message, "groq does not speak anthropic");
}

TEST(Upstream, PassThroughStaysUnderTheBaseUrl) {
    const auto upstream = make_upstream(with_key("openai", "k")).value();
    const auto& account = upstream.accounts[0];
    std::string out;
    ASSERT_TRUE(upstream.append_passthrough(chat, "/files/f1", "limit=2", account, out).has_value());
    EXPECT_EQ(out, "/v1/files/f1?limit=2");
    out.clear();
    ASSERT_TRUE(upstream.append_passthrough(chat, "/v1/files", "", account, out).has_value());
    EXPECT_EQ(out, "/v1/files");
    for (const char* evil : {"files", "//evil.test/x", "/../admin", "/a/%2e%2e/b", "/a/..%2fb", "/a\\..\\b", "/a b", "/a\r\nx: y",
                             "/a?b", "/a#b", "/."}) {
        out.clear();
        EXPECT_FALSE(upstream.append_passthrough(chat, evil, "", account, out).has_value()) << evil;
    }
    EXPECT_FALSE(upstream.append_passthrough(chat, "/a", "b c", account, out).has_value());
}

TEST(Upstream, AuthenticationOfAClientNeverTravels_E249) {
    for (const char* name :
         {"Authorization", "authorization", "X-Api-Key", "api-key", "x-goog-api-key", "Cookie", "Proxy-Authorization", "Host",
          "Content-Length", "Transfer-Encoding", "Connection", "TE", "x-gotthard-session", "X-Forwarded-For", ":path"})
        EXPECT_FALSE(forwards_client_header(name)) << name;
    for (const char* name : {"anthropic-beta", "anthropic-version", "openai-organization", "x-claude-code-session-id",
                             "user-agent", "x-stainless-lang"})
        EXPECT_TRUE(forwards_client_header(name)) << name;
}

TEST(Environment, OffersKeysInTheOrderOfTheirVariables) {
    std::map<std::string, std::string, std::less<>> set = {
        {"TOGETHER_AI_API_KEY", "second"}, {"ANTHROPIC_AUTH_TOKEN", " token\n"}, {"OPENAI_API_KEY", ""}};
    const Environment environment = [&](std::string_view name) -> std::optional<std::string> {
        const auto found = set.find(name);
        if (found == set.end()) return std::nullopt;
        return found->second;
    };
    EXPECT_EQ(usual_key(*find_row("together_ai"), environment)->key.reveal(), "second");
    EXPECT_EQ(usual_key(*find_row("openai"), environment), std::nullopt);
    const auto token = usual_key(*find_row("anthropic"), environment);
    EXPECT_EQ(token->key.reveal(), "token");
    EXPECT_TRUE(token->always_bearer);
    EXPECT_EQ(token->variable, "ANTHROPIC_AUTH_TOKEN");
}

TEST(BaseUrl, ReadsHostPortAndPath) {
    const auto url = parse_base_url("https://API.Example.com:8443/v1/").value();
    EXPECT_TRUE(url.secure);
    EXPECT_EQ(url.host, "api.example.com");
    EXPECT_EQ(url.port, 8443);
    EXPECT_EQ(url.path, "/v1");
    EXPECT_EQ(url.authority(), "api.example.com:8443");
    EXPECT_EQ(url.text(), "https://api.example.com:8443/v1");
    const auto six = parse_base_url("http://[::1]:80/v1").value();
    EXPECT_EQ(six.host, "::1");
    EXPECT_EQ(six.authority(), "[::1]");
    EXPECT_FALSE(six.secure);
    EXPECT_EQ(parse_base_url("http://h").value().path, "");
    EXPECT_EQ(parse_base_url("http://h/").value().path, "/");
}

TEST(BaseUrl, RefusesWhatTwoReadersCouldUnderstandDifferently) {
    for (const char* bad : {"",
                            "api.openai.com",
                            "ftp://h/",
                            "http://",
                            "http:///v1",
                            "http://u:p@h/",
                            "http://h:0/",
                            "http://h:70000/",
                            "http://h:/",
                            "http://h/a?b",
                            "http://h/#f",
                            "http://h/a/../b",
                            "http://h/%2e%2e/",
                            "http://h a/",
                            "http://h/a b",
                            "http://h\\@evil/",
                            "http://[::1/",
                            "http://[zz]/",
                            "http://-h/",
                            "http://a..b/",
                            "http://h/\x01",
                            "http://h\xc3\xa9/"})
        EXPECT_FALSE(parse_base_url(bad).has_value()) << bad;
    EXPECT_FALSE(parse_base_url("http://h/" + std::string(3000, 'a')).has_value());
}

}  // namespace
}  // namespace gotthard::provider
