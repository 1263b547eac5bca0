// What all verbs share: options, console, the way to the running gateway, and how results and failures are shown.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <CLI/App.hpp>

#include "app/cli/admin_client.hpp"
#include "app/cli/command_line.hpp"
#include "app/cli/console.hpp"
#include "base/json.hpp"
#include "config/load.hpp"

namespace gotthard::app {

/// One run of the command line. Lives until its action has been run.
struct Setting {
    const Console& console;
    const Programs& programs;
    const Clock& clock;
    ServeOptions serve;  ///< --config, --listen, --admin, --data
    std::string server;
    std::string token;
    bool json = false;
    std::function<int()> action;  ///< What the verb does; set while parsing, the innermost verb first.

    void act(std::function<int()> what) {
        if (!action) action = std::move(what);
    }
};

/// A verb with its description and an example for --help.
CLI::App* add_verb(CLI::App& parent, const std::string& name, const std::string& description, const std::string& example);
/// --json, and how to reach the gateway.
void add_client_options(CLI::App& verb, Setting& setting);
void add_json_option(CLI::App& verb, Setting& setting);

config::Surroundings surroundings_of(const Setting& setting);
/// --server, else the admin socket in the data directory (--data, $GOTTHARD_DATA, the configuration, its default).
Result<AdminClient> reach_gateway(const Setting& setting);

/// Prints what went wrong; the exit code.
int report(const Setting& setting, const Failure& failure);
int usage_fault(const Setting& setting, std::string_view message);
int not_available(const Setting& setting, std::string_view what);
void print(const Setting& setting, std::string_view text);
void say(const Setting& setting, std::string_view text);  ///< On standard error.

/// Rows of a list over as many pages as it takes: {"data":[...],"next_cursor":...} with at most `limit` rows. `path` may have a
/// query.
Result<std::string> collect_rows(AdminClient& client, std::string_view path, std::size_t limit);

/// GET `path` and give the answer's JSON to `show`, or print it as it is with --json.
int show_answer(Setting& setting, std::string_view path, const std::function<void(json::Value)>& show);

/// The id of the key that is called so; ids pass as they are. Of several keys of one name, the only one that is not revoked.
Result<std::string> find_key_id(AdminClient& client, const std::string& name_or_id);

/// A list of strings joined with ", ".
std::string join_strings(json::Value list);
/// A string member, or `otherwise` when it is null, missing or empty.
std::string text_of(json::Value value, std::string_view otherwise = "-");
/// A whole file of at most 16 MiB; nullopt when it cannot be read.
std::optional<std::string> read_file(const std::string& path);

// The verbs, by file.
void add_key_verbs(CLI::App& app, Setting& setting);
void add_request_verbs(CLI::App& app, Setting& setting);
void add_catalogue_verbs(CLI::App& app, Setting& setting);
void add_configuration_verbs(CLI::App& app, Setting& setting);
void add_connect_verb(CLI::App& app, Setting& setting);
void add_completion_verb(CLI::App& app, Setting& setting);

}  // namespace gotthard::app
