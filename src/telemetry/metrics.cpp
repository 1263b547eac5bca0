// The scrape: cells of all shards summed and written as Prometheus text 0.0.4 or OpenMetrics 1.0.
#include "telemetry/metrics.hpp"

#include <map>

#include "base/text.hpp"
#include "telemetry/families.hpp"
#include "telemetry/process_facts.hpp"
#include "telemetry/shard_metrics.hpp"

namespace gotthard::telemetry {
namespace {

struct Sum {
    std::int64_t value = 0;
    std::array<std::int64_t, Series::most_bounds> buckets{};
};

void append_label(std::string& out, std::string_view name, std::string_view value) {
    if (!out.empty()) out += ',';
    out.append(name).append("=\"");
    for (const char c : value) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    out += '"';
}

std::string labels_of(const Family& family, const std::array<std::string, 4>& values) {
    std::string out;
    for (std::size_t i = 0; i < family.labels.size() && !family.labels[i].empty(); ++i) append_label(out, family.labels[i], values[i]);
    return out;
}

std::string number(std::int64_t value, Unit unit) { return unit == Unit::nanos ? Money::nanos(value).text() : fmt::format("{}", value); }

/// One family at a time: head() then its samples.
class Page {
public:
    Page(std::string& out, Exposition format) : out_(out), open_(format == Exposition::openmetrics) {}

    void head(const Family& family) {
        family_ = &family;
        auto name = family.name;
        std::string_view type = "counter";
        switch (family.kind) {
            case Kind::counter:
                if (open_) name.remove_suffix(std::string_view("_total").size());
                break;
            case Kind::gauge: type = "gauge"; break;
            case Kind::histogram: type = "histogram"; break;
            case Kind::info:
                type = open_ ? "info" : "gauge";
                if (open_) name.remove_suffix(std::string_view("_info").size());
                break;
        }
        out_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family.help, name, type);
    }

    void sample(std::string_view labels, std::string_view value, std::string_view suffix = {}) {
        out_.append(family_->name).append(suffix);
        if (!labels.empty()) out_.append("{").append(labels).append("}");
        out_.append(" ").append(value).append("\n");
    }

    void histogram(const std::string& labels, const Sum& sum) {
        std::int64_t total = 0;
        const auto bounds = family_->bounds;
        for (std::size_t i = 0; i <= bounds.size(); ++i) {
            total += sum.buckets[i];
            std::string bound(i < bounds.size() ? bounds[i].text : "+Inf");
            if (open_ && i < bounds.size() && bound.find('.') == std::string::npos) bound += ".0";
            std::string all = labels;
            append_label(all, "le", bound);
            sample(all, fmt::format("{}", total), "_bucket");
        }
        sample(labels, number(sum.value, family_->unit), "_sum");
        sample(labels, fmt::format("{}", total), "_count");
    }

    void end() {
        if (open_) out_ += "# EOF\n";
    }

private:
    std::string& out_;
    bool open_;
    const Family* family_ = nullptr;
};

struct ProcessValue {
    std::string_view name;
    double value;
};

}  // namespace

Exposition negotiate(std::string_view accept) {
    return accept.find("application/openmetrics-text") != std::string_view::npos ? Exposition::openmetrics : Exposition::prometheus;
}

std::string_view content_type(Exposition format) {
    return format == Exposition::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
}

Metrics::Metrics(Options options) : options_(std::move(options)) {
    for (unsigned i = 0; i < std::max(options_.shards, 1u); ++i) shards_.push_back(std::make_unique<ShardMetrics>(options_.series_cap));
}

Metrics::~Metrics() = default;

void Metrics::config_reloaded(bool applied, std::string_view hash, Micros when) {
    (applied ? reloads_applied_ : reloads_refused_).fetch_add(1, std::memory_order_relaxed);
    last_reload_ok_.store(applied, std::memory_order_relaxed);
    if (!applied) return;
    std::lock_guard lock(mutex_);
    config_hash_ = hash;
    config_applied_at_ = when;
}

void Metrics::set_ready(bool ready) { ready_.store(ready, std::memory_order_relaxed); }

void Metrics::ask(std::string_view name, std::function<double()> value) {
    std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < std::size(families); ++i)
        if (families[i].name == name && families[i].source == Source::asked) asked_.push_back({i, std::move(value)});
}

std::string Metrics::render(Exposition format) const {
    std::string out;
    out.reserve(32 * 1024);
    Page page(out, format);
    std::lock_guard lock(mutex_);
    const ProcessFacts process = read_process_facts();
    const ProcessValue process_values[] = {
        {"gotthard_config_last_reload_successful", last_reload_ok_ ? 1.0 : 0.0},
        {"gotthard_config_last_reload_success_timestamp_seconds", static_cast<double>(config_applied_at_) / 1e6},
        {"gotthard_ready", ready_ ? 1.0 : 0.0},
        {"process_cpu_seconds_total", process.cpu_seconds},
        {"process_start_time_seconds", process.start_seconds},
        {"process_resident_memory_bytes", static_cast<double>(process.resident_bytes)},
        {"process_virtual_memory_bytes", static_cast<double>(process.virtual_bytes)},
        {"process_open_fds", static_cast<double>(process.open_descriptors)},
        {"process_max_fds", static_cast<double>(process.most_descriptors)},
        {"process_threads", static_cast<double>(process.threads)},
    };
    for (std::size_t id = 0; id < std::size(families); ++id) {
        const Family& family = families[id];
        if (family.source == Source::asked) {
            const auto asked = std::ranges::find(asked_, id, &Asked::family);
            if (asked == asked_.end()) continue;
            page.head(family);
            page.sample({}, fmt::format("{}", asked->value()));
            continue;
        }
        page.head(family);
        if (family.source == Source::shards) {
            std::map<std::string, Sum> sums;
            for (const auto& shard : shards_)
                for (const Series* series = shard->cells_->families[id].first(); series != nullptr; series = series->next) {
                    auto& sum = sums[labels_of(family, series->values)];
                    sum.value += series->value.load(std::memory_order_relaxed);
                    for (std::size_t i = 0; i < sum.buckets.size(); ++i) sum.buckets[i] += series->buckets[i].load(std::memory_order_relaxed);
                }
            for (const auto& [labels, sum] : sums) {
                if (family.kind == Kind::histogram)
                    page.histogram(labels, sum);
                else
                    page.sample(labels, number(sum.value, family.unit));
            }
        } else if (family.name == "gotthard_config_reloads_total") {
            page.sample("result=\"applied\"", fmt::format("{}", reloads_applied_.load(std::memory_order_relaxed)));
            page.sample("result=\"refused\"", fmt::format("{}", reloads_refused_.load(std::memory_order_relaxed)));
        } else if (family.kind == Kind::info) {
            page.sample(labels_of(family, {family.labels[0] == "hash" ? config_hash_ : options_.version}), "1");
        } else if (const auto* found = std::ranges::find(process_values, family.name, &ProcessValue::name); found != std::end(process_values)) {
            page.sample({}, fmt::format("{}", found->value));
        }
    }
    page.end();
    return out;
}

}  // namespace gotthard::telemetry
