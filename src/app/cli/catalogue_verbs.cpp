// gotthard models | providers | status | explain
#include <memory>

#include <fmt/format.h>

#include "app/cli/humane.hpp"
#include "app/cli/setting.hpp"
#include "app/cli/table.hpp"
#include "base/text.hpp"

namespace gotthard::app {
namespace {

using Align = Column::Align;

/// USD per million tokens; "free" for zero, "?" when no price is known.
std::string price_text(json::Value price, std::string_view member) {
    if (price["source"].equals("unknown")) return "?";
    const auto text = price[member].string();
    return text == "0" ? "free" : humane_money(text);
}

int models(Setting& setting) {
    return show_answer(setting, "/api/v1/models", [&](json::Value root) {
        Table table(
            {{"MODEL"}, {"SERVED BY"}, {"CONTEXT", Align::right}, {"INPUT $/M", Align::right}, {"OUTPUT $/M", Align::right}});
        for (auto model : root["data"].items())
            table.add({text_of(model["name"]),
                       model["alias"].is_true() ? join_strings(model["targets"]) : text_of(model["provider"]),
                       humane_count(model["context_window"].integer().value_or(-1)), price_text(model["price"], "input"),
                       price_text(model["price"], "output")});
        if (table.size() == 0)
            say(setting, "No model is known. Name some under models:, or see 'gotthard providers'.\n");
        else
            print(setting, table.text(setting.console));
    });
}

int providers(Setting& setting) {
    return show_answer(setting, "/api/v1/providers", [&](json::Value root) {
        Table table({{"PROVIDER"}, {"TYPE"}, {"DIALECTS"}, {"KEY"}, {"MODELS", Align::right}, {"ADDRESS"}});
        for (auto provider : root["data"].items())
            table.add({text_of(provider["name"]) + (provider["found"].is_true() ? " (found)" : ""), text_of(provider["type"]),
                       join_strings(provider["dialects"]), provider["has_key"].is_true() ? "yes" : "no",
                       humane_count(provider["models"].integer().value_or(0)), text_of(provider["address"])});
        if (table.size() == 0)
            say(setting,
                "No provider is configured. Set one's key in the environment (OPENAI_API_KEY, ...), or write gotthard.yaml "
                "('gotthard init').\n");
        else
            print(setting, table.text(setting.console));
    });
}

void show_status(const Setting& setting, json::Value root) {
    const auto count = [&](json::Value value) { return humane_count(value.integer().value_or(-1)); };
    const auto store = root["store"];
    const auto records = root["records"];
    const auto state = text_of(root["state"]);
    Table table({{""}, {""}});
    const auto add = [&](const char* name, Cell value) { table.add({Cell(name, Colour::dim), std::move(value)}); };
    add("state", {root["reason"].is_string() ? fmt::format("{}: {}", state, root["reason"].string()) : state,
                  state == "ready" ? Colour::green : Colour::red});
    add("version", text_of(root["version"]));
    add("up", humane_duration(root["uptime_s"].integer().value_or(0) * 1'000'000));
    add("clients", text_of(root["data_address"]));
    add("admin", text_of(root["admin_address"]));
    add("socket", text_of(root["socket"]));
    add("configuration",
        fmt::format("{} ({})", text_of(root["config"]["file"], "defaults and environment"), text_of(root["config"]["hash"])));
    if (!root["config"]["last_reload_ok"].is_true())
        add("last reload", {"refused: " + text_of(root["config"]["last_reload_message"]), Colour::red});
    add("threads", count(root["threads"]));
    add("connections", fmt::format("{} now, {} since start", count(root["connections"]), count(root["accepted"])));
    add("requests", fmt::format("{} under way", count(root["in_flight"])));
    add("keys", count(root["keys"]));
    add("providers", count(root["providers"]));
    add("records", {fmt::format("{} written, {} waiting, {} dropped", count(records["written"]), count(records["waiting"]),
                                count(records["dropped"])),
                    records["dropped"].integer().value_or(0) == 0 ? Colour::plain : Colour::red});
    add("store", {store["writable"].is_true()
                      ? humane_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(store["bytes"].integer().value_or(0), 0)))
                      : "not writable: " + text_of(store["reason"]),
                  store["writable"].is_true() ? Colour::plain : Colour::red});
    if (store["notice"].is_string()) add("notice", {store["notice"].string(), Colour::yellow});
    add("memory",
        humane_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(root["memory_bytes"].integer().value_or(0), 0))));
    const auto text = table.text(setting.console);
    print(setting, text.substr(text.find('\n') + 1));
}

