// The server side of HTTP/1: how answers go out, and what happens when the client goes away.
#include "server_fixture.hpp"

namespace gotthard::net {
namespace {

using testing::second;

class ServerAnswers : public testing::Serving {
protected:
    /// Streams what the test feeds, then finishes or aborts.
    struct Script {
        Signal next;
        std::vector<std::string> writes;
        bool finish = true;
        bool gone = false;
        bool done = false;
        Status last;
    } script;

    static Task<> stream(HttpRequest& request, Script& on) {
        request.on_gone([&on] {
            on.gone = true;
            on.next.set();
        });
        request.start_stream(200, "content-type: text/event-stream\r\n");
        while (!on.gone) {
            co_await on.next.wait();
            on.next.reset();
            if (on.writes.empty()) break;
            for (auto& text : std::exchange(on.writes, {}))
                if (on.last = co_await request.write(text); !on.last) break;
            if (!on.last) break;
        }
        on.done = true;
        if (on.finish) co_await request.finish();
    }
    static Task<> wait_then_answer(HttpRequest& request, Script& on) {
        request.on_gone([&on] {
            on.gone = true;
            on.next.set();
        });
        co_await on.next.wait();
        if (!on.gone) co_await request.respond(200, "", "late");
        on.done = true;
    }
    void serve_stream() {
        serve([this](HttpRequest& request) { return stream(request, script); });
    }
    std::string write(std::string text) {
        script.writes.push_back(std::move(text));
        script.next.set();
        settle();
        return far->received();
    }
    std::string end() {
        script.next.set();
        settle();
        return far->received();
    }
};

TEST_F(ServerAnswers, StreamAsChunksWithTheHeadInTheFirstWrite) {
    serve_stream();
    EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "");
    EXPECT_EQ(write("data: 1\n\n"),
              "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
    EXPECT_EQ(write("data: 2\n\n"), "9\r\ndata: 2\n\n\r\n");
    EXPECT_EQ(end(), "0\r\n\r\n");
    EXPECT_EQ(open, 1);
}

TEST_F(ServerAnswers, AnEmptyWriteSendsTheHeadAndNoLastChunk) {
    serve_stream();
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(write("").ends_with("chunked\r\n\r\n"));
    EXPECT_EQ(write(""), "");
    EXPECT_EQ(end(), "0\r\n\r\n");
}

TEST_F(ServerAnswers, StreamUntilCloseOnHttp10) {
    serve_stream();
    ask("GET / HTTP/1.0\r\n\r\n");
    EXPECT_EQ(write("data: 1\n\n"), "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: 1\n\n");
    EXPECT_EQ(end(), "");
    EXPECT_TRUE(closed());
    EXPECT_FALSE(far->was_reset());
}

TEST_F(ServerAnswers, HaveNoBodyForHead) {
    serve_stream();
    ask("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(write("data: 1\n\n").ends_with("chunked\r\n\r\n"));
    EXPECT_EQ(end(), "");
    EXPECT_EQ(open, 1);
}

TEST_F(ServerAnswers, InOnePieceHaveNoBodyForHeadEither) {
    serve([](HttpRequest& request) { return [](HttpRequest& r) -> Task<> { co_await r.respond(200, "", "hello"); }(request); });
    EXPECT_EQ(ask("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
}

TEST_F(ServerAnswers, Of204HaveNeitherBodyNorLength) {
    serve([](HttpRequest& request) { return [](HttpRequest& r) -> Task<> { co_await r.respond(204, "", ""); }(request); });
    EXPECT_EQ(ask("OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST_F(ServerAnswers, CarryTheDate) {
    options.send_date = true;
    clock.set_wall(784'887'151'000'000);
    serve([](HttpRequest& request) { return [](HttpRequest& r) -> Task<> { co_await r.respond(200, "", ""); }(request); });
    EXPECT_NE(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").find("date: Tue, 15 Nov 1994 08:12:31 GMT\r\n"), std::string::npos);
}

TEST_F(ServerAnswers, CutStreamsDoNotLookFinished) {
    script.finish = false;
    serve_stream();
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    write("data: 1\n\n");
    EXPECT_EQ(end(), "");
    EXPECT_TRUE(closed());
}

TEST_F(ServerAnswers, CutStreamsOfHttp10EndInAReset) {
    script.finish = false;
    serve_stream();
    ask("GET / HTTP/1.0\r\n\r\n");
    write("data: 1\n\n");
    end();
    EXPECT_TRUE(closed());
    EXPECT_TRUE(far->was_reset());
}

TEST_F(ServerAnswers, PassTheUpstreamsChunksThrough) {
    serve([](HttpRequest& request) {
        return [](HttpRequest& r) -> Task<> {
            EXPECT_TRUE(r.chunks_pass());
            r.start_stream(200, "");
            EXPECT_TRUE(r.chunks_pass());
            std::string raw = "3\r\nabc\r\n2\r\nde\r\n";
            iovec pieces[] = {{raw.data(), 8}, {raw.data() + 8, 7}};
            co_await r.write(pieces, Framing::chunks);
            co_await r.finish("last");
        }(request);
    });
    EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
              "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n4\r\nlast\r\n0\r\n\r\n");
}

TEST_F(ServerAnswers, WaitForASlowClient) {
    serve_stream();
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    script.writes.assign(64, std::string(200'000, 'x'));
    script.next.set();
    loop.poll();
    std::size_t received = 0;
    settle();
    EXPECT_FALSE(script.done);
    EXPECT_TRUE(loop.run_until([&] {
        received += far->received().size();
        return received > 64 * 200'000;
    }));
    EXPECT_TRUE(script.last);
    end();
}

TEST_F(ServerAnswers, GiveUpOnAClientThatStopsReading) {
    serve_stream();
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    script.writes.assign(64, std::string(200'000, 'x'));
    script.next.set();
    settle();
    advance(options.write_time);
    EXPECT_FALSE(script.last);
    EXPECT_TRUE(script.done);
}

TEST_F(ServerAnswers, ThatNeverComeBecomeA500) {
    serve([](HttpRequest&) { return []() -> Task<> { co_return; }(); });
    EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 500 "));
}

TEST_F(ServerAnswers, BecomeA500WhenTheHandlerThrows) {
    serve([](HttpRequest&) {
        return []() -> Task<> {
            throw std::runtime_error("a bug");
            co_return;
        }();
    });
    EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 500 "));
    advance(options.linger_time);
    EXPECT_TRUE(closed());
}

TEST_F(ServerAnswers, AreCancelledWhenTheClientResets) {  // E254
    serve([this](HttpRequest& request) { return wait_then_answer(request, script); });
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    far->reset();
    settle();
    EXPECT_TRUE(script.gone);
    EXPECT_TRUE(script.done);
    EXPECT_EQ(open, 0);
}

TEST_F(ServerAnswers, AreCancelledWhenTheClientCloses) {  // E254: a FIN alone does not tell; the probe's reset does
    serve([this](HttpRequest& request) { return wait_then_answer(request, script); });
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    far->close();
    settle();
    EXPECT_TRUE(script.gone);
    EXPECT_TRUE(script.done);
}

TEST_F(ServerAnswers, StillReachAHalfClosedClient) {  // E257
    serve([this](HttpRequest& request) { return wait_then_answer(request, script); });
    far->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    far->finish();
    settle();
    EXPECT_FALSE(script.gone);
    EXPECT_EQ(far->received(), "HTTP/1.1 100 Continue\r\n\r\n");
    script.next.set();
    settle();
    EXPECT_EQ(far->received(), "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate");
    EXPECT_TRUE(closed());
}

TEST_F(ServerAnswers, AreCancelledByAHalfCloseWhereThatIsChosen) {  // E257
    options.half_close_is_gone = true;
    serve([this](HttpRequest& request) { return wait_then_answer(request, script); });
    far->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    far->finish();
    settle();
    EXPECT_TRUE(script.gone);
    EXPECT_EQ(far->received(), "");
}

TEST_F(ServerAnswers, AHalfClosedClientThatLeavesLaterIsNoticed) {  // E254
    serve([this](HttpRequest& request) { return wait_then_answer(request, script); });
    far->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    far->finish();
    settle();
    far->received();
    far->close();
    settle();
    EXPECT_FALSE(script.gone);
    advance(second);
    EXPECT_TRUE(script.gone);
}

TEST_F(ServerAnswers, AStreamWhoseClientWentFailsItsWrite) {
    serve_stream();
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    write("data: 1\n\n");
    far->reset();
    settle();
    EXPECT_TRUE(script.gone);
    EXPECT_TRUE(script.done);
    EXPECT_EQ(open, 0);
}

TEST_F(ServerAnswers, DrainingEndsIdleConnectionsAndFinishesBusyOnes) {
    serve([this](HttpRequest& request) { return wait_then_answer(request, script); });
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    connections.drain_all();
    settle();
    EXPECT_EQ(open, 1);
    script.next.set();
    settle();
    EXPECT_EQ(far->received(), "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlate");
    EXPECT_TRUE(closed());

    ConnectionList idle;
    auto pair = tcp_pair();
    spawn([](std::unique_ptr<ByteStream> near, const ServerOptions& o, const RequestHandler& h, ConnectionList& list) -> Task<> {
        co_await serve_http(std::move(near), o, h, &list);
    }(std::move(pair.near), options, handler, idle));
    settle();
    EXPECT_EQ(idle.size(), 1U);
    idle.drain_all();
    settle();
    EXPECT_EQ(idle.size(), 0U);
}

TEST_F(ServerAnswers, AbandonedConnectionsEndTheirHandlers) {
    serve([this](HttpRequest& request) { return wait_then_answer(request, script); });
    ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    connections.abandon_all();
    settle();
    EXPECT_TRUE(script.done);
    EXPECT_EQ(open, 0);
}

}  // namespace
}  // namespace gotthard::net
