// Completion scripts for shells, made from the same verbs that are parsed.
#pragma once

#include <string>
#include <vector>

namespace gotthard::app {

struct CompletionWord {
    std::string text;
    std::string description;
};

/// What may follow a verb: further verbs, names, options.
struct CompletionNode {
    std::string path;  ///< "", "keys", "keys create"
    std::vector<CompletionWord> words;
};

std::string bash_completion(const std::vector<CompletionNode>& nodes);
std::string zsh_completion(const std::vector<CompletionNode>& nodes);
std::string fish_completion(const std::vector<CompletionNode>& nodes);

}  // namespace gotthard::app
