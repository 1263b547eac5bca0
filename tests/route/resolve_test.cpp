#include "route/resolve.hpp"

#include <gtest/gtest.h>

#include "config/load.hpp"

namespace gotthard::route {
namespace {

std::shared_ptr<const config::Snapshot> snapshot(std::string_view text) {
    const auto loaded = config::load_text(text, "test.yaml", {});
    EXPECT_TRUE(loaded.ok()) << config::render_text(loaded.faults, false);
    return loaded.snapshot;
}

const char* const configuration = R"(
providers:
  lab: {type: openai_compatible, base_url: "http://127.0.0.1:8000/v1"}
  claude: {type: anthropic, base_url: "http://127.0.0.1:9001"}
  openrouter: {api_key: "0123456789abcdef"}
  narrow: {type: openai_compatible, base_url: "http://127.0.0.1:8002/v1", models: ["qwen3*", {tiny: tiny-upstream}]}
models:
  fast: {use: lab/qwen3-8b}
  smart: {use: [claude/claude-sonnet-5, lab/big]}
  claude/claude-opus-4: {use: lab/big}
  secret: {use: lab/x, hidden: true}
)";

const KnownModels known({{"lab", {"qwen3-8b", "Qwen/Qwen3-32B", "shared"}},
                         {"claude", {"claude-sonnet-5", "shared"}},
                         {"gone", {"only-gone"}}});

std::vector<std::string> resolved(std::string_view name) {
    static const auto s = snapshot(configuration);
    const auto targets = resolve_model(name, *s, known);
    EXPECT_TRUE(targets.has_value()) << name << ": " << targets.error().message;
    std::vector<std::string> out;
    if (targets)
        for (const auto& target : *targets) out.push_back(s->providers[target.provider].name + " <- " + target.model);
    return out;
}

Failure refused(std::string_view name, const MayUse& may_use = nullptr) {
    static const auto s = snapshot(configuration);
    const auto targets = resolve_model(name, *s, known, may_use);
    EXPECT_FALSE(targets.has_value()) << name;
    return targets ? Failure{} : targets.error();
}

using Targets = std::vector<std::string>;

TEST(ModelName, MayBeProviderAndModelWithAnyCharactersBehind_E273_G11) {
    EXPECT_EQ(resolved("lab/qwen3-8b"), Targets{"lab <- qwen3-8b"});
    EXPECT_EQ(resolved("openrouter/openrouter/auto"), Targets{"openrouter <- openrouter/auto"});
    EXPECT_EQ(resolved("openrouter/meta/llama:free@x.y"), Targets{"openrouter <- meta/llama:free@x.y"});
    EXPECT_EQ(resolved("lab/never-heard-of"), Targets{"lab <- never-heard-of"});
    EXPECT_EQ(resolved("lab//x"), Targets{"lab <- /x"});
}

TEST(ModelName, MayBeAnAliasWhichComesFirst) {
    EXPECT_EQ(resolved("fast"), Targets{"lab <- qwen3-8b"});
    EXPECT_EQ(resolved("smart"), (Targets{"claude <- claude-sonnet-5", "lab <- big"}));
    EXPECT_EQ(resolved("claude/claude-opus-4"), Targets{"lab <- big"});
    EXPECT_EQ(resolved("secret"), Targets{"lab <- x"});
}

TEST(ModelName, MayStandBareWhenExactlyOneProviderServesIt) {
    EXPECT_EQ(resolved("claude-sonnet-5"), Targets{"claude <- claude-sonnet-5"});
    EXPECT_EQ(resolved("Qwen/Qwen3-32B"), Targets{"lab <- Qwen/Qwen3-32B"});
    EXPECT_EQ(resolved("tiny"), Targets{"narrow <- tiny-upstream"});
    EXPECT_EQ(resolved("qwen3-4b"), Targets{"narrow <- qwen3-4b"});  // by its glob
}

TEST(ModelName, OfTheCatalogueStandsBareUntilTheProviderHasListedItsOwn) {
    const auto s = snapshot(
        "providers: {openai: {api_key: '0123456789abcdef'}, all: {type: openai_compatible, base_url: 'http://h:1', models: "
        "'*'}}");
    const KnownModels::ByProvider catalogue = {{"openai", {"gpt-5.4"}}, {"absent", {"gpt-5.4"}}};
    const auto targets = resolve_model("gpt-5.4", *s, KnownModels({}, catalogue));
    ASSERT_TRUE(targets.has_value());
    EXPECT_EQ(targets->at(0).shown, "openai/gpt-5.4");
    EXPECT_TRUE(callable_models(*s, KnownModels({}, catalogue)).empty());
    EXPECT_FALSE(resolve_model("gpt-5.4", *s, KnownModels({{"openai", {"gpt-6"}}}, catalogue)).has_value());
}

TEST(ModelName, ThatSeveralProvidersServeIsRefusedNamingThem) {
    const Failure failure = refused("shared");
    EXPECT_EQ(failure.kind, FailureKind::model_not_found);
    EXPECT_EQ(failure.message, "The model `shared` is served by several providers; say which one: lab/shared, claude/shared.");
    const Failure limited = refused("shared", [](std::string_view name) { return name == "lab/shared"; });
    EXPECT_EQ(limited.message.find("claude"), std::string::npos);
}

TEST(ModelName, IsOfferedOnlyAsTheConfigurationSays) {
    EXPECT_EQ(resolved("narrow/qwen3-4b"), Targets{"narrow <- qwen3-4b"});
    EXPECT_EQ(resolved("narrow/tiny"), Targets{"narrow <- tiny-upstream"});
    EXPECT_NE(refused("narrow/llama").message.find("is not offered by `narrow`"), std::string::npos);
    EXPECT_EQ(refused("lab/").kind, FailureKind::model_not_found);
    EXPECT_EQ(refused("/x").kind, FailureKind::model_not_found);
}

TEST(ModelName, ThatIsUnknownIsAnsweredWithTheThreeClosestThatTheKeyMayUse) {
    const Failure near = refused("claude-sonet-5");
    EXPECT_EQ(near.kind, FailureKind::model_not_found);
    EXPECT_EQ(near.status, 404);
    EXPECT_NE(near.message.find("claude/claude-sonnet-5"), std::string::npos) << near.message;
    const Failure filtered = refused("claude-sonet-5", [](std::string_view name) { return name.starts_with("lab/"); });
    EXPECT_EQ(filtered.message.find("claude/claude-sonnet-5"), std::string::npos) << filtered.message;
    EXPECT_EQ(refused("secre").message.find("secret"), std::string::npos);
    EXPECT_EQ(refused("").kind, FailureKind::invalid_request);
    EXPECT_LT(refused(std::string(100'000, 'x')).message.size(), 1000u);
    EXPECT_EQ(refused("only-gone").kind, FailureKind::model_not_found);  // its provider is no longer configured
}

TEST(CallableModels, AreAliasesThenWhatProvidersListEachOnce) {
    const auto s = snapshot(configuration);
    std::vector<std::string> names;
    for (const auto& model : callable_models(*s, known)) names.push_back(model.name);
    EXPECT_EQ(names, (std::vector<std::string>{"fast", "smart", "claude/claude-opus-4", "lab/qwen3-8b", "lab/Qwen/Qwen3-32B",
                                               "lab/shared", "claude/claude-sonnet-5", "claude/shared", "narrow/tiny"}));
    const auto first = callable_models(*s, known)[0];
    EXPECT_TRUE(first.alias);
    EXPECT_EQ(first.provider, "lab");
    EXPECT_EQ(first.upstream, "qwen3-8b");
}

}  // namespace
}  // namespace gotthard::route
