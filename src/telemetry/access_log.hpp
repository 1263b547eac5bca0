// One JSON object a line (or one short line of text on a terminal), written to a descriptor by a thread of its own.
//
// Nobody waits for a slow reader: lines go into a bounded buffer, and when it is full they are dropped and counted.
// Any thread but a shard's loop may write (the record thread does, for every request).
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "store/ports.hpp"

namespace gotthard::telemetry {

enum class LogFormat : std::uint8_t { json, text };
enum class Level : std::uint8_t { debug, info, warning, error };

/// A member of an event; text, or raw JSON.
struct Field {
    Field(std::string_view name_, std::string_view text_) : name(name_), text(text_) {}
    Field(std::string_view name_, std::int64_t number) : name(name_), text(std::to_string(number)), raw(true) {}
    std::string_view name;
    std::string text;
    bool raw = false;
};

class AccessLog {
public:
    struct Options {
        int descriptor = 2;
        LogFormat format = LogFormat::json;
        Level level = Level::info;
        std::size_t buffer = 1u << 20;
        bool requests = true;
    };
    AccessLog(const Clock& clock, Options options);
    ~AccessLog();  ///< Writes what is buffered, for at most a second.

    void request(const store::RequestRow& row);
    /// {"time":...,"level":...,"event":"config_reloaded","message":...,fields...}
    void event(Level level, std::string_view event, std::string_view message, std::initializer_list<Field> fields = {});

    void flush();  ///< Waits until the buffer is written, for at most a second.
    std::uint64_t dropped() const;

private:
    struct Writer;
    void add(std::string line);
    const Clock& clock_;
    Options options_;
    std::unique_ptr<Writer> writer_;
};

/// The line of a request without the line end.
std::string request_line(const store::RequestRow& row, LogFormat format);

}  // namespace gotthard::telemetry
