// gotthard keys create | list | show | update | rotate | revoke
#include <memory>

#include <fmt/format.h>

#include "app/cli/humane.hpp"
#include "app/cli/setting.hpp"
#include "app/cli/table.hpp"
#include "base/id.hpp"
#include "base/text.hpp"

namespace gotthard::app {
namespace {

struct KeyOptions {
    std::string name_or_id;
    std::string new_name;
    std::vector<std::string> models;
    std::vector<std::string> limits;
    bool all_models = false;
    std::optional<std::string> team;
    std::string expires;
    std::string grace;
    bool all = false;
};

Cell state_cell(const std::string& state) {
    return {state, state == "active" ? Colour::green : state == "revoked" ? Colour::red : Colour::yellow};
}

std::string models_text(json::Value models) { return models.size() == 0 ? "all" : join_strings(models); }

void show_key(const Setting& setting, json::Value key) {
    const auto now = setting.clock.wall();
    const auto when = [&](std::string_view member) {
        const auto text = key[member].string();
        return text.empty() ? std::string("-") : fmt::format("{} ({})", humane_time(text), humane_distance(text, now));
    };
    Table table({{""}, {""}});
    const std::pair<const char*, std::string> rows[] = {
        {"id", text_of(key["id"])},         {"name", text_of(key["name"])},         {"state", text_of(key["state"])},
        {"value", text_of(key["hint"])},    {"models", models_text(key["models"])}, {"team", text_of(key["team"])},
        {"source", text_of(key["source"])}, {"created", when("created_at")},        {"expires", when("expires_at")},
        {"revoked", when("revoked_at")},    {"rotated", when("rotated_at")},        {"last used", when("last_used_at")},
    };
    for (const auto& [name, value] : rows) table.add({Cell(name, Colour::dim), Cell(value)});
    const auto text = table.text(setting.console);
    print(setting, text.substr(text.find('\n') + 1));
}

void show_list(const Setting& setting, json::Value root, bool all) {
    Table table({{"ID"}, {"NAME"}, {"STATE"}, {"MODELS"}, {"VALUE"}, {"EXPIRES"}, {"LAST USED"}});
    std::size_t hidden = 0;
    for (auto key : root["data"].items()) {
        const auto state = key["state"].string();
        if (!all && state == "revoked") {
            ++hidden;
            continue;
        }
        table.add({text_of(key["id"]), text_of(key["name"]), state_cell(state), models_text(key["models"]), text_of(key["hint"]),
                   humane_distance(key["expires_at"].string(), setting.clock.wall()),
                   humane_distance(key["last_used_at"].string(), setting.clock.wall())});
    }
    if (table.size() != 0)
        print(setting, table.text(setting.console));
    else
        say(setting, "There are no keys. Make one with 'gotthard keys create NAME'.\n");
    if (hidden != 0) say(setting, fmt::format("{} revoked key{} not shown (--all).\n", hidden, hidden == 1 ? "" : "s"));
}

/// Members that --expires stands for; false: it is neither a duration nor a time.
bool write_expiry(json::Writer& writer, const std::string& expires) {
    if (expires.empty()) return true;
    if (expires == "never") return writer.member_null("expires_at"), true;
    if (parse_duration(expires)) return writer.member("expires_in", expires), true;
    if (parse_rfc3339(expires)) return writer.member("expires_at", expires), true;
    return false;
}

void write_models(json::Writer& writer, const std::vector<std::string>& models) {
    writer.key("models").begin_array();
    for (const auto& model : models) writer.string(model);
    writer.end_array();
}

constexpr std::string_view bad_expiry = "--expires takes a duration like 30d, a time like 2027-01-31T00:00:00Z, or 'never'.";

/// Prints a fresh key: its value alone on standard output, so that scripts can take it.
int show_issued(const Setting& setting, const std::string& body, std::string_view what) {
    if (setting.json) {
        print(setting, body + "\n");
        return exit_good;
    }
    json::Document document;
    if (auto status = document.parse(body); !status) return report(setting, status.error());
    const auto key = document.root()["key"];
    say(setting, fmt::format("{} '{}' ({}). This is the only time its value is shown:\n", what, printable(key["name"].string()),
                             key["id"].string()));
    print(setting, document.root()["value"].string() + "\n");
    return exit_good;
}

int create(const Setting& setting, const KeyOptions& options) {
    if (!options.limits.empty()) return not_available(setting, "--limit");
    std::string body;
    json::Writer writer(body);
    writer.begin_object().member("name", options.name_or_id);
    if (!options.models.empty()) write_models(writer, options.models);
    if (options.team) writer.member("team", *options.team);
    if (!write_expiry(writer, options.expires)) return usage_fault(setting, bad_expiry);
    writer.end_object();
    auto client = reach_gateway(setting);
    if (!client) return report(setting, client.error());
    auto answer = client->call("POST", "/api/v1/keys", body);
    if (!answer) return report(setting, answer.error());
    return show_issued(setting, answer->body, "Made the key");
}

int list(const Setting& setting, const KeyOptions& options) {
    auto client = reach_gateway(setting);
    if (!client) return report(setting, client.error());
    auto rows = collect_rows(*client, "/api/v1/keys", 100'000);
    if (!rows) return report(setting, rows.error());
    if (setting.json) {
        print(setting, *rows + "\n");
        return exit_good;
    }
    json::Document document;
    if (auto status = document.parse(*rows); !status) return report(setting, status.error());
    show_list(setting, document.root(), options.all);
    return exit_good;
}

/// One call on one key; the key that comes back is shown.
int call_on_key(const Setting& setting, const std::string& name_or_id, std::string_view method, std::string_view action,
                std::string_view body, bool match = false) {
    auto client = reach_gateway(setting);
    if (!client) return report(setting, client.error());
    auto id = find_key_id(*client, name_or_id);
    if (!id) return report(setting, id.error());
    const auto path = fmt::format("/api/v1/keys/{}", *id);
    std::string etag;
    if (match) {
        auto before = client->call("GET", path);
        if (!before) return report(setting, before.error());
        etag = before->etag;
    }
    auto answer = client->call(method, path + std::string(action), body, etag);
    if (!answer) return report(setting, answer.error());
    if (action == "/rotate") return show_issued(setting, answer->body, "Gave a new value to the key");
    if (setting.json) {
        print(setting, answer->body + "\n");
        return exit_good;
    }
    json::Document document;
    if (auto status = document.parse(answer->body); !status) return report(setting, status.error());
    show_key(setting, document.root());
    return exit_good;
}

int update(const Setting& setting, const KeyOptions& options) {
    if (!options.limits.empty()) return not_available(setting, "--limit");
    if (options.all_models && !options.models.empty())
        return usage_fault(setting, "--model and --all-models exclude each other.");
    std::string body;
    json::Writer writer(body);
    writer.begin_object();
    if (!options.new_name.empty()) writer.member("name", options.new_name);
    if (options.all_models || !options.models.empty()) write_models(writer, options.models);
    if (options.team) writer.member("team", *options.team);
    if (!write_expiry(writer, options.expires)) return usage_fault(setting, bad_expiry);
    writer.end_object();
    if (body == "{}") return usage_fault(setting, "Nothing to change: give --name, --model, --all-models, --team or --expires.");
    return call_on_key(setting, options.name_or_id, "PATCH", "", body, true);
}

int rotate(const Setting& setting, const KeyOptions& options) {
    std::string body;
    if (!options.grace.empty()) body = fmt::format("{{\"grace\":{}}}", json::quoted(options.grace));
    return call_on_key(setting, options.name_or_id, "POST", "/rotate", body);
}

using KeyAction = int (*)(const Setting&, const KeyOptions&);

CLI::App* add_key_verb(CLI::App& keys, Setting& setting, const std::shared_ptr<KeyOptions>& options, const char* name,
                       const char* description, const char* example, KeyAction action) {
    CLI::App* verb = add_verb(keys, name, description, example);
    add_client_options(*verb, setting);
    verb->callback(
        [&setting, options, action] { setting.act([&setting, options, action] { return action(setting, *options); }); });
    return verb;
}

}  // namespace

Result<std::string> find_key_id(AdminClient& client, const std::string& name_or_id) {
    if (Id::parse(name_or_id)) return name_or_id;
    auto rows = collect_rows(client, "/api/v1/keys?name=" + percent_encode(name_or_id), 1000);
    if (!rows) return rows;
    json::Document document;
    if (auto status = document.parse(*rows); !status) return std::unexpected(std::move(status.error()));
    std::string found;
    for (auto key : document.root()["data"].items()) {
        if (key["state"].equals("revoked") && document.root()["data"].size() != 1) continue;
        if (!found.empty())
            return fail(FailureKind::invalid_request,
                        fmt::format("Several keys are called '{}'. Give the id ('gotthard keys list').", name_or_id));
        found = key["id"].string();
    }
    if (found.empty())
        return fail(FailureKind::not_found, fmt::format("There is no key '{}'. See 'gotthard keys list --all'.", name_or_id));
    return found;
}

void add_key_verbs(CLI::App& app, Setting& setting) {
    auto options = std::make_shared<KeyOptions>();
    CLI::App* keys = add_verb(app, "keys", "Make, show, change and revoke the keys that clients use",
                              "gotthard keys create ci --model 'lab/*' --expires 30d");
    keys->require_subcommand(1);
    const auto name_or_id = [&](CLI::App* verb) {
        verb->add_option("ID", options->name_or_id, "Id or name of the key")->required();
    };
    const auto limit = [&](CLI::App* verb) {
        verb->add_option("--limit", options->limits, "'AMOUNT UNIT[ per WINDOW]' (not available in this version)")
            ->type_name("LIMIT");
    };

    CLI::App* make = add_key_verb(*keys, setting, options, "create", "Make a key and print it once",
                                  "gotthard keys create ci --model 'lab/*' --model fast --expires 30d", create);
    make->add_option("NAME", options->name_or_id, "What the key is for")->required();
    make->add_option("--model", options->models, "Glob of models it may use; may be given more than once; default: all")
        ->type_name("GLOB");
    make->add_option("--team", options->team, "Team that its use is counted for")->type_name("T");
    make->add_option("--expires", options->expires, "When it ends: 30d, or a time")->type_name("WHEN");
    limit(make);

    CLI::App* all = add_key_verb(*keys, setting, options, "list", "List the keys", "gotthard keys list --all", list);
    all->add_flag("--all", options->all, "Revoked keys too");

    name_or_id(add_key_verb(*keys, setting, options, "show", "Show one key", "gotthard keys show ci",
                            [](const Setting& s, const KeyOptions& o) { return call_on_key(s, o.name_or_id, "GET", "", ""); }));

    CLI::App* change = add_key_verb(*keys, setting, options, "update", "Change a key",
                                    "gotthard keys update ci --model 'lab/*' --expires never", update);
    name_or_id(change);
    change->add_option("--name", options->new_name, "A new name")->type_name("NAME");
    change->add_option("--model", options->models, "Globs instead of the present ones")->type_name("GLOB");
    change->add_flag("--all-models", options->all_models, "Allow every model");
    change->add_option("--team", options->team, "Another team")->type_name("T");
    change->add_option("--expires", options->expires, "When it ends: 30d, a time, or never")->type_name("WHEN");
    limit(change);

    CLI::App* renew = add_key_verb(*keys, setting, options, "rotate", "Give a key a new value and print it once",
                                   "gotthard keys rotate ci --grace 24h", rotate);
    name_or_id(renew);
    renew->add_option("--grace", options->grace, "How long the old value still works; default: not at all")
        ->type_name("DURATION");

    name_or_id(
        add_key_verb(*keys, setting, options, "revoke", "End a key now and for ever", "gotthard keys revoke ci",
                     [](const Setting& s, const KeyOptions& o) { return call_on_key(s, o.name_or_id, "POST", "/revoke", ""); }));
}

}  // namespace gotthard::app
