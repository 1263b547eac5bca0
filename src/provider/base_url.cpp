// The address of an upstream. Strict: what two readers could understand differently is refused.
#include "base/text.hpp"
#include "provider/upstream.hpp"

namespace gotthard::provider {
namespace {

std::unexpected<Failure> bad(std::string_view what) { return fail(FailureKind::invalid_request, std::string(what)); }

bool host_character(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; }

bool path_character(char c) {
    return is_alpha(c) || is_digit(c) || std::string_view("-._~!$&'()*+,;=:@/%").find(c) != std::string_view::npos;
}

bool is_name(std::string_view host) {
    if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') return false;
    for (std::size_t i = 0; i < host.size(); ++i) {
        if (!host_character(host[i])) return false;
        if (host[i] == '.' && i + 1 < host.size() && host[i + 1] == '.') return false;
    }
    return true;
}

bool is_ip6(std::string_view host) {
    if (host.size() < 2 || host.size() > 45) return false;
    for (const char c : host)
        if (!is_digit(c) && c != ':' && c != '.' && !(to_lower(c) >= 'a' && to_lower(c) <= 'f')) return false;
    return host.find(':') != std::string_view::npos;
}

bool has_dot_segment(std::string_view path) {
    const std::string decoded = percent_decode(path);
    std::string_view rest = decoded;
    while (!rest.empty()) {
        const auto slash = rest.find('/');
        const auto segment = rest.substr(0, slash);
        if (segment == "." || segment == "..") return true;
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
    }
    return decoded.find('\\') != std::string::npos;
}

}  // namespace

std::string BaseUrl::authority() const {
    std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != (secure ? 443 : 80)) {
        out += ':';
        append_integer(out, port);
    }
    return out;
}

std::string BaseUrl::text() const { return (secure ? "https://" : "http://") + authority() + path; }

Result<BaseUrl> parse_base_url(std::string_view text) {
    BaseUrl url;
    if (text.size() > 2048) return bad("the address is longer than 2048 characters");
    if (starts_with_ignoring_case(text, "https://")) {
        text.remove_prefix(8);
    } else if (starts_with_ignoring_case(text, "http://")) {
        url.secure = false;
        url.port = 80;
        text.remove_prefix(7);
    } else {
        return bad("the address must begin with https:// or http://");
    }
    const auto end = text.find_first_of("/?#\\");
    std::string_view authority = text.substr(0, end);
    const std::string_view rest = end == std::string_view::npos ? std::string_view{} : text.substr(end);
    if (authority.find('@') != std::string_view::npos)
        return bad("the address holds a user name or password; give the key as api_key instead");
    std::string_view port;
    if (authority.starts_with('[')) {
        const auto close = authority.find(']');
        if (close == std::string_view::npos || !is_ip6(authority.substr(1, close - 1))) return bad("the host is no IPv6 address");
        url.host = lower(authority.substr(1, close - 1));
        port = authority.substr(close + 1);
    } else {
        const auto colon = authority.find(':');
        url.host = lower(authority.substr(0, colon));
        port = colon == std::string_view::npos ? std::string_view{} : authority.substr(colon);
        if (!is_name(url.host)) return bad("the host name is empty or holds a character that no host name has");
    }
    if (!port.empty()) {
        const auto number = port.front() == ':' ? parse_integer<std::uint16_t>(port.substr(1)) : std::nullopt;
        if (!number || *number == 0) return bad("the port must be a number from 1 to 65535");
        url.port = *number;
    }
    for (const char c : rest) {
        if (c == '?' || c == '#') return bad("the address may hold no query and no fragment");
        if (!path_character(c)) return bad("the path holds a character that must be percent-encoded");
    }
    if (has_dot_segment(rest)) return bad("the path holds a dot segment");
    url.path = rest;
    while (url.path.size() > 1 && url.path.ends_with('/')) url.path.pop_back();
    return url;
}

}  // namespace gotthard::provider
