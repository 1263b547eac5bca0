// The SSE reader fed whole and fed in pieces sees the same events, and its raw blocks add up to the input.
#include <cstdlib>
#include <string>
#include <vector>

#include "base/sse.hpp"

namespace {

struct Outcome {
    std::vector<std::string> events;
    std::string raw;
    bool failed = false;
    bool operator==(const Outcome&) const = default;
};

void drain(gotthard::SseReader& reader, Outcome& outcome) {
    while (const gotthard::SseEvent* event = reader.next()) {
        outcome.raw.append(event->raw);
        if (!event->has_data) continue;
        outcome.events.push_back(std::string(event->event) + '\0' + std::string(event->data) + '\0' + std::string(event->id) +
                                 (event->unfinished ? '!' : '.'));
    }
}

Outcome read(std::string_view text, std::size_t step) {
    gotthard::SseReader reader(4096);
    Outcome outcome;
    for (std::size_t at = 0; at < text.size(); at += step) {
        const std::string piece(text.substr(at, step));
        reader.feed(piece);
        drain(reader, outcome);
    }
    reader.finish();
    drain(reader, outcome);
    outcome.failed = reader.failed();
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t step = 1 + data[0] % 37;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    if (text.empty()) return 0;
    const Outcome whole = read(text, text.size());
    const Outcome cut = read(text, step);
    if (whole != cut) std::abort();
    if (!whole.failed && whole.raw != text) std::abort();
    return 0;
}
