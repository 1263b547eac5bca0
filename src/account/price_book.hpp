// What a call costs: usage times rates, in integers.
//
// Rates are femto-dollars (1e-15 USD) per unit (token, search, request); sums are 128-bit; the one rounding, half up, is to nano-dollars.
// The built-in rows come from the npm package @pydantic/genai-prices (src/account/prices_data.inc, made by tools/generate_prices);
// `prices:` of the configuration stands in front of them. A model without a row, or with an empty one, costs Money::unknown(), never zero (E226).
//
// PriceBook is immutable and shared by all threads; PriceFinder is a shard's own cache in front of it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/failure.hpp"
#include "base/money.hpp"
#include "llm/usage.hpp"

namespace gotthard::account {

/// What a rate is for. Input and output are what is left when the priced parts are taken out.
enum class Item : std::uint8_t {
    input, output, cache_read, cache_write, cache_write_1h, audio_in, audio_out, cache_audio_read, image_in, image_out, reasoning, web_search, request,
};
inline constexpr std::size_t item_count = 13;
std::string_view to_string(Item item);

using Femto = std::int64_t;
inline constexpr Femto no_rate = -1;

/// The rates of one size of request.
using Rates = std::array<Femto, item_count>;

struct Tier {
    std::int64_t above = 0;  ///< In force when input tokens (cached ones included) > above, for all tokens of the request.
    Item item = Item::input;
    Femto rate = 0;
};

/// A row of prices and when it holds.
struct DatedRates {
    std::int64_t from_day = unlimited;  ///< Days since 1970 (UTC) from which it holds.
    std::int32_t from_second = -1;      ///< Time of day (UTC seconds) from which ...
    std::int32_t to_second = -1;        ///< ... until which (exclusive; may wrap midnight) it holds; -1: all day.
    std::string service_tier;           ///< "flex", "priority", ...; empty: the usual one.
    Rates rates;
    std::vector<Tier> tiers;
    static constexpr std::int64_t unlimited = INT64_MIN;

    DatedRates() { rates.fill(no_rate); }
    bool empty() const;
    Femto rate(Item item, std::int64_t input_tokens) const;
};

struct PriceCard {
    std::string source;    ///< "config" or "catalogue".
    std::string provider;  ///< Of the catalogue.
    std::string model;     ///< The row's own id, or the configured glob.
    std::int64_t context_window = -1;
    std::vector<DatedRates> rows;  ///< The last one that holds wins; the first is the default.

    bool priced() const;
    const DatedRates& at(Micros when, std::string_view service_tier = {}) const;
};

/// One line of a bill.
struct CostItem {
    Item item = Item::input;
    std::int64_t count = 0;
    Femto rate = no_rate;
    bool inherited = false;  ///< The rate is its parent's: the row has none for it.
};

struct Cost {
    Money total = Money::unknown();
    std::array<CostItem, item_count> items;
    std::size_t count = 0;
    bool overlapping = false;  ///< The reported parts were larger than their whole.
    bool incomplete = false;   ///< Something countable has no rate (web searches); total is the rest.

    /// The sum of one kind, rounded by itself (shown; the sum of these may differ from total by a nano-dollar each).
    Money of(Item item) const;
    Money input() const { return of(Item::input) + of(Item::audio_in) + of(Item::image_in); }
    Money output() const { return of(Item::output) + of(Item::audio_out) + of(Item::image_out) + of(Item::reasoning); }
    Money cache_read() const { return of(Item::cache_read) + of(Item::cache_audio_read); }
    Money cache_write() const { return of(Item::cache_write) + of(Item::cache_write_1h); }
    Money tools() const { return of(Item::web_search); }
    Money other() const { return of(Item::request); }
};

/// `when`: the start of the request; `service_tier`: as served, from the answer (E225). Unknown usage or an unpriced card: unknown().
Cost cost_of(const llm::Usage& usage, const PriceCard& card, Micros when, std::string_view service_tier = {});
/// The same for a card that may be missing: then the cost is what the provider says it charges, or unknown.
Cost cost_of(const llm::Usage& usage, const PriceCard* card, Micros when, std::string_view service_tier = {});

/// A row of `prices:`, decimal USD per million tokens as written. Absent: not set. Negative or more than nine decimals: refused by add.
struct ConfiguredPrice {
    std::string model;  ///< Glob over "provider/model"; without a slash also over the bare model.
    std::optional<std::string> input, output, cache_read, cache_write, cache_write_1h;
};

struct PriceQuery {
    std::string_view provider_name;   ///< As configured: "lab".
    std::string_view provider_row;    ///< Row of the provider catalogue: "openai", "together_ai", "openai_compatible".
    std::string_view model;           ///< Upstream model id asked for.
    std::string_view response_model;  ///< As the upstream said; may be empty.
    std::string_view base_model;      ///< Of an Azure deployment; may be empty.
    std::string_view alias;           ///< The name the client used ("fast"); may be empty. Only for configured prices.
};

class PriceBook {
public:
    /// The built-in catalogue with `prices:` in front.
    static Result<std::shared_ptr<const PriceBook>> make(const std::vector<ConfiguredPrice>& configured = {});
    ~PriceBook();

    /// base_model, response model, model; each as it is, without provider prefix, without date suffix, without region prefix; configured
    /// prices first. Null: unknown. The card lives as long as the book.
    const PriceCard* find(const PriceQuery& query) const;
    /// Context window of a model where the catalogue knows it, else -1.
    std::int64_t context_window(std::string_view provider_row, std::string_view model) const;
    /// Name and date of the built-in data: "genai-prices 0.1.8".
    std::string_view version() const;
    std::size_t model_count() const;
    /// For `/prices`; the built-in ones are Catalogue::built_in() (account/catalogue.hpp).
    const std::vector<PriceCard>& configured() const { return configured_; }

private:
    PriceBook();
    const PriceCard* find_configured(const PriceQuery& query) const;
    std::vector<PriceCard> configured_;
};

/// A bounded cache of find(); one thread.
class PriceFinder {
public:
    explicit PriceFinder(std::shared_ptr<const PriceBook> book) : book_(std::move(book)) {}
    const PriceCard* find(const PriceQuery& query);
    const PriceBook& book() const { return *book_; }

private:
    static constexpr std::size_t capacity = 1024;
    std::shared_ptr<const PriceBook> book_;
    std::unordered_map<std::string, const PriceCard*> found_;
    std::string key_;
};

}  // namespace gotthard::account
