// Models, providers, prices, configuration, explain, status: what the gateway says about itself.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "admin/route.hpp"
#include "admin/world.hpp"

namespace gotthard::admin::test {
namespace {

TEST(Catalogue, ModelsHaveTargetsAndPrices) {
    World world;
    const Answer models(world.call("GET", "/api/v1/models"));
    ASSERT_EQ(models.status, 200) << models.body;
    const auto first = models["data"].at(0);
    EXPECT_EQ(first["name"].string(), "fast");
    EXPECT_TRUE(first["alias"].is_true());
    EXPECT_EQ(first["targets"].at(0).string(), "lab/qwen3-8b");
    EXPECT_EQ(first["price"]["source"].string(), "config");
    EXPECT_EQ(first["price"]["input"].string(), "0.5");
    EXPECT_EQ(first["price"]["output"].string(), "1.25");
    EXPECT_GE(models.rows(), 5U);
}

TEST(Catalogue, APriceIsWhatWouldApply) {
    World world;
    const Answer price(world.call("GET", "/api/v1/prices?model=smart"));
    ASSERT_EQ(price.status, 200) << price.body;
    EXPECT_EQ(price.rows(), 2U);
    EXPECT_EQ(price["data"].at(1)["model"].string(), "lab/qwen3-8b");
    EXPECT_EQ(price["data"].at(1)["row"].string(), "lab/*");
    EXPECT_FALSE(price.text("catalogue").empty());
    EXPECT_EQ(world.call("GET", "/api/v1/prices?model=nobody").status, 404);
    EXPECT_EQ(world.call("GET", "/api/v1/prices").status, 200);
}

TEST(Catalogue, ProvidersShowThatThereIsAKeyAndNotWhich) {
    World world;
    const Answer providers(world.call("GET", "/api/v1/providers"));
    ASSERT_EQ(providers.status, 200);
    EXPECT_EQ(providers["data"].at(0)["name"].string(), "lab");
    EXPECT_TRUE(providers["data"].at(0)["has_key"].is_true());
    EXPECT_EQ(providers["data"].at(0)["models"].integer(), 2);
}

TEST(Secrets, NoAnswerHoldsOne) {
    World world;
    const Answer made(world.call("POST", "/api/v1/keys", R"({"name":"ci"})"));
    const auto value = made.text("value");
    world.add_request("fast", "ci", 200);
    for (const auto& route : routes()) {
        if (route.method != "GET" || route.stream != nullptr) continue;
        std::string path(route.path);
        if (const auto hole = path.find("{id}"); hole != std::string::npos) path.replace(hole, 4, made["key"]["id"].string());
        const auto response = world.call("GET", path);
        for (const std::string& secret : {std::string("provider-secret"), std::string("header-secret"),
                                          std::string("configured-key-secret"), value, world.token})
            EXPECT_EQ((response.body + response.headers).find(secret), std::string::npos) << path << " shows " << secret;
    }
}

TEST(Config, TheResolvedOneSaysWhatIsInForce) {
    World world;
    const auto response = world.call("GET", "/api/v1/config");
    const Answer config(response);
    ASSERT_EQ(config.status, 200);
    EXPECT_EQ(config.text("hash"), world.snapshot->hash_text);
    EXPECT_EQ(header_of(response, "etag"), "\"" + world.snapshot->hash_text + "\"");
    const auto resolved = config["resolved"];
    EXPECT_EQ(resolved["providers"]["lab"]["base_url"].string(), "http://127.0.0.1:8000/v1");
    EXPECT_EQ(resolved["models"]["smart"]["use"].size(), 2U);
    EXPECT_EQ(resolved["timeouts"]["connect"].string(), "2s");
    EXPECT_EQ(resolved["records"]["retention"].string(), "30d");
    EXPECT_EQ(resolved["keys"].at(0)["name"].string(), "ci");
}

TEST(Config, ValidatingTellsAllFaultsWithTheirPlaces) {
    World world;
    const Answer bad(
        world.call("POST", "/api/v1/config/validate", R"({"text":"listne: 127.0.0.1:1\nproviders: {x: {type: nonsense}}\n"})"));
    ASSERT_EQ(bad.status, 200) << bad.body;
    EXPECT_FALSE(bad["valid"].is_true());
    EXPECT_TRUE(bad["hash"].is_null());
    EXPECT_GE(bad["faults"].size(), 2U);
    EXPECT_EQ(bad["faults"].at(0)["line"].integer(), 1);
    const Answer good(
        world.call("POST", "/api/v1/config/validate",
                   R"({"text":"providers: {lab: {type: openai_compatible, base_url: \"http://127.0.0.1:1/v1\"}}\n"})"));
    EXPECT_TRUE(good["valid"].is_true()) << good.body;
    EXPECT_FALSE(good.text("hash").empty());
    EXPECT_EQ(world.reloads, 0);
}

class ConfigFile : public testing::Test {
protected:
    ConfigFile() : path_(testing::TempDir() + "gotthard-admin-" + std::to_string(getpid()) + ".yaml") {
        write(configuration);
        auto with_file = *world.snapshot;
        with_file.file = path_;
        world.snapshot = std::make_shared<const config::Snapshot>(std::move(with_file));
    }
    ~ConfigFile() override { std::filesystem::remove(path_); }
    void write(std::string_view text) { std::ofstream(path_) << text; }
    std::string read() const {
        std::ifstream file(path_);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    World world;
    std::string path_;
};

TEST_F(ConfigFile, ReplacingWritesTheFileAndReloads) {
    std::filesystem::permissions(
        path_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write | std::filesystem::perms::group_read);
    const Answer replaced(world.call("PUT", "/api/v1/config", R"({"text":"threads: 2\n"})"));
    ASSERT_EQ(replaced.status, 200) << replaced.body;
    EXPECT_EQ(read(), "threads: 2\n");
    EXPECT_EQ(world.reloads, 1);
    EXPECT_EQ(static_cast<unsigned>(std::filesystem::status(path_).permissions()), 0640U);
    EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(ConfigFile, ABadOneIsRefusedBeforeAnythingIsWritten) {
    const Answer refused(world.call("PUT", "/api/v1/config", R"({"text":"threads: many\n"})"));
    EXPECT_EQ(refused.status, 400) << refused.body;
    EXPECT_GE(refused["faults"].size(), 1U);
    EXPECT_EQ(read(), configuration);
    EXPECT_EQ(world.reloads, 0);
}

TEST_F(ConfigFile, AChangeMadeForAnotherConfigurationIs412) {
    EXPECT_EQ(world.call("PUT", "/api/v1/config", R"({"text":"threads: 2\n"})", "\"0000000000000000\"").status, 412);
    EXPECT_EQ(read(), configuration);
    EXPECT_EQ(world.call("PUT", "/api/v1/config", R"({"text":"threads: 2\n"})", "\"" + world.snapshot->hash_text + "\"").status,
              200);
}

TEST(Config, WithoutAFileThereIsNothingToReplace) {
    World world;
    auto without = *world.snapshot;
    without.file.clear();
    world.snapshot = std::make_shared<const config::Snapshot>(std::move(without));
    EXPECT_EQ(world.call("PUT", "/api/v1/config", R"({"text":"threads: 2\n"})").status, 409);
}

TEST(Config, AReloadThatIsRefusedSaysWhy) {
    World world;
    EXPECT_EQ(world.call("POST", "/api/v1/config/reload").status, 200);
    world.reload_faults = {{.file = "gotthard.yaml", .line = 3, .column = 1, .path = "x", .message = "wrong", .remedy = "right"}};
    const Answer refused(world.call("POST", "/api/v1/config/reload"));
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused["faults"].at(0)["line"].integer(), 3);
}

TEST(Config, HistoryIsPaged) {
    World world;
    for (int i = 0; i < 3; ++i) {
        store::ConfigRow row{.at = world.clock.wall(),
                             .hash = "h" + std::to_string(i),
                             .source = "file",
                             .result = "applied",
                             .message = {},
                             .text = {}};
        ASSERT_TRUE(world.store.add_config(row));
    }
    const Answer first(world.call("GET", "/api/v1/config/history?limit=2"));
    ASSERT_EQ(first.rows(), 2U) << first.body;
    EXPECT_EQ(first["data"].at(0)["hash"].string(), "h2");
    const Answer second(world.call("GET", "/api/v1/config/history?limit=2&cursor=" + first.text("next_cursor")));
    EXPECT_EQ(second.rows(), 1U);
    EXPECT_EQ(world.call("GET", "/api/v1/config/history?cursor=x").status, 400);
}

TEST(Explain, SaysWhereARequestWouldGoAndWhy) {
    World world;
    const Answer answer(world.call("POST", "/api/v1/explain", R"({"model":"smart","endpoint":"/v1/messages"})"));
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.text("route"), "smart");
    EXPECT_EQ(answer.text("target"), "claude/claude-sonnet-5");
    EXPECT_EQ(answer["candidates"].size(), 2U);
    EXPECT_EQ(answer["candidates"].at(0)["dialect"].string(), "anthropic");
    EXPECT_EQ(answer["candidates"].at(1)["dialect"].string(), "chat");
}

TEST(Explain, RemovesWhatTheKeyMayNotUse) {
    World world;
    const Answer made(world.call("POST", "/api/v1/keys", R"({"name":"lab only","models":["lab/*"]})"));
    const auto key = made["key"]["id"].string();
    const Answer answer(world.call("POST", "/api/v1/explain", R"({"model":"smart","key":")" + key + "\"}"));
    EXPECT_EQ(answer.text("target"), "lab/qwen3-8b");
    EXPECT_EQ(answer["candidates"].at(0)["removed_by"].string(), "model_not_allowed");
    const Answer none(world.call("POST", "/api/v1/explain", R"({"model":"claude/claude-sonnet-5","key":")" + key + "\"}"));
    EXPECT_TRUE(none["target"].is_null());
    EXPECT_NE(none.text("reason").find("model_not_allowed"), std::string::npos);
    ASSERT_EQ(world.call("POST", "/api/v1/keys/" + key + "/revoke").status, 200);
    const Answer revoked(world.call("POST", "/api/v1/explain", R"({"model":"smart","key":")" + key + "\"}"));
    EXPECT_TRUE(revoked["target"].is_null());
    EXPECT_NE(revoked.text("reason").find("key_revoked"), std::string::npos);
}

TEST(Explain, HonoursTheRequestsOwnWords) {
    World world;
    const Answer answer(
        world.call("POST", "/api/v1/explain", R"({"body":{"model":"smart"},"headers":{"X-Gotthard-Fallbacks":"off"}})"));
    EXPECT_EQ(answer.text("target"), "claude/claude-sonnet-5");
    EXPECT_EQ(answer["candidates"].at(1)["removed_by"].string(), "fallbacks_off");
    const Answer unknown(world.call("POST", "/api/v1/explain", R"({"model":"smrt"})"));
    EXPECT_EQ(unknown.status, 200);
    EXPECT_TRUE(unknown["target"].is_null());
    EXPECT_NE(unknown.text("reason").find("smart"), std::string::npos);
    EXPECT_EQ(world.call("POST", "/api/v1/explain", "{}").status, 400);
    EXPECT_EQ(world.call("POST", "/api/v1/explain", R"({"model":"smart","key":"nobody"})").status, 404);
}

TEST(StatusReport, SaysVersionUptimeAndConfiguration) {
    World world;
    const Answer status(world.call("GET", "/api/v1/status"));
    ASSERT_EQ(status.status, 200) << status.body;
    EXPECT_EQ(status.text("version"), "0.0.0-test");
    EXPECT_EQ(status["uptime_s"].integer(), 5);
    EXPECT_EQ(status["config"]["hash"].string(), world.snapshot->hash_text);
    EXPECT_TRUE(status["store"]["writable"].is_true());
}

}  // namespace
}  // namespace gotthard::admin::test
