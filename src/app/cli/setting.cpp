#include "app/cli/setting.hpp"

#include <unistd.h>

#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "base/text.hpp"

namespace gotthard::app {
namespace {

/// The data directory that the running gateway uses, as far as can be told from here.
Result<std::string> find_data_directory(const Setting& setting) {
    if (setting.serve.data && !setting.serve.data->empty()) return *setting.serve.data;
    if (auto data = setting.console.environment("GOTTHARD_DATA"); data && !data->empty()) return *std::move(data);
    const auto surroundings = surroundings_of(setting);
    const auto file = config::find_file(setting.serve.config, surroundings.environment);
    const auto loaded = config::load(file, surroundings);
    if (loaded.ok()) return loaded.snapshot->data_directory;
    return fail(FailureKind::invalid_request, fmt::format("The configuration '{}' has errors, so the data directory is not "
                                                          "known. See 'gotthard check', or say --data DIR or --server URL.",
                                                          file.value_or("(none)")));
}

}  // namespace

CLI::App* add_verb(CLI::App& parent, const std::string& name, const std::string& description, const std::string& example) {
    CLI::App* verb = parent.add_subcommand(name, description);
    verb->footer("Example:\n  " + example);
    verb->set_help_flag("-h,--help", "Show this help");
    return verb;
}

void add_json_option(CLI::App& verb, Setting& setting) { verb.add_flag("--json", setting.json, "Print JSON"); }

void add_client_options(CLI::App& verb, Setting& setting) {
    add_json_option(verb, setting);
    verb.add_option("--server", setting.server, "URL of an admin listener; default: the admin socket")->type_name("URL");
    verb.add_option("--token", setting.token, "Administrator token for --server; default: $GOTTHARD_ADMIN_TOKEN")->type_name("T");
    verb.add_option("--data", setting.serve.data, "Data directory that holds the admin socket")->type_name("DIR");
    verb.add_option("--config", setting.serve.config, "Configuration that names the data directory")->type_name("F");
}

config::Surroundings surroundings_of(const Setting& setting) {
    config::Surroundings surroundings;
    surroundings.environment = [&setting](std::string_view name) {
        return setting.console.environment(std::string(name).c_str());
    };
    surroundings.superuser = geteuid() == 0;
    return surroundings;
}

Result<AdminClient> reach_gateway(const Setting& setting) {
    if (!setting.server.empty()) {
        std::string token =
            setting.token.empty() ? setting.console.environment("GOTTHARD_ADMIN_TOKEN").value_or("") : setting.token;
        auto address = ServerAddress::parse_url(setting.server, Secret(std::move(token)));
        if (!address) return std::unexpected(std::move(address.error()));
        if (!address->tls && address->host != "localhost" && !address->host.starts_with("127.") && address->host != "::1")
            say(setting, "warning: the token travels unencrypted; use https:// where the admin listener has TLS\n");
        return AdminClient(*std::move(address));
    }
    auto data = find_data_directory(setting);
    if (!data) return std::unexpected(std::move(data.error()));
    ServerAddress address;
    address.socket_path = *data + "/admin.sock";
    return AdminClient(std::move(address));
}

int report(const Setting& setting, const Failure& failure) {
    std::string text = "gotthard: " + printable(failure.message);
    if (!failure.param.empty() && text.find(failure.param) == std::string::npos)
        text += fmt::format(" ({})", printable(failure.param));
    say(setting, text + "\n");
    return exit_failed;
}

int usage_fault(const Setting& setting, std::string_view message) {
    say(setting, fmt::format("gotthard: {}\nSee 'gotthard --help'.\n", printable(message)));
    return exit_usage;
}

int not_available(const Setting& setting, std::string_view what) {
    say(setting, fmt::format("gotthard: {} is not available in this version.\n", what));
    return exit_usage;
}

void print(const Setting& setting, std::string_view text) { setting.console.out(text); }
void say(const Setting& setting, std::string_view text) { setting.console.error(text); }

Result<std::string> collect_rows(AdminClient& client, std::string_view path, std::size_t limit) {
    std::string rows;
    std::string cursor;
    std::size_t count = 0;
    const char separator = path.find('?') == std::string_view::npos ? '?' : '&';
    do {
        auto page_path = fmt::format("{}{}limit={}", path, separator, std::min<std::size_t>(limit - count, 500));
        if (!cursor.empty()) page_path += "&cursor=" + percent_encode(cursor);
        auto answer = client.call("GET", page_path);
        if (!answer) return std::unexpected(std::move(answer.error()));
        json::Document document;
        if (auto status = document.parse(answer->body); !status) return std::unexpected(std::move(status.error()));
        for (auto row : document.root()["data"].items()) {
            rows.append(rows.empty() ? "" : ",").append(row.raw());
            ++count;
        }
        cursor = document.root()["next_cursor"].string();
    } while (!cursor.empty() && count < limit);
    return fmt::format("{{\"data\":[{}],\"next_cursor\":{}}}", rows, cursor.empty() ? "null" : json::quoted(cursor));
}

int show_answer(Setting& setting, std::string_view path, const std::function<void(json::Value)>& show) {
    auto client = reach_gateway(setting);
    if (!client) return report(setting, client.error());
    auto answer = client->call("GET", path);
    if (!answer) return report(setting, answer.error());
    if (setting.json) {
        print(setting, answer->body + "\n");
        return exit_good;
    }
    json::Document document;
    if (auto status = document.parse(answer->body); !status) return report(setting, status.error());
    show(document.root());
    return exit_good;
}

std::string join_strings(json::Value list) {
    std::string out;
    for (auto item : list.items()) out += (out.empty() ? "" : ", ") + item.string();
    return out;
}

std::string text_of(json::Value value, std::string_view otherwise) {
    if (value.is_string()) {
        auto text = value.string();
        return text.empty() ? std::string(otherwise) : text;
    }
    if (value.is_number() || value.is_boolean()) return std::string(value.raw());
    return std::string(otherwise);
}

std::optional<std::string> read_file(const std::string& path) {
    constexpr std::size_t most = 16u << 20;
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::nullopt;
    std::string text(std::istreambuf_iterator<char>(file), {});
    if (file.bad() || text.size() > most) return std::nullopt;
    return text;
}

}  // namespace gotthard::app
