// Answers that are one JSON value: collected whole before the first byte goes out, so that a cut, an error in a 200 or a page of
// HTML becomes an error of the client's dialect, another candidate can still answer, and the headers can tell the cost.
#include <fmt/format.h>

#include "base/json.hpp"
#include "dialect/common_errors.hpp"
#include "llm/estimate.hpp"
#include "net/content_coding.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {
namespace {

constexpr std::size_t large_answer = 8u << 20;  ///< Same-dialect answers beyond this stream through.

}  // namespace

/// The rest of the body behind what is in x.unary.
net::Task<Status> Gateway::collect(Exchange& x, net::ClientExchange& upstream) {
    const std::size_t limit = x.snapshot->limits.answer;
    while (true) {
        auto piece = co_await upstream.read_some();
        if (!piece) co_return fail(std::move(piece.error()));
        for (auto span : piece->payload) x.unary += span;
        if (x.unary.size() > limit) {
            upstream.abort();
            co_return fail(FailureKind::upstream_malformed, fmt::format("the upstream's answer is larger than limits.answer ({} bytes)", limit));
        }
        if (piece->last) co_return Status{};
        const bool may_stream = x.candidate().pass_through && !x.restamp && !x.facts.stream && x.endpoint.operation == Operation::conversation &&
                                upstream.head().headers.get("content-encoding").empty();
        if (x.unary.size() > large_answer && may_stream) co_return co_await stream_large(x, upstream);
    }
}

/// An answer too large to hold twice: what was collected goes out and the rest follows as it comes; only the reader keeps it, for its
/// usage. From here on a failure cuts the connection, so that the answer cannot look whole.
net::Task<Status> Gateway::stream_large(Exchange& x, net::ClientExchange& upstream) {
    const Candidate& candidate = x.candidate();
    auto reader = dialect::get(candidate.dialect).make_reader({.mode = dialect::Mode::unary, .quirks = x.provider(candidate).upstream.quirks});
    x.upstream_wait += loop_.now() - x.arrived - x.attempts.back().started;
    x.answer_head.clear();
    append_upstream_headers(x, x.answer_head, upstream.head().headers);
    append_answer_headers(x, x.answer_head, "application/json", false);
    x.answered = true;
    x.status = 200;
    x.answer_began = x.elapsed();
    x.http->start_stream(200, x.answer_head);
    x.events.clear();
    reader->feed(x.unary, x.events);
    auto written = co_await x.http->write(x.unary);
    x.unary = {};
    while (written) {
        auto piece = co_await upstream.read_some();
        if (!piece) {
            hide_key(x, piece.error());
            x.failure = std::move(piece.error());
            x.http->abort();
            co_return Status{};
        }
        x.pieces.clear();
        for (auto span : piece->payload) {
            reader->feed(span, x.events);
            x.pieces.push_back({const_cast<char*>(span.data()), span.size()});
        }
        if (!x.pieces.empty()) written = co_await x.http->write(x.pieces, net::Framing::payload);
        if (piece->last) break;
    }
    if (!written) {
        x.gone = true;
        upstream.abort();
        co_return Status{};
    }
    reader->finish(true, x.events);
    const Nanos since = loop_.now() - x.arrived;
    for (const auto& event : x.events) x.tally.see(event, since);
    x.events.clear();
    if (x.tally.failure) {
        x.failure = std::move(*x.tally.failure);
        x.http->abort();
        co_return Status{};
    }
    x.tally.shown_stop = x.tally.raw_stop;
    if (auto finished = co_await x.http->finish(); !finished) x.gone = true;
    co_return Status{};
}

