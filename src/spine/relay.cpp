// The second page of the spine: an answer on its way to the client. Bytes in, events, bytes out; a slow client stops the pull
// from the upstream, which is the back-pressure.
//
// Same dialect on both ends: whole server-sent events are forwarded as they came (with the upstream's own chunk framing where it
// can be), a reader observes a copy. An event is forwarded when it is complete, so that a cut stream never leaves half of one.
// Different dialects: reader -> events -> writer.
#include <array>

#include <fmt/format.h>

#include "base/json.hpp"
#include "dialect/common_errors.hpp"
#include "llm/estimate.hpp"
#include "net/content_coding.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {
namespace {

constexpr std::size_t max_carry = 1 << 20;           ///< Of an incomplete event; a longer one is forwarded in parts.
constexpr Nanos grace_after_stop = 5'000'000'000;    ///< For a terminator after the finish reason (E199).
constexpr Nanos grace_after_end = 50'000'000;        ///< For the transport's end after the terminator.

/// How each dialect ends a stream that is complete but was not ended (E198).
std::string_view terminator(dialect::DialectId id) {
    static constexpr std::array<std::string_view, 2> texts{"data: [DONE]\n\n", "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"};
    return texts[static_cast<std::size_t>(id)];
}

bool ends_an_event(std::string_view bytes) { return bytes.ends_with("\n\n") || bytes.ends_with("\r\n\r\n") || bytes.ends_with("\r\r"); }

/// Bytes up to and with the last blank line.
std::size_t whole_events(std::string_view bytes) {
    std::size_t end = 0;
    for (std::string_view blank : {"\n\n", "\r\n\r\n", "\r\r"})
        if (const auto at = bytes.rfind(blank); at != std::string_view::npos) end = std::max(end, at + blank.size());
    return end;
}

/// Offset of the first event that says an error, or npos.
std::size_t error_event(std::string_view bytes) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        std::size_t end = bytes.size();
        for (std::string_view blank : {"\n\n", "\r\n\r\n"})
            if (const auto found = bytes.find(blank, at); found != std::string_view::npos) end = std::min(end, found + blank.size());
        const auto block = bytes.substr(at, end - at);
        if (const auto data = block.find("data:"); data != std::string_view::npos) {
            const auto line = block.substr(data + 5, block.find_first_of("\r\n", data) - data - 5);
            json::Document document;
            if (document.parse(line, {.lone_surrogates = true}) && dialect::is_error_object(document.root())) return at;
        }
        at = end;
    }
    return std::string_view::npos;
}

char first_visible(std::span<const std::string_view> spans) {
    for (auto span : spans)
        for (char c : span)
            if (c != ' ' && c != '\t' && c != '\r' && c != '\n' && c != '\xef' && c != '\xbb' && c != '\xbf') return c;
    return 0;
}

}  // namespace

/// Lives in relay_stream's frame.
struct StreamState {
    std::unique_ptr<dialect::Reader> reader;
    std::unique_ptr<dialect::Writer> writer;    ///< Different dialects.
    std::unique_ptr<dialect::StreamEdit> edit;  ///< Same dialect, with declared splices.
    std::optional<net::ContentDecoder> decoder; ///< The upstream compresses though it was asked not to.
    std::string decoded;
    bool terminated = false;                    ///< The upstream's own terminator was seen.
    std::size_t carried = 0;                    ///< Bytes at the front of Exchange::out that wait for their event's end.
    std::optional<Failure> cause;               ///< Why the transport ended, when that says more than "cut".
    net::Timer grace;
};

