// gotthard requests [show ID] | usage
#include <memory>

#include <fmt/format.h>

#include "app/cli/humane.hpp"
#include "app/cli/json_text.hpp"
#include "app/cli/setting.hpp"
#include "app/cli/table.hpp"
#include "base/text.hpp"

namespace gotthard::app {
namespace {

using Align = Column::Align;

struct RequestOptions {
    bool follow = false;
    std::vector<std::string> filters;
    std::string key, model, status, since, until;
    std::size_t limit = 50;
    std::string id;
    std::string by = "model";
    std::string bucket;
};

std::int64_t number_of(json::Value value) { return value.integer().value_or(-1); }

Colour colour_of(std::int64_t status) {
    return status >= 500 ? Colour::red : status >= 400 ? Colour::yellow : status >= 200 ? Colour::green : Colour::plain;
}

Table request_table() {
    return Table({{"TIME", Align::left, 19},
                  {"MODEL", Align::left, 28},
                  {"KEY", Align::left, 12},
                  {"STATUS", Align::left, 6},
                  {"TOKENS", Align::right, 13},
                  {"COST", Align::right, 10},
                  {"TTFT", Align::right, 8},
                  {"DURATION", Align::right, 8},
                  {"OVERHEAD", Align::right, 8},
                  {"NOTE"}});
}

std::string tokens_text(json::Value row) {
    if (!row["input"] && !row["output"]) return "-";
    return fmt::format("{}{} > {}", row["usage_source"].equals("estimated") ? "~" : "", humane_count(number_of(row["input"])),
                       humane_count(number_of(row["output"])));
}

/// What deserves a word: the reason of a failure, repeats, losses.
std::string note_of(json::Value row) {
    std::string note = text_of(row["error_code"], text_of(row["error_class"], ""));
    const auto outcome = text_of(row["outcome"], "");
    if (note.empty() && outcome != "ok") note = outcome;
    if (number_of(row["retries"]) > 0)
        note += fmt::format("{}{} retr{}", note.empty() ? "" : ", ", number_of(row["retries"]),
                            number_of(row["retries"]) == 1 ? "y" : "ies");
    if (number_of(row["losses_count"]) > 0)
        note += fmt::format("{}{} lost", note.empty() ? "" : ", ", number_of(row["losses_count"]));
    return note;
}

std::vector<Cell> request_cells(json::Value row) {
    const auto status = number_of(row["status"]);
    const auto asked = text_of(row["request_model"], "");
    const auto served = text_of(row["target"], "");
    const auto outcome = text_of(row["outcome"], "-");
    std::string model = asked.empty() || asked == served                  ? served
                        : served.empty() || served.ends_with("/" + asked) ? asked
                                                                          : fmt::format("{} > {}", asked, served);
    return {humane_time(row["ts"].string()),
            model.empty() ? text_of(row["endpoint"]) : model,
            text_of(row["key_alias"]),
            Cell(status > 0 ? std::to_string(status) : outcome, colour_of(status)),
            tokens_text(row),
            humane_money(row["cost_total"].string()),
            humane_duration(number_of(row["ttft_us"])),
            humane_duration(number_of(row["duration_us"])),
            humane_duration(number_of(row["overhead_us"])),
            Cell(note_of(row), Colour::dim)};
}

/// The query of a list: every filter as a parameter of the admin API. Wrong: a filter without '='.
Result<std::string> query_of(const RequestOptions& options) {
    std::string query;
    const auto add = [&](std::string_view name, std::string_view value) {
        if (value.empty()) return;
        query += fmt::format("{}{}={}", query.empty() ? "" : "&", percent_encode(name), percent_encode(value));
    };
    add("key", options.key);
    add("model", options.model);
    add("status", options.status);
    add("from", options.since);
    add("to", options.until);
    for (const auto& filter : options.filters) {
        const auto equals = filter.find('=');
        if (equals == std::string::npos || equals == 0)
            return fail(FailureKind::invalid_request,
                        fmt::format("--filter takes NAME=VALUE, like --filter status=5xx; '{}' is not that.", filter));
        add(std::string_view(filter).substr(0, equals), std::string_view(filter).substr(equals + 1));
    }
    return query;
}

std::string with_query(std::string path, const std::string& query) { return query.empty() ? path : path + "?" + query; }

int follow(const Setting& setting, AdminClient& client, const std::string& query) {
    const auto table = request_table();
    if (!setting.json) print(setting, table.title_line(setting.console));
    const auto ended = client.follow(with_query("/api/v1/requests/stream", query), [&](const SseEvent& event) {
        if (!event.has_data) return true;
        if (setting.json) {
            print(setting, std::string(event.data) + "\n");
            return true;
        }
        json::Document document;
        if (!document.parse(event.data)) return true;
        if (event.event == "problem")
            say(setting, fmt::format("gotthard: {}\n", printable(document.root()["detail"].string())));
        else
            print(setting, table.line(setting.console, request_cells(document.root())));
        return true;
    });
    if (!ended) return report(setting, ended.error());
    say(setting, "The gateway has ended the stream.\n");
    return exit_good;
}

int list(const Setting& setting, const RequestOptions& options) {
    auto query = query_of(options);
    if (!query) return usage_fault(setting, query.error().message);
    auto client = reach_gateway(setting);
    if (!client) return report(setting, client.error());
    if (options.follow) return follow(setting, *client, *query);
    auto rows = collect_rows(*client, with_query("/api/v1/requests", *query), options.limit);
    if (!rows) return report(setting, rows.error());
    if (setting.json) {
        print(setting, *rows + "\n");
        return exit_good;
    }
    json::Document document;
    if (auto status = document.parse(*rows); !status) return report(setting, status.error());
    Table table({{"TIME"},
                 {"MODEL"},
                 {"KEY"},
                 {"STATUS"},
                 {"TOKENS", Align::right},
                 {"COST", Align::right},
                 {"TTFT", Align::right},
                 {"DURATION", Align::right},
                 {"OVERHEAD", Align::right},
                 {"NOTE"}});
    for (auto row : document.root()["data"].items()) table.add(request_cells(row));
    if (table.size() == 0)
        say(setting, "No requests.\n");
    else
        print(setting, table.text(setting.console));
    return exit_good;
}

/// A member of a record as a person reads it.
std::string value_text(std::string_view name, json::Value value) {
    if (name.ends_with("_us")) return humane_duration(number_of(value));
    if (name == "ts") return fmt::format("{} ({})", humane_time(value.string()), value.string());
    if (name.starts_with("cost_")) return fmt::format("${}", value.string());
    if (name.ends_with("_bytes")) return humane_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(number_of(value), 0)));
    if (value.is_string()) return value.string();
    return std::string(value.raw());
}

