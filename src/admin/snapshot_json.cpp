// The configuration in force as JSON, in the words of the file. No secret is written: keys, tokens and header values have types
// or places that are left out here, so that nobody has to remember to mask them.
#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "base/text.hpp"

namespace gotthard::admin {
namespace {

using json::Writer;

/// "250ms", "60s", "10m", "30d": the largest unit that says it exactly.
std::string duration_text(Nanos length) {
    struct Unit {
        Nanos nanos;
        std::string_view name;
    };
    static constexpr Unit units[] = {
        {86'400'000'000'000, "d"}, {3'600'000'000'000, "h"}, {60'000'000'000, "m"}, {1'000'000'000, "s"}, {1'000'000, "ms"}};
    for (const auto& unit : units)
        if (length != 0 && length % unit.nanos == 0) return fmt::format("{}{}", length / unit.nanos, unit.name);
    return length == 0 ? "0s" : fmt::format("{}us", length / 1000);
}

void write_strings(Writer& writer, std::string_view name, std::span<const std::string> texts) {
    writer.key(name).begin_array();
    for (const auto& text : texts) writer.string(text);
    writer.end_array();
}

void write_timeouts(Writer& writer, const config::Timeouts& timeouts) {
    writer.key("timeouts")
        .begin_object()
        .member("connect", duration_text(timeouts.connect))
        .member("first_token", duration_text(timeouts.first_token))
        .member("idle", duration_text(timeouts.idle))
        .member("total", duration_text(timeouts.total))
        .member("client_write", duration_text(timeouts.client_write))
        .end_object();
}

void write_retry(Writer& writer, const config::Retry& retry) {
    using config::RetryOn;
    struct Name {
        RetryOn on;
        std::string_view name;
    };
    static constexpr Name names[] = {{RetryOn::server, "server"},
                                     {RetryOn::network, "network"},
                                     {RetryOn::rate_limited, "rate_limited"},
                                     {RetryOn::timeout, "timeout"}};
    writer.key("retry").begin_object().member("max_attempts", retry.max_attempts).key("on").begin_array();
    for (const auto& entry : names)
        if (retry.repeats(entry.on)) writer.string(entry.name);
    writer.end_array()
        .member("backoff_initial", duration_text(retry.backoff_initial))
        .member("backoff_max", duration_text(retry.backoff_max))
        .member("retry_after_max", duration_text(retry.retry_after_max))
        .end_object();
}

void write_listener(Writer& writer, const config::Listener& listener) {
    writer.begin_object().member("address", listener.text()).member("tls", listener.tls.has_value());
    if (listener.tls) {
        writer.member("cert", listener.tls->cert);
        write_text_or_null(writer, "client_ca", listener.tls->client_ca);
    }
    writer.end_object();
}

void write_provider(Writer& writer, const config::Provider& provider) {
    writer.key(provider.name)
        .begin_object()
        .member("type", provider.upstream.row->id)
        .member("base_url", provider.upstream.base.text())
        .member("found", provider.found);
    writer.key("dialects").begin_array();
    for (const auto dialect : provider.upstream.dialects) writer.string(provider::dialect_name(dialect));
    writer.end_array().key("accounts").begin_array();
    for (const auto& account : provider.upstream.accounts)
        writer.begin_object()
            .member("name", account.name)
            .member("weight", account.weight)
            .member("has_key", !account.key.empty())
            .end_object();
    writer.end_array().key("models").begin_array();
    for (const auto& rule : provider.models) {
        if (rule.upstream.empty())
            writer.string(rule.name);
        else
            writer.begin_object().member(rule.name, rule.upstream).end_object();
    }
    writer.end_array();
    write_timeouts(writer, provider.timeouts);
    write_retry(writer, provider.retry);
    if (provider.proxy) writer.member("proxy", fmt::format("{}:{}", provider.proxy->host, provider.proxy->port));
    writer.key("tls").begin_object();
    write_text_or_null(writer, "ca", provider.tls.ca);
    write_text_or_null(writer, "cert", provider.tls.cert);
    writer.member("insecure", provider.tls.insecure).end_object().end_object();
}

void write_aliases(Writer& writer, const config::Snapshot& snapshot) {
    writer.key("models").begin_object();
    for (const auto& alias : snapshot.aliases) {
        writer.key(alias.name).begin_object().key("use").begin_array();
        for (const auto& target : alias.targets) writer.string(target.shown);
        writer.end_array().member("hidden", alias.hidden).end_object();
    }
    writer.end_object();
}

void write_keys(Writer& writer, const config::Snapshot& snapshot) {
    writer.key("keys").begin_array();
    for (const auto& key : snapshot.keys) {
        writer.begin_object().member("name", key.name);
        write_strings(writer, "models", key.models);
        write_time_or_null(writer, "expires", key.expires.value_or(0));
        writer.end_object();
    }
    writer.end_array();
}

void write_prices(Writer& writer, const config::Snapshot& snapshot) {
    const auto member = [&](std::string_view name, const std::optional<Money>& price) {
        if (price) writer.member(name, price->text());
    };
    writer.key("prices").begin_array();
    for (const auto& price : snapshot.prices) {
        writer.begin_object().member("model", price.model);
        member("input", price.input);
        member("output", price.output);
        member("cache_read", price.cache_read);
        member("cache_write", price.cache_write);
        member("cache_write_1h", price.cache_write_1h);
        member("reasoning", price.reasoning);
        member("audio_input", price.audio_input);
        member("audio_output", price.audio_output);
        member("request", price.request);
        member("web_search", price.web_search);
        writer.end_object();
    }
    writer.end_array();
}

std::string_view name_of(config::UnknownModel policy) {
    static constexpr std::string_view names[] = {"allow", "warn", "block"};
    return names[static_cast<std::size_t>(policy)];
}
std::string_view name_of(config::Losses policy) {
    static constexpr std::string_view names[] = {"standard", "allow", "strict"};
    return names[static_cast<std::size_t>(policy)];
}
std::string_view name_of(config::Bodies policy) {
    static constexpr std::string_view names[] = {"none", "masked", "full"};
    return names[static_cast<std::size_t>(policy)];
}
std::string_view name_of(config::ParameterPolicy policy) {
    static constexpr std::string_view names[] = {"refuse", "drop", "force"};
    return names[static_cast<std::size_t>(policy)];
}

void write_parameters(Writer& writer, const config::Snapshot& snapshot) {
    writer.key("parameters").begin_object();
    for (const auto& rule : snapshot.parameters) {
        writer.key(rule.target).begin_object();
        for (const auto& [name, policy] : rule.parameters) writer.member(name, name_of(policy));
        writer.end_object();
    }
    writer.end_object();
}

void write_limits(Writer& writer, const config::Limits& limits) {
    writer.key("limits")
        .begin_object()
        .member("body", limits.body)
        .member("header", limits.header)
        .member("header_time", duration_text(limits.header_time))
        .member("body_time", duration_text(limits.body_time))
        .member("idle_time", duration_text(limits.idle_time))
        .member("answer", limits.answer)
        .end_object();
}

}  // namespace

void write_snapshot(Writer& writer, const config::Snapshot& snapshot) {
    writer.begin_object().key("listen");
    write_listener(writer, snapshot.data);
    writer.key("admin");
    write_listener(writer, snapshot.admin);
    writer.member("admin_insecure", snapshot.admin_insecure)
        .member("data", snapshot.data_directory)
        .member("auth", snapshot.require_keys ? "keys" : "off")
        .member("threads", snapshot.threads)
        .member("discover", snapshot.discover);
    writer.key("providers").begin_object();
    for (const auto& provider : snapshot.providers) write_provider(writer, provider);
    writer.end_object();
    write_aliases(writer, snapshot);
    write_keys(writer, snapshot);
    write_prices(writer, snapshot);
    writer.key("pricing").begin_object().member("unknown_model", name_of(snapshot.unknown_model)).end_object();
    writer.key("records")
        .begin_object()
        .member("bodies", name_of(snapshot.bodies))
        .member("retention", duration_text(snapshot.retention))
        .end_object();
    write_retry(writer, snapshot.retry);
    write_timeouts(writer, snapshot.timeouts);
    write_limits(writer, snapshot.limits);
    writer.member("losses", name_of(snapshot.losses));
    write_parameters(writer, snapshot);
    writer.key("cors").begin_object();
    write_strings(writer, "origins", snapshot.cors.origins);
    write_strings(writer, "headers", snapshot.cors.headers);
    writer.member("max_age", duration_text(snapshot.cors.max_age)).end_object();
    writer.member("client_half_close", snapshot.client_half_close == config::HalfClose::finish ? "finish" : "cancel");
    writer.key("shutdown").begin_object().member("grace", duration_text(snapshot.shutdown_grace)).end_object().end_object();
}

}  // namespace gotthard::admin
