// Records and sums.
#include <gtest/gtest.h>

#include "admin/world.hpp"

namespace gotthard::admin::test {
namespace {

TEST(Requests, APageShowsWhatIsKnownAndLeavesOutTheRest) {
    World world;
    world.add_request("fast", "ci", 200);
    const Answer page(world.call("GET", "/api/v1/requests"));
    ASSERT_EQ(page.status, 200) << page.body;
    const auto row = page["data"].at(0);
    EXPECT_EQ(row["cost_total"].string(), "0.001025");
    EXPECT_EQ(row["ts"].string(), "2023-11-14T22:13:20.000000Z");
    EXPECT_TRUE(row["stream"].is_true());
    EXPECT_EQ(row["tags"].size(), 2U);
    EXPECT_EQ(row["attempts"].at(0)["class"].string(), "ok");
    EXPECT_EQ(row["temperature"].number(), 0.5);
    EXPECT_FALSE(row["top_p"]);
    EXPECT_FALSE(row["retries"]);
    EXPECT_FALSE(row["error_code"]);

    const Answer one(world.call("GET", "/api/v1/requests/" + row["id"].string()));
    EXPECT_EQ(one.status, 200);
    EXPECT_EQ(one.text("request_model"), "fast");
    EXPECT_EQ(world.call("GET", "/api/v1/requests/0199d5a0-7c3e-7b1a-8f00-1234567890ab").status, 404);
    EXPECT_EQ(world.call("GET", "/api/v1/requests/none").status, 404);
}

TEST(Requests, PagesJoinWithoutGapsAndWithoutRepeats) {
    World world;
    for (int i = 0; i < 7; ++i) world.add_request("m" + std::to_string(i), "ci", 200, world.clock.wall() + i * 1'000'000);
    std::vector<std::string> models;
    std::string cursor;
    do {
        const Answer page(world.call("GET", "/api/v1/requests?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor)));
        ASSERT_EQ(page.status, 200) << page.body;
        for (auto row : page["data"].items()) models.push_back(row["request_model"].string());
        cursor = page.text("next_cursor");
    } while (!cursor.empty() && models.size() < 20);
    EXPECT_EQ(models, (std::vector<std::string>{"m6", "m5", "m4", "m3", "m2", "m1", "m0"}));
}

TEST(Requests, FiltersNarrowTheList) {
    World world;
    world.add_request("fast", "ci", 200);
    world.add_request("smart", "ci", 429);
    world.add_request("smart", "web", 502, world.clock.wall() - 86'400'000'000LL * 3);
    const auto rows = [&](const std::string& query) { return Answer(world.call("GET", "/api/v1/requests?" + query)).rows(); };
    EXPECT_EQ(rows("key=ci"), 2U);
    EXPECT_EQ(rows("model=sm*"), 2U);
    EXPECT_EQ(rows("status=4xx"), 1U);
    EXPECT_EQ(rows("status=502"), 1U);
    EXPECT_EQ(rows("outcome=ok"), 1U);
    EXPECT_EQ(rows("from=1d"), 2U);
    EXPECT_EQ(rows("to=1d"), 1U);
    EXPECT_EQ(rows("key=ci&status=4xx&provider=lab&target=lab%2F*"), 1U);
    EXPECT_EQ(rows("endpoint=messages"), 0U);
}

TEST(Requests, BadParametersAreRefusedByName) {
    World world;
    struct Case {
        const char* query;
        const char* field;
        const char* says;
    };
    const Case cases[] = {
        {"limit=0", "limit", "1 to 500"},        {"limit=501", "limit", "1 to 500"},
        {"limit=ten", "limit", "1 to 500"},      {"modle=x", "modle", "did you mean 'model'"},
        {"status=abc", "status", "HTTP status"}, {"status=9xx", "status", "HTTP status"},
        {"from=never", "from", "time"},          {"model=a&model=b", "model", "twice"},
        {"model=%ff", "model", "UTF-8"},
    };
    for (const auto& test : cases) {
        const Answer answer(world.call("GET", std::string("/api/v1/requests?") + test.query));
        EXPECT_EQ(answer.status, 400) << test.query;
        EXPECT_EQ(answer.text("field"), test.field);
        EXPECT_NE(answer.text("detail").find(test.says), std::string::npos) << answer.text("detail");
    }
    EXPECT_EQ(world.call("GET", "/api/v1/requests?cursor=nonsense").status, 400);
    EXPECT_EQ(Answer(world.call("GET", "/api/v1/status?verbose=1")).status, 400);
}

TEST(Usage, SumsByTheDimensionsAskedFor) {
    World world;
    world.add_request("fast", "ci", 200);
    world.add_request("fast", "ci", 500);
    world.add_request("fast", "web", 200);
    const Answer usage(world.call("GET", "/api/v1/usage?by=key"));
    ASSERT_EQ(usage.status, 200) << usage.body;
    ASSERT_EQ(usage.rows(), 2U);
    std::int64_t requests = 0;
    for (auto row : usage["data"].items()) {
        requests += *row["requests"].integer();
        if (row["by"]["key"].equals("ci")) {
            EXPECT_EQ(row["input"].integer(), 2400);
            EXPECT_EQ(row["errors"].integer(), 1);
            EXPECT_EQ(row["cost"].string(), "0.00205");
        }
    }
    EXPECT_EQ(requests, 3);
    const Answer daily(world.call("GET", "/api/v1/usage?by=key,model&bucket=day"));
    EXPECT_EQ(daily.status, 200) << daily.body;
    EXPECT_FALSE(daily["data"].at(0)["bucket"].is_null());
    EXPECT_EQ(Answer(world.call("GET", "/api/v1/usage")).rows(), 1U);
    EXPECT_EQ(world.call("GET", "/api/v1/usage?by=shoe_size").status, 400);
    EXPECT_EQ(world.call("GET", "/api/v1/usage?bucket=week").status, 400);
}

}  // namespace
}  // namespace gotthard::admin::test
