#include "dialect/common_errors.hpp"

#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/text.hpp"

namespace gotthard::dialect {
namespace {

constexpr std::size_t message_limit = 4096;
constexpr std::size_t body_limit = 64 << 10;

std::string_view status_text(int status) {
    struct Row {
        int status;
        std::string_view text;
    };
    static constexpr Row rows[] = {{400, "Bad request"},
                                   {401, "Unauthorized"},
                                   {402, "Payment required"},
                                   {403, "Forbidden"},
                                   {404, "Not found"},
                                   {405, "Method not allowed"},
                                   {408, "Request timeout"},
                                   {409, "Conflict"},
                                   {413, "Request too large"},
                                   {415, "Unsupported media type"},
                                   {422, "Unprocessable request"},
                                   {424, "Failed dependency"},
                                   {429, "Too many requests"},
                                   {500, "Internal server error"},
                                   {501, "Not implemented"},
                                   {502, "Bad gateway"},
                                   {503, "Service unavailable"},
                                   {504, "Gateway timeout"},
                                   {520, "Unknown error"},
                                   {522, "Connection timed out"},
                                   {524, "A timeout occurred"},
                                   {529, "Overloaded"}};
    for (const auto& row : rows)
        if (row.status == status) return row.text;
    return status >= 500 ? "Server error" : "Request refused";
}

/// Words of any provider that tell a status when the transport did not (an error inside a 200 answer), and words that are
/// stronger.
struct Word {
    std::string_view word;
    int status;
};
constexpr Word words[] = {{"overloaded_error", 529},
                          {"overloaded", 529},
                          {"server_overloaded", 503},
                          {"rate_limit_error", 429},
                          {"rate_limit_exceeded", 429},
                          {"rate_limited", 429},
                          {"insufficient_quota", 429},
                          {"tokens", 429},
                          {"requests", 429},
                          {"too_many_requests", 429},
                          {"TooManyRequests", 429},
                          {"RateLimitReached", 429},
                          {"RESOURCE_EXHAUSTED", 429},
                          {"authentication_error", 401},
                          {"invalid_api_key", 401},
                          {"UNAUTHENTICATED", 401},
                          {"billing_error", 402},
                          {"permission_error", 403},
                          {"PERMISSION_DENIED", 403},
                          {"not_found_error", 404},
                          {"model_not_found", 404},
                          {"NOT_FOUND", 404},
                          {"DeploymentNotFound", 404},
                          {"request_too_large", 413},
                          {"timeout_error", 504},
                          {"timeout", 504},
                          {"DEADLINE_EXCEEDED", 504},
                          {"UNAVAILABLE", 503},
                          {"service_unavailable", 503},
                          {"invalid_request_error", 400},
                          {"INVALID_ARGUMENT", 400},
                          {"invalid_argument", 400},
                          {"invalid-argument", 400},
                          {"context_length_exceeded", 400},
                          {"exceed_context_size_error", 400},
                          {"tool_use_failed", 400},
                          {"json_validate_failed", 400},
                          {"content_filter", 400},
                          {"content_policy_violation", 400},
                          {"validation", 422},
                          {"not_supported_error", 501},
                          {"api_error", 500},
                          {"server_error", 500},
                          {"internal_server_error", 500},
                          {"INTERNAL", 500},
                          {"upstream_error", 502}};

int status_of_word(std::string_view word) {
    for (const auto& row : words)
        if (equals_ignoring_case(row.word, word)) return row.status;
    return 0;
}

std::string bounded(std::string_view text, std::size_t limit) { return std::string(utf8_prefix(text, limit)); }

/// Text of a string, number or boolean; of anything else its source.
std::string plain(json::Value value) {
    if (!value || value.is_null()) return {};
    return value.is_string() ? value.string() : bounded(value.raw(), message_limit);
}

struct Body {
    std::string message, type, code, param;
    int status = 0;
    std::optional<std::chrono::milliseconds> wait;
};

std::optional<std::chrono::milliseconds> milliseconds_of(double seconds) {
    if (!(seconds >= 0) || seconds > 86400.0 * 31) return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

/// "20s", "1m26.4s", "20ms", "6", "30 seconds", "1.5": seconds when no unit follows.
std::optional<std::chrono::milliseconds> read_wait(std::string_view text) {
    double total = 0;
    bool any = false;
    while (!text.empty() && (is_digit(text.front()) || (any && text.front() == ' '))) {
        if (text.front() == ' ') {
            text.remove_prefix(1);
            continue;
        }
        double number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
        if (error != std::errc{}) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        any = true;
        std::string_view unit = text;
        while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
        struct Unit {
            std::string_view name;
            double seconds;
        };
        static constexpr Unit units[] = {{"ms", 0.001}, {"millisecond", 0.001}, {"minute", 60}, {"min", 60},
                                         {"m", 60},     {"hour", 3600},         {"h", 3600},    {"day", 86400},
                                         {"d", 86400},  {"second", 1},          {"sec", 1},     {"s", 1}};
        double factor = 1;
        bool with_unit = false;
        for (const auto& each : units) {
            if (!starts_with_ignoring_case(unit, each.name)) continue;
            factor = each.seconds;
            with_unit = true;
            unit.remove_prefix(each.name.size());
            break;
        }
        total += number * factor;
        if (!with_unit) break;
        text = unit;
    }
    return any ? milliseconds_of(total) : std::nullopt;
}

std::optional<std::chrono::milliseconds> wait_in_text(std::string_view message) {
    const std::string low = lower(message.substr(0, message_limit));
    for (std::string_view mark : {"try again in ", "retry after ", "retry in ", "retry-after: "})
        if (const auto at = low.find(mark); at != std::string::npos)
            if (auto wait = read_wait(std::string_view(low).substr(at + mark.size()))) return wait;
    return std::nullopt;
}

std::optional<std::chrono::milliseconds> wait_of(json::Value holder) {
    struct Row {
        std::string_view key;
        double seconds;
    };
    static constexpr Row rows[] = {{"retry_after", 1}, {"retry_after_seconds", 1}, {"retry_after_ms", 0.001},
                                   {"retryDelay", 1},  {"retry-after", 1},         {"Retry-After", 1}};
    for (const auto& row : rows) {
        const auto value = holder[row.key];
        if (const auto number = value.number()) return milliseconds_of(*number * row.seconds);
        if (value.is_string())
            if (auto wait = read_wait(value.string())) return wait;
    }
    return std::nullopt;
}

void read_details(json::Value details, Body& body) {
    if (details.is_object()) {
        if (body.code.empty()) body.code = plain(details["error_code"]);
        if (!body.wait) body.wait = wait_of(details);
        return;
    }
    for (json::Value each : details.items()) {
        if (!body.wait) body.wait = wait_of(each);
        if (body.code.empty() && each["reason"].is_string()) body.code = each["reason"].string();
    }
}

/// FastAPI's list of {loc, msg, type}, or one text.
void read_detail(json::Value detail, Body& body) {
    if (detail.is_string()) {
        body.message = detail.string();
        return;
    }
    if (detail.is_object()) {
        body.message = plain(detail["message"] ? detail["message"] : detail["msg"] ? detail["msg"] : detail["detail"]);
        body.type = plain(detail["type"]);
        body.code = plain(detail["code"]);
        if (body.message.empty()) body.message = plain(detail);
        return;
    }
    for (json::Value each : detail.items()) {
        std::string line, where;
        for (json::Value step : each["loc"].items()) where += (where.empty() ? "" : ".") + plain(step);
        line = each.is_string() ? each.string() : plain(each["msg"]);
        if (line.empty()) continue;
        if (body.param.empty()) body.param = where;
        if (body.type.empty()) body.type = plain(each["type"]);
        if (!body.message.empty()) body.message += "; ";
        body.message += where.empty() ? line : where + ": " + line;
        if (body.message.size() > message_limit) break;
    }
}

void read_status(json::Value value, Body& body) {
    if (body.status != 0) return;
    std::optional<std::int64_t> number = value.integer();
    if (!number && value.is_string()) number = parse_integer<std::int64_t>(value.string());
    if (number && *number >= 400 && *number < 600) body.status = static_cast<int>(*number);
}

Body read_object(json::Value object, int depth);

/// OpenRouter: the provider's own answer stands in metadata.raw, as text or as JSON.
void read_metadata(json::Value metadata, Body& body, int depth) {
    if (!body.wait) body.wait = wait_of(metadata);
    if (!body.wait) body.wait = wait_of(metadata["headers"]);
    const auto raw = metadata["raw"];
    std::string inner = plain(raw);
    if (inner.empty()) return;
    json::Document document;
    if (raw.is_string() && document.parse(inner, {.lone_surrogates = true}) && document.root().is_object())
        inner = read_object(document.root(), depth + 1).message;
    else if (raw.is_object())
        inner = read_object(raw, depth + 1).message;
    if (!inner.empty() && inner != body.message)
        body.message += (body.message.empty() ? "" : ": ") + bounded(inner, message_limit);
}

void read_message(json::Value message, Body& body, int depth) {
    if (message.is_object() && depth < 4) {
        const auto inner = read_object(message, depth + 1);
        body.message = inner.message;
        if (body.param.empty()) body.param = inner.param;
    } else {
        body.message = plain(message);
    }
}

/// The fields that stand beside a message, in an error object or at the top of the body.
void read_labels(json::Value from, Body& body) {
    for (std::string_view key : {"type", "error_type", "status", "__type"})
        if (body.type.empty() && from[key].is_string() && !from[key].equals("error")) body.type = from[key].string();
    if (body.code.empty()) body.code = plain(from["code"]);
    if (body.param.empty()) body.param = plain(from["param"]);
    for (std::string_view key : {"status_code", "raw_status_code", "status", "code"}) read_status(from[key], body);
    if (!body.wait) body.wait = wait_of(from);
}

Body read_object(json::Value object, int depth) {
    Body body;
    if (depth > 4) return body;
    const auto error = object["error"];
    if (error.is_object()) {
        read_message(error["message"], body, depth);
        read_labels(error, body);
        read_details(error["details"], body);
        if (error["metadata"].is_object()) read_metadata(error["metadata"], body, depth);
        if (body.message.empty() && error["error"]) read_message(error["error"], body, depth);
        if (body.message.empty()) read_detail(error["detail"], body);
        if (!body.wait) body.wait = wait_of(object);
        if (body.message.empty() && body.code.empty() && body.type.empty()) body.message = plain(error);
        return body;
    }
    if (error.is_array()) {
        for (json::Value each : error.items())
            return each.is_object() ? read_object(each, depth + 1) : Body{.message = plain(each)};
    }
    read_labels(object, body);
    if (error.is_string() && error.raw().size() > 2) body.message = error.string();
    if (body.message.empty() && object["message"]) read_message(object["message"], body, depth);
    if (body.message.empty() && object["Message"]) body.message = plain(object["Message"]);
    if (body.message.empty() && object["detail"]) read_detail(object["detail"], body);
    if (body.message.empty())
        for (json::Value each : object["errors"].items()) {
            Body first = each.is_object() ? read_object(each, depth + 1) : Body{.message = plain(each)};
            if (!first.message.empty()) return first;
        }
    if (body.message.empty()) body.message = plain(object["msg"]);
    if (body.message.empty() && object["response"].is_object()) return read_object(object["response"], depth + 1);
    return body;
}

Body read_body(std::string_view text) {
    text = trim(text);
    if (text.empty() || text.front() == '<') return {};
    json::Document document;
    if (document.parse(text, {.lone_surrogates = true})) {
        json::Value root = document.root();
        for (int i = 0; i < 4 && root.is_array() && root.size() > 0; ++i) root = root.at(0);
        if (root.is_object()) return read_object(root, 0);
        return {.message = plain(root)};
    }
    if (!is_utf8(text)) return {};
    const auto line = text.substr(0, text.find_first_of("\r\n"));
    return {.message = bounded(line, 512)};
}

bool contains_any(std::string_view low, std::initializer_list<std::string_view> marks) {
    return std::ranges::any_of(marks, [&](std::string_view mark) { return low.find(mark) != std::string_view::npos; });
}

FailureKind kind_of(int status) {
    switch (status) {
        case 401:
        case 402:
        case 403:
        case 405:
            return FailureKind::upstream_error;
        case 404:
            return FailureKind::model_not_found;
        case 408:
        case 504:
        case 522:
        case 524:
            return FailureKind::upstream_timeout;
        case 413:
            return FailureKind::body_too_large;
        case 429:
            return FailureKind::rate_limited;
        case 503:
        case 529:
            return FailureKind::overloaded;
        default:
            return status >= 400 && status < 500 ? FailureKind::invalid_request : FailureKind::upstream_error;
    }
}

Failure to_failure(int status, Body body, std::string_view source) {
    if (status < 400 || status > 599) {
        status = body.status;
        if (status == 0) status = status_of_word(body.code);
        if (status == 0) status = status_of_word(body.type);
        if (status == 0) status = 502;
    }
    if (body.message.empty())
        body.message = !body.code.empty() && !is_digit(body.code.front()) ? body.code
                       : !body.type.empty()                               ? body.type
                                                                          : std::string(status_text(status));
    Failure failure(kind_of(status), masked(bounded(body.message, message_limit)));
    failure.origin = Origin::upstream;
    failure.status = status;
    failure.retry = status == 408 || status == 429 || status >= 500 ? Retry::next_target : Retry::never;
    failure.code = bounded(body.code, 256);
    failure.type = bounded(body.type, 256);
    failure.param = bounded(body.param, 256);
    failure.retry_after = body.wait ? body.wait : wait_in_text(body.message);
    failure.detail = fmt::format("upstream status {}", status);
    failure.upstream_body = bounded(source, body_limit);
    return failure;
}

}  // namespace

Failure read_upstream_error(int status, std::string_view body) {
    return to_failure(status, read_body(body.substr(0, 1 << 20)), body);
}

Failure read_stream_error(json::Value object) { return to_failure(0, read_object(object, 0), object.raw()); }

bool is_error_object(json::Value object) {
    if (!object.is_object()) return false;
    const auto error = object["error"];
    if (error && !error.is_null() && !(error.is_object() && error.size() == 0) &&
        !(error.is_string() && error.raw().size() == 2) && !(error.is_boolean() && !error.is_true()))
        return true;
    return object["type"].equals("error") || object["object"].equals("error");
}

Failure malformed(std::string_view what, std::string_view detail) {
    Failure failure(FailureKind::upstream_malformed, std::string(what));
    failure.detail = bounded(detail, 512);
    return failure;
}

Failure truncated(std::string_view what) { return malformed(what, "the transport ended before the answer did"); }

bool is_context_length(const Failure& failure) {
    if (failure.status == 429 || failure.status >= 500) return failure.code == "context_length_exceeded";
    if (failure.code == "context_length_exceeded" || failure.type == "exceed_context_size_error") return true;
    if (failure.status != 400 && failure.status != 413 && failure.status != 422) return false;
    return contains_any(lower(failure.message),
                        {"maximum context length", "prompt is too long", "context window", "context length", "context_length",
                         "input is too long", "available context size", "reduce the length of the messages",
                         "too many input tokens", "exceeds the maximum number of tokens", "input token count"});
}

bool is_out_of_quota(const Failure& failure) {
    if (failure.kind == FailureKind::budget_exceeded) return true;
    if (failure.origin != Origin::upstream || (failure.status != 429 && failure.status != 402 && failure.status != 403))
        return false;
    if (failure.status == 402) return true;
    return contains_any(lower(failure.code + " " + failure.type),
                        {"insufficient_quota", "billing", "insufficient_balance", "credit"}) ||
           contains_any(lower(failure.message), {"exceeded your current quota", "insufficient balance", "credit balance",
                                                 "out of credits", "insufficient credits"});
}

bool is_retryable(const Failure& failure) {
    switch (failure.kind) {
        case FailureKind::budget_exceeded:
        case FailureKind::guardrail_blocked:
        case FailureKind::unsupported_feature:
        case FailureKind::cancelled:
            return false;
        default:
            break;
    }
    if (is_out_of_quota(failure)) return false;
    const int status = failure.status;
    return status == 408 || status == 409 || status == 429 || (status >= 500 && status != 501);
}

std::int64_t retry_after_seconds(const Failure& failure, int status) {
    if (failure.retry_after) return std::max<std::int64_t>(1, (failure.retry_after->count() + 999) / 1000);
    if (status == 429) return is_retryable(failure) ? 5 : 3600;
    if ((status == 503 || status == 529) && failure.kind == FailureKind::overloaded) return 2;
    return 0;
}

namespace {

bool is_key_character(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '*' || c == '.' || c == '='; }

/// Length of the API key that begins at `text`, or 0.
std::size_t key_length(std::string_view text) {
    static constexpr std::string_view prefixes[] = {"sk-",  "sk_",   "gsk_",   "xai-", "AIza", "hf_", "pplx-", "r8_", "AKIA",
                                                    "ASIA", "ya29.", "nvapi-", "fw_",  "csk-", "vk-", "key-",  "eyJ"};
    for (auto prefix : prefixes) {
        if (!text.starts_with(prefix)) continue;
        std::size_t length = prefix.size();
        while (length < text.size() && is_key_character(text[length])) ++length;
        while (length > 0 && text[length - 1] == '.') --length;
        return length >= prefix.size() + 8 ? length : 0;
    }
    return 0;
}

/// Length of the dotted IPv4 address (and port) that begins at `text`, or 0.
std::size_t address_length(std::string_view text) {
    std::size_t at = 0;
    for (int part = 0; part < 4; ++part) {
        const std::size_t begin = at;
        while (at < text.size() && is_digit(text[at])) ++at;
        if (at == begin || at - begin > 3) return 0;
        if (part < 3 && (at == text.size() || text[at++] != '.')) return 0;
    }
    if (at < text.size() && (is_alpha(text[at]) || text[at] == '_')) return 0;
    if (at + 1 < text.size() && text[at] == ':' && is_digit(text[at + 1]))
        for (++at; at < text.size() && is_digit(text[at]);) ++at;
    return at;
}

/// Length of "host[:port]" behind a scheme when the host is private: no dot, a port, an address, or a private suffix; else 0.
std::size_t private_host_length(std::string_view text) {
    const auto authority = text.substr(0, std::min(text.size(), text.find_first_of("/?# \t\r\n\"'<>),;")));
    if (authority.empty()) return 0;
    const auto host = authority.substr(0, authority.find(':'));
    const bool has_port = host.size() != authority.size();
    for (std::string_view suffix : {".internal", ".local", ".svc", ".lan", ".cluster.local", ".corp"})
        if (host.ends_with(suffix)) return authority.size();
    return has_port || host.find('.') == std::string_view::npos || address_length(authority) != 0 ? authority.size() : 0;
}

}  // namespace

std::string masked(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    bool in_word = false;
    for (std::size_t i = 0; i < text.size();) {
        const auto rest = text.substr(i);
        std::size_t length = 0;
        if (!in_word) {
            length = key_length(rest);
            if (length == 0 && is_digit(rest.front())) length = address_length(rest);
            if (length == 0 && rest.starts_with("localhost:")) length = private_host_length(rest);
            if (length == 0 && starts_with_ignoring_case(rest, "Bearer ")) {
                std::size_t end = 7;
                while (end < rest.size() && is_key_character(rest[end])) ++end;
                if (end >= 7 + 12) {
                    out += rest.substr(0, 7);
                    out += "***";
                    i += end;
                    continue;
                }
            }
        }
        if (length == 0 && rest.starts_with("://")) {
            out += "://";
            i += 3;
            in_word = false;
            if (const auto host = private_host_length(text.substr(i)); host != 0) {
                out += "***";
                i += host;
            }
            continue;
        }
        if (length != 0) {
            out += "***";
            i += length;
            continue;
        }
        in_word = is_alpha(rest.front()) || is_digit(rest.front()) || rest.front() == '_' || rest.front() == '.';
        out += rest.front();
        ++i;
    }
    return out;
}

}  // namespace gotthard::dialect
