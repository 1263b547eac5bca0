// What the verbs ask the gateway, and how they show its answers.
#include <gtest/gtest.h>

#include <algorithm>

#include "app/cli/humane.hpp"
#include "app/cli/table.hpp"
#include "app/fake_gateway.hpp"
#include "app/shell.hpp"
#include "base/text.hpp"

namespace gotthard::app::test {
namespace {

constexpr const char* key_id = "0199d5a0-7c3e-7b1a-8f00-1234567890ab";

std::string key_json(const std::string& name, const std::string& state = "active") {
    return std::string(R"({"id":")") + key_id + R"(","name":")" + name + R"(","state":")" + state +
           R"(","hint":"sk-gw-Ab..yz","source":"store","team":null,"models":["lab/*"],"metadata":{},"created_at":"2023-11-14T22:13:20Z","updated_at":"2023-11-14T22:13:20Z","expires_at":null,"revoked_at":null,"rotated_at":null,"previous_valid_until":null,"last_used_at":null,"version":1})";
}

class Verbs : public testing::Test {
protected:
    int run(std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--data", gateway.directory()});
        return shell.run(std::move(arguments));
    }
    FakeGateway gateway;
    Shell shell;
};

TEST_F(Verbs, AFreshKeyStandsAloneOnStandardOutput) {
    gateway.answer("POST /api/v1/keys", R"({"value":"sk-gw-secret","key":)" + key_json("ci") + "}", 201);
    EXPECT_EQ(run({"keys", "create", "ci", "--model", "lab/*", "--model", "fast", "--expires", "30d", "--team", "blue"}), 0)
        << shell.error;
    EXPECT_EQ(shell.out, "sk-gw-secret\n");
    EXPECT_NE(shell.error.find("only time"), std::string::npos);
    EXPECT_TRUE(gateway.last_request().ends_with(R"({"name":"ci","models":["lab/*","fast"],"team":"blue","expires_in":"30d"})"))
        << gateway.last_request();
}

TEST_F(Verbs, AKeyIsFoundByItsName) {
    gateway.answer("GET /api/v1/keys?name=ci&limit=500", R"({"data":[)" + key_json("ci") + R"(],"next_cursor":null})");
    gateway.answer(std::string("GET /api/v1/keys/") + key_id, key_json("ci"));
    EXPECT_EQ(run({"keys", "show", "ci"}), 0) << shell.error;
    EXPECT_NE(shell.out.find("sk-gw-Ab..yz"), std::string::npos) << shell.out;
    EXPECT_EQ(run({"keys", "show", key_id, "--json"}), 0);
    EXPECT_EQ(shell.out, key_json("ci") + "\n");
    gateway.answer("GET /api/v1/keys?name=none&limit=500", R"({"data":[],"next_cursor":null})");
    EXPECT_EQ(run({"keys", "revoke", "none"}), 1);
    EXPECT_NE(shell.error.find("no key 'none'"), std::string::npos);
}

TEST_F(Verbs, AnUpdateIsMadeForTheVersionThatWasRead) {
    const std::string path = std::string("/api/v1/keys/") + key_id;
    gateway.answer("GET " + path, key_json("ci"));
    gateway.answer("PATCH " + path, key_json("new"));
    EXPECT_EQ(run({"keys", "update", key_id, "--name", "new", "--expires", "never", "--all-models"}), 0) << shell.error;
    EXPECT_NE(gateway.last_request().find("if-match: \"7\""), std::string::npos);
    EXPECT_TRUE(gateway.last_request().ends_with(R"({"name":"new","models":[],"expires_at":null})")) << gateway.last_request();
}

TEST_F(Verbs, ListsRunOverAllPages) {
    gateway.answer("GET /api/v1/keys?limit=500", R"({"data":[)" + key_json("one") + R"(],"next_cursor":"c/1"})");
    gateway.answer("GET /api/v1/keys?limit=500&cursor=c%2F1",
                   R"({"data":[)" + key_json("two") + "," + key_json("old", "revoked") + R"(],"next_cursor":null})");
    EXPECT_EQ(run({"keys", "list"}), 0) << shell.error;
    EXPECT_NE(shell.out.find("one"), std::string::npos);
    EXPECT_NE(shell.out.find("two"), std::string::npos);
    EXPECT_EQ(shell.out.find("old"), std::string::npos);
    EXPECT_NE(shell.error.find("1 revoked key not shown"), std::string::npos);
    EXPECT_EQ(run({"keys", "list", "--json"}), 0);
    json::Document document;
    ASSERT_TRUE(document.parse(shell.out));
    EXPECT_EQ(document.root()["data"].size(), 3U);
}

constexpr const char* record =
    R"({"id":"0199d5a0-7c3e-7b1a-8f00-000000000001","seq":1,"ts":"2026-11-25T14:03:22.123456Z","duration_us":1520000,"overhead_us":41,"ttft_us":230000,"stream":true,"input":1200,"output":340,"cost_total":"0.001025","status":200,"losses_count":2,"key_alias":"ci","request_model":"fast","target":"lab/qwen3-8b","outcome":"ok","attempts":[{"target":"lab/qwen3-8b"}]})";

TEST_F(Verbs, RequestsAreOneLineEach) {
    gateway.answer("GET /api/v1/requests?limit=50", std::string(R"({"data":[)") + record + R"(],"next_cursor":null})");
    EXPECT_EQ(run({"requests"}), 0) << shell.error;
    EXPECT_EQ(shell.out,
              "TIME                 MODEL                KEY  STATUS      TOKENS     COST    TTFT  DURATION  OVERHEAD  NOTE\n"
              "2026-11-25 14:03:22  fast > lab/qwen3-8b  ci   200     1200 > 340  $0.0010  230 ms    1.52 s     41 µs  2 lost\n");
}

TEST_F(Verbs, FiltersBecomeParameters) {
    gateway.answer("GET /api/v1/requests?key=ci&model=lab%2F%2A&status=5xx&from=7d&provider=lab&limit=2",
                   R"({"data":[],"next_cursor":null})");
    EXPECT_EQ(run({"requests", "--key", "ci", "--model", "lab/*", "--status", "5xx", "--since", "7d", "--filter", "provider=lab",
                   "--limit", "2"}),
              0)
        << gateway.last_request();
    EXPECT_NE(shell.error.find("No requests"), std::string::npos);
}

TEST_F(Verbs, FollowPrintsRecordsAsTheyCome) {
    gateway.answer(
        "GET /api/v1/requests/stream?model=fast",
        std::string("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 2000\n\nid: 1\nevent: request\ndata: ") +
            record + "\n\n");
    EXPECT_EQ(run({"requests", "-f", "--model", "fast"}), 0) << shell.error;
    EXPECT_NE(shell.out.find("fast > lab/qwen3-8b"), std::string::npos) << shell.out;
    EXPECT_EQ(run({"requests", "--follow", "--model", "fast", "--json"}), 0);
    EXPECT_EQ(shell.out, std::string(record) + "\n");
}

TEST_F(Verbs, OneRequestIsShownInFull) {
    gateway.answer("GET /api/v1/requests/0199d5a0-7c3e-7b1a-8f00-000000000001", record);
    EXPECT_EQ(run({"requests", "show", "0199d5a0-7c3e-7b1a-8f00-000000000001"}), 0) << shell.error;
    EXPECT_NE(shell.out.find("cost_total"), std::string::npos);
    EXPECT_NE(shell.out.find("$0.001025"), std::string::npos);
    EXPECT_NE(shell.out.find("attempts"), std::string::npos);
}

TEST_F(Verbs, UsageIsATableOfItsDimensions) {
    gateway.answer(
        "GET /api/v1/usage?by=key%2Cmodel&from=7d",
        R"({"data":[{"by":{"key":"ci","model":"fast"},"bucket":null,"requests":12345,"errors":2,"input":1000000,"output":5,"cached_read":0,"cache_write":0,"reasoning":0,"cost":"1.5","unpriced":0,"estimated":0}],"next_cursor":null})");
    EXPECT_EQ(run({"usage", "--by", "key,model", "--since", "7d"}), 0) << gateway.last_request();
    EXPECT_NE(shell.out.find("KEY"), std::string::npos);
    EXPECT_NE(shell.out.find("12.3k"), std::string::npos) << shell.out;
    EXPECT_NE(shell.out.find("$1.50"), std::string::npos);
}

TEST_F(Verbs, ModelsShowTheirPrices) {
    gateway.answer(
        "GET /api/v1/models",
        R"({"data":[{"name":"fast","alias":true,"targets":["lab/q"],"provider":"lab","upstream_model":"q","context_window":131072,"price":{"source":"config","input":"0.5","output":"0"}},{"name":"lab/q","alias":false,"targets":["lab/q"],"provider":"lab","upstream_model":"q","context_window":null,"price":{"source":"unknown","input":null,"output":null}}],"next_cursor":null})");
    EXPECT_EQ(run({"models"}), 0) << shell.error;
    EXPECT_EQ(shell.out,
              "MODEL  SERVED BY  CONTEXT  INPUT $/M  OUTPUT $/M\nfast   lab/q         131k      $0.50        free\nlab/q  lab    "
              "          -          ?           ?\n");
}

TEST_F(Verbs, ExplainTellsTheWay) {
    gateway.answer(
        "POST /api/v1/explain",
        R"({"model":"smart","route":"smart","target":"a/b","reason":"because","candidates":[{"target":"a/b","dialect":"chat","removed_by":null}]})");
    EXPECT_EQ(run({"explain", "--key", key_id, "--model", "smart"}), 0) << shell.error;
    EXPECT_NE(shell.out.find("smart: goes to a/b\nbecause\n"), std::string::npos) << shell.out;
    EXPECT_EQ(run({"explain", "--body", "/nonexistent"}), 2);
    gateway.answer("GET /api/v1/keys?name=ci&limit=500", R"({"data":[)" + key_json("ci") + R"(],"next_cursor":null})");
    EXPECT_EQ(run({"explain", "--key", "ci", "--model", "smart"}), 0) << shell.error;
    EXPECT_TRUE(gateway.last_request().ends_with(std::string(R"({"model":"smart","key":")") + key_id + "\"}"))
        << gateway.last_request();
}

TEST_F(Verbs, WhatTheGatewayRefusesIs1InItsOwnWords) {
    gateway.answer("GET /api/v1/requests?nonsense=1&limit=50",
                   R"({"detail":"'nonsense' is not a parameter of this path.","code":"invalid_request","field":"nonsense"})",
                   400);
    EXPECT_EQ(run({"requests", "--filter", "nonsense=1"}), 1);
    EXPECT_EQ(shell.error, "gotthard: 'nonsense' is not a parameter of this path.\n");
}

TEST_F(Verbs, NobodyThereIs1) {
    EXPECT_EQ(shell.run({"status", "--data", "/nonexistent"}), 1);
    EXPECT_NE(shell.error.find("gotthard serve"), std::string::npos);
    EXPECT_EQ(shell.run({"status", "--server", "nonsense"}), 1);
}

TEST_F(Verbs, TheServerAndItsTokenMayBeNamed) {
    gateway.answer("GET /api/v1/providers", R"({"data":[],"next_cursor":null})");
    EXPECT_EQ(shell.run({"providers", "--server", gateway.url(), "--token", "tok", "--json"}), 0) << shell.error;
    EXPECT_NE(gateway.last_request().find("Bearer tok"), std::string::npos);
    shell.environment["GOTTHARD_ADMIN_TOKEN"] = "from-environment";
    EXPECT_EQ(shell.run({"providers", "--server", gateway.url()}), 0);
    EXPECT_NE(gateway.last_request().find("Bearer from-environment"), std::string::npos);
    shell.environment["GOTTHARD_DATA"] = gateway.directory();
    EXPECT_EQ(shell.run({"providers"}), 0) << shell.error;
}

TEST_F(Verbs, ATerminalDoesNotObeyWhatClientsSent) {
    gateway.answer(
        "GET /api/v1/requests?limit=50",
        R"({"data":[{"id":"x","ts":"2026-11-25T14:03:22Z","request_model":"a\u001b]0;owned\u0007\u202eb\nc","status":200}],"next_cursor":null})");
    EXPECT_EQ(run({"requests"}), 0);
    EXPECT_EQ(shell.out.find('\x1b'), std::string::npos);
    EXPECT_EQ(shell.out.find('\a'), std::string::npos);
    EXPECT_EQ(shell.out.find("\xE2\x80\xAE"), std::string::npos);
    EXPECT_EQ(std::ranges::count(shell.out, '\n'), 2);
}

TEST(Colours, AreOnlyForTerminals) {
    Shell shell;
    Table table({{"A"}, {"B", Column::Align::right}});
    table.add({Cell("x", Colour::red), "1"});
    EXPECT_EQ(table.text(shell.console), "A  B\nx  1\n");
    shell.console.colour = true;
    EXPECT_NE(table.text(shell.console).find("\x1b[31mx\x1b[0m"), std::string::npos);
}

TEST(Humane, NumbersReadWell) {
    EXPECT_EQ(humane_duration(-1), "-");
    EXPECT_EQ(humane_duration(38), "38 µs");
    EXPECT_EQ(humane_duration(4'200), "4.20 ms");
    EXPECT_EQ(humane_duration(999'600), "1.00 s");
    EXPECT_EQ(humane_duration(12'340'000), "12.3 s");
    EXPECT_EQ(humane_duration(123'000'000), "2m 03s");
    EXPECT_EQ(humane_duration(7'380'000'000), "2h 03m");
    EXPECT_EQ(humane_count(9'999), "9999");
    EXPECT_EQ(humane_count(131'072), "131k");
    EXPECT_EQ(humane_count(999'999), "1.00M");
    EXPECT_EQ(humane_count(3'400'000), "3.40M");
    EXPECT_EQ(humane_bytes(512), "512 B");
    EXPECT_EQ(humane_bytes(1'572'864), "1.50 MiB");
    EXPECT_EQ(humane_money("0"), "$0");
    EXPECT_EQ(humane_money("12.5"), "$12.50");
    EXPECT_EQ(humane_money("0.0042"), "$0.0042");
    EXPECT_EQ(humane_money("0.000001234"), "$0.0000012");
    EXPECT_EQ(humane_money(""), "-");
    EXPECT_EQ(humane_distance("2026-11-25T00:00:00Z", *parse_rfc3339("2026-11-22T00:00:00Z")), "in 3 days");
    EXPECT_EQ(humane_distance("2026-11-25T00:00:00Z", *parse_rfc3339("2026-11-25T02:00:01Z")), "2 hours ago");
    EXPECT_EQ(humane_distance("2026-11-25T00:00:00Z", *parse_rfc3339("2026-10-26T00:00:02Z")), "in 30 days");
    EXPECT_EQ(humane_distance("2026-11-25T00:00:00Z", *parse_rfc3339("2026-11-24T23:59:59Z")), "in 1 second");
}

}  // namespace
}  // namespace gotthard::app::test
