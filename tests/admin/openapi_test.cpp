// The OpenAPI document and the route table say the same, and answers look as the document says.
#include <gtest/gtest.h>

#include <set>

#include "admin/route.hpp"
#include "admin/schema.hpp"
#include "admin/world.hpp"
#include "store/ports.hpp"

namespace gotthard::admin::test {
namespace {

TEST(OpenApi, EveryRouteIsInTheDocumentAndNothingElse) {
    World world;
    const Answer document(world.call("GET", "/api/v1/openapi.json"));
    ASSERT_EQ(document.status, 200);
    EXPECT_EQ(document.text("openapi"), "3.1.0");

    std::set<std::string> in_table;
    for (const auto& route : routes()) {
        std::string method(route.method);
        for (char& c : method) c = static_cast<char>(c + 32);
        EXPECT_TRUE(in_table.insert(method + " " + std::string(route.path)).second) << "twice: " << route.path;
    }
    std::set<std::string> in_document;
    std::set<std::string> operations;
    for (auto path : document["paths"].members())
        for (auto method : path.value.members()) {
            in_document.insert(method.name.string() + " " + path.name.string());
            EXPECT_TRUE(operations.insert(method.value["operationId"].string()).second) << method.value["operationId"].string();
            EXPECT_FALSE(method.value["summary"].string().empty());
        }
    EXPECT_EQ(in_table, in_document);
}

TEST(OpenApi, ParametersAndBodiesAreThoseOfTheTable) {
    World world;
    const Answer document(world.call("GET", "/api/v1/openapi.json"));
    for (const auto& route : routes()) {
        std::string method(route.method);
        for (char& c : method) c = static_cast<char>(c + 32);
        const auto operation = document["paths"][route.path][method];
        std::size_t expected =
            route.parameters.size() + route.filters.size() + (route.path.find("{id}") != std::string_view::npos ? 1 : 0);
        EXPECT_EQ(operation["parameters"].size(), expected) << route.path;
        EXPECT_EQ(static_cast<bool>(operation["requestBody"]), !route.request.empty()) << route.path;
        EXPECT_TRUE(operation["responses"][std::to_string(route.status)]) << route.path;
    }
}

TEST(OpenApi, EveryReferenceLeadsSomewhere) {
    World world;
    const auto response = world.call("GET", "/api/v1/openapi.json");
    const Answer document(response);
    constexpr std::string_view mark = "#/components/schemas/";
    for (auto at = response.body.find(mark); at != std::string::npos; at = response.body.find(mark, at + 1)) {
        const auto name = response.body.substr(at + mark.size(), response.body.find('"', at) - at - mark.size());
        EXPECT_TRUE(document["components"]["schemas"][name]) << name;
    }
    for (const auto& route : routes()) {
        if (!route.request.empty()) EXPECT_NE(find_schema(route.request), nullptr) << route.request;
        if (!route.answer.empty()) EXPECT_NE(find_schema(route.answer), nullptr) << route.answer;
    }
    for (const auto& schema : schemas())
        for (const auto& field : schema.fields)
            if (!field.of.empty()) EXPECT_NE(find_schema(field.of), nullptr) << field.of;
}

TEST(OpenApi, TheRecordsColumnsAreTheStores) {
    std::set<std::string_view> described;
    for (const auto& field : find_schema("Request")->fields) described.insert(field.name);
    std::set<std::string_view> stored = {"id", "seq", "temperature", "top_p"};
    for (const auto name : store::request_number_names) stored.insert(name);
    for (const auto name : store::request_text_names) stored.insert(name);
    EXPECT_EQ(described, stored);
    for (const auto& field : find_schema("Request")->fields)
        EXPECT_EQ(field.type == Type::money, store::is_money_column(field.name)) << field.name;
}

TEST(OpenApi, EveryGoodAnswerHasTheShapeOfItsSchema) {
    World world;
    world.add_request("fast", "ci", 200);
    world.add_request("smart", "ci", 502);
    const Answer made(world.call("POST", "/api/v1/keys", R"({"name":"shape","models":["lab/*"],"metadata":{"a":[1]}})"));
    const auto key = made["key"]["id"].string();
    const Answer requests(world.call("GET", "/api/v1/requests"));
    const auto request = requests["data"].at(0)["id"].string();
    for (const auto& route : routes()) {
        if (route.method != "GET" || route.answer.empty()) continue;
        std::string path(route.path);
        if (const auto hole = path.find("{id}"); hole != std::string::npos)
            path.replace(hole, 4, path.find("/keys/") != std::string::npos ? key : request);
        const Answer answer(world.call("GET", path));
        ASSERT_EQ(answer.status, route.status) << path << answer.body;
        const auto checked = check_shape(answer.root(), *find_schema(route.answer), Side::answer);
        EXPECT_TRUE(checked) << path << ": " << (checked ? "" : checked.error().message);
    }
}

TEST(OpenApi, EveryProblemHasTheShapeOfItsSchema) {
    World world;
    for (const auto* path :
         {"/api/v1/nothing", "/api/v1/keys/x", "/api/v1/keys?limit=0", "/api/v1/teams", "/api/v1/usage?by=x"}) {
        const auto response = world.call("GET", path);
        EXPECT_GE(response.status, 400);
        EXPECT_EQ(response.content_type, "application/problem+json");
        const auto checked = check_shape(Answer(response).root(), *find_schema("Problem"), Side::answer);
        EXPECT_TRUE(checked) << path << ": " << (checked ? "" : checked.error().message);
        EXPECT_EQ(Answer(response)["status"].integer(), response.status);
    }
}

}  // namespace
}  // namespace gotthard::admin::test
