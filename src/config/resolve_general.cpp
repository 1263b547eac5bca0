#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "config/resolve.hpp"
#include "config/values.hpp"

namespace gotthard::config {
namespace {

template <class Value>
struct Named {
    std::string_view name;
    Value value;
};

template <class Value, std::size_t Size>
Value by_name(const Named<Value> (&table)[Size], std::string_view name) {
    for (const auto& entry : table)
        if (entry.name == name) return entry.value;
    return table[0].value;
}

constexpr Named<UnknownModel> unknown_models[] = {
    {"warn", UnknownModel::warn}, {"allow", UnknownModel::allow}, {"block", UnknownModel::block}};
constexpr Named<Losses> losses[] = {{"standard", Losses::standard}, {"allow", Losses::allow}, {"strict", Losses::strict}};
constexpr Named<Bodies> bodies[] = {{"none", Bodies::none}, {"masked", Bodies::masked}, {"full", Bodies::full}};
constexpr Named<HalfClose> half_closes[] = {{"finish", HalfClose::finish}, {"cancel", HalfClose::cancel}};
constexpr Named<ParameterPolicy> parameter_policies[] = {
    {"refuse", ParameterPolicy::refuse}, {"drop", ParameterPolicy::drop}, {"force", ParameterPolicy::force}};
constexpr Named<RetryOn> retry_kinds[] = {{"server", RetryOn::server},
                                          {"network", RetryOn::network},
                                          {"rate_limited", RetryOn::rate_limited},
                                          {"timeout", RetryOn::timeout}};

std::string default_data_directory(const Surroundings& surroundings) {
    if (surroundings.superuser) return "/var/lib/gotthard";
    if (const auto base = surroundings.environment("XDG_DATA_HOME"); base && !base->empty()) return *base + "/gotthard";
    if (const auto home = surroundings.environment("HOME"); home && !home->empty()) return *home + "/.local/share/gotthard";
    return "gotthard-data";
}

std::optional<ServerTls> server_tls(const View& view, Resolving& r) {
    if (!view.given()) return std::nullopt;
    ServerTls tls{view.at("cert").text(), view.at("key").text(), view.at("client_ca").text()};
    if (tls.cert.empty() || tls.key.empty()) {
        if (!view.at("cert").faulty() && !view.at("key").faulty())
            r.faults.error(view.place(), view.path(), "TLS needs both `cert` and `key`", "give the paths of two PEM files");
        return std::nullopt;
    }
    for (const char* name : {"cert", "key", "client_ca"}) {
        const View file = view.at(name);
        if (file.given() && !r.surroundings.read_file(file.text()))
            r.faults.error(file.place(), file.path(), fmt::format("the file {} cannot be read", file.text()),
                           "check the path and who may read it");
    }
    return tls;
}

Listener listener(const View& address, const View& tls, const std::optional<std::string>& override, std::string_view option,
                  Resolving& r) {
    Listener out;
    auto parsed = parse_address(address.text());
    if (override) {
        parsed = parse_address(*override);
        if (!parsed)
            r.faults.error({}, std::string(option),
                           fmt::format("`{}` is not an address to listen on", utf8_prefix(*override, 80)),
                           "write a literal address and a port, for instance `127.0.0.1:7300`");
    }
    if (parsed) {
        out.host = parsed->host;
        out.port = parsed->port;
    }
    out.tls = server_tls(tls, r);
    return out;
}

bool is_origin(std::string_view text) {
    if (text == "*" || text == "null") return true;
    const auto parsed = provider::parse_base_url(text);
    return parsed && parsed->path.empty();
}

void resolve_cors(Resolving& r) {
    const View cors = r.root.at("cors");
    for (const View& item : cors.at("origins").items()) {
        if (!is_origin(item.text()))
            r.faults.error(item.place(), item.path(), fmt::format("{} is not an origin", item.shown()),
                           "write `https://host` without a path, or `*`");
        r.out.cors.origins.push_back(item.text());
    }
    for (const View& item : cors.at("headers").items()) {
        if (item.text() != "*" && !provider::is_header_name(item.text()))
            r.faults.error(item.place(), item.path(), "this is not the name of a header", "write a header name, or `*`");
        r.out.cors.headers.push_back(lower(item.text()));
    }
    r.out.cors.max_age = cors.at("max_age").duration();
}

void resolve_parameters(Resolving& r) {
    for (const auto& [target, parameters] : r.root.at("parameters").members()) {
        ParameterRule rule{.target = target, .parameters = {}};
        for (const auto& [name, policy] : parameters.members())
            rule.parameters.emplace_back(name, by_name(parameter_policies, policy.text()));
        r.out.parameters.push_back(std::move(rule));
    }
}

}  // namespace

Timeouts resolve_timeouts(const View& view, const Timeouts& inherited) {
    const auto length = [&view](std::string_view name, Nanos other) {
        const View item = view.at(name);
        return item.given() ? item.duration() : other;
    };
    return {.connect = length("connect", inherited.connect),
            .first_token = length("first_token", inherited.first_token),
            .idle = length("idle", inherited.idle),
            .total = length("total", inherited.total),
            .client_write = length("client_write", inherited.client_write)};
}

Retry resolve_retry(const View& view, const Retry& inherited) {
    Retry out = inherited;
    if (const View item = view.at("max_attempts"); item.given()) out.max_attempts = static_cast<std::uint32_t>(item.whole());
    if (const View item = view.at("on"); item.given()) {
        out.on = 0;
        for (const std::string& name : item.texts()) out.on |= static_cast<std::uint8_t>(by_name(retry_kinds, name));
    }
    if (const View item = view.at("backoff").at("initial"); item.given()) out.backoff_initial = item.duration();
    if (const View item = view.at("backoff").at("max"); item.given()) out.backoff_max = item.duration();
    if (const View item = view.at("retry_after_max"); item.given()) out.retry_after_max = item.duration();
    return out;
}

void resolve_general(Resolving& r) {
    Snapshot& out = r.out;
    const View& root = r.root;
    out.data_directory = r.overrides.data          ? *r.overrides.data
                         : root.at("data").given() ? root.at("data").text()
                                                   : default_data_directory(r.surroundings);
    out.require_keys = root.at("auth").text() == "keys";
    out.threads = static_cast<std::uint32_t>(root.at("threads").whole());
    out.discover = root.at("discover").boolean();
    out.unknown_model = by_name(unknown_models, root.at("pricing").at("unknown_model").text());
    out.bodies = by_name(bodies, root.at("records").at("bodies").text());
    out.retention = root.at("records").at("retention").duration();
    out.retry = resolve_retry(root.at("retry"), {});
    out.timeouts = resolve_timeouts(root.at("timeouts"), {});
    out.limits = {.body = root.at("limits").at("body").bytes(),
                  .header = root.at("limits").at("header").bytes(),
                  .header_time = root.at("limits").at("header_time").duration(),
                  .body_time = root.at("limits").at("body_time").duration(),
                  .idle_time = root.at("limits").at("idle_time").duration(),
                  .answer = root.at("limits").at("answer").bytes()};
    out.losses = by_name(losses, root.at("losses").text());
    out.client_half_close = by_name(half_closes, root.at("client_half_close").text());
    out.shutdown_grace = root.at("shutdown").at("grace").duration();
    resolve_parameters(r);
    resolve_cors(r);
}

void resolve_listeners(Resolving& r) {
    const View listen = r.root.at("listen"), admin = r.root.at("admin");
    r.out.data = listener(listen, r.root.at("tls"), r.overrides.listen, "--listen", r);
    r.out.admin = listener(admin.at("listen"), admin.at("tls"), r.overrides.admin, "--admin", r);
    r.out.admin_insecure = admin.at("insecure").boolean();
    r.out.admin_token = Secret(admin.at("token").text());
    if (r.out.admin_token.empty())
        if (auto token = r.surroundings.environment("GOTTHARD_ADMIN_TOKEN"))
            r.out.admin_token = Secret(std::string(trim(*token)));

    if (!r.out.require_keys && !r.out.data.loopback())
        r.faults.error(r.overrides.listen ? Place{} : listen.place(), "listen",
                       fmt::format("{} can be reached by others while `auth` is `off`", r.out.data.text()),
                       "listen on 127.0.0.1, or remove `auth: off`");
    if (!r.out.admin.loopback() && !r.out.admin.tls && !r.out.admin_insecure)
        r.faults.error(r.overrides.admin ? Place{} : admin.at("listen").place(), "admin.listen",
                       fmt::format("{} can be reached by others and has no TLS", r.out.admin.text()),
                       "listen on 127.0.0.1, give `admin.tls`, or say `admin.insecure: true` when something in front has TLS");
    const bool same_host = r.out.data.host == r.out.admin.host || r.out.data.host == "0.0.0.0" || r.out.admin.host == "0.0.0.0";
    if (r.out.data.port != 0 && r.out.data.port == r.out.admin.port && same_host)
        r.faults.error(admin.at("listen").place(), "admin.listen", "both listeners have the same address",
                       "give the admin listener another port");
}

void resolve_keys(Resolving& r) {
    std::set<std::string> names;
    std::set<std::string, std::less<>> values;
    for (const View& item : r.root.at("keys").items()) {
        if (!item.given()) continue;
        ConfiguredKey key{.name = item.at("name").text(),
                          .value = Secret(item.at("value").text()),
                          .models = item.at("models").texts(),
                          .expires = item.at("expires").time()};
        const View name = item.at("name"), value = item.at("value");
        if (key.name.empty() && name.faulty()) continue;
        if (key.name.empty())
            r.faults.error(item.place(), item.path(), "the key has no `name`", "give it one; it is shown in records");
        else if (!names.insert(key.name).second)
            r.faults.error(name.place(), name.path(), fmt::format("two keys are named `{}`", key.name), "give each its own name");
        if (value.faulty()) continue;
        if (!value.given()) {
            r.faults.error(item.place(), item.path(), "the key has no `value`", "give it one, for instance `value: env:CI_KEY`");
        } else if (!provider::is_header_value(key.value.reveal(), false)) {
            r.faults.error(value.place(), value.path(), "the key's value holds a blank or a character that no header may hold",
                           "use letters, digits, - and _");
        } else if (!values.emplace(key.value.reveal()).second) {
            r.faults.error(value.place(), value.path(), "two keys have the same value", "give each key its own value");
        } else if (key.value.reveal().size() < 16) {
            r.faults.warning(value.place(), value.path(), "the key is shorter than 16 characters and can be guessed",
                             "use a long random value, for instance one that `gotthard keys create` prints");
        }
        r.out.keys.push_back(std::move(key));
    }
}

void resolve_prices(Resolving& r) {
    for (const View& item : r.root.at("prices").items()) {
        if (!item.given()) continue;
        Price price{.model = item.at("model").text(),
                    .input = item.at("input").money(),
                    .output = item.at("output").money(),
                    .cache_read = item.at("cache_read").money(),
                    .cache_write = item.at("cache_write").money(),
                    .cache_write_1h = item.at("cache_write_1h").money(),
                    .reasoning = item.at("reasoning").money(),
                    .audio_input = item.at("audio_input").money(),
                    .audio_output = item.at("audio_output").money(),
                    .request = item.at("request").money(),
                    .web_search = item.at("web_search").money()};
        if (price.model.empty() && !item.at("model").faulty())
            r.faults.error(item.place(), item.path(), "the price has no `model`", "give a name or a glob over `provider/model`");
        const bool faulty = item.at("input").faulty() || item.at("output").faulty() || item.at("request").faulty();
        if (!price.input && !price.output && !price.request && !faulty)
            r.faults.warning(item.place(), item.path(), "the row has no price: the models it matches count as unpriced",
                             "give `input` and `output`; 0 means free");
        r.out.prices.push_back(std::move(price));
    }
}

}  // namespace gotthard::config
