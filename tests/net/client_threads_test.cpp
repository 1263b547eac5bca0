// What threads share of the client side: endpoints, trust sets and a server's certificate that is replaced meanwhile.
#include <gtest/gtest.h>

#include <thread>

#include "net/client.hpp"
#include "net/test_certificates.hpp"
#include "net/upstream_double.hpp"

namespace gotthard::net {
namespace {

Task<> fetch_many(HttpClient& client, std::shared_ptr<const UpstreamEndpoint> endpoint, int count, int& good, bool& done) {
    for (int i = 0; i < count; ++i) {
        auto answer = co_await client.fetch(
            endpoint, {.method = "POST", .target = "/", .headers = i % 5 == 0 ? "Connection: close\r\n" : "", .body = "{}"});
        good += answer.has_value() && answer->body == "shared" ? 1 : 0;
        if (i % 5 == 0) client.pool().clear();  // so that handshakes and resumptions happen all the time
    }
    done = true;
}

TEST(ClientThreads, ShardsShareEndpointsAndContextsWhileCertificatesAreReplaced) {
    constexpr int threads = 3;
    constexpr int requests = 60;
    const SystemClock clock;
    TestAuthority authority("Root");
    const auto files = authority.issue({}, "server");
    const auto server_tls = TlsServerContext::make({.cert_file = files.cert, .key_file = files.key}).value();
    TlsClientContexts contexts;

    std::atomic<std::uint16_t> port{0};
    std::atomic<Loop*> server_loop{nullptr};
    std::thread server([&] {
        Loop loop(clock);
        UpstreamDouble upstream(loop, {{step::serve(answer_of("shared"))}}, server_tls.get());
        port = upstream.port();
        server_loop = &loop;
        server_loop.notify_all();
        loop.run();
    });
    server_loop.wait(nullptr);
    const auto endpoint = UpstreamEndpoint::make({.tls = true, .host = "127.0.0.1", .port = port},
                                                 contexts.get({.ca_file = authority.ca_file()}).value());

    std::atomic<int> running{threads};
    std::vector<int> good(threads, 0);
    std::vector<std::thread> clients;
    for (int i = 0; i < threads; ++i) {
        clients.emplace_back([&, i] {
            Loop loop(clock);
            HttpClient client(loop);
            bool done = false;
            spawn(fetch_many(client, endpoint, requests, good[static_cast<std::size_t>(i)], done));
            EXPECT_TRUE(loop.run_until([&] { return done; }, 10'000'000));
            EXPECT_TRUE(contexts.get({.ca_file = authority.ca_file()}).has_value());
            --running;
        });
    }
    int reloads = 0;
    while (running != 0) {
        EXPECT_TRUE(server_tls->reload().has_value());
        ++reloads;
    }
    for (auto& each : clients) each.join();
    server_loop.load()->stop();
    server.join();
    EXPECT_GT(reloads, 0);
    for (const int each : good) EXPECT_EQ(each, requests);
}

}  // namespace
}  // namespace gotthard::net
