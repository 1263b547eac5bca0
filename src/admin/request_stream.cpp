// /requests/stream: records as they are stored, as server-sent events.
//
//   retry: 2000
//
//   id: 4711
//   event: request
//   data: {"id":"...","seq":4711,...}
//
// The store is asked for what is newer than the last seq, three times a second. A comment every 15 seconds keeps the connection
// alive. A client that reconnects sends Last-Event-ID and misses nothing.
#include <optional>

#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/problem.hpp"
#include "base/text.hpp"

namespace gotthard::admin {
namespace {

constexpr Nanos look_every = 100'000'000;  ///< Whether the gateway is going down: less than the time it waits for its streams.
constexpr Nanos poll_every = 300'000'000;
constexpr Nanos comment_every = 15'000'000'000;
constexpr std::size_t rows_at_once = 200;
constexpr std::string_view stream_headers =
    "content-type: text/event-stream\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n";

/// Where a stream is, and what it wants.
struct Tail {
    store::RequestFilter filter;
    std::int64_t after = 0;
};

Result<Tail> start_of(const Admitted& call, Services& services) {
    Tail tail;
    auto filter = read_filter(call.parameters, services.clock.wall());
    if (!filter) return std::unexpected(std::move(filter.error()));
    tail.filter = *std::move(filter);
    const auto asked = call.last_event_id.empty() ? call.parameters.get("after") : call.last_event_id;
    if (!asked.empty()) {
        const auto seq = parse_integer<std::int64_t>(asked);
        if (!seq || *seq < 0)
            return fail(Failure(FailureKind::invalid_request, "'after' must be the seq of a record.").at("after"));
        tail.after = *seq;
        return tail;
    }
    auto newest = services.records.newest_seq();
    if (!newest) return std::unexpected(std::move(newest.error()));
    tail.after = *newest;
    return tail;
}

/// The events since the last call, "" when there are none; moves the tail on.
Result<std::string> next_events(Tail& tail, Services& services) {
    auto newest = services.records.newest_seq();
    if (!newest) return std::unexpected(std::move(newest.error()));
    if (*newest <= tail.after) return std::string();
    auto page = services.records.follow_requests(tail.filter, tail.after, rows_at_once);
    if (!page) return std::unexpected(std::move(page.error()));
    std::string out;
    for (const auto& row : page->rows) {
        out += fmt::format("id: {}\nevent: request\ndata: ", row.seq);
        json::Writer writer(out);
        write_request(writer, row);
        out += "\n\n";
        tail.after = row.seq;
    }
    if (page->rows.size() < rows_at_once) tail.after = std::max(tail.after, *newest);
    return out;
}

/// Sets the signal when the client goes, for as long as it lives.
class GoneWatch {
public:
    GoneWatch(net::HttpRequest& request, net::Signal& gone) : request_(request) {
        request.on_gone([&gone] { gone.set(); });
    }
    GoneWatch(const GoneWatch&) = delete;
    GoneWatch& operator=(const GoneWatch&) = delete;
    ~GoneWatch() { request_.on_gone({}); }

private:
    net::HttpRequest& request_;
};

net::Task<> refuse(net::HttpRequest& request, Failure failure) {
    const auto response = problem(failure);
    const auto headers =
        fmt::format("content-type: {}\r\ncache-control: no-store\r\n{}", response.content_type, response.headers);
    (void)co_await request.respond(response.status, headers, response.body);
}

}  // namespace

net::Task<> follow_requests(net::HttpRequest& request, const Admitted& call, Services& services) {
    auto tail = start_of(call, services);
    if (!tail) {
        co_await refuse(request, std::move(tail.error()));
        co_return;
    }
    net::Loop& loop = net::Loop::current();
    request.start_stream(200, stream_headers);
    if (auto sent = co_await request.write("retry: 2000\n\n"); !sent) co_return;
    net::Signal gone;
    const GoneWatch watch(request, gone);
    Nanos last_written = loop.now();
    Nanos last_polled = loop.now();
    while (!services.draining()) {
        if (co_await gone.wait(loop.now() + look_every)) co_return;
        if (loop.now() - last_polled < poll_every) continue;
        last_polled = loop.now();
        auto events = next_events(*tail, services);
        std::string text =
            events ? *std::move(events) : fmt::format("event: problem\ndata: {}\n\n", problem(events.error()).body);
        if (text.empty() && loop.now() - last_written >= comment_every) text = ": keepalive\n\n";
        if (text.empty()) continue;
        last_written = loop.now();
        if (auto sent = co_await request.write(text); !sent) co_return;
    }
    (void)co_await request.finish();
}

}  // namespace gotthard::admin
