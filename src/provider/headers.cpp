// Which header lines may pass between a client and an upstream. Names compare without case.
#include <algorithm>

#include "base/text.hpp"
#include "provider/upstream.hpp"

namespace gotthard::provider {
namespace {

// Where a client's key may stand (G-1), and what else speaks for the client: never forwarded (E249).
constexpr std::string_view credentials[] = {
    "authorization", "proxy-authorization",  "proxy-authenticate", "x-api-key", "api-key", "x-goog-api-key",
    "cookie",        "x-amz-security-token",
};

// What frames a message or belongs to one connection.
constexpr std::string_view connection_headers[] = {
    "host", "content-length", "transfer-encoding", "connection", "keep-alive",     "proxy-connection",
    "te",   "trailer",        "upgrade",           "expect",     "http2-settings",
};

// What the gateway decides for itself, and where the client came from.
constexpr std::string_view own_headers[] = {
    "content-encoding", "content-type",      "accept-encoding",    "forwarded", "via",    "x-forwarded-for", "x-forwarded-host",
    "x-forwarded-port", "x-forwarded-proto", "x-forwarded-server", "x-real-ip", "origin", "referer",
};

bool among(std::string_view name, std::span<const std::string_view> list) {
    return std::ranges::any_of(list, [name](std::string_view other) { return equals_ignoring_case(name, other); });
}

}  // namespace

bool forwards_client_header(std::string_view name) {
    if (name.empty() || name.front() == ':' || starts_with_ignoring_case(name, "x-gotthard-")) return false;
    return !among(name, credentials) && !among(name, connection_headers) && !among(name, own_headers);
}

bool is_header_name(std::string_view name) {
    if (name.empty() || name.size() > 256) return false;
    return std::ranges::all_of(name, [](char c) {
        return is_alpha(c) || is_digit(c) || std::string_view("-_.!#$%&'*+^`|~").find(c) != std::string_view::npos;
    });
}

bool settable_header(std::string_view name) {
    return is_header_name(name) && !among(name, connection_headers) && !equals_ignoring_case(name, "content-type") &&
           !equals_ignoring_case(name, "content-encoding") && !equals_ignoring_case(name, "accept-encoding");
}

bool is_header_value(std::string_view text, bool blanks) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x7e || byte < 0x20 || (byte == 0x20 && !blanks)) return false;
    }
    return true;
}

}  // namespace gotthard::provider
