#include "account/record.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "account/record_queue.hpp"
#include "base/json.hpp"

namespace gotthard::account {
namespace {

using namespace std::chrono_literals;

std::int64_t or_unset(std::int64_t count) { return count < 0 ? store::unset : count; }

constexpr std::string_view source_name(llm::UsageSource source) {
    switch (source) {
        case llm::UsageSource::provider: return "provider";
        case llm::UsageSource::counted: return "counted";
        case llm::UsageSource::estimated: return "estimated";
        default: return {};
    }
}

}  // namespace

void append_attempt(std::string& out, const AttemptNote& attempt) {
    json::Writer writer(out);
    const auto number = [&](std::string_view name, std::int64_t value) {
        if (value >= 0) writer.member(name, value);
    };
    writer.begin_object().member("target", attempt.target).member("class", attempt.class_);
    if (!attempt.account_alias.empty()) writer.member("account_alias", attempt.account_alias);
    number("start_us", attempt.start_us);
    number("ttft_us", attempt.ttft_us);
    number("end_us", attempt.end_us);
    number("status", attempt.status);
    number("bytes", attempt.bytes);
    number("input", attempt.input);
    number("output", attempt.output);
    if (attempt.cost.known()) writer.member("cost", attempt.cost.text());
    writer.end_object();
}

void fill_usage(store::RequestRow& row, const llm::Usage& usage) {
    row.usage_source = source_name(usage.source);
    if (!usage.known()) return;
    row.input = or_unset(usage.input);
    row.output = or_unset(usage.output);
    row.cached_read = or_unset(usage.cache_read);
    row.cache_write_5m = or_unset(usage.cache_write_5m);
    row.cache_write_1h = or_unset(usage.cache_write_1h);
    row.cache_write_30m = or_unset(usage.cache_write_30m);
    row.cache_write_12h = or_unset(usage.cache_write_12h);
    row.reasoning = or_unset(usage.reasoning);
    row.audio_in = or_unset(usage.audio_in);
    row.audio_out = or_unset(usage.audio_out);
    row.image_in = or_unset(usage.image_in);
    row.image_out = or_unset(usage.image_out);
    row.web_searches = or_unset(usage.web_searches);
}

void fill_cost(store::RequestRow& row, const Cost& cost, const PriceCard* card) {
    if (row.usage_source.empty()) return;
    if (card == nullptr) {
        row.price_source = cost.total.known() ? "provider" : "unknown";
        row.cost_total = cost.total.count();
        return;
    }
    row.price_source = card->source == "config" ? std::string_view("config") : std::string_view("catalogue");
    row.cost_total = cost.total.count();
    if (!cost.total.known()) {
        row.price_source = "unknown";  // a rate that is needed is missing
        return;
    }
    row.cost_input = cost.input().count();
    row.cost_output = cost.output().count();
    row.cost_cache_read = cost.cache_read().count();
    row.cost_cache_write = cost.cache_write().count();
    row.cost_tools = cost.tools().count();
    row.cost_other = cost.other().count();
}

struct RecordSink::Signal {
    std::mutex mutex;
    std::condition_variable wake;
    std::condition_variable progressed;
    bool stopping = false;
    std::uint64_t rounds = 0;
    std::string last_error;
    std::thread thread;
    std::atomic<std::uint64_t> written{0};
    std::atomic<std::uint64_t> lost{0};  // not taken by the store
    std::atomic<std::int64_t> lag_us{0};
};

RecordSink::RecordSink(store::RecordStore& store, Options options) : store_(store), options_(std::move(options)), signal_(std::make_unique<Signal>()) {
    for (unsigned i = 0; i < std::max(options_.shards, 1u); ++i) queues_.push_back(std::make_unique<RecordQueue>(options_.bytes_per_shard));
}

RecordSink::~RecordSink() { stop(); }

void RecordSink::start() {
    if (!signal_->thread.joinable()) signal_->thread = std::thread([this] { run(); });
}

void RecordSink::stop() {
    if (!signal_->thread.joinable()) return;
    {
        std::lock_guard lock(signal_->mutex);
        signal_->stopping = true;
    }
    wake();
    signal_->thread.join();
}

void RecordSink::wake() { signal_->wake.notify_one(); }

bool RecordSink::push(unsigned shard, const store::RequestRow& row) {
    auto& queue = *queues_[shard];
    if (!queue.push(row)) return false;
    const auto waiting = queue.pushed() - queue.taken();
    if (waiting != 0 && waiting % options_.batch == 0) wake();
    return true;
}

void RecordSink::store_batch() {
    const auto begin = std::chrono::steady_clock::now();
    const auto stored = store_.append_requests(batch_);
    signal_->lag_us.store(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count(), std::memory_order_relaxed);
    if (stored) {
        signal_->written.fetch_add(batch_.size(), std::memory_order_relaxed);
    } else {
        signal_->lost.fetch_add(batch_.size(), std::memory_order_relaxed);
        std::lock_guard lock(signal_->mutex);
        signal_->last_error = stored.error().message;
    }
    if (options_.observe)
        for (const auto& row : batch_) options_.observe(row);
}

std::size_t RecordSink::drain() {
    std::size_t taken = 0;
    for (auto& queue : queues_) taken += queue->take(batch_, options_.batch - taken);
    if (taken == 0) return 0;
    store_batch();
    batch_.clear();
    for (auto& queue : queues_) queue->recycle();
    return taken;
}

void RecordSink::run() {
    auto second_ends = std::chrono::steady_clock::now() + 1s;
    bool worked_this_second = false;
    for (;;) {
        bool stopping;
        {
            std::unique_lock lock(signal_->mutex);
            if (!signal_->stopping) signal_->wake.wait_for(lock, std::chrono::milliseconds(options_.interval_ms));
            stopping = signal_->stopping;
        }
        // After a batch that is not full the queues were empty: rows gather until the next round.
        std::size_t taken;
        do {
            taken = drain();
            worked_this_second |= taken > 0;
        } while (taken == options_.batch);
        {
            std::lock_guard lock(signal_->mutex);
            ++signal_->rounds;
        }
        signal_->progressed.notify_all();
        if (const auto now = std::chrono::steady_clock::now(); now >= second_ends || stopping) {
            second_ends = now + 1s;
            if (options_.every_second) options_.every_second();
            if (!std::exchange(worked_this_second, false)) {
                std::vector<store::RequestRow>().swap(batch_);
                for (auto& queue : queues_) queue->trim();
            }
        }
        if (stopping) return;
    }
}

void RecordSink::flush() {
    if (!signal_->thread.joinable()) return;
    std::unique_lock lock(signal_->mutex);
    // The round that is under way may have passed a queue already; the one after it sees everything.
    const auto wanted = signal_->rounds + 2;
    while (signal_->rounds < wanted && !signal_->stopping) {
        wake();
        signal_->progressed.wait_for(lock, std::chrono::milliseconds(options_.interval_ms));
    }
}

std::uint64_t RecordSink::dropped() const {
    std::uint64_t count = signal_->lost.load(std::memory_order_relaxed);
    for (const auto& queue : queues_) count += queue->refused();
    return count;
}

std::uint64_t RecordSink::written() const { return signal_->written.load(std::memory_order_relaxed); }

std::uint64_t RecordSink::waiting() const {
    std::uint64_t count = 0;
    for (const auto& queue : queues_) count += queue->pushed() - queue->taken();
    return count;
}

std::int64_t RecordSink::lag_us() const { return signal_->lag_us.load(std::memory_order_relaxed); }

std::string RecordSink::last_error() const {
    std::lock_guard lock(signal_->mutex);
    return signal_->last_error;
}

}  // namespace gotthard::account
