#include "net/http1.hpp"

#include <array>
#include <cstring>
#include <utility>

#include "net/http1_text.hpp"
#include "net/task_memory.hpp"

namespace gotthard::net {
namespace {

using Outcome = HeadOutcome;

Outcome malformed(int status, std::string_view reason) { return {Outcome::State::malformed, status, 0, reason}; }
Outcome bad(std::string_view reason) { return malformed(400, reason); }
Outcome incomplete() { return {}; }
bool is_stop(const Outcome& outcome) { return outcome.state != Outcome::State::complete; }
Outcome go_on() { return {Outcome::State::complete, 0, 0, {}}; }

/// The framing headers of a head, as they are met.
struct FramingHeaders {
    std::optional<std::uint64_t> content_length;
    bool chunked = false;
    bool transfer_encoding = false;
    bool close = false;
    bool keep_alive = false;
    bool connection_upgrade = false;
    bool upgrade = false;
    bool expect_continue = false;
    bool host_seen = false;
    std::string_view host;
};

enum class Side : bool { request, response };

template <class Call>
void for_each_token(std::string_view list, Call call) {
    while (!list.empty()) {
        const auto comma = list.find(',');
        call(trim_blanks(list.substr(0, comma)));
        if (comma == std::string_view::npos) return;
        list.remove_prefix(comma + 1);
    }
}

Outcome take_content_length(std::string_view value, Side side, FramingHeaders& framing) {
    if (value.empty() || value.size() > 18) return bad("The Content-Length header is not a number this server can serve.");
    std::uint64_t length = 0;
    for (const char c : value) {
        if (c < '0' || c > '9') return bad("The Content-Length header is not a plain decimal number.");
        length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (framing.content_length && (side == Side::request || *framing.content_length != length))
        return bad("The Content-Length header is given more than once.");
    framing.content_length = length;
    return go_on();
}

Outcome take_transfer_encoding(std::string_view value, FramingHeaders& framing) {
    if (framing.transfer_encoding) return bad("The Transfer-Encoding header is given more than once.");
    framing.transfer_encoding = true;
    if (same_name(value, "chunked")) {
        framing.chunked = true;
        return go_on();
    }
    int codings = 0;
    int chunked = 0;
    bool last_chunked = false;
    for_each_token(value, [&](std::string_view token) {
        ++codings;
        last_chunked = same_name(token, "chunked");
        chunked += last_chunked ? 1 : 0;
    });
    if (!last_chunked || chunked != 1 || codings < 2)
        return bad("The Transfer-Encoding header must be 'chunked' and nothing else.");
    return malformed(501, "Transfer-Encoding other than 'chunked' is not supported; use Content-Encoding to compress a body.");
}

bool is_host(std::string_view host) {
    if (host.empty()) return false;
    for (const char c : host)
        if (!is_host_char(c)) return false;
    return true;
}

Outcome take_host(std::string_view value, FramingHeaders& framing) {
    if (framing.host_seen) return bad("The Host header is given more than once.");
    if (!is_host(value)) return bad("The Host header is not a host name with an optional port.");
    framing.host_seen = true;
    framing.host = value;
    return go_on();
}

/// `raw`: the value with the blanks around it. Tabs there are legal and read differently by different servers.
Outcome take_header(std::string_view name, std::string_view value, std::string_view raw, Side side, FramingHeaders& framing) {
    switch (name.size()) {
        case 4:
            if (side == Side::request && same_name(name, "host")) return take_host(value, framing);
            break;
        case 6:
            if (side == Side::request && same_name(name, "expect")) {
                if (!same_name(value, "100-continue"))
                    return malformed(417, "The only expectation this server meets is '100-continue'.");
                framing.expect_continue = true;
            }
            break;
        case 7:
            if (same_name(name, "upgrade")) framing.upgrade = true;
            break;
        case 10:
            if (same_name(name, "connection")) {
                for_each_token(value, [&](std::string_view token) {
                    if (same_name(token, "close")) framing.close = true;
                    if (same_name(token, "keep-alive")) framing.keep_alive = true;
                    if (same_name(token, "upgrade")) framing.connection_upgrade = true;
                });
            }
            break;
        case 14:
            if (!same_name(name, "content-length")) break;
            return raw.contains('\t') ? bad("The Content-Length header holds a tab.") : take_content_length(value, side, framing);
            break;
        case 17:
            if (!same_name(name, "transfer-encoding")) break;
            return raw.contains('\t') ? bad("The Transfer-Encoding header holds a tab.") : take_transfer_encoding(value, framing);
        default:
            break;
    }
    return go_on();
}

/// `at` stands on the first control byte behind a value.
Outcome check_value_end(const char* at, const char* const end) {
    if (at == end) return incomplete();
    if (*at == '\n') return bad("A line ends with a line feed alone; HTTP ends lines with CR LF.");
    if (*at != '\r') return bad("A header value holds a control character.");
    if (at + 1 == end) return incomplete();
    return at[1] == '\n' ? go_on() : bad("A line ends with a carriage return alone.");
}

/// Reads header lines from `at` to the empty line; on success `at` stands behind it.
Outcome read_headers(const char*& at, const char* const end, Side side, const HeadLimits& limits, HeaderList& headers,
                     FramingHeaders& framing) {
    for (;;) {
        if (at == end) return incomplete();
        if (*at == '\r') {
            if (at + 1 == end) return incomplete();
            if (at[1] != '\n') return bad("A line ends with a carriage return alone.");
            at += 2;
            return go_on();
        }
        const char* const name = at;
        while (at != end && is_token_char(*at)) ++at;
        if (at == end) return incomplete();
        if (*at != ':') {
            if (*at == '\n') return bad("A line ends with a line feed alone; HTTP ends lines with CR LF.");
            if (*at != ' ' && *at != '\t') return bad("A header name holds a character that is not allowed.");
            return at == name ? bad("A header is folded over several lines.")
                              : bad("A header name is followed by a blank before its colon.");
        }
        if (at == name) return bad("A header has no name.");
        const std::string_view name_text(name, static_cast<std::size_t>(at - name));
        const char* const raw = at + 1;
        do ++at;
        while (at != end && (*at == ' ' || *at == '\t'));
        const char* const value = at;
        at = find_control(at, end);
        if (const Outcome outcome = check_value_end(at, end); is_stop(outcome)) return outcome;
        const char* value_end = at;
        while (value_end != value && (value_end[-1] == ' ' || value_end[-1] == '\t')) --value_end;
        const std::string_view raw_text(raw, static_cast<std::size_t>(at - raw));
        at += 2;
        const std::string_view value_text(value, static_cast<std::size_t>(value_end - value));
        if (headers.size() >= limits.headers) return malformed(431, "The request has too many headers.");
        headers.add(name_text, value_text);
        if (const Outcome outcome = take_header(name_text, value_text, raw_text, side, framing); is_stop(outcome)) return outcome;
    }
}

Outcome split_target(RequestHead& head) {
    std::string_view rest = head.target;
    if (rest == "*") {
        if (head.method != "OPTIONS") return bad("The target '*' is for OPTIONS only.");
        head.path = rest;
        return go_on();
    }
    if (head.method == "CONNECT") return malformed(501, "CONNECT is not served here.");
    if (!rest.starts_with('/')) {
        const auto scheme = rest.find("://");
        if (scheme == std::string_view::npos ||
            (!same_name(rest.substr(0, scheme), "http") && !same_name(rest.substr(0, scheme), "https")))
            return bad("The request target must begin with '/'.");
        rest.remove_prefix(scheme + 3);
        const auto authority_end = std::min(rest.find_first_of("/?"), rest.size());
        head.host = rest.substr(0, authority_end);
        if (!is_host(head.host)) return bad("The request target has no valid host.");
        rest.remove_prefix(authority_end);
    }
    const auto mark = rest.find('?');
    head.path = rest.substr(0, mark);
    if (head.path.empty()) head.path = "/";
    head.query = mark == std::string_view::npos ? std::string_view{} : rest.substr(mark + 1);
    return go_on();
}

/// "HTTP/1.1" at `at`; `minor` gets the digit behind the point.
Outcome read_version(const char*& at, const char* const end, std::uint8_t& minor) {
    static constexpr std::string_view prefix = "HTTP/1.";
    const auto there = static_cast<std::size_t>(end - at);
    const std::string_view seen(at, std::min(there, prefix.size()));
    if (seen != prefix.substr(0, seen.size())) {
        const bool other = seen.size() >= 7 && seen.starts_with("HTTP/") && seen[5] >= '0' && seen[5] <= '9' && seen[6] == '.';
        return other ? malformed(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.") : bad("The first line has no HTTP version.");
    }
    if (there <= prefix.size()) return incomplete();
    const char digit = at[prefix.size()];
    if (digit < '0' || digit > '9') return bad("The HTTP version is malformed.");
    if (digit > '1') return malformed(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
    minor = static_cast<std::uint8_t>(digit - '0');
    at += prefix.size() + 1;
    return go_on();
}

Outcome read_line_end(const char*& at, const char* const end) {
    if (at == end) return incomplete();
    if (*at == '\n') return bad("A line ends with a line feed alone; HTTP ends lines with CR LF.");
    if (*at != '\r') return bad("The first line is malformed.");
    if (at + 1 == end) return incomplete();
    if (at[1] != '\n') return bad("A line ends with a carriage return alone.");
    at += 2;
    return go_on();
}

Outcome read_request_line(const char*& at, const char* const end, RequestHead& head) {
    for (int lines = 0; at != end && (*at == '\r' || *at == '\n'); ++lines) {
        if (lines == 4) return bad("Too many empty lines stand before the request.");
        if (*at == '\n') return bad("A line ends with a line feed alone; HTTP ends lines with CR LF.");
        if (at + 1 == end) return incomplete();
        if (at[1] != '\n') return bad("A line ends with a carriage return alone.");
        at += 2;
    }
    const char* const method = at;
    while (at != end && is_method_char(*at)) ++at;
    if (at - method > 32) return bad("The method is too long.");
    if (at == end) return incomplete();
    if (*at != ' ' || at == method) return bad("The method holds a character that is not allowed.");
    head.method = {method, static_cast<std::size_t>(at - method)};

    const char* const target = ++at;
    at = find_target_end(at, end);
    if (at == end) return incomplete();
    if (*at != ' ' || at == target) return bad("The request target is empty or holds a character that is not allowed.");
    head.target = {target, static_cast<std::size_t>(at - target)};
    ++at;
    if (const Outcome outcome = read_version(at, end, head.minor_version); is_stop(outcome)) return outcome;
    return read_line_end(at, end);
}

Outcome conclude_request(RequestHead& head, const FramingHeaders& framing) {
    if (framing.transfer_encoding && framing.content_length) return bad("Content-Length and Transfer-Encoding are both given.");
    if (framing.transfer_encoding && head.minor_version == 0) return bad("Transfer-Encoding is not part of HTTP/1.0.");
    if (!framing.host_seen && head.minor_version == 1) return bad("The Host header is missing.");
    if (head.host.empty()) head.host = framing.host;
    head.content_length = framing.content_length;
    head.chunked = framing.chunked;
    head.keep_alive = !framing.close && (head.minor_version == 1 || framing.keep_alive);
    head.expect_continue = framing.expect_continue && head.minor_version == 1;
    head.upgrade = framing.upgrade && framing.connection_upgrade && head.minor_version == 1;
    return go_on();
}

Outcome conclude_response(ResponseHead& head, const FramingHeaders& framing, std::string_view method) {
    if (framing.transfer_encoding && framing.content_length)
        return bad("The answer has both Content-Length and Transfer-Encoding.");
    head.content_length = framing.content_length;
    head.chunked = framing.chunked;
    const bool never = head.status == 204 || head.interim();
    head.bodyless = never || head.status == 304 || method == "HEAD";
    head.keep_alive = !framing.close && (head.minor_version == 1 || framing.keep_alive);
    if (never && (head.chunked || head.content_length.value_or(0) != 0))
        head.keep_alive = false;  // a body might follow all the same
    if (head.chunked && head.minor_version == 0) head.keep_alive = false;
    if (!head.bodyless && !head.chunked && !head.content_length) head.keep_alive = false;
    return go_on();
}

Outcome read_status_line(const char*& at, const char* const end, ResponseHead& head) {
    if (const Outcome outcome = read_version(at, end, head.minor_version); is_stop(outcome)) return outcome;
    if (end - at < 4) return incomplete();
    const auto digit = [&](int index) { return static_cast<unsigned>(at[index] - '0'); };
    if (*at != ' ' || digit(1) - 1U > 8 || digit(2) > 9 || digit(3) > 9) return bad("The status line is malformed.");
    head.status = static_cast<int>(digit(1) * 100 + digit(2) * 10 + digit(3));
    at += 4;
    if (at != end && *at == ' ') {
        const char* const reason = ++at;
        at = find_control(at, end);
        head.reason = {reason, static_cast<std::size_t>(at - reason)};
    }
    return read_line_end(at, end);
}

}  // namespace

HeadOutcome parse_request_head(std::string_view input, RequestHead& head, const HeadLimits& limits) {
    HeaderList kept = std::move(head.headers);
    kept.clear();
    head = RequestHead{};
    head.headers = std::move(kept);
    const bool full = input.size() >= limits.bytes;
    const char* at = input.data();
    const char* const end = at + std::min(input.size(), limits.bytes);
    FramingHeaders framing;
    Outcome outcome = read_request_line(at, end, head);
    if (outcome.state == Outcome::State::incomplete && full) return malformed(414, "The request line is too long.");
    if (is_stop(outcome)) return outcome;
    outcome = read_headers(at, end, Side::request, limits, head.headers, framing);
    if (outcome.state == Outcome::State::incomplete && full) return malformed(431, "The headers of the request are too large.");
    if (is_stop(outcome)) return outcome;
    if (outcome = split_target(head); is_stop(outcome)) return outcome;
    if (outcome = conclude_request(head, framing); is_stop(outcome)) return outcome;
    outcome.consumed = static_cast<std::size_t>(at - input.data());
    return outcome;
}

HeadOutcome parse_response_head(std::string_view input, ResponseHead& head, std::string_view method, const HeadLimits& limits) {
    HeaderList kept = std::move(head.headers);
    kept.clear();
    head = ResponseHead{};
    head.headers = std::move(kept);
    const bool full = input.size() >= limits.bytes;
    const char* at = input.data();
    const char* const end = at + std::min(input.size(), limits.bytes);
    FramingHeaders framing;
    Outcome outcome = read_status_line(at, end, head);
    if (!is_stop(outcome)) outcome = read_headers(at, end, Side::response, limits, head.headers, framing);
    if (outcome.state == Outcome::State::incomplete && full) return malformed(431, "The headers of the answer are too large.");
    if (is_stop(outcome)) return outcome;
    if (outcome = conclude_response(head, framing, method); is_stop(outcome)) return outcome;
    outcome.consumed = static_cast<std::size_t>(at - input.data());
    return outcome;
}

bool may_complete_head(std::string_view input, std::size_t checked) {
    for (std::size_t at = checked < 3 ? 0 : checked - 3; (at = input.find('\n', at)) != std::string_view::npos; ++at) {
        const auto next = input.substr(at + 1, 2);
        if (next.starts_with('\n') || next == "\r\n") return true;
    }
    return false;
}

HeaderList::HeaderList(HeaderList&& other) noexcept
    : items_(std::exchange(other.items_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

HeaderList& HeaderList::operator=(HeaderList&& other) noexcept {
    std::swap(items_, other.items_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
}

void HeaderList::add(std::string_view name, std::string_view value) {
    if (size_ == capacity_) {
        const std::uint32_t capacity = capacity_ == 0 ? 16 : capacity_ * 2;
        auto* grown = static_cast<Header*>(take_block(capacity * sizeof(Header)));
        if (size_ != 0) std::memcpy(static_cast<void*>(grown), items_, size_ * sizeof(Header));
        if (items_ != nullptr) give_block(items_, capacity_ * sizeof(Header));
        items_ = grown;
        capacity_ = capacity;
    }
    new (items_ + size_++) Header{name, value};
}

void HeaderList::release() {
    if (items_ != nullptr) give_block(items_, capacity_ * sizeof(Header));
    items_ = nullptr;
    size_ = capacity_ = 0;
}

std::optional<std::string_view> HeaderList::find(std::string_view name) const {
    for (const Header& header : *this)
        if (header.name.size() == name.size() && same_name(header.name, name)) return header.value;
    return std::nullopt;
}

std::string_view HeaderList::get(std::string_view name) const { return find(name).value_or(std::string_view{}); }

std::size_t HeaderList::count(std::string_view name) const {
    std::size_t found = 0;
    for (const Header& header : *this) found += same_name(header.name, name) ? 1 : 0;
    return found;
}

bool HeaderList::has_token(std::string_view name, std::string_view token) const {
    bool found = false;
    for (const Header& header : *this)
        if (same_name(header.name, name))
            for_each_token(header.value, [&](std::string_view item) { found = found || same_name(item, token); });
    return found;
}

}  // namespace gotthard::net
