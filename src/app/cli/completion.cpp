#include "app/cli/completion.hpp"

#include <fmt/format.h>

#include "app/cli/connect.hpp"
#include "app/cli/setting.hpp"

namespace gotthard::app {
namespace {

constexpr std::string_view shells[] = {"bash", "zsh", "fish"};

/// `text` inside single quotes of a shell.
std::string shell_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

/// A case pattern for every verb that opens a path of its own: " keys"|"keys create".
std::string path_patterns(const std::vector<CompletionNode>& nodes) {
    std::string out;
    for (const auto& node : nodes) {
        if (node.path.empty()) continue;
        const auto space = node.path.rfind(' ');
        const auto pattern = space == std::string::npos ? " " + node.path : node.path;
        out += fmt::format("{}\"{}\"", out.empty() ? "" : "|", pattern);
    }
    return out;
}

void visit(const CLI::App& app, const std::string& path, std::vector<CompletionNode>& nodes) {
    CompletionNode node{path, {}};
    const auto verbs = app.get_subcommands([](const CLI::App* verb) { return !verb->get_group().empty(); });
    for (const auto* verb : verbs) node.words.push_back({verb->get_name(), verb->get_description()});
    if (path == "connect")
        for (const auto& client : clients())
            if (client.needs.empty()) node.words.push_back({std::string(client.name), std::string(client.title)});
    if (path == "completion")
        for (const auto shell : shells) node.words.push_back({std::string(shell), fmt::format("completion for {}", shell)});
    for (const auto* option : app.get_options())
        for (const auto& name : option->get_lnames()) node.words.push_back({"--" + name, option->get_description()});
    nodes.push_back(std::move(node));
    for (const auto* verb : verbs) visit(*verb, path.empty() ? verb->get_name() : path + " " + verb->get_name(), nodes);
}

}  // namespace

std::string bash_completion(const std::vector<CompletionNode>& nodes) {
    std::string out =
        "# bash completion for gotthard: source <(gotthard completion bash)\n_gotthard() {\n    local "
        "cur=${COMP_WORDS[COMP_CWORD]} at= word i\n";
    out += "    for ((i = 1; i < COMP_CWORD; i++)); do\n        word=${COMP_WORDS[i]}\n        case \"$at $word\" in\n";
    out += fmt::format("            {}) at=\"${{at:+$at }}$word\" ;;\n        esac\n    done\n    case \"$at\" in\n",
                       path_patterns(nodes));
    for (const auto& node : nodes) {
        std::string words;
        for (const auto& word : node.words) words += (words.empty() ? "" : " ") + word.text;
        out += fmt::format("        \"{}\") COMPREPLY=($(compgen -W {} -- \"$cur\")) ;;\n", node.path, shell_quoted(words));
    }
    return out + "    esac\n}\ncomplete -o default -F _gotthard gotthard\n";
}

std::string zsh_completion(const std::vector<CompletionNode>& nodes) {
    std::string out =
        "#compdef gotthard\n# zsh completion for gotthard: put it into a folder of $fpath as _gotthard\n_gotthard() {\n    local "
        "at= word\n    local -a choices\n";
    out += "    for word in \"${(@)words[2,CURRENT-1]}\"; do\n        case \"$at $word\" in\n";
    out += fmt::format("            {}) at=\"${{at:+$at }}$word\" ;;\n        esac\n    done\n    case \"$at\" in\n",
                       path_patterns(nodes));
    for (const auto& node : nodes) {
        out += fmt::format("        \"{}\") choices=(", node.path);
        for (const auto& word : node.words) {
            std::string description;
            for (const char c : word.description) description += c == ':' ? std::string("\\:") : std::string(1, c);
            out += "\n            " + shell_quoted(fmt::format("{}:{}", word.text, description));
        }
        out += ") ;;\n";
    }
    return out +
           "    esac\n    _describe gotthard choices || _files\n}\nif [ \"$funcstack[1]\" = _gotthard ]; then _gotthard \"$@\"; "
           "else compdef _gotthard gotthard; fi\n";
}

std::string fish_completion(const std::vector<CompletionNode>& nodes) {
    std::string out = "# fish completion for gotthard: gotthard completion fish > ~/.config/fish/completions/gotthard.fish\n";
    out +=
        "function __gotthard_at\n    set -l at\n    for word in (commandline -opc)[2..-1]\n        switch \"$at $word\"\n        "
        "    case ";
    for (const auto& node : nodes) {
        if (node.path.empty()) continue;
        out += shell_quoted(node.path.find(' ') == std::string::npos ? " " + node.path : node.path) + " ";
    }
    out += "\n                set at (string trim \"$at $word\")\n        end\n    end\n    test \"$at\" = \"$argv[1]\"\nend\n";
    for (const auto& node : nodes)
        for (const auto& word : node.words) {
            const bool option = word.text.starts_with("--");
            out += fmt::format("complete -c gotthard -n {} {} {} -d {}\n",
                               shell_quoted(fmt::format("__gotthard_at {}", shell_quoted(node.path))), option ? "-l" : "-f -a",
                               option ? word.text.substr(2) : word.text, shell_quoted(word.description));
        }
    return out;
}

void add_completion_verb(CLI::App& app, Setting& setting) {
    auto shell = std::make_shared<std::string>();
    CLI::App* verb = add_verb(app, "completion", "Print the completion script of a shell", "source <(gotthard completion bash)");
    verb->add_option("SHELL", *shell, "bash, zsh or fish")->required();
    verb->callback([&setting, &app, shell] {
        setting.act([&setting, &app, shell] {
            std::vector<CompletionNode> nodes;
            visit(app, "", nodes);
            if (*shell == "bash")
                print(setting, bash_completion(nodes));
            else if (*shell == "zsh")
                print(setting, zsh_completion(nodes));
            else if (*shell == "fish")
                print(setting, fish_completion(nodes));
            else
                return usage_fault(setting, fmt::format("'{}' is not a shell that is known here: bash, zsh or fish.", *shell));
            return static_cast<int>(exit_good);
        });
    });
}

}  // namespace gotthard::app
