// Which price a model has: the built-in catalogue, `prices:` in front of it, names in all their spellings.
#include <gtest/gtest.h>

#include <fstream>

#include "account/catalogue.hpp"
#include "account/price_book.hpp"
#include "base/text.hpp"

namespace gotthard::account {
namespace {

constexpr Micros today = 1'795'608'000'000'000;  // 2026-11-25T12:00:00Z

std::shared_ptr<const PriceBook> book_with(const std::vector<ConfiguredPrice>& prices = {}) {
    auto book = PriceBook::make(prices);
    EXPECT_TRUE(book) << (book ? "" : book.error().message);
    return *book;
}

/// "provider/row" of the card found, or "".
std::string found(const PriceBook& book, const PriceQuery& query) {
    const auto* card = book.find(query);
    return card == nullptr ? "" : card->provider + "/" + card->model;
}

TEST(PriceBook, HoldsTheWholeCatalogue) {
    const auto book = book_with();
    EXPECT_GE(book->model_count(), 1600u);
    EXPECT_EQ(book->version(), "genai-prices 0.1.8");
    // Every model with a price can be found under its own id, priced above nothing and below the absurd.
    std::size_t unpriced = 0;
    for (const auto& provider : Catalogue::built_in().providers())
        for (const auto& model : provider.models) {
            unpriced += !model.card.priced();
            for (const auto& row : model.card.rows)
                for (const auto rate : row.rates) EXPECT_LE(rate, 2'000'000'000'000'000) << model.id;
        }
    EXPECT_LT(unpriced, 400u);
}

TEST(PriceBook, FindsAModelUnderItsDatedAndPrefixedNames) {
    const auto book = book_with();
    EXPECT_EQ(found(*book, {.provider_row = "openai", .model = "gpt-4o-mini"}), "openai/gpt-4o-mini");
    EXPECT_EQ(found(*book, {.provider_row = "openai", .model = "gpt-4o-mini-2024-07-18"}), "openai/gpt-4o-mini");
    EXPECT_EQ(found(*book, {.provider_row = "openai", .model = "GPT-4o-Mini"}), "openai/gpt-4o-mini") << "in any case";
    EXPECT_EQ(found(*book, {.provider_row = "openai", .model = "openai/gpt-4o-mini"}), "openai/gpt-4o-mini");
    EXPECT_EQ(found(*book, {.provider_row = "anthropic", .model = "claude-opus-4-6-20260205"}), "anthropic/claude-opus-4-6");
    EXPECT_EQ(found(*book, {.provider_row = "gemini", .model = "gemini-2.5-pro"}), "google/gemini-2.5-pro");
    EXPECT_EQ(found(*book, {.provider_row = "azure", .model = "my-deployment", .base_model = "gpt-4o-mini"}), "openai/gpt-4o-mini") << "a deployment's name says nothing";
    EXPECT_NE(found(*book, {.provider_row = "bedrock", .model = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}), "");
    EXPECT_NE(found(*book, {.provider_row = "groq", .model = "llama-3.1-8b-instant"}), "");
}

TEST(PriceBook, NeverPricesByAPrefixThatIsAnotherModel) {
    const auto book = book_with();
    EXPECT_EQ(found(*book, {.provider_row = "openai", .model = "gpt-4"}), "openai/gpt-4");
    EXPECT_EQ(found(*book, {.provider_row = "openai", .model = "gpt-4o"}), "openai/gpt-4o");
    EXPECT_EQ(found(*book, {.provider_row = "openai", .model = "completely-unknown"}), "");
}

TEST(PriceBook, PrefersTheModelThatAnswered) {
    const auto book = book_with();
    EXPECT_EQ(found(*book, {.provider_row = "openai", .model = "gpt-4o", .response_model = "gpt-4o-mini-2024-07-18"}), "openai/gpt-4o-mini");
    EXPECT_EQ(found(*book, {.provider_row = "openai", .model = "gpt-4o", .response_model = "something new"}), "openai/gpt-4o");
}

TEST(PriceBook, NeverResolvesAcrossProviders) {
    const auto book = book_with();
    EXPECT_EQ(found(*book, {.provider_name = "lab", .provider_row = "openai_compatible", .model = "gpt-4o"}), "");
    EXPECT_EQ(found(*book, {.provider_row = "groq", .model = "gpt-4o"}), "");
    EXPECT_EQ(found(*book, {.provider_row = "no such provider", .model = "gpt-4o"}), "");
}

TEST(PriceBook, PutsConfiguredPricesInFront) {
    const auto book = book_with({{.model = "openai/gpt-4o", .input = "1", .output = "2"},
                                 {.model = "lab/*", .input = "0", .output = "0"},
                                 {.model = "fast", .input = "0.5", .output = "0.5"},
                                 {.model = "*", .input = "9", .output = "9"}});
    const auto input_rate = [&](const PriceQuery& query) { return book->find(query)->rows[0].rates[0]; };
    EXPECT_EQ(input_rate({.provider_name = "openai", .provider_row = "openai", .model = "gpt-4o"}), 1'000'000'000);
    EXPECT_EQ(input_rate({.provider_name = "lab", .provider_row = "openai_compatible", .model = "org/qwen3-8b"}), 0);
    EXPECT_EQ(input_rate({.provider_name = "x", .provider_row = "openai", .model = "y", .alias = "fast"}), 500'000'000);
    EXPECT_EQ(input_rate({.provider_name = "x", .provider_row = "openai", .model = "gpt-4o"}), 9'000'000'000);
    EXPECT_EQ(book->find({.provider_name = "openai", .provider_row = "openai", .model = "gpt-4o"})->source, "config");
}

TEST(PriceBook, TakesAZeroPriceForAPriceAndAnEmptyOneForNone) {
    const auto book = book_with({{.model = "lab/free", .input = "0", .output = "0"}, {.model = "openai/gpt-4o"}});
    llm::Usage usage;
    usage.source = llm::UsageSource::provider;
    usage.input = usage.output = 1000;
    EXPECT_EQ(cost_of(usage, *book->find({.provider_name = "lab", .model = "free"}), today).total, Money::nanos(0));
    EXPECT_EQ(book->find({.provider_name = "openai", .provider_row = "openai", .model = "gpt-4o"}), nullptr) << "declared, without a price: unpriced (E226)";
}

TEST(PriceBook, RefusesPricesThatCannotBeMeant) {
    for (const auto* wrong : {"-1", "1e-3", "abc", "", "0.1234567891", "54000", "1,5"}) {
        const auto book = PriceBook::make({{.model = "lab/*", .input = wrong, .output = "1"}});
        ASSERT_FALSE(book) << wrong;
        EXPECT_NE(book.error().message.find("lab/*"), std::string::npos);
    }
    EXPECT_TRUE(PriceBook::make({{.model = "lab/*", .input = "0.0028", .output = "2000"}}));
}

TEST(PriceBook, BillsABuiltInModelByItsDate) {
    const auto book = book_with();
    const auto* card = book->find({.provider_row = "anthropic", .model = "claude-opus-4-6"});
    ASSERT_NE(card, nullptr);
    llm::Usage usage;
    usage.source = llm::UsageSource::provider;
    usage.input = 250'000;
    usage.output = 1000;
    EXPECT_EQ(cost_of(usage, *card, *parse_rfc3339("2026-03-12T12:00:00Z")).total.text(), "2.5375");
    EXPECT_EQ(cost_of(usage, *card, today).total.text(), "1.275");
}

TEST(PriceBook, KnowsContextWindows) {
    const auto book = book_with();
    EXPECT_EQ(book->context_window("openai", "gpt-4o"), 128'000);
    EXPECT_EQ(book->context_window("openai", "completely-unknown"), -1);
}

TEST(PriceFinder, AnswersLikeTheBookHoweverOftenAndHoweverManyNames) {
    const auto book = book_with({{.model = "lab/*", .input = "0", .output = "0"}});
    PriceFinder finder(book);
    for (int i = 0; i < 3000; ++i) {
        const std::string model = fmt::format("model-{}", i % 1500);
        const PriceQuery query{.provider_name = i % 2 != 0 ? "lab" : "other", .provider_row = "openai", .model = model};
        EXPECT_EQ(finder.find(query), book->find(query));
    }
}

TEST(Catalogue, IsOfTheVersionThatItsGeneratorNames) {
    std::ifstream file(GOTTHARD_SOURCE_DIR "/tools/generate_prices.mjs");
    const std::string generator{std::istreambuf_iterator<char>(file), {}};
    const std::string version(Catalogue::built_in_version().substr(std::string_view("genai-prices ").size()));
    EXPECT_NE(generator.find("const VERSION = '" + version + "';"), std::string::npos)
        << "src/account/prices_data.inc and tools/generate_prices.mjs disagree: run node tools/generate_prices.mjs, read the diff, commit both";
}

TEST(Catalogue, RefusesDataThatDoesNotFitItsFormat) {
    for (const auto* wrong : {"X\tfoo\n", "M\tmodel\t-\t-\t=x\n", "P\tp\t\nR\t-\tinput_mtok=1\n", "P\tp\t\nM\tm\t-\t-\t?x\n", "P\tp\t\nM\tm\t-\t-\t=m\nR\tsoon\tinput_mtok=1\n",
                              "P\tp\t\nM\tm\t-\t-\t=m\nR\t-\tinput_mtok=cheap\n", "P\tp\t\nM\tm\t-\t-\t=m\nR\t-\tinput_mtok=1,x:2\n"}) {
        const auto read = Catalogue::parse(wrong);
        ASSERT_FALSE(read) << wrong;
        EXPECT_NE(read.error().message.find("line"), std::string::npos);
    }
}

TEST(Catalogue, MatchesNamesByAllItsConditions) {
    const auto catalogue = Catalogue::parse("P\tp\t\nM\ta\t-\t-\t#x-####\nM\tb\t-\t-\t^gem&!-tts\nM\tc\t-\t-\t%y-#\nM\td\t-\t-\t~mid|$end\n");
    ASSERT_TRUE(catalogue);
    const auto id = [&](std::string_view name) {
        const auto* model = catalogue->find("p", name);
        return model == nullptr ? std::string_view("-") : model->id;
    };
    EXPECT_EQ(id("x-2026"), "a");
    EXPECT_EQ(id("x-20261"), "-");
    EXPECT_EQ(id("gemini-pro"), "b");
    EXPECT_EQ(id("gemini-tts"), "-");
    EXPECT_EQ(id("gemini-tts-pro"), "-");
    EXPECT_EQ(id("gemini-ttsx"), "b");
    EXPECT_EQ(id("y-7-more"), "c");
    EXPECT_EQ(id("in-the-middle"), "d");
    EXPECT_EQ(id("the-end"), "d");
}

}  // namespace
}  // namespace gotthard::account
