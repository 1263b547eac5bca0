#include "store/memory/memory_store.hpp"

#include <map>

#include "base/text.hpp"

namespace gotthard::store::memory {
namespace {

std::int64_t counted(std::int64_t number) { return number == unset ? 0 : number; }

bool later(const Id& a, const Id& b) { return a.high() != b.high() ? a.high() > b.high() : a.low() > b.low(); }

std::string day_of(Micros ts) { return rfc3339(ts).substr(0, 10); }

Micros bucket_of(Micros ts, Bucket bucket) {
    constexpr Micros hour = 3'600'000'000, day = 24 * hour;
    switch (bucket) {
        case Bucket::hour: return ts / hour * hour;
        case Bucket::day: return ts / day * day;
        case Bucket::month: return parse_rfc3339(rfc3339(ts).substr(0, 8) + "01T00:00:00Z").value_or(0);
        default: return 0;
    }
}

std::string value_of(const RequestRow& row, std::string_view dimension) {
    const struct {
        std::string_view name, value;
    } values[] = {{"key", row.key_alias},
                  {"key_id", row.key_id},
                  {"team", row.team},
                  {"model", row.target.empty() ? row.request_model : row.target},
                  {"request_model", row.request_model},
                  {"response_model", row.response_model},
                  {"provider", row.provider},
                  {"target", row.target},
                  {"route", row.route},
                  {"endpoint", row.endpoint},
                  {"dialect", row.dialect_in},
                  {"outcome", row.outcome},
                  {"end_user", row.end_user},
                  {"session", row.session_id}};
    for (const auto& one : values)
        if (one.name == dimension) return std::string(one.value);
    return day_of(row.ts);
}

void add_to(UsageRow& sums, const RequestRow& row) {
    sums.requests += 1;
    sums.errors += row.outcome != "ok" && row.outcome != "cache_hit" && !row.outcome.empty();
    sums.unpriced += row.price_source == "unknown";
    sums.estimated += row.usage_source == "estimated";
    sums.input += counted(row.input);
    sums.output += counted(row.output);
    sums.cached_read += counted(row.cached_read);
    sums.cache_write += counted(row.cache_write_5m) + counted(row.cache_write_1h) + counted(row.cache_write_30m) + counted(row.cache_write_12h);
    sums.reasoning += counted(row.reasoning);
    sums.cost_nanos += counted(row.cost_total);
}

}  // namespace

Status MemoryStore::refuse() const {
    if (broken_) return fail(FailureKind::overloaded, "the store cannot be used: the disk (or the store's size limit) is full; free some space in the data folder");
    return {};
}

StoreState MemoryStore::state() const {
    StoreState state;
    state.writable = writable();
    if (const auto refused = refuse(); !refused) state.reason = refused.error().message;
    return state;
}

Result<std::vector<KeyRow>> MemoryStore::load_keys() {
    std::lock_guard lock(mutex_);
    return keys_;
}

Status MemoryStore::put_key(KeyRow& row) {
    if (auto refused = refuse(); !refused) return refused;
    std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(keys_, row.id, &KeyRow::id);
    const std::int64_t stored = found == keys_.end() ? 0 : found->version;
    if (stored != row.version)
        return fail(FailureKind::invalid_request, "the key was changed by somebody else in the meantime; read it again and repeat the change");
    ++row.version;
    if (found == keys_.end())
        keys_.push_back(row);
    else
        *found = row;
    return {};
}

Status MemoryStore::touch_keys(std::span<const KeyUse> uses) {
    if (auto refused = refuse(); !refused) return refused;
    std::lock_guard lock(mutex_);
    for (const auto& use : uses)
        if (const auto found = std::ranges::find(keys_, use.id, &KeyRow::id); found != keys_.end())
            found->last_used_at = std::max(found->last_used_at, use.last_used_at);
    return {};
}

Result<std::vector<TokenRow>> MemoryStore::load_tokens() {
    std::lock_guard lock(mutex_);
    return tokens_;
}

Status MemoryStore::put_token(const TokenRow& row) {
    if (auto refused = refuse(); !refused) return refused;
    std::lock_guard lock(mutex_);
    if (const auto found = std::ranges::find(tokens_, row.id, &TokenRow::id); found != tokens_.end())
        *found = row;
    else
        tokens_.push_back(row);
    return {};
}

Status MemoryStore::add_config(const ConfigRow& row) {
    if (auto refused = refuse(); !refused) return refused;
    std::lock_guard lock(mutex_);
    configs_.push_back(row);
    configs_.back().seq = static_cast<std::int64_t>(configs_.size());
    return {};
}

Result<std::vector<ConfigRow>> MemoryStore::list_configs(std::int64_t before, std::size_t limit) {
    std::lock_guard lock(mutex_);
    std::vector<ConfigRow> rows;
    for (auto row = configs_.rbegin(); row != configs_.rend() && rows.size() < limit; ++row)
        if (before <= 0 || row->seq < before) rows.push_back(*row);
    return rows;
}

Status MemoryStore::append_requests(std::span<const RequestRow> rows) {
    if (auto refused = refuse(); !refused) return refused;
    std::lock_guard lock(mutex_);
    for (const auto& row : rows) {
        std::erase_if(requests_, [&](const Stored& stored) { return stored.row.id == row.id; });
        auto& stored = requests_.emplace_back();
        stored.row = copy_of(row, stored.text);
        stored.row.seq = next_seq_++;
        if (requests_.size() > most_requests_) requests_.pop_front();
    }
    return {};
}

Result<bool> MemoryStore::prune_requests(Micros before) {
    if (auto refused = refuse(); !refused) return fail(std::move(refused.error()));
    std::lock_guard lock(mutex_);
    std::erase_if(requests_, [&](const Stored& stored) { return stored.row.ts < before; });
    return false;
}

Result<RequestPage> MemoryStore::list_requests(const RequestFilter& filter, std::string_view cursor, std::size_t limit) {
    std::optional<Id> before;
    if (!cursor.empty()) {
        before = Id::parse(cursor);
        if (!before) return fail(FailureKind::invalid_request, "the cursor is not one that this list gave; start without one");
    }
    std::lock_guard lock(mutex_);
    std::vector<const RequestRow*> found;
    for (const auto& stored : requests_)
        if ((!before || later(*before, stored.row.id)) && matches(filter, stored.row)) found.push_back(&stored.row);
    std::ranges::sort(found, [](const auto* a, const auto* b) { return later(a->id, b->id); });
    RequestPage page;
    for (std::size_t i = 0; i < found.size() && i < limit; ++i) page.rows.push_back(copy_of(*found[i], page.text));
    if (found.size() > limit && limit > 0) page.next_cursor = page.rows.back().id.text();
    return page;
}

Result<RequestPage> MemoryStore::get_request(const Id& id) {
    std::lock_guard lock(mutex_);
    RequestPage page;
    for (const auto& stored : requests_)
        if (stored.row.id == id) page.rows.push_back(copy_of(stored.row, page.text));
    return page;
}

Result<RequestPage> MemoryStore::follow_requests(const RequestFilter& filter, std::int64_t after, std::size_t limit) {
    std::lock_guard lock(mutex_);
    RequestPage page;
    for (const auto& stored : requests_)
        if (stored.row.seq > after && page.rows.size() < limit && matches(filter, stored.row)) page.rows.push_back(copy_of(stored.row, page.text));
    page.next_cursor = fmt::format("{}", page.rows.empty() ? after : page.rows.back().seq);
    return page;
}

Result<std::int64_t> MemoryStore::newest_seq() {
    std::lock_guard lock(mutex_);
    return next_seq_ - 1;
}

Result<std::vector<UsageRow>> MemoryStore::usage(const UsageQuery& query) {
    for (const auto& name : query.by)
        if (std::ranges::find(usage_dimensions(), name) == usage_dimensions().end())
            return fail(FailureKind::invalid_request, fmt::format("usage cannot be split by \"{}\"; it can by {}", name, fmt::join(usage_dimensions(), ", ")));
    std::map<std::pair<Micros, std::vector<std::string>>, UsageRow> groups;
    {
        std::lock_guard lock(mutex_);
        for (const auto& stored : requests_) {
            if (!matches(query.filter, stored.row)) continue;
            std::vector<std::string> by;
            for (const auto& name : query.by) by.push_back(value_of(stored.row, name));
            add_to(groups[{bucket_of(stored.row.ts, query.bucket), std::move(by)}], stored.row);
        }
    }
    std::vector<UsageRow> rows;
    for (auto& [group, sums] : groups) {
        sums.bucket = group.first;
        sums.by = group.second;
        rows.push_back(std::move(sums));
    }
    std::ranges::sort(rows, [](const auto& a, const auto& b) { return a.bucket != b.bucket ? a.bucket < b.bucket : a.cost_nanos > b.cost_nanos; });
    if (rows.size() > query.limit) rows.resize(query.limit);
    return rows;
}

}  // namespace gotthard::store::memory
