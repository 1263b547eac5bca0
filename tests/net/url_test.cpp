#include "net/url.hpp"

#include <gtest/gtest.h>

#include <map>

namespace gotthard::net {
namespace {

ProxySettings settings_of(const std::map<std::string, std::string>& variables) {
    auto settings = ProxySettings::from_environment([&](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
    EXPECT_TRUE(settings.has_value());
    return settings.value_or(ProxySettings{});
}

Origin origin_of(std::string_view url) { return parse_base_url(url).value().origin; }

std::string proxy_for(const ProxySettings& settings, std::string_view url) {
    const auto proxy = settings.select(origin_of(url));
    return proxy ? proxy->origin.host_and_port() : "direct";
}

TEST(BaseUrl, HoldsSchemeHostPortPathAndQuery) {
    struct Row {
        std::string_view text;
        bool tls;
        std::string_view host;
        int port;
        std::string_view path, query, authority;
    };
    const Row rows[] = {
        {"http://127.0.0.1:8000/v1", false, "127.0.0.1", 8000, "/v1", "", "127.0.0.1:8000"},
        {"https://API.OpenAI.com/v1/", true, "api.openai.com", 443, "/v1", "", "api.openai.com"},
        {"https://x.openai.azure.com:443/openai?api-version=2024-10-21", true, "x.openai.azure.com", 443, "/openai",
         "api-version=2024-10-21", "x.openai.azure.com"},
        {"http://[::1]:9000", false, "::1", 9000, "", "", "[::1]:9000"},
        {"http://[2001:DB8::1]/", false, "2001:db8::1", 80, "", "", "[2001:db8::1]"},
        {"  http://host_name//  ", false, "host_name", 80, "", "", "host_name"},
        {"http://host?x=1", false, "host", 80, "", "x=1", "host"},
    };
    for (const auto& row : rows) {
        const auto url = parse_base_url(row.text);
        ASSERT_TRUE(url.has_value()) << row.text;
        EXPECT_EQ(url->origin.tls, row.tls) << row.text;
        EXPECT_EQ(url->origin.host, row.host) << row.text;
        EXPECT_EQ(url->origin.port, row.port) << row.text;
        EXPECT_EQ(url->path, row.path) << row.text;
        EXPECT_EQ(url->query, row.query) << row.text;
        EXPECT_EQ(url->origin.authority(), row.authority) << row.text;
    }
}

TEST(BaseUrl, RefusesWhatAnAddressMustNotHold) {
    for (const std::string_view text : {"",
                                        "api.openai.com",
                                        "ftp://host",
                                        "http://",
                                        "http:///v1",
                                        "http://:80",
                                        "http://user:secret@host/",
                                        "http://host#f",
                                        "http://host:0",
                                        "http://host:65536",
                                        "http://host:80a",
                                        "http://host:",
                                        "http://[::1",
                                        "http://[::1]x",
                                        "http://[nonsense]",
                                        "http://ho st",
                                        "http://host\r\nx",
                                        "http://a..b",
                                        "http://-a",
                                        "http://host\\x",
                                        "http://h\xC3\xB6st"})
        EXPECT_FALSE(parse_base_url(text).has_value()) << text;
    EXPECT_EQ(parse_base_url("http://user:secret@host/").error().message.find("secret"), std::string::npos);
}

TEST(ProxySettings, ChooseByTheSchemeOfTheTarget) {
    const auto settings = settings_of({{"HTTP_PROXY", "http://plain:3128"}, {"https_proxy", "secure:3129"}});
    EXPECT_EQ(proxy_for(settings, "http://a.example"), "plain:3128");
    EXPECT_EQ(proxy_for(settings, "https://a.example"), "secure:3129");
}

TEST(ProxySettings, LowerCaseWinsAndAllProxyFillsIn) {
    const auto settings = settings_of({{"HTTP_PROXY", "upper:1"}, {"http_proxy", "lower:2"}, {"ALL_PROXY", "http://all:3"}});
    EXPECT_EQ(proxy_for(settings, "http://a.example"), "lower:2");
    EXPECT_EQ(proxy_for(settings, "https://a.example"), "all:3");
    EXPECT_EQ(proxy_for(settings_of({}), "https://a.example"), "direct");
}

TEST(ProxySettings, NoProxyMatchesNamesSuffixesAddressesRangesAndPorts) {
    const auto settings =
        settings_of({{"all_proxy", "p:1"},
                     {"NO_PROXY", "example.com, .corp,*.lab 10.0.0.0/8,192.168.1.7,fd00::/8,ported:8080,[2001:db8::1],bad/99"}});
    for (const std::string_view direct :
         {"http://example.com", "http://www.example.com", "https://EXAMPLE.com", "http://x.corp", "http://corp", "http://a.b.lab",
          "http://10.200.3.4", "http://192.168.1.7", "http://[fd12::1]", "http://ported:8080", "http://[2001:db8::1]:99",
          "http://127.0.0.1:8000", "http://localhost", "http://[::1]:7"})
        EXPECT_EQ(proxy_for(settings, direct), "direct") << direct;
    for (const std::string_view proxied : {"http://notexample.com", "http://example.com.evil", "http://11.0.0.1",
                                           "http://192.168.1.8", "http://[fe00::1]", "http://ported:8081", "http://bad"})
        EXPECT_EQ(proxy_for(settings, proxied), "p:1") << proxied;
    EXPECT_EQ(proxy_for(settings_of({{"all_proxy", "p:1"}, {"no_proxy", "*"}}), "https://a.example"), "direct");
}

TEST(ProxySettings, CredentialsOfTheProxyBecomeAnAuthorization) {
    const auto proxy = parse_proxy("http://us%65r:p%40ss@proxy:8080/");
    ASSERT_TRUE(proxy.has_value());
    EXPECT_EQ(proxy->authorization, "Basic dXNlcjpwQHNz");
    EXPECT_EQ(proxy->origin.host_and_port(), "proxy:8080");
}

TEST(ProxySettings, AProxyThatCannotBeUsedIsNamedByItsVariableOnly) {
    for (const std::string_view value :
         {"socks5://secret@h:1", "https://secret@h:1", "http://u:secret%@h:1", "http://h:port-secret"}) {
        const auto settings = ProxySettings::from_environment(
            [&](const std::string& name) { return name == "HTTPS_PROXY" ? std::optional<std::string>(value) : std::nullopt; });
        ASSERT_FALSE(settings.has_value()) << value;
        EXPECT_NE(settings.error().message.find("HTTPS_PROXY"), std::string::npos);
        EXPECT_EQ(settings.error().message.find("secret"), std::string::npos);
    }
}

}  // namespace
}  // namespace gotthard::net
