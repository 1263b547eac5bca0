#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "config/resolve.hpp"
#include "config/validate.hpp"
#include "config/values.hpp"

namespace gotthard::config {
namespace {

using provider::Row;

bool is_provider_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || (!is_alpha(name[0]) && !is_digit(name[0]))) return false;
    return std::ranges::all_of(name, [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; });
}

/// An address that no stranger can listen on the way to.
bool is_near(std::string_view host) {
    if (is_loopback_address(host) || host.find('.') == std::string_view::npos) return true;
    if (host.starts_with("10.") || host.starts_with("192.168.") || host.starts_with("169.254.")) return true;
    for (const std::string_view suffix : {".local", ".internal", ".lan", ".home.arpa", ".localhost"})
        if (host.ends_with(suffix)) return true;
    if (!host.starts_with("172.")) return false;
    const auto second = parse_integer<int>(host.substr(4, host.find('.', 4) - 4));
    return second && *second >= 16 && *second <= 31;
}

/// One provider of the file, read key by key.
class ProviderReader {
public:
    ProviderReader(Resolving& r, std::string name, const View& view) : r_(r), view_(view) { out_.name = std::move(name); }

    void read() {
        if (!is_provider_name(out_.name))
            return error(view_.place(), view_.path(), "this cannot be a provider's name",
                         "use letters, digits, - _ and . (it is the prefix of its models)");
        if (!find_row()) return;
        read_base();
        read_variables();
        read_dialects();
        read_headers();
        read_auth();
        read_keys();
        read_quirks();
        if (failed_) return;
        auto made = provider::make_upstream(settings_);
        if (!made)
            return error(view_.place(), view_.path(), made.error().message,
                         fmt::format("write it under `providers.{}`", out_.name));
        out_.upstream = std::move(*made);
        read_models();
        read_connection();
        warn();
        if (!failed_) r_.out.providers.push_back(std::move(out_));
    }

private:
    void error(Place place, const std::string& path, std::string message, std::string remedy) {
        failed_ = true;
        r_.faults.error(place, path, std::move(message), std::move(remedy));
    }

    bool find_row() {
        const View type = view_.at("type");
        if (type.faulty()) return false;
        const std::string id = type.given() ? type.text() : out_.name;
        settings_.row = provider::find_row(id);
        if (settings_.row != nullptr) return true;
        if (const auto needs = provider::missing_for(id); !needs.empty()) {
            error(type.place(), type.given() ? type.path() : view_.path(),
                  fmt::format("`{}` needs {}, which is not available in this version", id, needs),
                  "remove the provider, or reach its models through one that speaks chat or anthropic");
            return false;
        }
        const auto known = provider::row_ids();
        const std::string near = nearest(id, known);
        std::string remedy =
            "give `type: openai_compatible` or `type: anthropic` and a `base_url` for an engine that is not in the catalogue";
        if (!near.empty()) remedy = fmt::format("did you mean `{}`? Else {}", near, remedy);
        error(type.place(), type.given() ? type.path() : view_.path(),
              fmt::format("{} is no provider of the catalogue", type.given() ? type.shown() : fmt::format("`{}`", id)), remedy);
        return false;
    }

    void read_base() {
        const View given = view_.at("base_url");
        failed_ |= given.faulty();
        std::string text;
        if (given.given()) {
            text = given.text();
        } else if (auto usual = provider::usual_base(*settings_.row, r_.surroundings.environment)) {
            base_variable_ = usual->variable;
            text = std::move(usual->text);
        } else {
            return;
        }
        auto parsed = provider::parse_base_url(text);
        if (!parsed)
            return r_.faults.warning(given.place(), given.path(),
                                     fmt::format("{} is not usable and is not used: {}", base_variable_, parsed.error().message),
                                     "correct it, or give `base_url`");
        if (calls_itself(*parsed)) {
            if (given.given())
                return error(given.place(), given.path(), "this is the gateway's own address: it would call itself",
                             "give the address of the provider");
            return r_.faults.warning(view_.place(), given.path(),
                                     fmt::format("{} points to this gateway and is not used", base_variable_),
                                     "give `base_url` when the provider is elsewhere");
        }
        settings_.base = std::move(*parsed);
    }

