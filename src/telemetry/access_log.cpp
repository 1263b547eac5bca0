#include "telemetry/access_log.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/json.hpp"
#include "base/money.hpp"
#include "base/text.hpp"

namespace gotthard::telemetry {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view level_names[] = {"debug", "info", "warning", "error"};
constexpr auto patience = 1s;

/// What a log line shows of a record: enough to see what happened; the record holds the rest.
constexpr std::string_view logged_numbers[] = {"status", "duration_us", "ttft_us", "overhead_us", "stream", "input", "output", "cached_read", "retries", "req_bytes", "resp_bytes", "losses_count"};
constexpr std::string_view logged_texts[] = {"outcome", "endpoint", "dialect_in", "dialect_out", "request_model", "target", "key_alias", "key_id", "team", "client_ip",
                                             "client_request_id", "finish_reason", "error_class", "error_code", "error_message", "session_id", "usage_source", "price_source", "config_hash"};

std::int64_t number_of(const store::RequestRow& row, std::string_view name) {
    const auto at = std::ranges::find(store::request_number_names, name) - store::request_number_names.begin();
    return row.numbers()[static_cast<std::size_t>(at)];
}

std::string_view text_of(const store::RequestRow& row, std::string_view name) {
    const auto at = std::ranges::find(store::request_text_names, name) - store::request_text_names.begin();
    return row.texts()[static_cast<std::size_t>(at)];
}

std::string json_line(const store::RequestRow& row) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object().member("time", rfc3339(row.ts == store::unset ? 0 : row.ts)).member("level", "info").member("event", "request").member("id", row.id.text());
    for (const auto name : logged_texts)
        if (const auto text = text_of(row, name); !text.empty()) writer.member(name, text);
    for (const auto name : logged_numbers)
        if (const auto number = number_of(row, name); number != store::unset) writer.member(name, number);
    if (row.cost_total != store::unset) writer.member("cost", Money::nanos(row.cost_total).text());
    writer.end_object();
    return out;
}

/// A terminal obeys control characters; nobody but us sends it any.
std::string visible(std::string_view text) {
    std::string out;
    for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    return out;
}

std::string milliseconds(std::int64_t micros) { return micros == store::unset ? "-" : fmt::format("{}.{}ms", micros / 1000, micros % 1000 / 100); }

std::string count(std::int64_t number) { return number == store::unset ? "-" : fmt::format("{}", number); }

std::string text_line(const store::RequestRow& row) {
    const std::string_view model = row.target.empty() ? row.request_model : row.target;
    std::string out = fmt::format("{} {} {} {} {} tokens {}>{}", rfc3339(row.ts == store::unset ? 0 : row.ts).substr(11, 8), count(row.status), visible(row.endpoint),
                                  visible(model), visible(row.key_alias), count(row.input), count(row.output));
    if (row.cost_total != store::unset) out += fmt::format(" ${}", Money::nanos(row.cost_total).text());
    out += fmt::format(" first {} total {}", milliseconds(row.ttft_us), milliseconds(row.duration_us));
    if (!row.error_message.empty()) out += fmt::format(" {}: {}", visible(row.outcome), visible(row.error_message));
    return out;
}

/// Takes off `text` what was written. Waits for the reader, but after `deadline` no longer once the log is stopping.
void write_all(int descriptor, std::string_view& text, const std::atomic<bool>& stopping, const std::chrono::steady_clock::time_point& deadline) {
    // A pipe that is ready takes this much without blocking.
    constexpr std::size_t piece = 4096;
    while (!text.empty()) {
        pollfd wait{descriptor, POLLOUT, 0};
        if (::poll(&wait, 1, 100) == 0) {
            if (stopping.load(std::memory_order_acquire) && std::chrono::steady_clock::now() > deadline) return;
            continue;
        }
        const auto wrote = ::write(descriptor, text.data(), std::min(text.size(), piece));
        if (wrote > 0)
            text.remove_prefix(static_cast<std::size_t>(wrote));
        else if (wrote < 0 && errno != EINTR && errno != EAGAIN)
            text = {};  // nobody reads any more
    }
}

}  // namespace

struct AccessLog::Writer {
    int descriptor;
    std::size_t capacity;
    std::mutex mutex;
    std::condition_variable more;
    std::condition_variable written;
    std::string pending;
    bool writing = false;
    std::atomic<bool> stopping{false};
    std::chrono::steady_clock::time_point deadline;
    std::atomic<std::uint64_t> dropped{0};
    std::thread thread;

    Writer(int descriptor_, std::size_t capacity_) : descriptor(descriptor_), capacity(capacity_), thread([this] { run(); }) {}

    void run() {
        std::string batch;
        std::unique_lock lock(mutex);
        for (;;) {
            more.wait(lock, [&] { return !pending.empty() || stopping; });
            if (pending.empty()) return;
            batch.clear();
            batch.swap(pending);
            writing = true;
            lock.unlock();
            std::string_view rest = batch;
            write_all(descriptor, rest, stopping, deadline);
            constexpr std::size_t kept = 64 * 1024;
            if (batch.capacity() > kept) std::string().swap(batch);
            lock.lock();
            writing = false;
            written.notify_all();
        }
    }
};

AccessLog::AccessLog(const Clock& clock, Options options) : clock_(clock), options_(options), writer_(std::make_unique<Writer>(options.descriptor, options.buffer)) {}

AccessLog::~AccessLog() {
    flush();
    {
        std::lock_guard lock(writer_->mutex);
        writer_->deadline = std::chrono::steady_clock::now();
        writer_->stopping.store(true, std::memory_order_release);
    }
    writer_->more.notify_one();
    writer_->thread.join();
}

void AccessLog::add(std::string line) {
    line += '\n';
    {
        std::lock_guard lock(writer_->mutex);
        if (writer_->pending.size() + line.size() > writer_->capacity) {
            writer_->dropped.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        writer_->pending += line;
    }
    writer_->more.notify_one();
}

void AccessLog::request(const store::RequestRow& row) {
    if (options_.requests && options_.level <= Level::info) add(request_line(row, options_.format));
}

void AccessLog::event(Level level, std::string_view event, std::string_view message, std::initializer_list<Field> fields) {
    if (level < options_.level) return;
    const std::string time = rfc3339(clock_.wall());
    const auto level_name = level_names[static_cast<std::size_t>(level)];
    std::string out;
    if (options_.format == LogFormat::text) {
        out = fmt::format("{} {} {}", time.substr(11, 8), level_name, visible(message));
        for (const auto& field : fields) out += fmt::format(" {}={}", field.name, visible(field.text));
    } else {
        json::Writer writer(out);
        writer.begin_object().member("time", time).member("level", level_name).member("event", event).member("message", message);
        for (const auto& field : fields) field.raw ? writer.member_raw(field.name, field.text) : writer.member(field.name, field.text);
        writer.end_object();
    }
    add(std::move(out));
}

void AccessLog::flush() {
    std::unique_lock lock(writer_->mutex);
    writer_->written.wait_for(lock, patience, [&] { return writer_->pending.empty() && !writer_->writing; });
}

std::uint64_t AccessLog::dropped() const { return writer_->dropped.load(std::memory_order_relaxed); }

std::string request_line(const store::RequestRow& row, LogFormat format) { return format == LogFormat::json ? json_line(row) : text_line(row); }

}  // namespace gotthard::telemetry
