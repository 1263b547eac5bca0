// A ServerConnection with a scripted handler, spoken to as a client speaks.
#pragma once

#include <functional>
#include <string>

#include "loopback.hpp"
#include "net/server.hpp"

namespace gotthard::net::testing {

class Serving : public OnLoop {
protected:
    Serving() { options.send_date = false; }
    void TearDown() override {
        connections.abandon_all();
        settle();
        EXPECT_EQ(open, 0);
    }

    /// Serves the near end of a new connection with `handler`.
    Far& serve(RequestHandler with) {
        handler = std::move(with);
        auto pair = tcp_pair();
        far = std::make_unique<Far>(std::move(pair.far));
        spawn(run(std::move(pair.near), *this));
        settle();
        return *far;
    }
    static Task<> run(std::unique_ptr<ByteStream> stream, Serving& self) {
        ++self.open;
        co_await serve_http(std::move(stream), self.options, self.handler, &self.connections);
        --self.open;
    }

    /// What the server answers to `text`.
    std::string ask(std::string_view text) {
        far->send(text);
        settle();
        return far->received();
    }
    bool closed() {
        settle();
        far->received();
        return (far->ended() || far->was_reset()) && open == 0;
    }

    static RequestHandler echo() {
        return [](HttpRequest& request) { return echo_task(request); };
    }
    static Task<> echo_task(HttpRequest& request) {
        auto body = co_await request.read_body(1 << 20);
        if (!body) {
            co_await request.respond(body.error().status, "", body.error().message);
            co_return;
        }
        co_await request.respond(200, "x-path: " + std::string(request.head().path) + "\r\n", *body);
    }

    ServerOptions options;
    RequestHandler handler;
    ConnectionList connections;
    std::unique_ptr<Far> far;
    int open = 0;
};

}  // namespace gotthard::net::testing
