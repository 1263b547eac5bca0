#include "dialect/anthropic_support.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/clock.hpp"
#include "base/sse.hpp"
#include "base/text.hpp"
#include "imposter/strict.hpp"
#include "llm/answer.hpp"

namespace gotthard::dialect::testing {

std::vector<Recording> recordings(std::string_view file, const std::vector<std::string>& endpoints) {
    std::vector<Recording> out;
    std::ifstream in(std::string(GOTTHARD_SOURCE_DIR "/../shared/fixtures/") + std::string(file));
    json::Document document;
    for (std::string line; std::getline(in, line);) {
        if (!document.parse(line, {.lone_surrogates = true})) continue;
        const auto root = document.root();
        Recording recording{.id = root["id"].string(), .endpoint = root["endpoint"].string(), .fidelity = root["fidelity"].string(), .model = root["model"].string(),
                            .request = root["request_body"].string(), .answer = root["response_body"].string()};
        if (std::ranges::find(endpoints, recording.endpoint) == endpoints.end()) continue;
        recording.status = static_cast<int>(root["status"].integer().value_or(0));
        const auto text = trim(recording.answer);
        recording.stream = !text.empty() && text.front() != '{' && text.front() != '[';
        out.push_back(std::move(recording));
    }
    return out;
}

namespace {

void append_canonical(json::Value value, std::string& out) {
    if (value.is_array()) {
        out += '[';
        for (json::Value each : value.items()) append_canonical(each, out), out += ',';
        out += ']';
    } else if (value.is_object()) {
        std::vector<std::pair<std::string, std::string>> members;
        for (const auto& member : value.members()) {
            auto& entry = members.emplace_back(member.name.string(), "");
            append_canonical(member.value, entry.second);
        }
        std::ranges::sort(members);
        out += '{';
        for (const auto& [key, text] : members) out += json::quoted(key) + ":" + text + ",";
        out += '}';
    } else if (value.is_string()) {
        json::append_string(out, value.string());
    } else if (value.is_number()) {
        json::append_number(out, *value.number());
    } else {
        out += value.raw();
    }
}

}  // namespace

std::string canonical(std::string_view text) {
    json::Document document;
    if (!document.parse(text, {.lone_surrogates = true})) return "not JSON: " + std::string(text.substr(0, 200));
    std::string out;
    append_canonical(document.root(), out);
    return out;
}

std::string at(std::string_view text, std::string_view path) {
    json::Document document;
    if (!document.parse(text, {.lone_surrogates = true})) return "not JSON: " + std::string(text.substr(0, 200));
    json::Value value = document.root();
    while (!path.empty()) {
        const auto dot = std::min(path.find('.'), path.size());
        const auto step = path.substr(0, dot);
        path.remove_prefix(std::min(dot + 1, path.size()));
        if (value.is_array()) {
            const auto index = parse_integer<std::size_t>(step);
            value = index ? value.at(*index) : json::Value{};
        } else {
            value = value[step];
        }
    }
    return value.is_string() ? value.string() : std::string(value.raw());
}

std::vector<std::string_view> whole(std::string_view bytes) { return {bytes}; }

std::vector<std::string_view> byte_by_byte(std::string_view bytes) {
    std::vector<std::string_view> out;
    for (std::size_t i = 0; i < bytes.size(); ++i) out.push_back(bytes.substr(i, 1));
    return out;
}

Cut cut_at_random(std::uint64_t seed) {
    return [seed](std::string_view bytes) {
        SystemRandom random(seed);
        std::vector<std::string_view> out;
        while (!bytes.empty()) {
            const auto size = std::min<std::size_t>(bytes.size(), 1 + random.next() % 97);
            out.push_back(bytes.substr(0, size));
            bytes.remove_prefix(size);
        }
        return out;
    };
}

Cut cut_once(std::size_t at) {
    return [at](std::string_view bytes) { return std::vector<std::string_view>{bytes.substr(0, at), bytes.substr(at)}; };
}

namespace {

std::string text_of(const llm::Usage& usage) {
    return fmt::format("in {} out {} read {} 5m {} 1h {} reasoning {} searches {}", usage.input, usage.output, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h, usage.reasoning,
                       usage.web_searches);
}

std::string text_of(const llm::Event& event) {
    std::string out = fmt::format("{}/{}/{}", static_cast<int>(event.kind), event.choice, event.part);
    if (event.kind == llm::EventKind::part_started) out += fmt::format(" kind {} call {} {}", static_cast<int>(event.part_kind), event.call, static_cast<int>(event.call_kind));
    for (const auto& [name, value] : {std::pair{"id", event.id}, {"model", event.model}, {"name", event.name}, {"type", event.type}, {"raw", event.raw}, {"stop_sequence", event.stop_sequence},
                                      {"raw_stop", event.raw_stop}, {"tier", event.service_tier}, {"extra", event.extra}, {"text", event.text}})
        if (!value.empty()) out += fmt::format(" {}={}", name, value);
    if (event.kind == llm::EventKind::choice_finished) out += fmt::format(" stop {}", llm::to_string(event.stop));
    if (event.kind == llm::EventKind::usage_seen) out += " " + text_of(event.usage);
    if (event.failure != nullptr) out += fmt::format(" failed {} {} {}", event.failure->status, to_string(event.failure->kind), event.failure->message);
    return out;
}

std::string text_of(const llm::Answer& answer) {
    std::string out = fmt::format("id {} model {} {}\n", answer.id, answer.model, text_of(answer.usage));
    for (const auto& choice : answer.choices) {
        out += fmt::format("choice {} stop {} {} {}\n", choice.index, llm::to_string(choice.stop), choice.stop_sequence, choice.extra.empty() ? std::string() : canonical(choice.extra));
        for (const auto& part : choice.parts) {
            out += fmt::format("  {} {} {} text={} signature={}", static_cast<int>(part.kind), part.id, part.name, part.text, part.signature);
            if (part.kind == llm::PartKind::tool_call) out += " arguments=" + canonical(part.arguments);
            if (!part.citations.empty()) out += " citations=" + canonical(part.citations);
            if (!part.raw.empty()) out += " raw=" + canonical(part.raw);
            out += '\n';
        }
    }
    return out;
}

}  // namespace

Read read_answer(const Dialect& dialect, std::string_view bytes, Mode mode, const Cut& cut, bool clean, const Memory* memory) {
    Read out;
    const auto reader = dialect.make_reader({.mode = mode, .memory = memory});
    llm::EventValidator validator;
    Arena arena;
    llm::Collector collector(arena);
    llm::Events events;
    std::string pending;
    int pending_kind = -1;
    const auto take = [&] {
        for (const auto& event : events) {
            if (out.fault.empty()) out.fault = validator.see(event);
            collector.see(event);
            out.usage.merge_max(event.usage);
            if (event.kind == llm::EventKind::choice_finished) out.stop = event.stop;
            if (event.kind == llm::EventKind::failed) out.failed = *event.failure, out.failure = event.failure->message;
            const bool fragment = event.kind == llm::EventKind::text_delta || event.kind == llm::EventKind::thinking_delta || event.kind == llm::EventKind::arguments_delta;
            if (fragment && pending_kind == static_cast<int>(event.kind)) {
                out.events.back() += event.text;
            } else {
                out.events.push_back(text_of(event));
            }
            pending_kind = fragment ? static_cast<int>(event.kind) : -1;
        }
        events.clear();
    };
    for (const auto piece : cut(bytes)) {
        const std::string copy(piece);  // the bytes die with the call
        reader->feed(copy, events);
        take();
    }
    if (!reader->ended()) reader->finish(clean, events);
    take();
    if (out.fault.empty() && !validator.ended()) out.fault = "no end";
    out.answer = text_of(collector.take());
    return out;
}

std::string translated(const Dialect& from, const Dialect& to, std::string_view bytes, Mode from_mode, const WriterOptions& options) {
    const auto reader = from.make_reader({.mode = from_mode});
    const auto writer = to.make_writer(options);
    std::string out;
    llm::Events events;
    const auto relay = [&] {
        for (const auto& event : events) writer->write(event, out);
        events.clear();
    };
    for (const auto piece : cut_at_random(7)(bytes)) {
        reader->feed(piece, events);
        relay();
    }
    if (!reader->ended()) reader->finish(true, events);
    relay();
    return out;
}

std::vector<std::string> data_of_events(std::string_view stream, std::string_view name) {
    std::vector<std::string> out;
    SseReader sse;
    sse.feed(stream);
    sse.finish();
    while (const auto* event = sse.next())
        if (event->has_data && event->event == name) out.emplace_back(event->data);
    return out;
}

std::vector<std::string> event_names(std::string_view stream) {
    std::vector<std::string> out;
    SseReader sse;
    sse.feed(stream);
    sse.finish();
    while (const auto* event = sse.next())
        if (event->has_data) out.emplace_back(event->event);
    return out;
}

std::string Written::header(std::string_view name) const {
    for (const auto& each : headers)
        if (each.name == name) return each.value;
    return {};
}

bool Written::lost(std::string_view path) const {
    return std::ranges::any_of(losses.list(), [&](const llm::Loss& loss) { return loss.path == path; });
}

Written write(const Dialect& from, const Dialect& to, std::string_view body, const Target& target, const RequestContext& context) {
    Written out;
    Arena arena;
    auto request = from.read_request(body, context, arena);
    if (!request) {
        out.failed = request.error();
        out.refusal = request.error().message;
        return out;
    }
    auto written = to.write_request(*request, target, arena, out.losses);
    if (!written) {
        out.failed = written.error();
        out.refusal = written.error().message;
        return out;
    }
    out.body = std::move(written->body);
    out.headers = std::move(written->headers);
    out.memory = std::move(written->memory);
    return out;
}

std::string refusal_of(const Written& written) {
    imposter::Seen seen;
    seen.method = "POST";
    seen.target = "/v1/messages";
    seen.body = written.body;
    for (const auto& header : written.headers) seen.headers.emplace_back(header.name, header.value);
    return imposter::refusal_of_messages(seen);
}

}  // namespace gotthard::dialect::testing
