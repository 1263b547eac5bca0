#include "admin/world.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"

namespace gotthard::admin::test {
namespace {

config::Loaded load(const std::string& text) { return config::load_text(text, "gotthard.yaml", {}); }

}  // namespace

World::World() {
    auto opened = identity::Identity::open(store, store, {.value = Secret("0123456789abcdef0123456789abcdef")}, clock, random);
    EXPECT_TRUE(opened);
    identity = *std::move(opened);
    auto issued = identity->create_admin_token("root");
    EXPECT_TRUE(issued);
    token = issued->value.reveal();

    const auto loaded = load(std::string(configuration));
    for (const auto& fault : loaded.faults)
        if (fault.severity == config::Severity::error) ADD_FAILURE() << fault.path << ": " << fault.message;
    snapshot = loaded.snapshot;
    known = std::make_shared<const route::KnownModels>(std::map<std::string, std::vector<std::string>, std::less<>>{
        {"lab", {"qwen3-8b", "qwen3-32b"}}, {"claude", {"claude-sonnet-5"}}});
    prices = *account::PriceBook::make(
        {{.model = "lab/*", .input = "0.5", .output = "1.25", .cache_read = {}, .cache_write = {}, .cache_write_1h = {}}});
    services.emplace(Services{
        .clock = clock,
        .version = "0.0.0-test",
        .identity = *identity,
        .records = store,
        .config_history = store,
        .snapshot = [this] { return snapshot; },
        .known_models = [this] { return known; },
        .prices = [this] { return prices; },
        .status =
            [this] {
                return StatusReport{.started_at = clock.wall() - 5'000'000,
                                    .data_address = "http://127.0.0.1:7300",
                                    .config_applied_at = clock.wall(),
                                    .store = store.state()};
            },
        .metrics = [](telemetry::Exposition) { return std::string("gotthard_inflight 0\n"); },
        .try_config = load,
        .reload =
            [this](std::string_view) {
                ++reloads;
                return reload_faults;
            },
        .draining = [this] { return draining; },
    });
}

Response World::raw(std::string_view method, std::string_view target, std::string_view authorization, bool trusted,
                    std::string_view body) {
    const auto query = target.find('?');
    return handle({.method = method,
                   .path = target.substr(0, query),
                   .query = query == std::string_view::npos ? std::string_view() : target.substr(query + 1),
                   .authorization = authorization,
                   .if_match = {},
                   .last_event_id = {},
                   .accept = {},
                   .body = body,
                   .trusted = trusted},
                  *services);
}

Response World::call(std::string_view method, std::string_view target, std::string_view body, std::string_view if_match) {
    const auto query = target.find('?');
    const auto authorization = "Bearer " + token;
    return handle({.method = method,
                   .path = target.substr(0, query),
                   .query = query == std::string_view::npos ? std::string_view() : target.substr(query + 1),
                   .authorization = authorization,
                   .if_match = if_match,
                   .last_event_id = {},
                   .accept = {},
                   .body = body},
                  *services);
}

void World::add_request(std::string_view model, std::string_view key, std::int64_t status, Micros ts) {
    if (ts == 0) ts = clock.wall();
    store::RequestRow row;
    row.id = Id::make(ts, random);
    row.ts = ts;
    row.duration_us = 1'500'000;
    row.ttft_us = 230'000;
    row.overhead_us = 41;
    row.stream = 1;
    row.input = 1200;
    row.output = 340;
    row.cost_total = 1'025'000;
    row.status = status;
    row.temperature = 0.5;
    row.request_model = model;
    row.target = "lab/qwen3-8b";
    row.provider = "lab";
    row.key_alias = key;
    row.endpoint = "chat";
    row.outcome = status < 400 ? "ok" : "upstream_error";
    row.attempts = R"([{"target":"lab/qwen3-8b","class":"ok"}])";
    row.tags = R"(["a","b"])";
    ASSERT_TRUE(store.append_requests({&row, 1}));
}

Answer::Answer(const Response& response) : status(response.status), body(response.body) {
    if (const auto parsed = document_.parse(body); !parsed) ADD_FAILURE() << parsed.error().message << "\n" << body;
}

std::string header_of(const Response& response, std::string_view name) {
    for (const auto line : split_list(response.headers, '\n')) {
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && equals_ignoring_case(line.substr(0, colon), name))
            return std::string(trim(line.substr(colon + 1)));
    }
    return {};
}

}  // namespace gotthard::admin::test
