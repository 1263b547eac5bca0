#include "net/url.hpp"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace gotthard::net {
namespace {

constexpr std::size_t npos = std::string_view::npos;
constexpr std::size_t max_host = 253;

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& byte : out)
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + ('a' - 'A'));
    return out;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

std::unexpected<Failure> bad(std::string message) { return fail(FailureKind::invalid_request, std::move(message)); }

bool parse_port(std::string_view text, std::uint16_t& port) {
    unsigned value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || value == 0 || value > 65535) return false;
    port = static_cast<std::uint16_t>(value);
    return true;
}

/// The address as 16 bytes, IPv4 mapped.
bool parse_address(const std::string& text, std::uint8_t (&bytes)[16]) {
    if (inet_pton(AF_INET6, text.c_str(), bytes) == 1) return true;
    std::memset(bytes, 0, 10);
    bytes[10] = bytes[11] = 0xff;
    return inet_pton(AF_INET, text.c_str(), bytes + 12) == 1;
}

bool is_host_name(std::string_view host) {
    if (host.empty() || host.size() > max_host || host.front() == '.' || host.front() == '-') return false;
    std::size_t label = 0;
    for (const char byte : host) {
        if (byte == '.') {
            if (label == 0) return false;
            label = 0;
            continue;
        }
        const bool good = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
        if (!good || ++label > 63) return false;
    }
    return true;
}

/// "host", "host:port", "[v6]", "[v6]:port"; the port stays what it was when there is none.
Status parse_authority(std::string_view text, Origin& origin) {
    std::string_view host = text;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == npos) return bad("the IPv6 address lacks its closing bracket");
        host = text.substr(1, close - 1);
        const auto rest = text.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') return bad("after the IPv6 address only a port may follow");
        has_port = !rest.empty();
        if (has_port) port = rest.substr(1);
        in6_addr address{};
        if (inet_pton(AF_INET6, std::string(host).c_str(), &address) != 1) return bad("the IPv6 address is malformed");
    } else if (const auto colon = text.find(':'); colon != npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        has_port = true;
    }
    if (has_port && !parse_port(port, origin.port)) return bad("the port must be a number from 1 to 65535");
    origin.host = lower(host);
    if (!text.starts_with('[') && !is_host_name(origin.host)) return bad("the host name is missing or malformed");
    return {};
}

bool has_forbidden_byte(std::string_view text) {
    for (const char byte : text)
        if (static_cast<unsigned char>(byte) <= ' ' || byte == 0x7f || byte == '"' || byte == '<' || byte == '>' || byte == '\\')
            return true;
    return false;
}

bool loopback(const Origin& origin) {
    if (origin.host == "localhost" || origin.host.ends_with(".localhost")) return true;
    std::uint8_t bytes[16];
    if (!parse_address(origin.host, bytes)) return false;
    if (bytes[10] == 0xff && bytes[11] == 0xff && bytes[0] == 0) return bytes[12] == 127;
    static constexpr std::uint8_t one[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return std::memcmp(bytes, one, 16) == 0;
}

bool same_prefix(const std::uint8_t* left, const std::uint8_t* right, unsigned bits) {
    const unsigned whole = bits / 8;
    if (std::memcmp(left, right, whole) != 0) return false;
    const unsigned rest = bits % 8;
    return rest == 0 || ((left[whole] ^ right[whole]) >> (8 - rest)) == 0;
}

std::string base64(std::string_view text) {
    std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

bool percent_decode(std::string_view text, std::string& out) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        unsigned value = 0;
        if (i + 2 >= text.size()) return false;
        const auto parsed = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
        if (parsed.ptr != text.data() + i + 3) return false;
        out.push_back(static_cast<char>(value));
        i += 2;
    }
    return true;
}

}  // namespace

std::string Origin::authority() const {
    const bool v6 = host.find(':') != npos;
    const bool usual = port == (tls ? 443 : 80);
    if (usual) return v6 ? fmt::format("[{}]", host) : host;
    return host_and_port();
}

