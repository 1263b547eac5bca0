// The life of a key through the admin API.
#include <gtest/gtest.h>

#include "admin/world.hpp"

namespace gotthard::admin::test {
namespace {

TEST(Keys, TheValueIsShownOnceAndNeverAgain) {
    World world;
    const Answer made(world.call("POST", "/api/v1/keys", R"({"name":"ci","models":["lab/*","fast"],"expires_in":"30d"})"));
    ASSERT_EQ(made.status, 201) << made.body;
    const auto value = made.text("value");
    EXPECT_TRUE(value.starts_with("sk-gw-"));
    EXPECT_EQ(made["key"]["state"].string(), "active");
    EXPECT_EQ(made["key"]["models"].size(), 2U);
    EXPECT_FALSE(made["key"]["expires_at"].is_null());
    EXPECT_TRUE(identity::Authenticator(*world.identity).authenticate(value, world.clock.wall()));

    const auto id = made["key"]["id"].string();
    for (const auto& response : {world.call("GET", "/api/v1/keys"), world.call("GET", "/api/v1/keys/" + id),
                                 world.call("POST", "/api/v1/keys/" + id + "/revoke")}) {
        EXPECT_EQ(response.status, 200);
        EXPECT_EQ(response.body.find(value), std::string::npos);
    }
}

TEST(Keys, RotatingReplacesTheValueAndKeepsTheId) {
    World world;
    const Answer made(world.call("POST", "/api/v1/keys", R"({"name":"ci"})"));
    const auto id = made["key"]["id"].string();
    const Answer rotated(world.call("POST", "/api/v1/keys/" + id + "/rotate"));
    ASSERT_EQ(rotated.status, 200) << rotated.body;
    EXPECT_EQ(rotated["key"]["id"].string(), id);
    identity::Authenticator authenticator(*world.identity);
    EXPECT_FALSE(authenticator.authenticate(made.text("value"), world.clock.wall()));
    EXPECT_TRUE(authenticator.authenticate(rotated.text("value"), world.clock.wall()));
}

TEST(Keys, TheOldValueWorksForTheGraceThatWasAskedFor) {
    World world;
    const Answer made(world.call("POST", "/api/v1/keys", R"({"name":"ci"})"));
    const Answer rotated(world.call("POST", "/api/v1/keys/" + made["key"]["id"].string() + "/rotate", R"({"grace":"1h"})"));
    ASSERT_EQ(rotated.status, 200) << rotated.body;
    EXPECT_FALSE(rotated["key"]["previous_valid_until"].is_null());
    EXPECT_TRUE(identity::Authenticator(*world.identity).authenticate(made.text("value"), world.clock.wall()));
    EXPECT_FALSE(identity::Authenticator(*world.identity).authenticate(made.text("value"), world.clock.wall() + 3'601'000'000));
}

TEST(Keys, RevokingEndsAKeyForEver) {
    World world;
    const Answer made(world.call("POST", "/api/v1/keys", R"({"name":"ci"})"));
    const auto id = made["key"]["id"].string();
    const auto deleted = world.call("DELETE", "/api/v1/keys/" + id);
    EXPECT_EQ(deleted.status, 204);
    EXPECT_TRUE(deleted.body.empty());
    EXPECT_EQ(Answer(world.call("GET", "/api/v1/keys/" + id)).text("state"), "revoked");
    EXPECT_FALSE(identity::Authenticator(*world.identity).authenticate(made.text("value"), world.clock.wall()));
    EXPECT_GE(world.call("POST", "/api/v1/keys/" + id + "/rotate").status, 400);
}

TEST(Keys, ChangesTouchOnlyWhatIsNamed) {
    World world;
    const Answer made(world.call("POST", "/api/v1/keys", R"({"name":"ci","models":["a"],"team":"blue","expires_in":"1d"})"));
    const auto path = "/api/v1/keys/" + made["key"]["id"].string();
    const Answer changed(world.call("PATCH", path, R"({"models":[],"expires_at":null})"));
    ASSERT_EQ(changed.status, 200) << changed.body;
    EXPECT_EQ(changed.text("name"), "ci");
    EXPECT_EQ(changed.text("team"), "blue");
    EXPECT_EQ(changed["models"].size(), 0U);
    EXPECT_TRUE(changed["expires_at"].is_null());
}

TEST(Keys, AChangeMadeForAnOlderVersionIs412) {
    World world;
    const Answer made(world.call("POST", "/api/v1/keys", R"({"name":"ci"})"));
    const auto path = "/api/v1/keys/" + made["key"]["id"].string();
    const auto tag = header_of(world.call("GET", path), "etag");
    ASSERT_FALSE(tag.empty());
    EXPECT_EQ(world.call("PATCH", path, R"({"name":"first"})", tag).status, 200);
    const Answer second(world.call("PATCH", path, R"({"name":"second"})", tag));
    EXPECT_EQ(second.status, 412);
    EXPECT_EQ(second.text("code"), "precondition_failed");
    EXPECT_EQ(Answer(world.call("GET", path)).text("name"), "first");
    EXPECT_EQ(world.call("DELETE", path, {}, tag).status, 412);
    EXPECT_EQ(world.call("PATCH", path, R"({"name":"third"})", "*").status, 200);
}

TEST(Keys, ListsArePagedAndFilteredByName) {
    World world;
    for (int i = 0; i < 5; ++i) {
        world.clock.advance(1'000'000'000);
        ASSERT_EQ(world.call("POST", "/api/v1/keys", R"({"name":"k)" + std::to_string(i) + R"("})").status, 201);
    }
    std::vector<std::string> names;
    std::string cursor;
    int pages = 0;
    do {
        const Answer page(world.call("GET", "/api/v1/keys?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor)));
        ASSERT_EQ(page.status, 200) << page.body;
        for (auto row : page["data"].items()) names.push_back(row["name"].string());
        cursor = page.text("next_cursor");
    } while (!cursor.empty() && ++pages < 10);
    EXPECT_EQ(names, (std::vector<std::string>{"k4", "k3", "k2", "k1", "k0"}));
    EXPECT_EQ(Answer(world.call("GET", "/api/v1/keys?name=k3")).rows(), 1U);
    EXPECT_EQ(Answer(world.call("GET", "/api/v1/keys?name=K3")).rows(), 0U);
}

TEST(Keys, BadBodiesAreRefusedWithTheMemberAtFault) {
    World world;
    struct Case {
        const char* body;
        const char* field;
        const char* says;
    };
    const Case cases[] = {
        {"", "", "JSON body"},
        {"{", "", "not JSON"},
        {"[]", "", "object"},
        {"{}", "name", "missing"},
        {R"({"name":1})", "name", "a string"},
        {R"({"name":"a","modles":["x"]})", "modles", "did you mean 'models'"},
        {R"({"name":"a","name":"b"})", "name", "twice"},
        {R"({"name":"a","models":"x"})", "models", "array of strings"},
        {R"({"name":"a","models":[""]})", "models", "1 to 512"},
        {R"({"name":"a","expires_at":"tomorrow"})", "expires_at", "time"},
        {R"({"name":"a","expires_at":"2001-01-01T00:00:00Z"})", "expires_at", "future"},
        {R"({"name":"a","expires_in":"soon"})", "expires_in", "duration"},
        {R"({"name":"a","expires_in":"1d","expires_at":"2099-01-01T00:00:00Z"})", "expires_in", "not both"},
        {R"({"name":"a","metadata":[]})", "metadata", "object"},
        {R"({"name":"a","limits":[{"amount":"1 usd"}]})", "limits", "not available in this version"},
    };
    for (const auto& test : cases) {
        const Answer answer(world.call("POST", "/api/v1/keys", test.body));
        EXPECT_EQ(answer.status, 400) << test.body;
        EXPECT_EQ(answer.text("field"), test.field) << test.body;
        EXPECT_NE(answer.text("detail").find(test.says), std::string::npos) << answer.text("detail");
    }
    EXPECT_EQ(world.call("POST", "/api/v1/keys", R"({"name":")" + std::string(200, 'x') + "\"}").status, 400);
    EXPECT_EQ(world.call("POST", "/api/v1/keys", std::string(max_body + 1, ' ')).status, 413);
    EXPECT_EQ(world.call("POST", "/api/v1/keys", R"({"name":"a","metadata":)" + std::string(5'000, '[') + "}").status, 400);
    EXPECT_EQ(Answer(world.call("GET", "/api/v1/keys")).rows(), 0U);
}

TEST(Keys, AnUnknownKeyIs404) {
    World world;
    for (const auto* method : {"GET", "DELETE"})
        EXPECT_EQ(world.call(method, "/api/v1/keys/0199d5a0-7c3e-7b1a-8f00-1234567890ab").status, 404);
    EXPECT_EQ(world.call("PATCH", "/api/v1/keys/none", R"({"name":"x"})").status, 404);
}

TEST(Keys, AStoreThatCannotWriteIsSaid) {
    World world;
    world.store.break_writes(true);
    const Answer answer(world.call("POST", "/api/v1/keys", R"({"name":"ci"})"));
    EXPECT_GE(answer.status, 500);
    EXPECT_FALSE(answer.text("detail").empty());
    EXPECT_EQ(world.call("GET", "/api/v1/keys").status, 200);
}

}  // namespace
}  // namespace gotthard::admin::test
