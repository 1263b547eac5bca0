// Any answer of a chat upstream, as a stream or whole: the events keep their order and are the same however the bytes are cut,
// both writers show what they got in a form that reads back cleanly, and the edit changes nothing when it is told nothing.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dialect/dialect.hpp"
#include "llm/event.hpp"

namespace {

using namespace gotthard;

void check(bool good) {
    if (!good) std::abort();
}

struct Outcome {
    std::string events, stream, unary;
    bool failed = false;
};

Outcome read(std::string_view bytes, dialect::Mode mode, std::size_t step, const dialect::Dialect& shown) {
    const auto reader = dialect::openai_chat.make_reader({.mode = mode});
    const auto stream = shown.make_writer({.mode = dialect::Mode::stream, .model = "alias", .id = "id", .include_usage = true});
    const auto unary = shown.make_writer({.mode = dialect::Mode::unary, .model = "alias", .id = "id"});
    llm::EventValidator validator;
    llm::Events events;
    Outcome out;
    const auto take = [&] {
        for (const auto& event : events) {
            check(validator.see(event).empty());
            if (event.kind != llm::EventKind::keep_alive)
                for (auto text : {event.text, event.id, event.name, event.raw, event.logprobs})
                    out.events += std::string(text) + '|';
            out.failed = out.failed || event.kind == llm::EventKind::failed;
            stream->write(event, out.stream);
            unary->write(event, out.unary);
        }
        events.clear();
    };
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::string piece(bytes.substr(at, step));
        reader->feed(piece, events);
        take();
    }
    if (!reader->ended()) reader->finish(true, events);
    take();
    check(validator.ended());
    return out;
}

void reads_back(std::string_view bytes, dialect::Mode mode, const dialect::Dialect& by) {
    const auto reader = by.make_reader({.mode = mode});
    llm::Events events;
    reader->feed(bytes, events);
    const bool failed = !events.empty() && events.back().kind == llm::EventKind::failed;
    if (!reader->ended()) {
        events.clear();
        reader->finish(true, events);
    }
    check(!failed && !events.empty() && events.back().kind == llm::EventKind::finished);
}

std::string edited(std::string_view bytes, dialect::EditOptions options, std::size_t step) {
    const auto edit = dialect::openai_chat.make_edit(options);
    std::string out;
    for (std::size_t at = 0; at < bytes.size(); at += step) edit->feed(bytes.substr(at, step), out);
    edit->finish(out);
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t step = 1 + data[0] % 61;
    const auto mode = data[0] & 64 ? dialect::Mode::unary : dialect::Mode::stream;
    const auto& shown = data[0] & 128 ? dialect::anthropic_messages : dialect::openai_chat;
    const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
    const auto whole = read(bytes, mode, bytes.size(), shown);
    const auto cut = read(bytes, mode, step, shown);
    check(whole.events == cut.events && whole.failed == cut.failed);
    if (!whole.failed) {
        reads_back(whole.stream, dialect::Mode::stream, shown);
        reads_back(whole.unary, dialect::Mode::unary, shown);
    }
    check(edited(bytes, {.mode = mode}, step) == bytes);
    check(edited(bytes, {.mode = mode, .model = "alias", .strip_usage = true}, step) ==
          edited(bytes, {.mode = mode, .model = "alias", .strip_usage = true}, bytes.size()));
    (void)dialect::openai_chat.write_error(dialect::openai_chat.read_error(400 + data[0] % 130, bytes), "");
    return 0;
}
