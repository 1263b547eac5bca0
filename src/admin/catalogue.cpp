// /models, /providers, /prices: what can be called, where, and what it costs.
#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "base/money.hpp"

namespace gotthard::admin {
namespace {

using account::Item;

struct PriceMember {
    Item item;
    std::string_view name;
    bool per_piece = false;  ///< Else per million tokens.
};
constexpr PriceMember price_members[] = {
    {Item::input, "input"},
    {Item::output, "output"},
    {Item::cache_read, "cache_read"},
    {Item::cache_write, "cache_write"},
    {Item::cache_write_1h, "cache_write_1h"},
    {Item::reasoning, "reasoning"},
    {Item::audio_in, "audio_in"},
    {Item::audio_out, "audio_out"},
    {Item::cache_audio_read, "cache_audio_read"},
    {Item::image_in, "image_in"},
    {Item::image_out, "image_out"},
    {Item::web_search, "web_search", true},
    {Item::request, "request", true},
};

/// Femto-dollars per token are nano-dollars per million tokens.
std::string price_text(account::Femto rate, bool per_piece) { return Money::nanos(per_piece ? rate / 1'000'000 : rate).text(); }

bool is_per_piece(Item item) {
    for (const auto& member : price_members)
        if (member.item == item) return member.per_piece;
    return false;
}

void write_rates(json::Writer& writer, const account::DatedRates* rates) {
    for (const auto& member : price_members) {
        const auto rate = rates == nullptr ? account::no_rate : rates->rates[static_cast<std::size_t>(member.item)];
        if (rate == account::no_rate)
            writer.member_null(member.name);
        else
            writer.member(member.name, price_text(rate, member.per_piece));
    }
    writer.key("tiers").begin_array();
    if (rates != nullptr)
        for (const auto& tier : rates->tiers)
            writer.begin_object()
                .member("above", tier.above)
                .member("item", account::to_string(tier.item))
                .member("price", price_text(tier.rate, is_per_piece(tier.item)))
                .end_object();
    writer.end_array();
}

void write_card(json::Writer& writer, std::string_view name, const account::PriceCard* card, Micros now) {
    const bool priced = card != nullptr && card->priced();
    writer.begin_object().member("model", name).member("source", priced ? std::string_view(card->source) : "unknown");
    write_text_or_null(writer, "row", priced ? std::string_view(card->model) : std::string_view());
    write_rates(writer, priced ? &card->at(now) : nullptr);
    writer.end_object();
}

const config::Provider& provider_of(const config::Target& target, const config::Snapshot& snapshot) {
    return snapshot.providers[target.provider];
}

const account::PriceCard* find_card(const config::Target& target, std::string_view alias, const config::Snapshot& snapshot,
                                    const account::PriceBook& book) {
    const auto& provider = provider_of(target, snapshot);
    return book.find({.provider_name = provider.name,
                      .provider_row = provider.upstream.row->id,
                      .model = target.model,
                      .response_model = {},
                      .base_model = {},
                      .alias = alias});
}

void write_model(json::Writer& writer, const route::CallableModel& model, const std::vector<config::Target>& targets,
                 const config::Snapshot& snapshot, const account::PriceBook& book, Micros now) {
    const auto& first = targets.front();
    writer.begin_object().member("name", model.name).member("alias", model.alias).key("targets").begin_array();
    for (const auto& target : targets) writer.string(target.shown);
    writer.end_array().member("provider", model.provider).member("upstream_model", model.upstream);
    const auto window = book.context_window(provider_of(first, snapshot).upstream.row->id, first.model);
    if (window < 0)
        writer.member_null("context_window");
    else
        writer.member("context_window", window);
    writer.key("price");
    write_price(writer, model.name, first, model.alias ? model.name : std::string_view(), snapshot, book, now);
    writer.end_object();
}

}  // namespace

void write_price(json::Writer& writer, std::string_view name, const config::Target& target, std::string_view alias,
                 const config::Snapshot& snapshot, const account::PriceBook& book, Micros now) {
    write_card(writer, name, find_card(target, alias, snapshot, book), now);
}

Result<Response> list_models(const Admitted&, Services& services) {
    const auto snapshot = services.snapshot();
    const auto known = services.known_models();
    const auto book = services.prices();
    Response response;
    json::Writer writer(response.body);
    writer.begin_object().key("data").begin_array();
    for (const auto& model : route::callable_models(*snapshot, *known)) {
        const auto targets = route::resolve_model(model.name, *snapshot, *known);
        if (targets) write_model(writer, model, *targets, *snapshot, *book, services.clock.wall());
    }
    writer.end_array().member_null("next_cursor").end_object();
    return response;
}

Result<Response> list_providers(const Admitted&, Services& services) {
    const auto snapshot = services.snapshot();
    const auto known = services.known_models();
    Response response;
    json::Writer writer(response.body);
    writer.begin_object().key("data").begin_array();
    for (const auto& provider : snapshot->providers) {
        const auto& upstream = provider.upstream;
        bool has_key = false;
        for (const auto& account : upstream.accounts) has_key = has_key || !account.key.empty();
        writer.begin_object()
            .member("name", provider.name)
            .member("type", upstream.row->id)
            .member("title", upstream.row->name)
            .member("address", upstream.base.text())
            .key("dialects")
            .begin_array();
        for (const auto dialect : upstream.dialects) writer.string(provider::dialect_name(dialect));
        writer.end_array()
            .member("found", provider.found)
            .member("accounts", static_cast<std::uint64_t>(has_key ? upstream.accounts.size() : 0))
            .member("has_key", has_key)
            .member("models", static_cast<std::uint64_t>(known->of(provider.name).size()))
            .end_object();
    }
    writer.end_array().member_null("next_cursor").end_object();
    return response;
}

Result<Response> list_prices(const Admitted& call, Services& services) {
    const auto snapshot = services.snapshot();
    const auto known = services.known_models();
    const auto book = services.prices();
    const Micros now = services.clock.wall();
    const auto model = call.parameters.get("model");
    Response response;
    json::Writer writer(response.body);
    writer.begin_object().key("data").begin_array();
    if (!model.empty()) {
        const auto targets = route::resolve_model(model, *snapshot, *known);
        if (!targets) return std::unexpected(targets.error());
        for (const auto& target : *targets) write_price(writer, target.shown, target, model, *snapshot, *book, now);
    } else {
        for (const auto& card : book->configured()) write_card(writer, card.model, &card, now);
        for (const auto& callable : route::callable_models(*snapshot, *known)) {
            const auto targets = route::resolve_model(callable.name, *snapshot, *known);
            if (targets)
                write_price(writer, callable.name, targets->front(), callable.alias ? callable.name : std::string_view(),
                            *snapshot, *book, now);
        }
    }
    writer.end_array().member_null("next_cursor").member("catalogue", book->version()).end_object();
    return response;
}

}  // namespace gotthard::admin