net::Task<Status> Gateway::relay_unary(Exchange& x, net::ClientExchange& upstream) {
    x.unary.clear();
    if (auto collected = co_await collect(x, upstream); !collected || x.answered) co_return collected;
    if (const auto coding = upstream.head().headers.get("content-encoding"); !coding.empty() && coding != "identity") {
        auto decoded = net::decode_body(coding, x.unary, x.snapshot->limits.answer, net::BodyOf::upstream);
        if (!decoded) co_return fail(std::move(decoded.error()));
        x.unary = std::move(*decoded);
    }
    x.answer_head.clear();
    if (x.candidate().pass_through) append_upstream_headers(x, x.answer_head, upstream.head().headers);
    x.upstream_wait += loop_.now() - x.arrived - x.attempts.back().started;
    if (x.endpoint.operation == Operation::embeddings) co_return co_await relay_operation(x);

    const Candidate& candidate = x.candidate();
    auto reader = dialect::get(candidate.dialect)
                      .make_reader({.mode = dialect::Mode::unary, .quirks = x.provider(candidate).upstream.quirks, .memory = candidate.pass_through ? nullptr : &x.rendered.memory});
    x.events.clear();
    reader->feed(x.unary, x.events);
    reader->finish(true, x.events);
    const Nanos since = loop_.now() - x.arrived;
    for (const auto& event : x.events) x.tally.see(event, since);
    if (x.tally.failure) co_return fail(std::move(*x.tally.failure));

    std::string_view body = x.unary;
    if (!candidate.pass_through) {
        auto writer = dialect::get(x.endpoint.dialect)
                          .make_writer({.mode = dialect::Mode::unary, .model = std::string(shown_model(x)), .id = x.id.text(), .created = x.arrived_wall / 1'000'000, .version = x.request->version});
        x.out.clear();
        for (const auto& event : x.events) writer->write(event, x.out);
        if (writer->failure() != nullptr) co_return fail(*writer->failure());
        x.tally.shown_stop.assign(writer->shown_stop());
        body = x.out;
    } else {
        x.tally.shown_stop = x.tally.raw_stop;
        if (x.restamp) {
            auto edit = dialect::get(candidate.dialect).make_edit({.mode = dialect::Mode::unary, .model = x.facts.model});
            x.out.clear();
            edit->feed(x.unary, x.out);
            edit->finish(x.out);
            body = x.out;
        }
    }
    append_answer_headers(x, x.answer_head, "application/json", true);
    x.answered = true;
    x.status = 200;
    x.answer_began = x.elapsed();
    if (auto sent = co_await x.http->respond(200, x.answer_head, body); !sent) x.gone = true;
    co_return Status{};
}

/// An operation that is no conversation: bytes pass, usage is read where it stands.
net::Task<Status> Gateway::relay_operation(Exchange& x) {
    json::Document document;
    if (!document.parse(x.unary, {.lone_surrogates = true}) || !document.root().is_object())
        co_return fail(FailureKind::upstream_malformed, "the upstream's answer is not a JSON object");
    const json::Value root = document.root();
    if (dialect::is_error_object(root)) co_return fail(dialect::read_stream_error(root));
    x.tally.response_model = root["model"].string();
    if (auto tokens = root["usage"]["prompt_tokens"].integer(); tokens && *tokens >= 0) {
        x.tally.usage.input = *tokens;
        x.tally.usage.output = 0;
        x.tally.usage.source = llm::UsageSource::provider;
    }
    x.tally.finished = true;
    append_answer_headers(x, x.answer_head, "application/json", true);
    x.answered = true;
    x.status = 200;
    x.answer_began = x.elapsed();
    if (auto sent = co_await x.http->respond(200, x.answer_head, x.unary); !sent) x.gone = true;
    co_return Status{};
}

/// The client asked for a stream and the upstream answered with one JSON value: the same answer, as a stream.
net::Task<Status> Gateway::replay_as_stream(Exchange& x) {
    const Candidate& candidate = x.candidate();
    auto reader = dialect::get(candidate.dialect)
                      .make_reader({.mode = dialect::Mode::unary, .quirks = x.provider(candidate).upstream.quirks, .memory = candidate.pass_through ? nullptr : &x.rendered.memory});
    x.events.clear();
    reader->feed(x.unary, x.events);
    reader->finish(true, x.events);
    const Nanos since = loop_.now() - x.arrived;
    for (const auto& event : x.events) x.tally.see(event, since);
    if (x.tally.failure) co_return fail(std::move(*x.tally.failure));
    auto writer = dialect::get(x.endpoint.dialect)
                      .make_writer({.mode = dialect::Mode::stream,
                                    .model = std::string(x.restamp || !candidate.pass_through ? shown_model(x) : std::string_view(x.tally.response_model)),
                                    .id = x.id.text(),
                                    .created = x.arrived_wall / 1'000'000,
                                    .include_usage = x.facts.include_usage});
    x.out.clear();
    for (const auto& event : x.events) writer->write(event, x.out);
    x.tally.shown_stop.assign(writer->shown_stop());
    begin_stream(x, *x.upstream);
    if (auto sent = co_await x.http->finish(x.out); !sent) x.gone = true;
    co_return Status{};
}

}  // namespace gotthard::spine
