#include "provider/upstream.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"

namespace gotthard::provider {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

std::unexpected<Failure> bad(std::string what) { return fail(FailureKind::invalid_request, std::move(what)); }

bool unreserved(char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~'; }

void append_percent_encoded(std::string& out, std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    for (const char c : text) {
        if (unreserved(c)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += digits[byte >> 4];
            out += digits[byte & 15];
        }
    }
}

constexpr bool is_model_hole(std::string_view name) { return name == "model" || name == "deployment"; }

const Variable* find_variable(const Row& row, std::string_view name) {
    for (const Variable& variable : row.variables)
        if (variable.name == name) return &variable;
    return nullptr;
}

std::string missing_variable(const Row& row, std::string_view name) {
    const Variable* variable = find_variable(row, name);
    std::string text = fmt::format("{} needs `{}`", row.id, name);
    if (variable != nullptr && !variable->env.empty()) text += fmt::format(" (or the environment variable {})", variable->env[0]);
    return text;
}

/// Calls `text(piece)` and `hole(name)` for the parts of a template, in order.
template <class Text, class Hole>
void walk_template(std::string_view pattern, Text text, Hole hole) {
    while (!pattern.empty()) {
        const auto open = pattern.find('{');
        const auto close = open == std::string_view::npos ? open : pattern.find('}', open);
        if (close == std::string_view::npos) return text(pattern);
        text(pattern.substr(0, open));
        hole(pattern.substr(open + 1, close - open - 1));
        pattern.remove_prefix(close + 1);
    }
}

/// The template with its variables; {model} and {deployment} stay. A value may not hold what would change the URL's structure.
Result<std::string> fill(const Row& row, std::string_view pattern, const Variables& variables) {
    std::string out;
    std::string wrong;
    walk_template(
        pattern, [&](std::string_view text) { out += text; },
        [&](std::string_view name) {
            const auto found = variables.find(name);
            if (is_model_hole(name)) {
                out += '{';
                out += name;
                out += '}';
            } else if (found == variables.end() || found->second.empty()) {
                if (wrong.empty()) wrong = missing_variable(row, name);
            } else if (!std::ranges::all_of(found->second, unreserved)) {
                if (wrong.empty()) wrong = fmt::format("`{}` may hold only letters, digits and - . _ ~", name);
            } else {
                out += found->second;
            }
        });
    if (!wrong.empty()) return bad(std::move(wrong));
    return out;
}

/// "/v1/chat" -> "/v1": the first segment when it is a version (v1, v3, v1beta).
std::string_view version_segment(std::string_view path) {
    if (path.size() < 3 || path[0] != '/' || path[1] != 'v' || !is_digit(path[2])) return {};
    return path.substr(0, path.find('/', 1));
}

std::string join(std::string_view base, std::string_view path) {
    if (base == "/") base = {};
    if (path.starts_with('^')) return std::string(path.substr(1));
    const std::string_view version = version_segment(path);
    if (!version.empty() && base.ends_with(version)) path.remove_prefix(version.size());
    return std::string(base) + std::string(path);
}

std::string_view path_of(const Row& row, DialectId id, Operation operation) {
    const bool chat = id == DialectId::chat;
    switch (operation) {
        case Operation::generate:
            return chat ? row.chat_path : row.messages_path;
        case Operation::count_tokens:
            return chat ? std::string_view{} : row.count_tokens_path;
        case Operation::models:
            return row.models_path;
        case Operation::embeddings:
            return chat ? row.embeddings_path : std::string_view{};
    }
    return {};
}

Auth auth_for(const UpstreamSettings& settings, DialectId id, const UpstreamSettings::Key& key) {
    if (settings.auth) return *settings.auth;
    if (key.always_bearer) return bearer;
    if (id == DialectId::anthropic && settings.row->messages_auth) return *settings.row->messages_auth;
    return settings.row->auth;
}

/// Keys of a subscription go as Bearer and need a beta (E040).
bool is_oauth_key(const UpstreamSettings& settings, DialectId id, const UpstreamSettings::Key& key) {
    if (id != DialectId::anthropic || settings.auth) return false;
    const bool row_knows = (settings.row->quirks & static_cast<std::uint32_t>(dialect::Quirk::bearer_for_oauth_keys)) != 0;
    return key.key.reveal().starts_with("sk-ant-oat") || (row_knows && key.always_bearer);
}

Account::Prepared prepare(const UpstreamSettings& settings, DialectId id, const UpstreamSettings::Key& key) {
    Account::Prepared out;
    if (key.key.empty()) return out;
    const std::string text(key.key.reveal());
    Auth auth = auth_for(settings, id, key);
    if (is_oauth_key(settings, id, key)) {
        auth = bearer;
        out.beta = "oauth-2025-04-20";
        out.headers.push_back({"anthropic-dangerous-direct-browser-access", Secret("true"), false});
    }
    switch (auth.kind) {
        case AuthKind::none:
            break;
        case AuthKind::bearer:
            out.headers.push_back({"authorization", Secret("Bearer " + text), false});
            break;
        case AuthKind::header:
            out.headers.push_back({lower(auth.name), Secret(text), false});
            break;
        case AuthKind::scheme:
            out.headers.push_back({"authorization", Secret(std::string(auth.name) + " " + text), false});
            break;
        case AuthKind::query: {
            std::string parameter;
            append_percent_encoded(parameter, auth.name);
            parameter += '=';
            append_percent_encoded(parameter, text);
            out.query = Secret(std::move(parameter));
        }
    }
    for (const FixedHeader& header : settings.row->headers)
        if (header.value == "{api_key}") out.headers.push_back({lower(header.name), Secret(text), header.only_if_absent});
    return out;
}

}  // namespace

/// Builds the prepared parts of an Upstream; one step a function, in order.
struct UpstreamBuilder {
    const UpstreamSettings& settings;
    Upstream out;

