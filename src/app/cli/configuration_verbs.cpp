// gotthard check | init | schema | version: what needs no running gateway.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "app/cli/setting.hpp"
#include "app/version.hpp"
#include "net/byte_stream.hpp"

namespace gotthard::app {
namespace {

int check(const Setting& setting, const std::string& asked) {
    const auto surroundings = surroundings_of(setting);
    std::optional<std::string> wanted = setting.serve.config;
    if (!asked.empty()) wanted = asked;
    const auto file = config::find_file(wanted, surroundings.environment);
    const auto loaded = config::load(file, surroundings);
    if (setting.json) {
        print(setting, config::render_json(loaded.faults) + "\n");
    } else {
        print(setting, config::render_text(loaded.faults, setting.console.colour));
        if (loaded.ok() && !file)
            say(setting, "There is no configuration file; defaults and what the environment offers are in force.\n");
    }
    return loaded.ok() ? exit_good : exit_configuration;
}

struct InitOptions {
    std::string output = "gotthard.yaml";
    bool force = false;
};

/// Writes a new file; an existing one only with `force`.
Status write_new_file(const std::string& path, std::string_view text, bool force) {
    const int exclusive = force ? O_TRUNC : O_EXCL;
    net::Socket file(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | exclusive, 0644));
    if (!file) {
        if (errno == EEXIST)
            return fail(FailureKind::invalid_request,
                        fmt::format("'{}' exists already; it is left as it is. Use --force to replace it, or --output F.", path));
        return fail(FailureKind::internal, fmt::format("'{}' cannot be written: {}.", path, std::strerror(errno)));
    }
    while (!text.empty()) {
        const auto written = ::write(file.fd(), text.data(), text.size());
        if (written < 0)
            return fail(FailureKind::internal, fmt::format("'{}' cannot be written: {}.", path, std::strerror(errno)));
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

int init(const Setting& setting, const InitOptions& options) {
    auto surroundings = surroundings_of(setting);
    surroundings.engines = setting.programs.find_engines();
    const auto text = config::initial_file(surroundings);
    if (options.output == "-") {
        print(setting, text);
        return exit_good;
    }
    if (auto written = write_new_file(options.output, text, options.force); !written) return report(setting, written.error());
    say(setting, fmt::format("Wrote {}. Check it with 'gotthard check {}', start with 'gotthard serve'.\n", options.output,
                             options.output));
    return exit_good;
}

int show_version(const Setting& setting) {
    if (setting.json)
        print(setting, fmt::format("{{\"version\":\"{}\"}}\n", version));
    else
        print(setting, fmt::format("gotthard {}\n", version));
    return exit_good;
}

}  // namespace

void add_configuration_verbs(CLI::App& app, Setting& setting) {
    auto file = std::make_shared<std::string>();
    CLI::App* verify = add_verb(app, "check", "Check a configuration: every fault with its place and its remedy",
                                "gotthard check gotthard.yaml");
    add_json_option(*verify, setting);
    verify->add_option("F", *file, "Configuration; default: the one that serve would use");
    verify->add_option("--config", setting.serve.config, "The same as F")->type_name("F");
    verify->callback([&setting, file] { setting.act([&setting, file] { return check(setting, *file); }); });

    auto options = std::make_shared<InitOptions>();
    CLI::App* start =
        add_verb(app, "init", "Write a commented gotthard.yaml from what is found here", "gotthard init --output gotthard.yaml");
    start->add_option("-o,--output", options->output, "Where to; - for standard output")->type_name("F")->capture_default_str();
    start->add_flag("--force", options->force, "Replace a file that exists");
    start->callback([&setting, options] { setting.act([&setting, options] { return init(setting, *options); }); });

    CLI::App* schema =
        add_verb(app, "schema", "Print the JSON schema of the configuration", "gotthard schema > gotthard.schema.json");
    schema->callback([&setting] {
        setting.act([&setting] {
            print(setting, config::schema() + "\n");
            return static_cast<int>(exit_good);
        });
    });

    CLI::App* about = add_verb(app, "version", "Print the version", "gotthard version --json");
    add_json_option(*about, setting);
    about->callback([&setting] { setting.act([&setting] { return show_version(setting); }); });
}

}  // namespace gotthard::app