    bool calls_itself(const provider::BaseUrl& base) const {
        const Listener& own = r_.out.data;
        if (own.port == 0 || base.port != own.port) return false;
        return base.host == own.host ||
               (is_loopback_address(base.host) && (own.loopback() || own.host == "0.0.0.0" || own.host == "::"));
    }

    void read_variables() {
        for (const provider::Variable& variable : settings_.row->variables) {
            const View value = view_.at(variable.name);
            if (value.given()) settings_.variables.emplace(variable.name, value.text());
        }
        provider::fill_variables(*settings_.row, r_.surroundings.environment, settings_.variables);
    }

    void read_dialects() {
        for (const View& item : view_.at("dialects").items()) {
            const std::string name = item.text();
            const auto id = provider::find_dialect(name);
            if (provider::is_later_dialect(name)) {
                error(item.place(), item.path(), fmt::format("the dialect `{}` is not available in this version", name),
                      "this version speaks `chat` and `anthropic`");
            } else if (!id) {
                error(item.place(), item.path(), fmt::format("{} is no dialect", item.shown()), "write `chat` or `anthropic`");
            } else if (!settings_.row->dialects.contains(*id) && !settings_.row->generic && !settings_.row->local_engine) {
                error(item.place(), item.path(), fmt::format("{} does not speak `{}`", settings_.row->id, name),
                      "remove it; `dialects` only narrows what the provider has");
            } else if (std::ranges::find(settings_.dialects, *id) == settings_.dialects.end()) {
                settings_.dialects.push_back(*id);
            }
        }
    }

    void read_headers() {
        for (const auto& [name, value] : view_.at("headers").members()) {
            if (!provider::settable_header(name))
                error(value.place(), value.path(), "this header cannot be set",
                      "it belongs to the connection or is no header name");
            else if (!provider::is_header_value(value.text(), true))
                error(value.place(), value.path(), "the value holds a character that no header may hold",
                      "use plain ASCII on one line");
            else
                settings_.headers.emplace_back(name, Secret(value.text()));
        }
    }

    void read_auth() {
        const View auth = view_.at("auth");
        if (!auth.given()) return;
        auth_text_ = auth.text();
        settings_.auth = provider::parse_auth(auth_text_);
        if (!settings_.auth)
            error(auth.place(), auth.path(), fmt::format("{} is no way for a key to travel in this version", auth.shown()),
                  "write `bearer`, `none`, `header:NAME`, `query:NAME` or `scheme:NAME`");
    }

    void read_keys() {
        const View single = view_.at("api_key"), several = view_.at("api_keys"), accounts = view_.at("accounts");
        if (single.given() + several.given() + accounts.given() > 1)
            error((several.given() ? several : accounts).place(), view_.path(),
                  "`api_key`, `api_keys` and `accounts` say the same thing in different ways", "keep one of them");
        if (single.given()) add_key(single, "default", 1);
        for (const View& list : {several, accounts}) {
            std::size_t number = 0;
            for (const View& item : list.items()) {
                ++number;
                if (!item.given()) continue;
                const std::string fallback = fmt::format("account-{}", number);
                if (!item.is_map()) {
                    add_key(item, fallback, 1);
                } else if (const View key = item.at("api_key"); key.given()) {
                    add_key(key, item.at("name").given() ? item.at("name").text() : fallback,
                            static_cast<std::uint32_t>(item.at("weight").whole()));
                } else if (failed_ |= key.faulty(); !key.faulty()) {
                    error(item.place(), item.path(), "the account has no `api_key`", "give it one");
                }
            }
        }
        failed_ |= single.faulty() || several.faulty() || accounts.faulty();
        if (failed_ || !settings_.keys.empty() || single.given() || several.given() || accounts.given()) return;
        if (auto usual = provider::usual_key(*settings_.row, r_.surroundings.environment))
            settings_.keys.push_back({"default", std::move(usual->key), 1, usual->always_bearer});
    }