struct ExplainOptions {
    std::string key, model, endpoint, body_file;
};

/// The question as the admin API takes it. A failure of kind invalid_request is the user's.
Result<std::string> question_of(AdminClient& client, const ExplainOptions& options) {
    std::string question;
    json::Writer writer(question);
    writer.begin_object();
    if (!options.model.empty()) writer.member("model", options.model);
    if (!options.endpoint.empty()) writer.member("endpoint", options.endpoint);
    if (!options.body_file.empty()) {
        const auto text = read_file(options.body_file);
        if (!text) return fail(FailureKind::invalid_request, fmt::format("'{}' cannot be read.", options.body_file));
        json::Document body;
        if (auto status = body.parse(*text); !status)
            return fail(FailureKind::invalid_request,
                        fmt::format("'{}' is not JSON: {}", options.body_file, status.error().message));
        writer.member_raw("body", *text);
    }
    if (!options.key.empty()) {
        auto id = find_key_id(client, options.key);
        if (!id) return id;
        writer.member("key", *id);
    }
    writer.end_object();
    return question;
}

int explain(Setting& setting, const ExplainOptions& options) {
    auto client = reach_gateway(setting);
    if (!client) return report(setting, client.error());
    const auto question = question_of(*client, options);
    if (!question)
        return question.error().kind == FailureKind::invalid_request ? usage_fault(setting, question.error().message)
                                                                     : report(setting, question.error());
    auto answer = client->call("POST", "/api/v1/explain", *question);
    if (!answer) return report(setting, answer.error());
    if (setting.json) {
        print(setting, answer->body + "\n");
        return exit_good;
    }
    json::Document document;
    if (auto status = document.parse(answer->body); !status) return report(setting, status.error());
    const auto root = document.root();
    print(setting, fmt::format("{}: {}\n{}\n", printable(root["model"].string()),
                               root["target"].is_string() ? "goes to " + printable(root["target"].string())
                                                          : paint(setting.console, Colour::red, "would be refused"),
                               printable(root["reason"].string())));
    Table table({{"CANDIDATE"}, {"DIALECT"}, {"REMOVED BY"}});
    for (auto candidate : root["candidates"].items())
        table.add({text_of(candidate["target"]), text_of(candidate["dialect"]), text_of(candidate["removed_by"])});
    if (table.size() != 0) print(setting, table.text(setting.console));
    return exit_good;
}

}  // namespace

void add_catalogue_verbs(CLI::App& app, Setting& setting) {
    CLI::App* callable = add_verb(app, "models", "List what can be called, and at which price", "gotthard models");
    add_client_options(*callable, setting);
    callable->callback([&setting] { setting.act([&setting] { return models(setting); }); });

    CLI::App* places = add_verb(app, "providers", "List the providers", "gotthard providers --json");
    add_client_options(*places, setting);
    places->callback([&setting] { setting.act([&setting] { return providers(setting); }); });

    CLI::App* state = add_verb(app, "status", "Show the state of the running gateway", "gotthard status");
    add_client_options(*state, setting);
    state->callback([&setting] {
        setting.act([&setting] {
            return show_answer(setting, "/api/v1/status", [&setting](json::Value root) { show_status(setting, root); });
        });
    });

    auto options = std::make_shared<ExplainOptions>();
    CLI::App* why = add_verb(app, "explain", "Show which way a request would take, without calling anything",
                             "gotthard explain --key ci --model fast");
    add_client_options(*why, setting);
    why->add_option("--key", options->key, "Id or name of the key that would ask")->type_name("ID");
    why->add_option("--model", options->model, "Model that would be asked for; default: the body's")->type_name("M");
    why->add_option("--endpoint", options->endpoint, "Path or dialect of the call")->type_name("E");
    why->add_option("--body", options->body_file, "File with the request's body")->type_name("F");
    why->callback([&setting, options] { setting.act([&setting, options] { return explain(setting, *options); }); });
}

}  // namespace gotthard::app
