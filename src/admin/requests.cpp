// /requests, /requests/{id}, /usage: what was asked, and what it came to.
#include <algorithm>
#include <cmath>
#include <initializer_list>

#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/problem.hpp"
#include "base/money.hpp"
#include "base/text.hpp"

namespace gotthard::admin {
namespace {

/// JSON as it was stored; what is not JSON becomes a string, so that one bad column cannot break a page.
void write_stored_json(json::Writer& writer, std::string_view name, std::string_view text) {
    json::Document document;
    if (document.parse(text))
        writer.member_raw(name, text);
    else
        writer.member(name, text);
}

void write_number(json::Writer& writer, std::string_view name, std::int64_t value) {
    if (value == store::unset) return;
    if (name == "ts")
        writer.member(name, rfc3339(value));
    else if (name == "stream")
        writer.member(name, value != 0);
    else if (store::is_money_column(name))
        writer.member(name, Money::nanos(value).text());
    else
        writer.member(name, value);
}

Result<store::Bucket> read_bucket(std::string_view text) {
    if (text.empty()) return store::Bucket::none;
    if (text == "hour") return store::Bucket::hour;
    if (text == "day") return store::Bucket::day;
    if (text == "month") return store::Bucket::month;
    return fail(Failure(FailureKind::invalid_request, "'bucket' must be hour, day or month.").at("bucket"));
}

Result<std::vector<std::string>> read_dimensions(std::string_view text) {
    std::vector<std::string> wanted;
    const auto known = store::usage_dimensions();
    for (const auto name : split_list(text)) {
        if (std::ranges::find(known, name) == known.end()) {
            std::string list;
            for (const auto dimension : known) list += (list.empty() ? "" : ", ") + std::string(dimension);
            return fail(Failure(FailureKind::invalid_request,
                                fmt::format("'{}' is not a dimension. Known: {}.", utf8_prefix(name, 64), list))
                            .at("by"));
        }
        if (std::ranges::find(wanted, name) == wanted.end()) wanted.emplace_back(name);
    }
    return wanted;
}

void write_usage(json::Writer& writer, const store::UsageQuery& query, const store::UsageRow& row) {
    writer.begin_object().key("by").begin_object();
    for (std::size_t i = 0; i < query.by.size() && i < row.by.size(); ++i) writer.member(query.by[i], row.by[i]);
    writer.end_object();
    write_time_or_null(writer, "bucket", row.bucket);
    writer.member("requests", row.requests)
        .member("errors", row.errors)
        .member("input", row.input)
        .member("output", row.output)
        .member("cached_read", row.cached_read)
        .member("cache_write", row.cache_write)
        .member("reasoning", row.reasoning)
        .member("cost", Money::nanos(row.cost_nanos).text())
        .member("unpriced", row.unpriced)
        .member("estimated", row.estimated)
        .end_object();
}

}  // namespace

void write_request(json::Writer& writer, const store::RequestRow& row) {
    writer.begin_object().member("id", row.id.text()).member("seq", row.seq);
    const auto numbers = row.numbers();
    for (std::size_t i = 0; i < numbers.size(); ++i) write_number(writer, store::request_number_names[i], numbers[i]);
    if (!std::isnan(row.temperature)) writer.member("temperature", row.temperature);
    if (!std::isnan(row.top_p)) writer.member("top_p", row.top_p);
    const auto texts = row.texts();
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (texts[i].empty()) continue;
        const auto name = store::request_text_names[i];
        if (store::is_json_column(name))
            write_stored_json(writer, name, texts[i]);
        else
            writer.member(name, texts[i]);
    }
    writer.end_object();
}

Result<Response> list_requests(const Admitted& call, Services& services) {
    auto limit = read_limit(call.parameters, 50, 500);
    if (!limit) return std::unexpected(std::move(limit.error()));
    auto filter = read_filter(call.parameters, services.clock.wall());
    if (!filter) return std::unexpected(std::move(filter.error()));
    auto page = services.records.list_requests(*filter, call.parameters.get("cursor"), *limit);
    if (!page) return std::unexpected(std::move(page.error()));
    Response response;
    json::Writer writer(response.body);
    writer.begin_object().key("data").begin_array();
    for (const auto& row : page->rows) write_request(writer, row);
    writer.end_array();
    write_text_or_null(writer, "next_cursor", page->next_cursor);
    writer.end_object();
    return response;
}

Result<Response> get_request(const Admitted& call, Services& services) {
    const auto id = Id::parse(call.id);
    if (!id) return fail(no_such("request", call.id));
    auto page = services.records.get_request(*id);
    if (!page) return std::unexpected(std::move(page.error()));
    if (page->rows.empty()) return fail(no_such("request", call.id));
    Response response;
    json::Writer writer(response.body);
    write_request(writer, page->rows.front());
    return response;
}

Result<Response> get_usage(const Admitted& call, Services& services) {
    store::UsageQuery query;
    auto limit = read_limit(call.parameters, 10'000, 10'000);
    if (!limit) return std::unexpected(std::move(limit.error()));
    auto filter = read_filter(call.parameters, services.clock.wall());
    if (!filter) return std::unexpected(std::move(filter.error()));
    auto dimensions = read_dimensions(call.parameters.get("by"));
    if (!dimensions) return std::unexpected(std::move(dimensions.error()));
    auto bucket = read_bucket(call.parameters.get("bucket"));
    if (!bucket) return std::unexpected(std::move(bucket.error()));
    query.limit = *limit;
    query.filter = *std::move(filter);
    query.by = *std::move(dimensions);
    query.bucket = *bucket;
    auto rows = services.records.usage(query);
    if (!rows) return std::unexpected(std::move(rows.error()));
    Response response;
    json::Writer writer(response.body);
    writer.begin_object().key("data").begin_array();
    for (const auto& row : *rows) write_usage(writer, query, row);
    writer.end_array().member_null("next_cursor").end_object();
    return response;
}

}  // namespace gotthard::admin
