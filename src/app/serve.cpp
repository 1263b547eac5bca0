#include "app/serve.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "app/version.hpp"
#include "app/wiring.hpp"

namespace gotthard::app {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_bad_configuration = 78;  // sysexits EX_CONFIG

/// As many descriptors as the system lets us have: connections are cheap, running out of them is not.
void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

sigset_t blocked_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
    return signals;
}

std::optional<std::string> environment_variable(std::string_view name) {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

/// What a person who has just typed `gotthard` needs: where to point a client, with which key, and a command to try.
void print_banner(Wiring& wiring) {
    const auto snapshot = wiring.snapshot();
    const auto models = route::callable_models(*snapshot, *wiring.known_models());
    const std::string& url = wiring.data_url();
    std::string out = fmt::format("\nGotthard {}\n\n  OpenAI base URL     {}/v1\n  Anthropic base URL  {}\n  Admin API           {}/api/v1\n  Data                {}\n", version, url, url, wiring.admin_url(),
                                  snapshot->data_directory);
    if (!snapshot->file.empty()) out += fmt::format("  Configuration       {}\n", snapshot->file);
    const auto& first = wiring.first_run();
    const std::string key = first.client_key.empty() ? "YOUR_KEY" : std::string(first.client_key.reveal());
    if (!first.client_key.empty()) out += fmt::format("\n  First key           {}\n", first.client_key.reveal());
    if (!first.admin_token.empty()) out += fmt::format("  Admin token         {}\n  (shown once; also in {}/first-run.txt)\n", first.admin_token.reveal(), snapshot->data_directory);
    if (first.client_key.empty() && snapshot->require_keys) out += "\n  Keys are made with  gotthard keys create NAME\n";
    if (!snapshot->require_keys) out += "\n  Keys are off (auth: off): whoever reaches this port may use it.\n";
    out += "\n  Models\n";
    std::size_t shown = 0;
    for (const auto& model : models) {
        if (++shown > 12) {
            out += fmt::format("    ... and {} more: gotthard models\n", models.size() - 12);
            break;
        }
        out += fmt::format("    {}\n", model.name);
    }
    if (models.empty()) out += "    none yet: set a provider's key (OPENAI_API_KEY, ANTHROPIC_API_KEY, ...), start a local engine, or write gotthard.yaml (gotthard init)\n";
    if (!models.empty()) {
        const auto auth = snapshot->require_keys ? fmt::format(" -H 'Authorization: Bearer {}'", key) : std::string();
        out += fmt::format("\n  Try\n    curl {}/v1/chat/completions{} -H 'Content-Type: application/json' \\\n      -d '{{\"model\":\"{}\",\"messages\":[{{\"role\":\"user\",\"content\":\"Say hello.\"}}]}}'\n", url, auth,
                           models.front().name);
    }
    out += "\n";
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fflush(stdout);
}

}  // namespace

int run_serve(const ServeOptions& options) {
    raise_descriptor_limit();
    signal(SIGPIPE, SIG_IGN);
    const sigset_t signals = blocked_signals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread is made: they all inherit it

    config::Surroundings around;
    around.environment = environment_variable;
    around.superuser = geteuid() == 0;
    const auto file = config::find_file(options.config, environment_variable);
    auto loaded = config::load(file, around, {.listen = options.listen, .admin = options.admin, .data = options.data});
    if (!loaded.faults.empty()) std::fputs(config::render_text(loaded.faults, isatty(STDERR_FILENO) != 0).c_str(), stderr);
    if (!loaded.ok()) return exit_bad_configuration;

    auto made = Wiring::make(options, std::move(loaded), file);
    if (!made) {
        std::fputs(fmt::format("gotthard: {}\n", made.error().message).c_str(), stderr);
        return exit_failed;
    }
    Wiring& wiring = **made;
    if (auto started = wiring.start(); !started) {
        std::fputs(fmt::format("gotthard: {}\n", started.error().message).c_str(), stderr);
        return exit_failed;
    }
    wiring.log().event(telemetry::Level::info, "started", "serving", {{"data", wiring.data_url()}, {"admin", wiring.admin_url()}, {"version", version}});
    if (const auto notice = wiring.store_notice(); !notice.empty()) std::fputs(fmt::format("gotthard: {}\n", notice).c_str(), stderr);
    if (const auto& problem = wiring.first_run().file_problem; !problem.empty()) std::fputs(fmt::format("gotthard: {}\n", problem).c_str(), stderr);
    if (isatty(STDOUT_FILENO) != 0 || environment_variable("GOTTHARD_BANNER")) {
        wiring.discovery().wait_for_first(std::chrono::milliseconds(500));
        print_banner(wiring);
    }
    while (true) {
        int number = 0;
        if (sigwait(&signals, &number) != 0) continue;
        if (number != SIGHUP) break;
        const auto faults = wiring.reload("signal");
        if (!faults.empty()) std::fputs(config::render_text(faults, false).c_str(), stderr);
    }
    wiring.log().event(telemetry::Level::info, "stopping", "no new connections; streams may finish");
    wiring.stop([] {
        sigset_t pending;
        sigpending(&pending);
        return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
    });
    return 0;
}

}  // namespace gotthard::app