    void add_key(const View& value, std::string name, std::uint32_t weight) {
        Secret key(value.text());
        if (!provider::is_header_value(key.reveal(), false))
            return error(value.place(), value.path(), "the key holds a blank or a character that no header may hold",
                         "copy it again, without quotes and line ends");
        if (std::ranges::find(settings_.keys, name, &provider::UpstreamSettings::Key::name) != settings_.keys.end())
            return error(value.place(), value.path(), fmt::format("two accounts are named `{}`", name), "give each its own name");
        settings_.keys.push_back({std::move(name), std::move(key), weight, false});
    }

    void read_quirks() {
        for (const View& item : view_.at("quirks").items()) {
            const auto quirk = provider::find_quirk(item.text());
            settings_.more_quirks |= quirk;
            if (quirk != 0) continue;
            const auto names = provider::quirk_names();
            const std::string near = nearest(item.text(), names);
            error(item.place(), item.path(), fmt::format("{} is no quirk", item.shown()),
                  near.empty() ? "see docs/adding-a-provider.md" : fmt::format("did you mean `{}`?", near));
        }
    }

    void read_models() {
        const View models = view_.at("models");
        if (models.is_map()) return add_renames(models);
        for (const View& item : models.items()) {
            if (item.is_map())
                add_renames(item);
            else if (item.given())
                out_.models.push_back({item.text(), {}});
        }
    }

    void add_renames(const View& map) {
        for (const auto& [name, upstream] : map.members()) {
            if (name.find_first_of("*?") != std::string::npos)
                error(upstream.place(), upstream.path(), "a glob cannot be renamed", "write one name, or the glob alone");
            else if (upstream.given())
                out_.models.push_back({name, upstream.text()});
        }
    }

    void read_connection() {
        Timeouts general = r_.out.timeouts;
        const auto row_seconds = settings_.row->first_token_seconds;
        if (row_seconds > 0 && !r_.root.at("timeouts").at("first_token").given())
            general.first_token = row_seconds * 1'000'000'000;
        out_.timeouts = resolve_timeouts(view_.at("timeouts"), general);
        out_.retry = resolve_retry(view_.at("retry"), r_.out.retry);
        out_.proxy =
            resolve_proxy(view_.at("proxy"), r_.root.at("proxy"), out_.upstream.base, r_.surroundings.environment, r_.faults);
        const View tls = view_.at("tls");
        out_.tls = {.ca = tls.at("ca").text(),
                    .cert = tls.at("cert").text(),
                    .key = tls.at("key").text(),
                    .insecure = tls.at("insecure").boolean()};
        if (out_.tls.cert.empty() != out_.tls.key.empty())
            error(tls.place(), tls.path(), "a client certificate needs both `cert` and `key`", "give the paths of two PEM files");
        for (const char* name : {"ca", "cert", "key"}) {
            const View file = tls.at(name);
            if (file.given() && !r_.surroundings.read_file(file.text()))
                error(file.place(), file.path(), fmt::format("the file {} cannot be read", file.text()),
                      "check the path and who may read it");
        }
    }

    void warn() {
        const provider::Upstream& upstream = out_.upstream;
        const bool keyless = upstream.accounts[0].key.empty();
        const bool no_way = settings_.auth && settings_.auth->kind == provider::AuthKind::none;
        if (keyless && !settings_.row->key_optional && !settings_.base && !no_way)
            r_.faults.warning(view_.place(), view_.path(),
                              fmt::format("{} has no key: {} is not set", out_.name, usual_variables()),
                              "set it, or give `api_key`; until then the provider refuses every call");
        if (!keyless && !upstream.base.secure && !is_near(upstream.base.host))
            r_.faults.warning(view_.at("base_url").place(), view_.path(), "the key travels unencrypted over the network",
                              "use https://");
        if (out_.tls.insecure)
            r_.faults.warning(view_.at("tls").at("insecure").place(), view_.at("tls").at("insecure").path(),
                              "any certificate is accepted: whoever stands in between can read everything",
                              "give `ca` in its place");
    }

