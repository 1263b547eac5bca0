// Who gets in. S06: every route is denied unless the table grants it, so the cases are made from the table.
#include <gtest/gtest.h>

#include "admin/route.hpp"
#include "admin/world.hpp"
#include "base/text.hpp"

namespace gotthard::admin::test {
namespace {

/// A path that the route's pattern matches.
std::string path_of(const Route& route) {
    std::string path(route.path);
    if (const auto hole = path.find("{id}"); hole != std::string::npos)
        path.replace(hole, 4, "0199d5a0-7c3e-7b1a-8f00-1234567890ab");
    return path;
}

TEST(Access, EveryRouteWithoutCredentialsIs401) {
    World world;
    for (const auto& route : routes()) {
        const auto response = world.raw(route.method, path_of(route), "");
        EXPECT_EQ(response.status, 401) << route.method << ' ' << route.path;
        EXPECT_EQ(response.content_type, "application/problem+json");
        EXPECT_FALSE(header_of(response, "www-authenticate").empty());
    }
}

TEST(Access, EveryRouteWithAWrongTokenIs401) {
    World world;
    const std::string nearly = "Bearer " + world.token.substr(0, world.token.size() - 1);
    for (const auto& route : routes())
        for (const std::string& authorization :
             {std::string("Bearer wrong"), std::string("Bearer "), std::string("Bearer"), nearly, "Basic " + world.token,
              world.token, "Bearer " + std::string(100'000, 'x')})
            EXPECT_EQ(world.raw(route.method, path_of(route), authorization).status, 401) << route.path;
}

TEST(Access, AClientsKeyIsNotAnAdministratorsToken) {
    World world;
    const auto issued = world.identity->create_key({.name = "client", .team = {}, .models = {}});
    ASSERT_TRUE(issued);
    EXPECT_EQ(world.raw("GET", "/api/v1/keys", "Bearer " + std::string(issued->value.reveal())).status, 401);
}

TEST(Access, ARevokedTokenIs401) {
    World world;
    EXPECT_EQ(world.call("GET", "/api/v1/keys").status, 200);
    const auto tokens = world.identity->list_admin_tokens();
    ASSERT_FALSE(tokens.empty());
    ASSERT_TRUE(world.identity->revoke_admin_token(tokens.front().id));
    EXPECT_EQ(world.call("GET", "/api/v1/keys").status, 401);
}

TEST(Access, PathsThatDoNotExistAreNotToldApartWithoutCredentials) {
    World world;
    const auto unknown = world.raw("GET", "/api/v1/nothing", "");
    const auto known = world.raw("GET", "/api/v1/keys", "");
    EXPECT_EQ(unknown.status, 401);
    EXPECT_EQ(unknown.body, known.body);
}

TEST(Access, TheSocketNeedsNoToken) {
    World world;
    for (const auto& route : routes()) {
        if (route.method != "GET" || route.stream != nullptr) continue;
        const auto status = world.raw("GET", path_of(route), "", true).status;
        EXPECT_TRUE(status == 200 || status == 404) << route.path << ' ' << status;
    }
}

TEST(Access, MetricsAreOpenOnlyWhenTheConfigurationSaysSo) {
    World world;
    EXPECT_EQ(world.raw("GET", "/metrics", "").status, 401);
    EXPECT_EQ(world.call("GET", "/metrics").body, "gotthard_inflight 0\n");
    world.services->open_metrics = true;
    EXPECT_EQ(world.raw("GET", "/metrics", "").status, 200);
    EXPECT_EQ(world.raw("GET", "/api/v1/status", "").status, 401);
    EXPECT_EQ(world.raw("POST", "/metrics", "").status, 401);
    EXPECT_EQ(world.raw("GET", "/metrics/", "").status, 401);
}

TEST(Access, TheSchemeIsReadInAnyCase) {
    World world;
    EXPECT_EQ(world.raw("GET", "/api/v1/keys", "bearer " + world.token).status, 200);
    EXPECT_EQ(world.raw("GET", "/api/v1/keys", "BEARER  " + world.token + " ").status, 200);
}

TEST(Access, WhatALaterVersionHasSaysSo) {
    World world;
    for (const auto* path : {"/api/v1/teams", "/api/v1/teams/x", "/api/v1/sql", "/api/v1/play/v1/messages",
                             "/api/v1/requests/0199d5a0-7c3e-7b1a-8f00-1234567890ab/bodies"}) {
        const Answer answer(world.call("GET", path));
        EXPECT_EQ(answer.status, 404) << path;
        EXPECT_EQ(answer.text("code"), "not_available") << path;
        EXPECT_NE(answer.text("detail").find("not available in this version"), std::string::npos);
    }
    EXPECT_EQ(Answer(world.call("GET", "/api/v1/teamsters")).text("code"), "not_found");
}

TEST(Access, AWrongMethodNamesTheRightOnes) {
    World world;
    const Answer answer(world.call("DELETE", "/api/v1/keys"));
    EXPECT_EQ(answer.status, 405);
    EXPECT_NE(answer.text("detail").find("GET, POST"), std::string::npos);
    EXPECT_EQ(header_of(world.call("DELETE", "/api/v1/keys"), "allow"), "GET, POST");
    EXPECT_EQ(world.call("HEAD", "/api/v1/keys").status, 200);
    EXPECT_EQ(world.call("HEAD", "/api/v1/requests/stream").status, 405);
}

TEST(Access, OddPathsAreRefusedAndNeverMatch) {
    World world;
    for (const auto* path : {"", "/", "/api/v1/keys/", "/api/v1//keys", "/api/v1/keys/a/b", "/api/v1/keys/..",
                             "/api/v1/keys/%2e%2e/", "/API/V1/KEYS", "/api/v1/keys/{id}/rotate/x"})
        EXPECT_EQ(world.call("GET", path).status, 404) << path;
}

}  // namespace
}  // namespace gotthard::admin::test