int show(Setting& setting, const RequestOptions& options) {
    return show_answer(setting, "/api/v1/requests/" + percent_encode(options.id), [&](json::Value record) {
        Table table({{""}, {""}});
        std::string nested;
        for (auto member : record.members()) {
            const auto name = member.name.string();
            const bool has_inner = member.value.is_object() || member.value.is_array();
            if (has_inner && member.value.size() == 0) continue;
            if (has_inner) {
                nested += paint(setting.console, Colour::dim, name) + "\n";
                std::string text;
                append_indented(text, member.value);
                nested += text + "\n";
            } else {
                table.add({Cell(name, Colour::dim), Cell(value_text(name, member.value))});
            }
        }
        const auto text = table.text(setting.console);
        print(setting, text.substr(text.find('\n') + 1) + nested);
    });
}

int usage(Setting& setting, const RequestOptions& options) {
    auto query = query_of(options);
    if (!query) return usage_fault(setting, query.error().message);
    std::string path = "/api/v1/usage?by=" + percent_encode(options.by);
    if (!options.bucket.empty()) path += "&bucket=" + percent_encode(options.bucket);
    if (!query->empty()) path += "&" + *query;
    return show_answer(setting, path, [&](json::Value root) {
        std::vector<std::string> names;
        for (const auto name : split_list(options.by)) {
            names.emplace_back(name);
            for (char& c : names.back()) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
        }
        std::vector<Column> columns;
        if (!options.bucket.empty()) columns.push_back({"FROM"});
        for (const auto& name : names) columns.push_back({name});
        for (const char* title : {"REQUESTS", "ERRORS", "INPUT", "CACHED", "OUTPUT", "COST", "UNPRICED"})
            columns.push_back({title, Align::right});
        Table table(columns);
        for (auto row : root["data"].items()) {
            std::vector<Cell> cells;
            if (!options.bucket.empty()) cells.emplace_back(humane_time(row["bucket"].string()));
            for (const auto name : split_list(options.by)) cells.emplace_back(text_of(row["by"][name]));
            for (const char* member : {"requests", "errors", "input", "cached_read", "output"})
                cells.emplace_back(humane_count(number_of(row[member])));
            cells.emplace_back(humane_money(row["cost"].string()));
            cells.emplace_back(humane_count(number_of(row["unpriced"])));
            table.add(std::move(cells));
        }
        if (table.size() == 0)
            say(setting, "No requests in that time.\n");
        else
            print(setting, table.text(setting.console));
    });
}

