// The built-in price rows (prices_data.inc, whose format stands at the top of tools/generate_prices.mjs) as look-up structures.
#pragma once

#include <string_view>
#include <vector>

#include "account/price_book.hpp"

namespace gotthard::account {

/// A sign and a text, see the format.
struct NameCondition {
    char sign;
    std::string_view text;
    bool holds(std::string_view name) const;  ///< `name` in lower case.
};

struct CatalogueModel {
    std::string_view id;
    bool deprecated = false;
    std::vector<std::vector<NameCondition>> alternatives;
    PriceCard card;
    bool matches(std::string_view name) const;  ///< `name` in lower case.
};

struct CatalogueProvider {
    std::string_view id;
    std::vector<std::string_view> fallbacks;
    std::vector<CatalogueModel> models;
};

class Catalogue {
public:
    /// Reads data of the format; what does not fit it is invalid_request with the line number. `data` must outlive the result.
    static Result<Catalogue> parse(std::string_view data);
    /// The built-in data.
    static const Catalogue& built_in();
    static std::string_view built_in_version();
    static std::string_view built_in_data();

    /// The model of that provider (by the row of the provider catalogue), its fallback providers included; any case.
    const CatalogueModel* find(std::string_view provider_row, std::string_view model) const;
    const CatalogueProvider* provider(std::string_view id) const;
    const std::vector<CatalogueProvider>& providers() const { return providers_; }
    std::size_t model_count() const;

private:
    std::vector<CatalogueProvider> providers_;
};

/// USD per million tokens, decimal, to femto-dollars per token. More than nine decimals, negative, or absurd (above $2,000): nullopt.
std::optional<Femto> femto_per_token(std::string_view dollars_per_million);

}  // namespace gotthard::account