    Status choose_base() {
        const Row& row = *settings.row;
        out.row = &row;
        out.quirks = row.quirks | settings.more_quirks;
        if (settings.base) {
            out.base = *settings.base;
            const bool versioned =
                row.base_url.ends_with("/v1") && parse_base_url(row.base_url).value_or(BaseUrl{}).path == "/v1";
            const bool any_chat = row.generic && row.dialects[0] == DialectId::chat;
            if (out.base.path.empty() && (versioned || any_chat)) out.base.path = "/v1";
            return {};
        }
        if (row.base_url.empty()) {
            std::string text = fmt::format("{} has no address of its own: give `base_url`", row.id);
            if (!row.base_env.empty()) text += fmt::format(" (or the environment variable {})", row.base_env[0]);
            return bad(std::move(text));
        }
        auto filled = fill(row, row.base_url, settings.variables);
        if (!filled) return std::unexpected(std::move(filled.error()));
        auto parsed = parse_base_url(*filled);
        if (!parsed) return std::unexpected(std::move(parsed.error()));
        out.base = std::move(*parsed);
        return {};
    }

    Status choose_dialects() {
        const Row& row = *settings.row;
        out.dialects.assign(row.dialects.begin(), row.dialects.end());
        if (settings.dialects.empty()) return {};
        for (const DialectId id : settings.dialects)
            if (!row.dialects.contains(id) && !row.generic && !row.local_engine)
                return bad(fmt::format("{} does not speak {}", row.id, dialect_name(id)));
        out.dialects = settings.dialects;
        return {};
    }

    Status make_targets() {
        for (const DialectId id : out.dialects) {
            for (std::size_t i = 0; i < operation_count; ++i) {
                const std::string_view pattern = path_of(*settings.row, id, static_cast<Operation>(i));
                if (pattern.empty()) continue;
                auto filled = fill(*settings.row, pattern, settings.variables);
                if (!filled) return std::unexpected(std::move(filled.error()));
                Upstream::Target& target = out.targets_[static_cast<std::size_t>(id)][i];
                target.supported = true;
                const auto question = std::min(filled->find('?'), filled->size());
                target.query = filled->substr(question);
                bool behind = false;
                walk_template(
                    join(out.base.path, std::string_view(*filled).substr(0, question)),
                    [&](std::string_view text) { (behind ? target.after : target.before) += text; },
                    [&](std::string_view) { behind = target.model = true; });
            }
        }
        return {};
    }

    Status make_headers() {
        for (const DialectId id : out.dialects) {
            auto& lines = out.headers_[static_cast<std::size_t>(id)];
            for (const FixedHeader& header : settings.row->headers) {
                if (header.only_for.value_or(id) != id || header.value == "{api_key}" || overridden(header.name)) continue;
                std::string value;
                bool complete = true;
                walk_template(
                    header.value, [&](std::string_view text) { value += text; },
                    [&](std::string_view name) {
                        const auto found = settings.variables.find(name);
                        if (found == settings.variables.end() || found->second.empty())
                            complete = false;
                        else
                            value += found->second;
                    });
                if (!is_header_value(value, true))
                    return bad(fmt::format("the value of header {} holds a character that no header may hold", header.name));
                if (complete) lines.push_back({lower(header.name), Secret(std::move(value)), header.only_if_absent});
            }
            for (const auto& [name, value] : settings.headers) {
                if (!settable_header(name))
                    return bad(fmt::format("header {} cannot be set: it belongs to the connection or is no header name", name));
                if (!is_header_value(value.reveal(), true))
                    return bad(fmt::format("the value of header {} holds a character that no header may hold", name));
                lines.push_back({lower(name), value, false});
            }
        }
        return {};
    }

