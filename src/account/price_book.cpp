#include "account/price_book.hpp"

#include "account/catalogue.hpp"
#include "base/text.hpp"

namespace gotthard::account {
namespace {

/// "gpt-4o-2024-08-06" -> "gpt-4o", "claude-x-20251001" -> "claude-x"; without a date: "".
std::string_view without_date(std::string_view model) {
    const auto all_digits = [](std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); };
    if (const auto size = model.size(); size > 9 && model[size - 9] == '-' && all_digits(model.substr(size - 8))) return model.substr(0, size - 9);
    if (const auto size = model.size(); size > 11 && model[size - 11] == '-' && all_digits(model.substr(size - 10, 4)) && model[size - 6] == '-' &&
                                        all_digits(model.substr(size - 5, 2)) && model[size - 3] == '-' && all_digits(model.substr(size - 2)))
        return model.substr(0, size - 11);
    return {};
}

/// Bedrock's regional ids: "us.anthropic.claude-..." -> "anthropic.claude-..."; else "".
std::string_view without_region(std::string_view model) {
    for (const std::string_view region : {"us.", "eu.", "apac.", "jp.", "global.", "au.", "us-gov."})
        if (model.starts_with(region)) return model.substr(region.size());
    return {};
}

std::string_view without_prefix(std::string_view model) {
    const auto slash = model.find('/');
    return slash == std::string_view::npos ? std::string_view{} : model.substr(slash + 1);
}

const CatalogueModel* find_in_catalogue(std::string_view provider_row, std::string_view model) {
    if (model.empty()) return nullptr;
    const auto& catalogue = Catalogue::built_in();
    const std::string_view bare = without_prefix(model);
    for (const auto name : {model, bare, without_date(model), without_date(bare), without_region(model), without_date(without_region(model))})
        if (!name.empty())
            if (const auto* found = catalogue.find(provider_row, name)) return found;
    return nullptr;
}

Result<PriceCard> card_of(const ConfiguredPrice& price) {
    PriceCard card;
    card.source = "config";
    card.model = price.model;
    DatedRates row;
    const struct {
        Item item;
        std::string_view name;
        const std::optional<std::string>& value;
    } fields[] = {{Item::input, "input", price.input},
                  {Item::output, "output", price.output},
                  {Item::cache_read, "cache_read", price.cache_read},
                  {Item::cache_write, "cache_write", price.cache_write},
                  {Item::cache_write_1h, "cache_write_1h", price.cache_write_1h}};
    for (const auto& field : fields) {
        if (!field.value) continue;
        const auto rate = femto_per_token(*field.value);
        if (!rate)
            return fail(FailureKind::invalid_request,
                        fmt::format("prices: {} of \"{}\" is \"{}\"; expected USD per million tokens between 0 and 2000 with at most nine decimals", field.name,
                                    price.model, *field.value));
        row.rates[static_cast<std::size_t>(field.item)] = *rate;
    }
    card.rows.push_back(std::move(row));
    return card;
}

}  // namespace

std::string_view to_string(Item item) {
    static constexpr std::string_view names[item_count] = {"input",     "output",           "cache_read", "cache_write", "cache_write_1h", "audio_in", "audio_out",
                                                           "cache_audio_read", "image_in", "image_out",  "reasoning",   "web_search",     "request"};
    return names[static_cast<std::size_t>(item)];
}

bool DatedRates::empty() const {
    return std::ranges::all_of(rates, [](Femto rate) { return rate == no_rate; });
}

Femto DatedRates::rate(Item item, std::int64_t input_tokens) const {
    Femto found = rates[static_cast<std::size_t>(item)];
    std::int64_t reached = -1;
    for (const auto& tier : tiers)
        if (tier.item == item && input_tokens > tier.above && tier.above > reached) {
            found = tier.rate;
            reached = tier.above;
        }
    return found;
}

bool PriceCard::priced() const {
    return std::ranges::any_of(rows, [](const DatedRates& row) { return !row.empty(); });
}

const DatedRates& PriceCard::at(Micros when, std::string_view service_tier) const {
    static const DatedRates nothing;
    constexpr Micros day_length = 86'400'000'000;
    const std::int64_t day = when >= 0 ? when / day_length : (when - day_length + 1) / day_length;
    const auto second = static_cast<std::int32_t>((when - day * day_length) / 1'000'000);
    const auto holds = [&](const DatedRates& row) {
        if (row.from_day != DatedRates::unlimited && day < row.from_day) return false;
        if (row.from_second < 0) return true;
        if (row.from_second <= row.to_second) return second >= row.from_second && second < row.to_second;
        return second >= row.from_second || second < row.to_second;
    };
    if (!service_tier.empty())
        for (auto row = rows.rbegin(); row != rows.rend(); ++row)
            if (row->service_tier == service_tier && holds(*row)) return *row;
    for (auto row = rows.rbegin(); row != rows.rend(); ++row)
        if (row->service_tier.empty() && holds(*row)) return *row;
    return rows.empty() ? nothing : rows.front();
}

PriceBook::PriceBook() = default;
PriceBook::~PriceBook() = default;

Result<std::shared_ptr<const PriceBook>> PriceBook::make(const std::vector<ConfiguredPrice>& configured) {
    auto book = std::shared_ptr<PriceBook>(new PriceBook);
    static_cast<void>(Catalogue::built_in());  // read at start, not by the first request
    for (const auto& price : configured) {
        auto card = card_of(price);
        if (!card) return fail(std::move(card.error()));
        book->configured_.push_back(std::move(*card));
    }
    return book;
}

const PriceCard* PriceBook::find_configured(const PriceQuery& query) const {
    if (configured_.empty()) return nullptr;
    const auto full = [&](std::string_view model) { return fmt::format("{}/{}", query.provider_name, model); };
    std::vector<std::string> names;
    for (const auto model : {query.base_model, query.model, query.response_model})
        if (!model.empty()) {
            names.push_back(full(model));
            names.emplace_back(model);
        }
    if (!query.alias.empty()) names.emplace_back(query.alias);
    for (const auto& card : configured_) {
        const bool bare = card.model.find('/') == std::string::npos;
        for (const auto& name : names)
            if (glob_match(card.model, name) && (bare || name.find('/') != std::string::npos)) return &card;
    }
    return nullptr;
}

const PriceCard* PriceBook::find(const PriceQuery& query) const {
    if (const auto* card = find_configured(query)) return card->priced() ? card : nullptr;
    for (const auto model : {query.base_model, query.response_model, query.model})
        if (const auto* found = find_in_catalogue(query.provider_row, model))
            if (found->card.priced() || found->id.find("free") != std::string_view::npos) return &found->card;
    return nullptr;
}

std::int64_t PriceBook::context_window(std::string_view provider_row, std::string_view model) const {
    const auto* found = find_in_catalogue(provider_row, model);
    return found == nullptr ? -1 : found->card.context_window;
}

std::string_view PriceBook::version() const { return Catalogue::built_in_version(); }
std::size_t PriceBook::model_count() const { return Catalogue::built_in().model_count(); }

const PriceCard* PriceFinder::find(const PriceQuery& query) {
    key_.clear();
    for (const auto part : {query.provider_name, query.provider_row, query.model, query.response_model, query.base_model, query.alias}) {
        key_.append(part);
        key_.push_back('\0');
    }
    if (const auto found = found_.find(key_); found != found_.end()) return found->second;
    if (found_.size() >= capacity) found_.clear();
    const auto* card = book_->find(query);
    found_.emplace(key_, card);
    return card;
}

}  // namespace gotthard::account
