// A gateway's insides for the admin API's tests: an in-memory store, real keys, a configuration as text, a clock that stands
// still.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/dispatch.hpp"
#include "admin/services.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"
#include "store/memory/memory_store.hpp"

namespace gotthard::admin::test {

inline constexpr std::string_view configuration = R"(
providers:
  lab: {type: openai_compatible, base_url: "http://127.0.0.1:8000/v1", api_key: "provider-secret-1", headers: {x-extra: header-secret-2}}
  claude: {type: anthropic, base_url: "http://127.0.0.1:9001", api_key: "provider-secret-3"}
models:
  fast: {use: lab/qwen3-8b}
  smart: {use: [claude/claude-sonnet-5, lab/qwen3-8b]}
keys:
  - {name: ci, value: "configured-key-secret-4", models: ["lab/*"]}
prices:
  - {model: "lab/*", input: 0.5, output: 1.25}
)";

class World {
public:
    World();

    /// A call with the administrator's token.
    Response call(std::string_view method, std::string_view target, std::string_view body = {}, std::string_view if_match = {});
    /// A call as it comes, without credentials unless given.
    Response raw(std::string_view method, std::string_view target, std::string_view authorization, bool trusted = false,
                 std::string_view body = {});

    /// A record in the store; `fill` may change it.
    void add_request(std::string_view model, std::string_view key, std::int64_t status, Micros ts = 0);

    ManualClock clock;
    SystemRandom random{7};
    store::memory::MemoryStore store;
    std::unique_ptr<identity::Identity> identity;
    std::shared_ptr<const config::Snapshot> snapshot;
    std::shared_ptr<const route::KnownModels> known;
    std::shared_ptr<const account::PriceBook> prices;
    std::vector<config::Fault> reload_faults;
    int reloads = 0;
    bool draining = false;
    std::optional<Services> services;
    std::string token;
};

/// An answer's body, parsed. Fails the test when it is not JSON.
class Answer {
public:
    explicit Answer(const Response& response);
    json::Value operator[](std::string_view member) const { return document_.root()[member]; }
    json::Value root() const { return document_.root(); }
    std::string text(std::string_view member) const { return document_.root()[member].string(); }
    std::size_t rows() const { return document_.root()["data"].size(); }
    int status;
    std::string body;

private:
    json::Document document_;
};

/// The value of a header line in Response::headers.
std::string header_of(const Response& response, std::string_view name);

}  // namespace gotthard::admin::test