    bool overridden(std::string_view name) const {
        return std::ranges::any_of(settings.headers,
                                   [name](const auto& header) { return equals_ignoring_case(header.first, name); });
    }

    Status make_accounts() {
        for (const auto& key : settings.keys) {
            if (!is_header_value(key.key.reveal(), false))
                return bad(fmt::format("the key of account {} holds a blank or a character that no header may hold", key.name));
            add_account(key);
        }
        if (out.accounts.empty()) add_account({.name = "default", .key = {}, .weight = 1, .always_bearer = false});
        return {};
    }

    void add_account(const UpstreamSettings::Key& key) {
        Account account{.name = key.name, .weight = key.weight, .key = key.key, .prepared = {}};
        for (const DialectId id : out.dialects) account.prepared[static_cast<std::size_t>(id)] = prepare(settings, id, key);
        out.accounts.push_back(std::move(account));
    }
};

Result<Upstream> make_upstream(const UpstreamSettings& settings) {
    UpstreamBuilder builder{settings, {}};
    const auto steps = {&UpstreamBuilder::choose_base, &UpstreamBuilder::choose_dialects, &UpstreamBuilder::make_targets,
                        &UpstreamBuilder::make_headers, &UpstreamBuilder::make_accounts};
    for (const auto step : steps)
        if (auto done = (builder.*step)(); !done) return std::unexpected(std::move(done.error()));
    return std::move(builder.out);
}

bool Upstream::speaks(DialectId id) const { return std::ranges::find(dialects, id) != dialects.end(); }

bool Upstream::supports(DialectId id, Operation operation) const {
    return targets_[static_cast<std::size_t>(id)][static_cast<std::size_t>(operation)].supported;
}

void Upstream::append_target(DialectId id, Operation operation, std::string_view model, const Account& account,
                             std::string& out) const {
    const Target& target = targets_[static_cast<std::size_t>(id)][static_cast<std::size_t>(operation)];
    out += target.before;
    if (target.model) append_percent_encoded(out, model);
    out += target.after;
    out += target.query;
    const std::string_view key = account.for_dialect(id).query.reveal();
    if (key.empty()) return;
    out += target.query.empty() ? '?' : '&';
    out += key;
}

Status Upstream::append_passthrough(DialectId id, std::string_view path, std::string_view query, const Account& account,
                                    std::string& out) const {
    const auto refuse = [] {
        return fail(FailureKind::invalid_request,
                    "the path behind /passthrough/{provider} is not usable: it must begin with / and hold no dot segments");
    };
    if (!path.starts_with('/') || path.starts_with("//") || path.find_first_of("?#") != std::string_view::npos) return refuse();
    if (!is_header_value(path, false) || !is_header_value(query, false) || query.find('#') != std::string_view::npos)
        return refuse();
    if (!parse_base_url("http://h" + std::string(path.size() > 1024 ? path.substr(0, 1024) : path)) || path.size() > 1024)
        return refuse();
    out += join(base.path, path);
    std::string_view separator = "?";
    if (!query.empty()) {
        out += separator;
        out += query;
        separator = "&";
    }
    const std::string_view key = account.for_dialect(id).query.reveal();
    if (key.empty()) return {};
    out += separator;
    out += key;
    return {};
}

namespace {

std::optional<std::string> look_up(const Environment& environment, std::string_view name) {
    if (!environment) return std::nullopt;
    auto value = environment(name);
    if (!value) return std::nullopt;
    const std::string_view text = trim(*value);
    if (text.empty()) return std::nullopt;
    return std::string(text);
}

}  // namespace

void fill_variables(const Row& row, const Environment& environment, Variables& values) {
    for (const Variable& variable : row.variables) {
        if (values.contains(variable.name)) continue;
        for (const std::string_view name : variable.env) {
            if (auto value = look_up(environment, name)) {
                values.emplace(variable.name, std::move(*value));
                break;
            }
        }
        if (!variable.fallback.empty()) values.emplace(variable.name, variable.fallback);
    }
}

std::optional<UsualBase> usual_base(const Row& row, const Environment& environment) {
    for (const std::string_view name : row.base_env)
        if (auto value = look_up(environment, name)) return UsualBase{name, std::move(*value)};
    return std::nullopt;
}

std::optional<UsualKey> usual_key(const Row& row, const Environment& environment) {
    for (const std::string_view name : row.key_env)
        if (auto value = look_up(environment, name)) return UsualKey{name, Secret(std::move(*value)), false};
    for (const std::string_view name : row.bearer_key_env)
        if (auto value = look_up(environment, name)) return UsualKey{name, Secret(std::move(*value)), true};
    return std::nullopt;
}

}  // namespace gotthard::provider
