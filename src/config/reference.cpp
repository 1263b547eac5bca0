// docs/reference/configuration.md, from the table of keys; a test compares the committed page with this text.
#include <fmt/format.h>

#include "config/keys.hpp"
#include "config/load.hpp"

namespace gotthard::config {
namespace {

constexpr std::string_view head = R"(# Configuration

This page is made from the table of keys (`src/config/keys_*.cpp`); a test keeps the two equal.

One YAML file, `gotthard.yaml`. It is looked for in this order: `--config`, `$GOTTHARD_CONFIG`, `./gotthard.yaml`,
`/etc/gotthard/gotthard.yaml`. Without any, the defaults hold and `discover` is on. `gotthard check` shows every fault with line,
column and remedy; `gotthard init` writes a first file; `gotthard schema` prints the JSON schema.

- Any value may be written as `env:NAME` (an environment variable) or `file:/path` (the content of a file, blanks at both ends cut
  off). A secret in plain text works and is warned about.
- Unknown keys are errors. So are keys of later versions: nothing is ignored.
- Durations: `250ms`, `2s`, `1h30m`, `30d`. Sizes: `64KiB`, `32MiB`, `10MB`.
- `*` stands for any name, `[]` for any item of a list.
)";

constexpr std::string_view model_names = R"(
## Names of models

In this order: a name under `models`; `provider/model`, where the model part may hold further slashes, colons and at signs; a bare
name that exactly one provider is known to serve (it lists it, or names it under `providers.*.models`). Anything else is answered
with 404 and the three closest names that the key may use.
)";

std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

std::string type_cell(const Key& key) {
    std::string out(to_string(key.type));
    if (key.allowed.empty() || key.allowed == "zero") return out;
    if (key.type == Type::choice || key.type == Type::choices) {
        bool first = true;
        const auto later = choices_of(key.later_choices);
        for (const std::string_view choice : choices_of(key.allowed)) {
            if (std::ranges::find(later, choice) != later.end()) continue;
            out += fmt::format("{}`{}`", first ? " " : ", ", choice);
            first = false;
        }
        return out;
    }
    return fmt::format("{}: {}", out, key.allowed);
}

std::string fallback_cell(const Key& key) {
    if (key.fallback.empty()) return "";
    std::string out;
    for (const std::string_view choice : choices_of(key.fallback)) out += fmt::format("{}`{}`", out.empty() ? "" : ", ", choice);
    return out;
}

void append_row(std::string& out, const Key& key) {
    std::string doc(key.doc);
    if (!key.like.empty()) doc += fmt::format(" Keys as under `{}`.", key.like);
    out += fmt::format("| `{}` | {} | {} | {} |\n", key.path, cell(type_cell(key)), fallback_cell(key), cell(doc));
}

void append_below(std::string& out, const Key& key) {
    append_row(out, key);
    if (!key.like.empty()) return;
    for (const Key* child : children_of(&key))
        if (child->since == Since::now) append_below(out, *child);
}

}  // namespace

std::string reference_markdown() {
    std::string out(head);
    out += "\n## Keys\n\n| key | type | default | what it does |\n|---|---|---|---|\n";
    std::string later;
    for (const Key* key : children_of(nullptr)) {
        if (key->since == Since::now) append_below(out, *key);
    }
    for (const Key& key : later_keys()) later += fmt::format("{}`{}`", later.empty() ? "" : ", ", key.path);
    out += model_names;
    out += fmt::format("\n## Keys of later versions\n\nThese are known and refused with \"not available in this version\" unless they are empty: {}.\n", later);
    return out;
}

}  // namespace gotthard::config
