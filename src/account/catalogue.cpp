#include "account/catalogue.hpp"

#include "base/text.hpp"

namespace gotthard::account {
namespace {

#include "account/prices_data.inc"

/// Rows of the provider catalogue whose prices stand under another name.
struct ProviderName {
    std::string_view row;
    std::string_view prices;
};
constexpr ProviderName provider_names[] = {
    {"gemini", "google"},           {"vertex_ai", "google"},        {"vertex_ai_partner", "google"}, {"bedrock", "aws"},
    {"bedrock_invoke", "aws"},      {"bedrock_mantle", "aws"},      {"amazon_nova", "aws"},          {"sagemaker", "aws"},
    {"azure_ai", "azure"},          {"codestral", "mistral"},       {"xai", "x-ai"},                 {"together_ai", "together"},
    {"fireworks_ai", "fireworks"},  {"moonshot", "moonshotai"},     {"voyage", "voyageai"},          {"zhipu", "zhipuai"},
    {"github_copilot", "github-copilot"},
};

struct KeyName {
    std::string_view name;
    Item item;
    std::int64_t per;  ///< Units that the price is for.
};
constexpr KeyName key_names[] = {
    {"input_mtok", Item::input, 1'000'000},
    {"output_mtok", Item::output, 1'000'000},
    {"cache_read_mtok", Item::cache_read, 1'000'000},
    {"cache_write_mtok", Item::cache_write, 1'000'000},
    {"cache_write_1h_mtok", Item::cache_write_1h, 1'000'000},
    {"input_audio_mtok", Item::audio_in, 1'000'000},
    {"output_audio_mtok", Item::audio_out, 1'000'000},
    {"cache_audio_read_mtok", Item::cache_audio_read, 1'000'000},
    {"input_image_mtok", Item::image_in, 1'000'000},
    {"output_image_mtok", Item::image_out, 1'000'000},
    {"output_reasoning_mtok", Item::reasoning, 1'000'000},
    {"web_searches_kcount", Item::web_search, 1'000},
    {"requests_kcount", Item::request, 1'000},
};

const KeyName* key_named(std::string_view name) {
    for (const auto& key : key_names)
        if (key.name == name) return &key;
    return nullptr;
}

/// The part of `text` up to `separator`, which is taken off with it.
std::string_view take(std::string_view& text, char separator) {
    const auto at = text.find(separator);
    const auto part = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return part;
}

std::optional<Femto> femto_per_unit(std::string_view price, std::int64_t per) {
    const auto nanos = Money::parse(price);
    if (!nanos || nanos->count() < 0 || nanos->count() > 2'000'000'000'000) return std::nullopt;
    return static_cast<Femto>(static_cast<__int128>(nanos->count()) * 1'000'000 / per);
}

bool read_price(DatedRates& row, std::string_view field) {
    const auto name = take(field, '=');
    const KeyName* key = key_named(name);
    if (key == nullptr) return true;  // a unit that no usage of ours counts
    const auto base = femto_per_unit(take(field, ','), key->per);
    if (!base) return false;
    row.rates[static_cast<std::size_t>(key->item)] = *base;
    while (!field.empty()) {
        auto tier = take(field, ',');
        const auto above = parse_integer<std::int64_t>(take(tier, ':'));
        const auto rate = femto_per_unit(tier, key->per);
        if (!above || !rate) return false;
        row.tiers.push_back({*above, key->item, *rate});
    }
    return true;
}

std::optional<std::int32_t> read_time(std::string_view text) {
    if (text.size() != 8) return std::nullopt;
    const auto hours = parse_integer<int>(text.substr(0, 2)), minutes = parse_integer<int>(text.substr(3, 2)), seconds = parse_integer<int>(text.substr(6, 2));
    if (!hours || !minutes || !seconds) return std::nullopt;
    return *hours * 3600 + *minutes * 60 + *seconds;
}

bool read_when(DatedRates& row, std::string_view when) {
    if (when == "-") return true;
    if (when.starts_with('d')) {
        const auto micros = parse_rfc3339(std::string(when.substr(1)) + "T00:00:00Z");
        if (!micros) return false;
        row.from_day = *micros / 86'400'000'000;
        return true;
    }
    if (!when.starts_with('t')) return false;
    when.remove_prefix(1);
    const auto from = read_time(take(when, '-')), to = read_time(when);
    if (!from || !to) return false;
    row.from_second = *from;
    row.to_second = *to;
    return true;
}

bool read_rates(CatalogueModel& model, std::string_view line) {
    DatedRates row;
    if (!read_when(row, take(line, '\t'))) return false;
    while (!line.empty())
        if (const auto field = take(line, ' '); !field.empty() && !read_price(row, field)) return false;
    model.card.rows.push_back(std::move(row));
    return true;
}

bool read_model(CatalogueProvider& provider, std::string_view line) {
    CatalogueModel model;
    model.id = take(line, '\t');
    const auto window = take(line, '\t');
    model.deprecated = take(line, '\t') == "d";
    while (!line.empty()) {
        auto names = take(line, '|');
        std::vector<NameCondition> all;
        while (!names.empty()) {
            const auto condition = take(names, '&');
            if (condition.empty() || std::string_view("=^$~#%!").find(condition[0]) == std::string_view::npos) return false;
            all.push_back({condition[0], condition.substr(1)});
        }
        model.alternatives.push_back(std::move(all));
    }
    model.card.source = "catalogue";
    model.card.provider = provider.id;
    model.card.model = model.id;
    model.card.context_window = parse_integer<std::int64_t>(window).value_or(-1);
    provider.models.push_back(std::move(model));
    return true;
}

bool fits_digits(std::string_view pattern, std::string_view name) {
    for (std::size_t i = 0; i < pattern.size(); ++i)
        if (pattern[i] == '#' ? !is_digit(name[i]) : pattern[i] != name[i]) return false;
    return true;
}

bool has_word(std::string_view name, std::string_view word) {
    for (auto at = name.find(word); at != std::string_view::npos; at = name.find(word, at + 1)) {
        const auto end = at + word.size();
        if (end == name.size() || name[end] == '-') return true;
    }
    return false;
}

/// "claude-x-20251001" -> "claude-x-2025-10-01"; else "".
std::string with_dashed_date(std::string_view name) {
    if (name.size() < 10 || name[name.size() - 9] != '-') return {};
    const auto date = name.substr(name.size() - 8);
    for (const char c : date)
        if (!is_digit(c)) return {};
    return std::string(name.substr(0, name.size() - 8)).append(date.substr(0, 4)).append("-").append(date.substr(4, 2)).append("-").append(date.substr(6));
}

const CatalogueModel* first_match(const CatalogueProvider& provider, std::string_view name) {
    for (const auto& model : provider.models)
        if (model.matches(name)) return &model;
    return nullptr;
}

}  // namespace

bool NameCondition::holds(std::string_view name) const {
    switch (sign) {
        case '=': return name == text;
        case '^': return name.starts_with(text);
        case '$': return name.ends_with(text);
        case '~': return name.find(text) != std::string_view::npos;
        case '#': return name.size() == text.size() && fits_digits(text, name);
        case '%': return name.size() >= text.size() && fits_digits(text, name);
        case '!': return !has_word(name, text);
        default: return false;
    }
}

bool CatalogueModel::matches(std::string_view name) const {
    return std::ranges::any_of(alternatives, [&](const auto& all) { return std::ranges::all_of(all, [&](const auto& one) { return one.holds(name); }); });
}

Result<Catalogue> Catalogue::parse(std::string_view data) {
    Catalogue catalogue;
    std::size_t number = 0;
    while (!data.empty()) {
        auto line = take(data, '\n');
        ++number;
        const auto kind = take(line, '\t');
        bool good = true;
        if (kind == "P") {
            auto& provider = catalogue.providers_.emplace_back();
            provider.id = take(line, '\t');
            provider.fallbacks = split_list(line);
        } else if (kind == "M") {
            good = !catalogue.providers_.empty() && read_model(catalogue.providers_.back(), line);
        } else if (kind == "R") {
            good = !catalogue.providers_.empty() && !catalogue.providers_.back().models.empty() && read_rates(catalogue.providers_.back().models.back(), line);
        } else {
            good = kind.empty() && line.empty();
        }
        if (!good) return fail(FailureKind::invalid_request, fmt::format("line {} of the price data does not fit its format", number));
    }
    return catalogue;
}

const Catalogue& Catalogue::built_in() {
    static const Catalogue catalogue = parse(prices_data).value();
    return catalogue;
}

std::string_view Catalogue::built_in_version() { return prices_version; }
std::string_view Catalogue::built_in_data() { return prices_data; }

const CatalogueProvider* Catalogue::provider(std::string_view id) const {
    for (const auto& name : provider_names)
        if (name.row == id) id = name.prices;
    for (const auto& provider : providers_)
        if (provider.id == id) return &provider;
    return nullptr;
}

const CatalogueModel* Catalogue::find(std::string_view provider_row, std::string_view model) const {
    const auto* own = provider(provider_row);
    if (own == nullptr || model.empty()) return nullptr;
    const std::string names[] = {lower(model), with_dashed_date(lower(model))};
    for (const auto& name : names) {
        if (name.empty()) continue;
        if (const auto* found = first_match(*own, name)) return found;
        for (const auto fallback : own->fallbacks)
            if (const auto* other = provider(fallback))
                if (const auto* found = first_match(*other, name)) return found;
    }
    return nullptr;
}

std::size_t Catalogue::model_count() const {
    std::size_t count = 0;
    for (const auto& provider : providers_) count += provider.models.size();
    return count;
}

std::optional<Femto> femto_per_token(std::string_view dollars_per_million) { return femto_per_unit(dollars_per_million, 1'000'000); }

}  // namespace gotthard::account