std::string Origin::host_and_port() const {
    return host.find(':') != npos ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string Origin::to_string() const { return fmt::format("{}://{}", tls ? "https" : "http", authority()); }

bool is_ip_literal(std::string_view host) {
    std::uint8_t bytes[16];
    return parse_address(std::string(host), bytes);
}

Result<BaseUrl> parse_base_url(std::string_view text) {
    text = trim(text);
    BaseUrl url;
    const auto scheme_end = text.find("://");
    if (scheme_end == npos) return bad("a base URL begins with http:// or https://");
    const auto scheme = lower(text.substr(0, scheme_end));
    if (scheme != "http" && scheme != "https") return bad("the scheme of a base URL is http or https");
    url.origin.tls = scheme == "https";
    url.origin.port = url.origin.tls ? 443 : 80;
    auto rest = text.substr(scheme_end + 3);
    if (has_forbidden_byte(rest)) return bad("a base URL must not contain blanks, quotes, backslashes or control characters");
    if (rest.find('#') != npos) return bad("a base URL must not have a fragment (#...)");
    const auto authority = rest.substr(0, rest.find_first_of("/?"));
    if (authority.find('@') != npos) return bad("a base URL must not hold a user name or password; use api_key or headers");
    if (auto status = parse_authority(authority, url.origin); !status) return fail(std::move(status.error()));
    rest.remove_prefix(authority.size());
    if (const auto question = rest.find('?'); question != npos) {
        url.query = rest.substr(question + 1);
        rest = rest.substr(0, question);
    }
    while (rest.ends_with('/')) rest.remove_suffix(1);
    url.path = rest;
    return url;
}

Result<Proxy> parse_proxy(std::string_view text) {
    text = trim(text);
    Proxy proxy;
    if (const auto scheme_end = text.find("://"); scheme_end != npos) {
        if (lower(text.substr(0, scheme_end)) != "http") return bad("only http:// proxies are supported");
        text.remove_prefix(scheme_end + 3);
    }
    text = text.substr(0, text.find('/'));
    if (const auto at = text.rfind('@'); at != npos) {
        std::string credentials;
        if (!percent_decode(text.substr(0, at), credentials))
            return bad("the proxy's user name or password is not percent-encoded correctly");
        if (credentials.find(':') == std::string::npos) credentials.push_back(':');
        proxy.authorization = "Basic " + base64(credentials);
        text.remove_prefix(at + 1);
    }
    if (has_forbidden_byte(text)) return bad("the proxy's address holds blanks or control characters");
    if (auto status = parse_authority(text, proxy.origin); !status) return fail(std::move(status.error()));
    return proxy;
}

Result<ProxySettings> ProxySettings::from_environment(const Environment& environment) {
    const auto read = [&](const std::string& name) -> Result<std::optional<Proxy>> {
        std::string upper(name);
        for (char& byte : upper)
            if (byte >= 'a' && byte <= 'z') byte = static_cast<char>(byte - ('a' - 'A'));
        for (const auto& each : {name, upper}) {
            const auto value = environment(each);
            if (!value || trim(*value).empty()) continue;
            auto proxy = parse_proxy(*value);
            if (!proxy)
                return bad(fmt::format("The environment variable {} names a proxy that cannot be used: {}.", each,
                                       proxy.error().message));
            return std::optional<Proxy>(std::move(*proxy));
        }
        return std::optional<Proxy>();
    };
    ProxySettings settings;
    auto http = read("http_proxy");
    auto https = read("https_proxy");
    auto all = read("all_proxy");
    for (auto* each : {&http, &https, &all})
        if (!*each) return fail(std::move(each->error()));
    settings.http_ = *http ? *http : *all;
    settings.https_ = *https ? *https : *all;
    auto exceptions = environment("no_proxy");
    if (!exceptions) exceptions = environment("NO_PROXY");
    settings.exceptions_ = parse_exceptions(exceptions.value_or(""));
    return settings;
}

ProxySettings ProxySettings::of(std::optional<Proxy> http, std::optional<Proxy> https, std::string_view no_proxy) {
    ProxySettings settings;
    settings.http_ = std::move(http);
    settings.https_ = std::move(https);
    settings.exceptions_ = parse_exceptions(no_proxy);
    return settings;
}

std::vector<ProxySettings::Exception> ProxySettings::parse_exceptions(std::string_view text) {
    std::vector<Exception> exceptions;
    while (!text.empty()) {
        const auto comma = text.find_first_of(", ");
        std::string entry = lower(trim(text.substr(0, comma)));
        text = comma == npos ? std::string_view{} : text.substr(comma + 1);
        if (entry.empty()) continue;
        Exception exception;
        exception.any = entry == "*";
        if (const auto slash = entry.find('/'); slash != npos) {
            unsigned bits = 0;
            const char* end = entry.data() + entry.size();
            const auto parsed = std::from_chars(entry.data() + slash + 1, end, bits);
            const bool v6 = entry.find(':') != npos;
            entry.resize(slash);
            if (parsed.ec != std::errc{} || parsed.ptr != end || bits > (v6 ? 128u : 32u) ||
                !parse_address(entry, exception.bytes))
                continue;
            exception.prefix_bits = bits + (v6 ? 0 : 96);
            exception.address = true;
        } else if (is_ip_literal(entry)) {
            exception.address = parse_address(entry, exception.bytes);
        } else if (!exception.any) {
            Origin origin;
            origin.port = 0;
            if (entry.starts_with("*."))
                entry.erase(0, 2);
            else if (entry.starts_with('.'))
                entry.erase(0, 1);
            if (!parse_authority(entry, origin)) continue;
            exception.port = origin.port;
            exception.suffix = origin.host;
            if (is_ip_literal(origin.host)) exception.address = parse_address(origin.host, exception.bytes);
        }
        exceptions.push_back(std::move(exception));
    }
    return exceptions;
}

std::optional<Proxy> ProxySettings::select(const Origin& origin) const {
    const auto& proxy = origin.tls ? https_ : http_;
    if (!proxy || loopback(origin)) return std::nullopt;
    std::uint8_t bytes[16];
    const bool literal = parse_address(origin.host, bytes);
    for (const auto& exception : exceptions_) {
        if (exception.any) return std::nullopt;
        if (exception.port != 0 && exception.port != origin.port) continue;
        if (exception.address) {
            if (literal && same_prefix(bytes, exception.bytes, exception.prefix_bits)) return std::nullopt;
            continue;
        }
        if (origin.host == exception.suffix) return std::nullopt;
        if (origin.host.size() > exception.suffix.size() && origin.host.ends_with(exception.suffix) &&
            origin.host[origin.host.size() - exception.suffix.size() - 1] == '.')
            return std::nullopt;
    }
    return proxy;
}

}  // namespace gotthard::net
