#include "app/cli/command_line.hpp"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/cli/setting.hpp"
#include "app/version.hpp"
#include "base/text.hpp"

namespace gotthard::app {
namespace {

/// Verbs that later versions have; they say so instead of being unknown.
struct LaterVerb {
    const char* name;
    std::string_view what;
};
constexpr LaterVerb later_verbs[] = {
    {"teams", "The administration of teams"},
    {"users", "The administration of users"},
    {"projects", "The administration of projects"},
    {"orgs", "The administration of organisations"},
    {"targets", "The health of targets"},
    {"prices", "The administration of prices"},
    {"limits", "The administration of limits"},
    {"import", "Importing another gateway's configuration"},
    {"sql", "SQL over the records"},
    {"bench", "The built-in benchmark"},
};

void add_serve_options(CLI::App& app, Setting& setting) {
    app.add_option("--config", setting.serve.config,
                   "Configuration; default: $GOTTHARD_CONFIG, ./gotthard.yaml, /etc/gotthard/gotthard.yaml")
        ->type_name("F");
    app.add_option("--listen", setting.serve.listen, "Address for clients, over the configuration's")->type_name("A");
    app.add_option("--admin", setting.serve.admin, "Address of the admin API, over the configuration's")->type_name("A");
    app.add_option("--data", setting.serve.data, "Data directory, over the configuration's")->type_name("DIR");
}

void add_verbs(CLI::App& app, Setting& setting) {
    CLI::App* serve = add_verb(app, "serve", "Run the gateway in the foreground (the default)",
                               "gotthard serve --config gotthard.yaml --listen 127.0.0.1:7300");
    add_serve_options(*serve, setting);
    serve->callback([&setting] { setting.act([&setting] { return setting.programs.serve(setting.serve); }); });
    add_configuration_verbs(app, setting);
    add_key_verbs(app, setting);
    add_catalogue_verbs(app, setting);
    add_request_verbs(app, setting);
    add_connect_verb(app, setting);
    add_completion_verb(app, setting);
}

/// The first argument, when it is meant as a verb and is none.
std::string unknown_verb(const std::vector<std::string>& arguments, const CLI::App& app) {
    if (arguments.empty() || arguments.front().starts_with('-')) return {};
    for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; }))
        if (verb->get_name() == arguments.front()) return {};
    return arguments.front();
}

int refuse_verb(const Setting& setting, const CLI::App& app, const std::string& name) {
    std::vector<std::string> known;
    for (const auto* verb : app.get_subcommands([](const CLI::App*) { return true; })) known.push_back(verb->get_name());
    const auto closest = closest_names(name, known, 1);
    return usage_fault(setting, closest.empty()
                                    ? fmt::format("There is no verb '{}'.", name)
                                    : fmt::format("There is no verb '{}'; did you mean '{}'?", name, closest.front()));
}

/// Help is data, a fault is not; both are CLI11's words.
int finish_parse(const Setting& setting, const CLI::App& app, const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream complaint;
    const int code = app.exit(error, out, complaint);
    if (!out.str().empty()) print(setting, out.str());
    if (code == 0) return exit_good;
    std::string text(trim(complaint.str()));
    text = text.substr(0, text.find('\n'));
    say(setting, fmt::format("gotthard: {}\nSee 'gotthard --help', or --help behind the verb.\n", printable(text)));
    return exit_usage;
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, const Console& console, const Programs& programs,
                     const Clock& clock) {
    Setting setting{.console = console,
                    .programs = programs,
                    .clock = clock,
                    .serve = {},
                    .server = {},
                    .token = {},
                    .json = false,
                    .action = {}};
    CLI::App app("gotthard: one gateway between your programs and language models", "gotthard");
    app.set_help_flag("-h,--help", "Show this help");
    app.set_version_flag("--version", fmt::format("gotthard {}", version));
    app.footer("Without a verb: serve. Help on a verb: gotthard VERB --help.\nExample:\n  gotthard serve --config gotthard.yaml");
    app.require_subcommand(0, 1);
    add_serve_options(app, setting);
    add_verbs(app, setting);
    for (const auto& later : later_verbs)
        if (!arguments.empty() && arguments.front() == later.name) return not_available(setting, later.what);
    if (const auto name = unknown_verb(arguments, app); !name.empty()) return refuse_verb(setting, app, name);
    try {
        app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    } catch (const CLI::ParseError& error) { return finish_parse(setting, app, error); }
    if (!setting.action) return programs.serve(setting.serve);
    return setting.action();
}

}  // namespace gotthard::app
