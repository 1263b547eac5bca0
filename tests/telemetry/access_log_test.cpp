// The log: one JSON object a line, never a lost request for a slow reader, nothing a terminal would obey.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "base/json.hpp"
#include "base/text.hpp"
#include "telemetry/access_log.hpp"

namespace gotthard::telemetry {
namespace {

class Pipe {
public:
    Pipe() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
    ~Pipe() {
        close_reader();
        ::close(ends_[1]);
    }
    int writer() const { return ends_[1]; }
    void close_reader() {
        if (ends_[0] >= 0) ::close(std::exchange(ends_[0], -1));
    }
    /// What is in it now.
    std::string read_some() {
        std::string text(1 << 16, '\0');
        const auto size = ::read(ends_[0], text.data(), text.size());
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        return text;
    }

private:
    int ends_[2] = {-1, -1};
};

store::RequestRow a_row() {
    store::RequestRow row;
    SystemRandom random(1);
    row.id = Id::make(1'764'072'000'000'000, random);
    row.ts = 1'764'072'000'000'000;
    row.status = 200;
    row.outcome = "ok";
    row.target = "lab/qwen3-8b";
    row.input = 12;
    row.output = 34;
    row.cost_total = 1'234;
    row.duration_us = 1'234'567;
    row.ttft_us = 120'000;
    return row;
}

TEST(AccessLog, WritesARequestAsOneJsonObjectOnOneLine) {
    auto row = a_row();
    row.error_message = "first line\nsecond line \x1b[31m \"quoted\" \xff";
    const auto line = request_line(row, LogFormat::json);
    EXPECT_EQ(line.find('\n'), std::string::npos);
    json::Document document;
    ASSERT_TRUE(document.parse(line)) << line;
    const auto root = document.root();
    EXPECT_EQ(root["event"].string(), "request");
    EXPECT_EQ(root["time"].string(), "2025-11-25T12:00:00.000000Z");
    EXPECT_EQ(root["id"].string(), row.id.text());
    EXPECT_EQ(root["status"].integer(), 200);
    EXPECT_EQ(root["cost"].string(), "0.000001234");
    EXPECT_EQ(root["input"].integer(), 12);
    EXPECT_FALSE(root["key_id"]) << "what is not known is left out";
}

TEST(AccessLog, ShowsNoControlCharactersOnATerminal) {
    auto row = a_row();
    row.outcome = "client_error";
    row.error_message = "\x1b]0;owned\x07 bad\r\nnews";
    const auto line = request_line(row, LogFormat::text);
    for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line;
    EXPECT_NE(line.find("lab/qwen3-8b"), std::string::npos);
    EXPECT_NE(line.find("$0.000001234"), std::string::npos);
}

TEST(AccessLog, WritesEventsWithTheirFields) {
    Pipe pipe;
    ManualClock clock;
    AccessLog log(clock, {.descriptor = pipe.writer()});
    log.event(Level::debug, "quiet", "not shown");
    log.event(Level::warning, "config_refused", "line 3: unknown key \"lissten\"", {{"file", "gotthard.yaml"}, {"line", std::int64_t{3}}});
    log.flush();
    const auto text = pipe.read_some();
    ASSERT_TRUE(text.ends_with('\n'));
    json::Document document;
    const std::string line = text.substr(0, text.size() - 1);
    ASSERT_TRUE(document.parse(line)) << line;
    EXPECT_EQ(document.root()["level"].string(), "warning");
    EXPECT_EQ(document.root()["file"].string(), "gotthard.yaml");
    EXPECT_EQ(document.root()["line"].integer(), 3);
}

TEST(AccessLog, DropsAndCountsWhenNobodyReadsAndNeverWaits) {
    Pipe pipe;
    ManualClock clock;
    {
        AccessLog log(clock, {.descriptor = pipe.writer(), .buffer = 8192});
        const auto row = a_row();
        for (int i = 0; i < 5000; ++i) log.request(row);
        EXPECT_GT(log.dropped(), 1000u);
    }
    const auto text = pipe.read_some();
    EXPECT_TRUE(text.starts_with("{\"time\":"));
}

TEST(AccessLog, SurvivesAReaderThatWentAway) {
    ::signal(SIGPIPE, SIG_IGN);
    Pipe pipe;
    ManualClock clock;
    AccessLog log(clock, {.descriptor = pipe.writer()});
    pipe.close_reader();
    log.request(a_row());
    log.flush();
    log.request(a_row());
    log.flush();
}

TEST(AccessLog, KeepsLinesWholeWhenManyThreadsWrite) {
    Pipe pipe;
    ManualClock clock;
    std::string text;
    std::thread reader;
    {
        AccessLog log(clock, {.descriptor = pipe.writer(), .buffer = 64u << 20});
        reader = std::thread([&] {
            while (std::ranges::count(text, '\n') < 2000) text += pipe.read_some();
        });
        std::vector<std::thread> writers;
        for (int i = 0; i < 4; ++i)
            writers.emplace_back([&] {
                const auto row = a_row();
                for (int n = 0; n < 500; ++n) log.request(row);
            });
        for (auto& writer : writers) writer.join();
        reader.join();
        EXPECT_EQ(log.dropped(), 0u);
    }
    std::string_view rest = text;
    for (int i = 0; i < 2000; ++i) {
        const auto line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(line.size() + 1);
        json::Document document;
        ASSERT_TRUE(document.parse(line)) << line;
    }
}

}  // namespace
}  // namespace gotthard::telemetry
