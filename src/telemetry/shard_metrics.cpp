#include "telemetry/shard_metrics.hpp"

namespace gotthard::telemetry {
namespace {

std::size_t hash_of(const FamilyCells::Values& values) {
    std::size_t hash = 0;
    for (const auto value : values) hash = hash * 0x9e3779b97f4a7c15ULL + std::hash<std::string_view>{}(value);
    return hash;
}

bool same(const Series& series, const FamilyCells::Values& values) {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (series.values[i] != values[i]) return false;
    return true;
}

}  // namespace

FamilyCells::~FamilyCells() {
    for (Series* series = head_.load(std::memory_order_relaxed); series != nullptr;) delete std::exchange(series, series->next);
}

Series* FamilyCells::lookup(const Values& values, std::size_t hash) const {
    for (std::size_t i = hash & (table_.size() - 1); table_[i] != nullptr; i = (i + 1) & (table_.size() - 1))
        if (table_[i]->hash == hash && same(*table_[i], values)) return table_[i];
    return nullptr;
}

void FamilyCells::grow() {
    std::vector<Series*> larger(table_.size() * 2, nullptr);
    for (Series* series : table_) {
        if (series == nullptr) continue;
        std::size_t i = series->hash & (larger.size() - 1);
        while (larger[i] != nullptr) i = (i + 1) & (larger.size() - 1);
        larger[i] = series;
    }
    table_ = std::move(larger);
}

Series& FamilyCells::insert(const Values& values, std::size_t hash) {
    if ((count_ + 1) * 2 > table_.size()) grow();
    auto* series = new Series;
    series->hash = hash;
    for (std::size_t i = 0; i < values.size(); ++i) series->values[i] = values[i];
    std::size_t i = hash & (table_.size() - 1);
    while (table_[i] != nullptr) i = (i + 1) & (table_.size() - 1);
    table_[i] = series;
    ++count_;
    series->next = head_.load(std::memory_order_relaxed);
    head_.store(series, std::memory_order_release);
    return *series;
}

Series& FamilyCells::find(const Values& values, std::size_t cap) {
    if (last_ == nullptr || !same(*last_, values)) last_ = &find_by_hash(values, cap);
    return *last_;
}

Series& FamilyCells::find_by_hash(const Values& values, std::size_t cap) {
    const std::size_t hash = hash_of(values);
    if (Series* series = lookup(values, hash)) return *series;
    if (count_ < cap) return insert(values, hash);
    const Values other{"other", "other", "other", "other"};
    const std::size_t other_hash = hash_of(other);
    if (Series* series = lookup(other, other_hash)) return *series;
    return insert(other, other_hash);
}

void ShardMetrics::Cells::observe(FamilyId family, const FamilyCells::Values& values, std::int64_t nanos) {
    auto& series = families[family].find(values, series_cap);
    const auto bounds = telemetry::families[family].bounds;
    std::size_t bucket = 0;
    while (bucket < bounds.size() && nanos > bounds[bucket].nanos) ++bucket;
    add(series.buckets[bucket], 1);
    add(series.value, nanos);
}

ShardMetrics::ShardMetrics(std::size_t series_cap) : cells_(std::make_unique<Cells>()) {
    cells_->series_cap = series_cap;
    // Families without labels are shown from the start, at zero; so are the kinds of tokens.
    for (std::size_t id = 0; id < shard_family_count; ++id)
        if (families[id].labels[0].empty()) cells_->families[id].find({}, series_cap);
    for (std::size_t i = 0; i < std::size(token_kinds); ++i) cells_->tokens[i] = &cells_->families[tokens_total].find({token_kinds[i]}, series_cap);
}

ShardMetrics::~ShardMetrics() = default;

void ShardMetrics::request_started() { cells_->count(inflight, {}); }

void ShardMetrics::request_finished(const RequestFacts& facts) {
    auto& cells = *cells_;
    cells.count(inflight, {}, -1);
    cells.count(requests_total, {facts.endpoint, facts.dialect, facts.provider, facts.outcome});
    if (facts.duration >= 0) cells.observe(request_duration, {facts.endpoint, facts.provider}, facts.duration);
    if (facts.ttft >= 0) cells.observe(ttft, {facts.endpoint, facts.provider}, facts.ttft);
    if (facts.tpot >= 0) cells.observe(tpot, {facts.endpoint, facts.provider}, facts.tpot);
    if (facts.overhead >= 0) cells.observe(overhead, {}, facts.overhead);
    if (facts.usage == nullptr || !facts.usage->known()) return;
    const llm::Usage& usage = *facts.usage;
    const std::int64_t counts[] = {usage.input, usage.output, usage.cache_read, usage.cache_write(), usage.reasoning, usage.audio_in, usage.audio_out};
    for (std::size_t i = 0; i < std::size(token_kinds); ++i)
        if (counts[i] > 0) add(cells.tokens[i]->value, counts[i]);
    if (!facts.cost.known())
        cells.count(unpriced_total, {facts.provider});
    else if (facts.cost.count() > 0)
        cells.count(cost_total, {}, facts.cost.count());
}

void ShardMetrics::attempt(std::string_view provider, std::string_view class_) { cells_->count(attempts_total, {provider, class_}); }
void ShardMetrics::retry(std::string_view provider, std::string_view reason) { cells_->count(retries_total, {provider, reason}); }
void ShardMetrics::connection_opened() { cells_->count(connections, {}); }
void ShardMetrics::connection_closed() { cells_->count(connections, {}, -1); }
void ShardMetrics::stream_opened() { cells_->count(streams, {}); }
void ShardMetrics::stream_closed() { cells_->count(streams, {}, -1); }
void ShardMetrics::auth_refused(std::string_view code) { cells_->count(auth_refused_total, {code}); }

}  // namespace gotthard::telemetry
