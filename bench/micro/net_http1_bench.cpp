// Heads and chunked bodies: our own parser beside llhttp, which collects the same spans. A request head as the OpenAI Python SDK
// sends it, a response head as api.openai.com sends it. Figures: docs/decisions/0002-own-http1-parser.md.
#include <benchmark/benchmark.h>
#include <llhttp.h>

#include <string>
#include <string_view>

#include "net/http1.hpp"
#include "net/loop.hpp"

namespace gotthard::net {
namespace {

constexpr std::string_view request_text =
    "POST /v1/chat/completions HTTP/1.1\r\n"
    "Host: 127.0.0.1:7300\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Connection: keep-alive\r\n"
    "Accept: application/json\r\n"
    "Content-Type: application/json\r\n"
    "User-Agent: OpenAI/Python 2.8.1\r\n"
    "X-Stainless-Lang: python\r\n"
    "X-Stainless-Package-Version: 2.8.1\r\n"
    "X-Stainless-OS: Linux\r\n"
    "X-Stainless-Arch: x64\r\n"
    "X-Stainless-Runtime: CPython\r\n"
    "X-Stainless-Runtime-Version: 3.11.2\r\n"
    "Authorization: Bearer sk-gw-0123456789abcdefghijklmnopqrstuvABCDEF\r\n"
    "X-Stainless-Async: false\r\n"
    "x-stainless-retry-count: 0\r\n"
    "x-stainless-read-timeout: 600\r\n"
    "Content-Length: 1024\r\n"
    "\r\n";

constexpr std::string_view response_text =
    "HTTP/1.1 200 OK\r\n"
    "Date: Tue, 15 Nov 1994 08:12:31 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 1024\r\n"
    "Connection: keep-alive\r\n"
    "access-control-expose-headers: X-Request-ID\r\n"
    "openai-organization: user-0123456789\r\n"
    "openai-processing-ms: 401\r\n"
    "openai-version: 2020-10-01\r\n"
    "x-ratelimit-limit-requests: 10000\r\n"
    "x-ratelimit-limit-tokens: 200000\r\n"
    "x-ratelimit-remaining-requests: 9999\r\n"
    "x-ratelimit-remaining-tokens: 199990\r\n"
    "x-request-id: req_0123456789abcdef0123456789abcdef\r\n"
    "strict-transport-security: max-age=31536000; includeSubDomains; preload\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Server: cloudflare\r\n"
    "\r\n";

void own_request_head(benchmark::State& state) {
    RequestHead head;
    for (auto _ : state) benchmark::DoNotOptimize(parse_request_head(request_text, head));
}
BENCHMARK(own_request_head);

void own_response_head(benchmark::State& state) {
    ResponseHead head;
    for (auto _ : state) benchmark::DoNotOptimize(parse_response_head(response_text, head, "POST"));
}
BENCHMARK(own_response_head);

/// Collects name and value spans into a list, as our parser does.
struct Collector {
    HeaderList headers;
    std::string_view url;
    std::string_view name;
};

void llhttp_head(benchmark::State& state, llhttp_type_t type, std::string_view text) {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_url = [](llhttp_t* parser, const char* at, std::size_t size) {
        static_cast<Collector*>(parser->data)->url = {at, size};
        return 0;
    };
    settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) {
        static_cast<Collector*>(parser->data)->name = {at, size};
        return 0;
    };
    settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) {
        auto& collector = *static_cast<Collector*>(parser->data);
        collector.headers.add(collector.name, {at, size});
        return 0;
    };
    settings.on_headers_complete = [](llhttp_t*) { return 0; };
    Collector collector;
    for (auto _ : state) {
        llhttp_t parser;
        llhttp_init(&parser, type, &settings);
        parser.data = &collector;
        collector.headers.clear();
        benchmark::DoNotOptimize(llhttp_execute(&parser, text.data(), text.size()));
    }
}
void llhttp_request_head(benchmark::State& state) { llhttp_head(state, HTTP_REQUEST, request_text); }
BENCHMARK(llhttp_request_head);
void llhttp_response_head(benchmark::State& state) { llhttp_head(state, HTTP_RESPONSE, response_text); }
BENCHMARK(llhttp_response_head);

std::string events(int count) {
    std::string out;
    char line[24];
    const std::string event = "data: " + std::string(200, 'x') + "\n\n";
    for (int i = 0; i < count; ++i) out.append(chunk_size_line(line, event.size())).append(event).append("\r\n");
    return out;
}

void own_chunked(benchmark::State& state) {
    const std::string raw = events(16);
    std::string_view spans[32];
    auto decoder = BodyDecoder::chunked();
    for (auto _ : state) benchmark::DoNotOptimize(decoder.step(raw, spans));
    state.SetItemsProcessed(state.iterations() * 16);
}
BENCHMARK(own_chunked);

void llhttp_chunked(benchmark::State& state) {
    const std::string raw = events(16);
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_body = [](llhttp_t*, const char* at, std::size_t) {
        benchmark::DoNotOptimize(at);
        return 0;
    };
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    const std::string_view head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    llhttp_execute(&parser, head.data(), head.size());
    for (auto _ : state) benchmark::DoNotOptimize(llhttp_execute(&parser, raw.data(), raw.size()));
    state.SetItemsProcessed(state.iterations() * 16);
}
BENCHMARK(llhttp_chunked);

void header_lookup(benchmark::State& state) {
    RequestHead head;
    parse_request_head(request_text, head);
    for (auto _ : state) benchmark::DoNotOptimize(head.headers.find("authorization"));
}
BENCHMARK(header_lookup);

Task<int> child() { co_return 1; }

void task_call(benchmark::State& state) {
    spawn([](benchmark::State& on) -> Task<> {
        for (auto _ : on) benchmark::DoNotOptimize(co_await child());
    }(state));
}
BENCHMARK(task_call);

void deadline_renewed(benchmark::State& state) {
    TimerQueue queue;
    Deadline deadline(queue, [](void*) {}, nullptr);
    Nanos at = 1;
    for (auto _ : state) deadline.arm(++at);
}
BENCHMARK(deadline_renewed);

}  // namespace
}  // namespace gotthard::net
