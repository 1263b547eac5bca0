// gotthard connect CLIENT [--model M] [--key K] [--base URL] [--write]
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include <fmt/format.h>

#include "app/cli/connect.hpp"
#include "app/cli/setting.hpp"
#include "base/text.hpp"
#include "net/byte_stream.hpp"

namespace gotthard::app {
namespace {

constexpr std::string_view default_base = "http://127.0.0.1:7300";

struct ConnectOptions {
    std::string client, model, key, base;
    bool write = false;
};

std::string known_clients() {
    std::string list;
    for (const auto& client : clients()) list += (list.empty() ? "" : ", ") + std::string(client.name);
    return list;
}

/// What was not said is asked of the running gateway; without one, placeholders stay.
void complete(const Setting& setting, ConnectSettings& settings) {
    if (!settings.base.empty() && !settings.model.empty()) return;
    auto gateway = reach_gateway(setting);
    auto status =
        gateway ? gateway->call("GET", "/api/v1/status") : Result<AdminAnswer>(fail(FailureKind::upstream_unavailable, ""));
    json::Document document;
    if (status && document.parse(status->body)) {
        if (settings.base.empty()) settings.base = document.root()["data_address"].string();
        auto models = settings.model.empty() ? gateway->call("GET", "/api/v1/models")
                                             : Result<AdminAnswer>(fail(FailureKind::not_found, ""));
        if (models && document.parse(models->body)) settings.model = document.root()["data"].at(0)["name"].string();
    } else {
        say(setting, "No gateway answers here, so its usual address is shown. See 'gotthard connect --help'.\n");
    }
    if (settings.base.empty()) settings.base = default_base;
}

/// The file's new content, through a file beside it: it may hold a key, so only the owner reads it.
Status write_settings(const std::string& path, std::string_view text) {
    std::error_code error;
    const auto folder = std::filesystem::path(path).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, error);
    const std::string fresh = path + ".new";
    net::Socket file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    const bool written = file && ::write(file.fd(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (written && rename(fresh.c_str(), path.c_str()) == 0) return {};
    auto failure = fail(FailureKind::internal, fmt::format("'{}' cannot be written: {}.", path, std::strerror(errno)));
    unlink(fresh.c_str());
    return failure;
}

int write_file(const Setting& setting, const Client& client, const ConnectSettings& settings) {
    if (client.kind == FileKind::none)
        return usage_fault(setting,
                           fmt::format("{} has no settings file that could be written; run it without --write.", client.title));
    if (settings.key.empty()) return usage_fault(setting, "--write needs --key: make one with 'gotthard keys create NAME'.");
    const std::string path(client.file);
    const bool exists = access(path.c_str(), F_OK) == 0;
    const auto old = read_file(path);
    if (exists && !old) return report(setting, Failure(FailureKind::internal, fmt::format("'{}' cannot be read.", path)));
    auto text = settings_file(client, settings, old.value_or(""));
    if (!text) return report(setting, text.error());
    if (auto written = write_settings(path, *text); !written) return report(setting, written.error());
    say(setting, fmt::format("Wrote {} ({}). It holds the key: keep it out of version control.\n", path, client.title));
    return exit_good;
}

int connect(const Setting& setting, const ConnectOptions& options) {
    const Client* client = find_client(options.client);
    if (client == nullptr)
        return usage_fault(setting,
                           fmt::format("'{}' is not a client that is known here. Known: {}.", options.client, known_clients()));
    if (!client->needs.empty()) return not_available(setting, fmt::format("{} ({} needs it)", client->needs, client->title));
    ConnectSettings settings{.base = options.base, .key = options.key, .model = options.model};
    while (settings.base.ends_with('/')) settings.base.pop_back();
    complete(setting, settings);
    const auto text = fill_template(client->text, settings);
    if (!text) return usage_fault(setting, text.error().message);
    if (options.write) return write_file(setting, *client, settings);
    if (setting.json) {
        std::string out;
        json::Writer(out)
            .begin_object()
            .member("client", client->name)
            .member("base", settings.base)
            .member("model", settings.model)
            .member("text", *text)
            .end_object();
        print(setting, out + "\n");
    } else {
        print(setting, *text);
    }
    if (settings.key.empty()) say(setting, "Put a key in place of sk-gw-YOUR-KEY: gotthard keys create NAME\n");
    return exit_good;
}

}  // namespace

void add_connect_verb(CLI::App& app, Setting& setting) {
    auto options = std::make_shared<ConnectOptions>();
    CLI::App* verb = add_verb(app, "connect", "Print, or write, the settings that point a client at the gateway",
                              "gotthard connect claude-code --model fast");
    add_client_options(*verb, setting);
    verb->add_option("CLIENT", options->client, known_clients())->required();
    verb->add_option("--model", options->model, "Model to use; default: the first that can be called")->type_name("M");
    verb->add_option("--key", options->key, "Key to put in; default: a placeholder")->type_name("K");
    verb->add_option("--base", options->base, "Address of the gateway as the client sees it")->type_name("URL");
    verb->add_flag("--write", options->write, "Write the client's settings file in this folder (needs --key)");
    verb->callback([&setting, options] { setting.act([&setting, options] { return connect(setting, *options); }); });
}

}  // namespace gotthard::app