void add_filters(CLI::App& verb, RequestOptions& options) {
    verb.add_option("--filter", options.filters,
                    "NAME=VALUE; names: key team model provider target route endpoint outcome status session from to")
        ->type_name("F");
    verb.add_option("--key", options.key, "Only this key (name or id)")->type_name("KEY");
    verb.add_option("--model", options.model, "Only these models (glob)")->type_name("GLOB");
    verb.add_option("--status", options.status, "Only this status: 429, 4xx, 5xx")->type_name("S");
    verb.add_option("--since", options.since, "From then on: 7d, or a time")->type_name("WHEN");
    verb.add_option("--until", options.until, "Until then: 1d, or a time")->type_name("WHEN");
}

}  // namespace

void add_request_verbs(CLI::App& app, Setting& setting) {
    auto options = std::make_shared<RequestOptions>();
    CLI::App* requests = add_verb(app, "requests", "Show what was asked: tokens, cost, times",
                                  "gotthard requests --follow --filter model='lab/*'");
    add_client_options(*requests, setting);
    add_filters(*requests, *options);
    requests->add_flag("-f,--follow", options->follow, "Go on with requests as they come");
    requests->add_option("--limit", options->limit, "Newest so many")
        ->check(CLI::Range(1, 100'000))
        ->type_name("N")
        ->capture_default_str();
    requests->callback([&setting, options] { setting.act([&setting, options] { return list(setting, *options); }); });

    CLI::App* one =
        add_verb(*requests, "show", "Show one request in full", "gotthard requests show 0199d5a0-7c3e-7b1a-8f00-1234567890ab");
    add_client_options(*one, setting);
    one->add_option("ID", options->id, "Id of the request (x-gotthard-id)")->required();
    one->callback([&setting, options] { setting.act([&setting, options] { return show(setting, *options); }); });

    CLI::App* sums = add_verb(app, "usage", "Sum up requests, tokens and cost", "gotthard usage --by key,model --since 7d");
    add_client_options(*sums, setting);
    add_filters(*sums, *options);
    sums->add_option("--by", options->by,
                     "Dimensions, comma-separated: key team model provider target route endpoint outcome end_user session day")
        ->type_name("D")
        ->capture_default_str();
    sums->add_option("--bucket", options->bucket, "hour, day or month")->type_name("B");
    sums->callback([&setting, options] { setting.act([&setting, options] { return usage(setting, *options); }); });
}

}  // namespace gotthard::app
