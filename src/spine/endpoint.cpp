#include "spine/endpoint.hpp"

#include <array>
#include <optional>

#include "base/text.hpp"

namespace gotthard::spine {
namespace {

using dialect::DialectId;

struct Row {
    std::string_view path;  ///< Behind prefix and version.
    std::string_view method;
    Operation operation;
    std::optional<DialectId> dialect;  ///< Unset: by prefix and headers.
    std::string_view name;
};

constexpr std::array rows{
    Row{"/chat/completions", "POST", Operation::conversation, DialectId::chat, "chat.completions"},
    Row{"/messages", "POST", Operation::conversation, DialectId::anthropic, "messages"},
    Row{"/messages/count_tokens", "POST", Operation::count_tokens, DialectId::anthropic, "messages.count_tokens"},
    Row{"/embeddings", "POST", Operation::embeddings, DialectId::chat, "embeddings"},
    Row{"/models", "GET", Operation::list_models, std::nullopt, "models"},
};

constexpr std::array plain_rows{
    Row{"/", "HEAD", Operation::probe, DialectId::anthropic, "probe"},
    Row{"/", "GET", Operation::probe, DialectId::chat, "probe"},
    Row{"/api/hello", "HEAD", Operation::probe, DialectId::anthropic, "probe"},
    Row{"/api/hello", "GET", Operation::probe, DialectId::anthropic, "probe"},
    Row{"/api/event_logging/batch", "POST", Operation::swallow, DialectId::anthropic, "telemetry"},
    Row{"/healthz", "GET", Operation::health, DialectId::chat, "healthz"},
    Row{"/readyz", "GET", Operation::ready, DialectId::chat, "readyz"},
};

struct Prefix {
    std::string_view text;
    std::optional<DialectId> dialect;
    bool later;
};
constexpr std::array prefixes{
    Prefix{"/openai", DialectId::chat, false}, Prefix{"/anthropic", DialectId::anthropic, false}, Prefix{"/genai", std::nullopt, true},
    Prefix{"/bedrock", std::nullopt, true},    Prefix{"/cohere", std::nullopt, true},             Prefix{"/ollama", std::nullopt, true},
};

constexpr std::array<std::string_view, 6> later_paths{"/responses", "/v1beta/", "/model/", "/v2/chat", "/api/chat", "/api/generate"};

/// Repeated slashes made one, the trailing one cut off. Empty: a dot segment. The view lives until the thread's next call.
std::string_view normalise(std::string_view path) {
    thread_local std::string out;
    out.clear();
    for (char c : path)
        if (c != '/' || out.empty() || out.back() != '/') out += c;
    if (out.size() > 1 && out.back() == '/') out.pop_back();
    std::string_view rest = out;
    while (!rest.empty()) {
        rest.remove_prefix(1);
        const auto segment = rest.substr(0, rest.find('/'));
        if (segment == "." || segment == ".." || equals_ignoring_case(segment, "%2e") || equals_ignoring_case(segment, "%2e%2e")) return {};
        rest.remove_prefix(segment.size());
    }
    return out;
}

bool take_prefix(std::string_view& path, std::string_view prefix) {
    if (!path.starts_with(prefix) || (path.size() > prefix.size() && path[prefix.size()] != '/')) return false;
    path.remove_prefix(prefix.size());
    return true;
}

bool method_fits(std::string_view row, std::string_view method) { return row == method || (row == "GET" && method == "HEAD"); }

DialectId dialect_of_headers(const net::RequestHead& head) {
    return head.headers.find("anthropic-version") || (head.headers.find("x-api-key") && !head.headers.find("authorization")) ? DialectId::anthropic : DialectId::chat;
}

template <class Rows>
bool look_up(const Rows& table, std::string_view path, std::string_view method, DialectId fallback, Endpoint& found) {
    for (const Row& row : table) {
        if (row.path != path) continue;
        found.dialect = row.dialect.value_or(fallback);
        found.name = row.name;
        if (method_fits(row.method, method)) {
            found.operation = row.operation;
            return true;
        }
        found.operation = Operation::wrong_method;
        found.allow = row.method;
    }
    return found.operation == Operation::wrong_method;
}

}  // namespace

Endpoint find_endpoint(const net::RequestHead& head) {
    Endpoint found;
    found.dialect = dialect_of_headers(head);
    const std::string_view normal = normalise(head.path);
    if (normal.empty() || normal.front() != '/') return found;
    if (look_up(plain_rows, normal, head.method, found.dialect, found)) return found;
    found.operation = Operation::none;

    std::string_view path = normal;
    if (take_prefix(path, "/passthrough") && path.size() > 1) {
        const auto slash = path.find('/', 1);
        found.operation = Operation::passthrough;
        found.name = "passthrough";
        found.model = percent_decode(path.substr(1, slash == std::string_view::npos ? slash : slash - 1));
        // Behind the provider the client's own bytes count, repeated and trailing slashes too.
        std::string_view written = head.path;
        for (int segments = 0; segments < 2; ++segments) written.remove_prefix(std::min(written.size(), written.find('/', 1)));
        found.rest = written.empty() ? "/" : std::string(written);
        return found;
    }
    path = normal;
    DialectId fallback = found.dialect;
    for (const auto& prefix : prefixes) {
        if (!take_prefix(path, prefix.text)) continue;
        if (prefix.later) {
            found.operation = Operation::later;
            return found;
        }
        fallback = *prefix.dialect;
        break;
    }
    take_prefix(path, "/v1");
    found.dialect = fallback;
    if (look_up(rows, path, head.method, fallback, found)) return found;
    if (path.starts_with("/models/") && path.find(':') == std::string_view::npos) {
        found.name = "models";
        found.operation = method_fits("GET", head.method) ? Operation::get_model : Operation::wrong_method;
        found.allow = "GET";
        found.model = percent_decode(path.substr(8));
        return found;
    }
    for (auto later : later_paths)
        if (path.starts_with(later) || normal.starts_with(later)) found.operation = Operation::later;
    return found;
}

}  // namespace gotthard::spine