    std::string usual_variables() const {
        std::vector<std::string_view> names(settings_.row->key_env.begin(), settings_.row->key_env.end());
        names.insert(names.end(), settings_.row->bearer_key_env.begin(), settings_.row->bearer_key_env.end());
        return names.empty() ? "`api_key`" : fmt::format("{}", fmt::join(names, " or "));
    }

    Resolving& r_;
    const View& view_;
    Provider out_;
    provider::UpstreamSettings settings_;
    std::string auth_text_;  ///< settings_.auth views it.
    std::string_view base_variable_;
    bool failed_ = false;
};

bool same_place(const provider::BaseUrl& a, const provider::BaseUrl& b) {
    return a.port == b.port && (a.host == b.host || (is_loopback_address(a.host) && is_loopback_address(b.host)));
}

/// A provider that the file does not name, with the row's own settings.
void add_found(Resolving& r, const Row& row, const std::optional<provider::BaseUrl>& base) {
    const auto same_name = [&row](const Provider& other) { return other.name == row.id; };
    if (std::ranges::any_of(r.out.providers, same_name) || r.root.at("providers").at(row.id).given()) return;
    if (base &&
        std::ranges::any_of(r.out.providers, [&](const Provider& other) { return same_place(other.upstream.base, *base); }))
        return;
    Faults quiet{""};
    Node nothing;
    nothing.kind = Node::Kind::map;
    Snapshot scratch;
    scratch.data = r.out.data;
    scratch.timeouts = r.out.timeouts;
    scratch.retry = r.out.retry;
    Resolving one{r.root, r.surroundings, r.overrides, quiet, scratch};
    Node tree;
    tree.kind = Node::Kind::map;
    Node& providers = tree.members.emplace_back(Member{"providers", {}, nothing}).value;
    Node& own = providers.members.emplace_back(Member{std::string(row.id), {}, nothing}).value;
    if (base) {
        Node url;
        url.kind = Node::Kind::scalar;
        url.text = base->text();
        own.members.push_back({"base_url", {}, url});
    }
    ProviderReader(one, std::string(row.id), View(tree).at("providers").members()[0].second).read();
    for (Fault& fault : quiet.take())
        r.faults.warning({}, fault.path, fmt::format("{} was found and is not usable: {}", row.id, fault.message), fault.remedy);
    if (scratch.providers.empty()) return;
    scratch.providers[0].found = true;
    r.out.providers.push_back(std::move(scratch.providers[0]));
}

/// A local engine that `models` names and that has not answered yet has its place all the same.
void add_named_engines(Resolving& r) {
    for (const auto& [name, view] : r.root.at("models").members()) {
        for (const std::string& used : view.at("use").texts()) {
            const Row* row = provider::find_row(used.substr(0, used.find('/')));
            if (row != nullptr && row->local_engine) add_found(r, *row, std::nullopt);
        }
    }
}

}  // namespace

void resolve_providers(Resolving& r) {
    for (const auto& [name, view] : r.root.at("providers").members()) ProviderReader(r, name, view).read();
    if (r.out.discover) {
        for (const provider::FoundKey& found : provider::keys_in_environment(r.surroundings.environment))
            add_found(r, *found.row, std::nullopt);
        for (const provider::FoundEngine& engine : r.surroundings.engines) add_found(r, *engine.row, engine.base);
        add_named_engines(r);
    }
    if (r.out.providers.empty() && !r.faults.any_error())
        r.faults.warning({}, "providers", "no provider is known: nothing can be called",
                         "list one under `providers`, or set the key of one in the environment and say `discover: true`");
}

}  // namespace gotthard::config