net::Task<Status> Gateway::relay(Exchange& x, net::ClientExchange& upstream) {
    if (!x.facts.stream) co_return co_await relay_unary(x, upstream);
    while (true) {
        auto piece = co_await upstream.read_some();
        if (!piece) co_return fail(std::move(piece.error()));
        const char first = first_visible(piece->payload);
        if (first == 0 && !piece->last && upstream.bytes_received() < 65'536) continue;
        // A stream is told by its first byte, not by its content type (wire-formats.md 0.2.7).
        const bool compressed = !upstream.head().headers.get("content-encoding").empty();
        if (!compressed && (first == '{' || first == '[' || first == '<')) {
            for (auto span : piece->payload) x.unary += span;
            if (!piece->last)
                if (auto collected = co_await collect(x, upstream); !collected) co_return collected;
            co_return co_await replay_as_stream(x);
        }
        co_return co_await relay_stream(x, upstream, *piece);
    }
}

net::Task<Status> Gateway::relay_stream(Exchange& x, net::ClientExchange& upstream, net::BodyPiece piece) {
    const Candidate& candidate = x.candidate();
    StreamState state;
    state.reader = dialect::get(candidate.dialect)
                       .make_reader({.mode = dialect::Mode::stream, .quirks = x.provider(candidate).upstream.quirks, .memory = candidate.pass_through ? nullptr : &x.rendered.memory});
    if (!candidate.pass_through) {
        state.writer = dialect::get(x.endpoint.dialect)
                           .make_writer({.mode = dialect::Mode::stream,
                                         .model = std::string(shown_model(x)),
                                         .id = x.id.text(),
                                         .created = x.arrived_wall / 1'000'000,
                                         .include_usage = x.facts.include_usage,
                                         .input_estimate = llm::estimate_input_tokens(*x.request),
                                         .version = x.request->version});
    } else if (x.restamp || (candidate.dialect == dialect::DialectId::chat && !x.facts.include_usage)) {
        state.edit = dialect::get(candidate.dialect)
                         .make_edit({.mode = dialect::Mode::stream, .model = x.restamp ? x.facts.model : std::string_view{}, .strip_usage = !x.facts.include_usage});
    }
    if (const auto coding = upstream.head().headers.get("content-encoding"); !coding.empty() && coding != "identity") {
        auto decoder = net::ContentDecoder::make(coding, ~std::size_t{0}, net::BodyOf::upstream);
        if (!decoder) co_return fail(std::move(decoder.error()));
        state.decoder = std::move(*decoder);
    }
    while (true) {
        x.out.resize(state.carried);
        std::string_view undone;
        std::span<const std::string_view> payload = piece.payload;
        std::optional<Failure> broken;
        if (state.decoder) {
            state.decoded.clear();
            for (auto span : piece.payload)
                if (auto fed = state.decoder->feed(span, state.decoded); !fed) broken = std::move(fed.error());
            undone = state.decoded;
            payload = std::span(&undone, 1);
            piece.payload = payload;
            piece.whole_chunks = 0;
        }
        for (auto span : payload) {  // events view what was fed until the next feed: they are taken in at once
            state.reader->feed(span, x.events);
            take_in(x, state);
        }
        state.terminated = state.reader->ended();
        if (piece.last) {
            state.reader->finish(!broken, x.events);
            take_in(x, state);
        }
        if (broken && !x.tally.failure) x.tally.failure = std::move(*broken);
        if (!x.answered) {
            if (x.tally.failure) co_return fail(std::move(*x.tally.failure));  // nothing went out: another candidate may still answer
            begin_stream(x, upstream);
        }
        auto written = co_await (state.writer ? write_translated(x, state) : write_passed(x, state, piece));
        if (!written) {
            upstream.abort();
            x.gone = true;
            break;
        }
        if (piece.last || x.tally.failure || state.terminated) break;
        if (x.tally.stop != llm::StopReason::none && !state.grace.pending()) state.grace = loop_.after(grace_after_stop, [&upstream] { upstream.abort(); });

        upstream.release_head();  // what the pieces so far viewed has been written
        auto next = co_await upstream.read_some();
        if (next) {
            piece = *next;
            continue;
        }
        if (x.gone) break;
        x.out.resize(state.carried);
        state.reader->finish(false, x.events);
        if (next.error().kind == FailureKind::upstream_timeout) state.cause = std::move(next.error());
        take_in(x, state);
        piece = {.last = true};
        (void)co_await (state.writer ? write_translated(x, state) : write_passed(x, state, piece));
        break;
    }
    co_await end_stream(x, state, upstream);
    co_return Status{};
}

/// Counts the events of one feed and, between dialects, appends what they are to the client.
void Gateway::take_in(Exchange& x, StreamState& state) {
    const Nanos since = loop_.now() - x.arrived;
    for (auto& event : x.events) {
        x.tally.see(event, since);
        if (event.kind == llm::EventKind::failed && x.tally.failure) {
            if (state.cause) x.tally.failure = std::move(*state.cause);
            hide_key(x, *x.tally.failure);
            event.failure = &*x.tally.failure;
        }
        if (state.writer) state.writer->write(event, x.out);
    }
    x.events.clear();
}

net::Task<Status> Gateway::write_translated(Exchange& x, StreamState& state) {
    x.tally.shown_stop.assign(state.writer->shown_stop());
    if (x.out.empty()) co_return Status{};
    co_return co_await x.http->write(x.out);
}

net::Task<Status> Gateway::write_passed(Exchange& x, StreamState& state, const net::BodyPiece& piece) {
    if (!x.tally.failure && !state.edit && x.out.empty() && !piece.payload.empty() && ends_an_event(piece.payload.back())) {
        if (piece.whole_chunks > 0 && x.http->chunks_pass()) {
            iovec whole{const_cast<char*>(piece.raw.data()), piece.whole_chunks};
            co_return co_await x.http->write(std::span(&whole, 1), net::Framing::chunks);
        }
        x.pieces.clear();
        for (auto span : piece.payload) x.pieces.push_back({const_cast<char*>(span.data()), span.size()});
        co_return co_await x.http->write(x.pieces, net::Framing::payload);
    }
    for (auto span : piece.payload) {
        if (state.edit) state.edit->feed(span, x.out);
        else x.out += span;
    }
    if (x.tally.failure) {
        // What came before the failure is the client's; the failure itself is said in our words, with secrets masked.
        const auto at = error_event(x.out);
        x.out.resize(at != std::string::npos ? at : whole_events(x.out));
    } else if (piece.last || state.terminated) {
        if (state.edit) state.edit->finish(x.out);
        if (!x.out.empty() && !ends_an_event(x.out)) x.out += "\n\n";
    }
    const bool over = piece.last || state.terminated || x.tally.failure || x.out.size() > max_carry;
    const std::size_t ready = over ? x.out.size() : whole_events(x.out);
    state.carried = x.out.size();
    if (ready == 0) co_return Status{};
    iovec part{x.out.data(), ready};
    auto written = co_await x.http->write(std::span(&part, 1), net::Framing::payload);
    x.out.erase(0, ready);
    state.carried = x.out.size();
    co_return written;
}

/// Terminator or error event, then the end; or nothing more when the client has gone.
net::Task<> Gateway::end_stream(Exchange& x, StreamState& state, net::ClientExchange& upstream) {
    state.grace.cancel();
    if (x.gone) {
        x.http->abort();
        co_return;
    }
    std::string last;
    if (x.tally.failure) {
        x.failure = *x.tally.failure;
        if (!state.writer) dialect::get(x.endpoint.dialect).write_stream_error(*x.tally.failure, x.request_id, last);
    } else if (!state.writer) {
        x.tally.shown_stop = x.tally.raw_stop;
        if (!state.terminated) last = terminator(x.endpoint.dialect);
    }
    if (auto finished = co_await x.http->finish(last); !finished) x.gone = true;
    if (upstream.complete() || x.tally.failure || x.gone) co_return;
    // The transport's own end is on its way: waiting for it a moment keeps the connection for the next request.
    const auto timer = loop_.after(grace_after_end, [&upstream] { upstream.abort(); });
    while (true) {
        auto rest = co_await upstream.read_some();
        if (!rest || rest->last) break;
    }
}

}  // namespace gotthard::spine
