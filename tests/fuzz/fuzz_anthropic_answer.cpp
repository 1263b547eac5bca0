// Any answer of a Messages upstream, as a stream or whole: the events keep their order however the bytes are cut, both writers show
// what they got in a form that reads back cleanly, and restamping changes nothing but the model.
#include <cstdlib>
#include <string>
#include <vector>

#include "dialect/anthropic_messages.hpp"
#include "dialect/dialect.hpp"
#include "llm/event.hpp"

namespace {

using namespace gotthard;

void check(bool good) {
    if (!good) std::abort();
}

struct Outcome {
    std::string events;
    std::string stream, unary;
    bool failed = false;
};

Outcome read(std::string_view bytes, dialect::Mode mode, std::size_t step, const dialect::Memory& memory, const dialect::Dialect& shown) {
    const auto reader = dialect::anthropic_messages.make_reader({.mode = mode, .memory = &memory});
    const auto stream = shown.make_writer({.mode = dialect::Mode::stream, .model = "alias", .id = "id"});
    const auto unary = shown.make_writer({.mode = dialect::Mode::unary, .model = "alias", .id = "id"});
    llm::EventValidator validator;
    llm::Events events;
    Outcome out;
    llm::EventKind last = llm::EventKind::keep_alive;
    const auto take = [&] {
        for (const auto& event : events) {
            check(validator.see(event).empty());
            const bool joins = event.kind == last && (event.kind == llm::EventKind::text_delta || event.kind == llm::EventKind::thinking_delta || event.kind == llm::EventKind::arguments_delta);
            if (!joins) out.events += "\n" + std::to_string(static_cast<int>(event.kind)) + " " + std::to_string(event.part) + " ";
            out.events += std::string(event.text) + std::string(event.id) + std::string(event.name) + std::string(event.raw);
            last = event.kind;
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
    if (!reader->ended()) reader->finish(true, events);
    check(!events.empty() && events.back().kind == llm::EventKind::finished);
}

void restamp(std::string_view bytes, dialect::Mode mode) {
    std::string once, pieces;
    const auto whole = dialect::anthropic_messages.make_edit({.mode = mode, .model = "m"});
    whole->feed(bytes, once);
    whole->finish(once);
    const auto cut = dialect::anthropic_messages.make_edit({.mode = mode, .model = "m"});
    for (std::size_t at = 0; at < bytes.size(); at += 3) cut->feed(bytes.substr(at, 3), pieces);
    cut->finish(pieces);
    check(once == pieces);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    const auto flags = data[0];
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto mode = flags & 1 ? dialect::Mode::unary : dialect::Mode::stream;
    dialect::Memory memory;
    if (flags & 2) memory.json_tool = "f", memory.prefill = "pre";
    if (flags & 4) memory.custom_tools.emplace_back("g");
    const auto& shown = flags & 8 ? dialect::openai_chat : dialect::anthropic_messages;
    const auto whole = read(bytes, mode, size, memory, shown);
    check(whole.events == read(bytes, mode, 1, memory, shown).events);
    check(whole.events == read(bytes, mode, 7, memory, shown).events);
    if (!whole.failed) {
        reads_back(whole.stream, dialect::Mode::stream, shown);
        reads_back(whole.unary, dialect::Mode::unary, shown);
    }
    restamp(bytes, mode);
    return 0;
}
