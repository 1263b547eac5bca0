// The table of keys, told to others: as JSON schema (draft 2020-12) for editors, and as docs/reference/configuration.md, which a
// test compares with this text. Any text in a configuration may be env: or file:, so every value in the schema may.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.hpp"
#include "base/text.hpp"
#include "config/keys.hpp"
#include "config/load.hpp"
#include "config/values.hpp"
#include "provider/provider.hpp"

namespace gotthard::config {
namespace {

// ---- the schema ----

constexpr std::string_view reference = R"({"$ref":"#/$defs/reference"})";

void write_key(json::Writer& writer, const Key& key);

void write_properties(json::Writer& writer, const Key* parent) {
    writer.member("type", "object").member("additionalProperties", false).key("properties").begin_object();
    for (const Key* child : children_of(parent)) {
        if (child->since == Since::later || last_step(child->path) == "*") continue;
        writer.key(last_step(child->path));
        write_key(writer, *child);
    }
    if (parent != nullptr && parent->path == "providers.*") {
        std::vector<std::string_view> names;
        for (const auto table : provider::tables())
            for (const provider::Row& row : table)
                for (const provider::Variable& variable : row.variables)
                    if (std::ranges::find(names, variable.name) == names.end()) names.push_back(variable.name);
        for (const std::string_view name : names) writer.key(name).begin_object().member("type", "string").end_object();
    }
    writer.end_object();
}

void write_enumeration(json::Writer& writer, const Key& key) {
    const auto later = choices_of(key.later_choices);
    writer.key("enum").begin_array();
    for (const std::string_view choice : choices_of(key.allowed))
        if (std::ranges::find(later, choice) == later.end()) writer.string(choice);
    writer.end_array();
}

void write_texts(json::Writer& writer, const Key& key) {
    const auto one = [&] {
        writer.begin_object();
        if (key.type == Type::choices)
            write_enumeration(writer, key);
        else
            writer.member("type", "string");
        writer.end_object();
    };
    writer.key("anyOf").begin_array();
    one();
    writer.begin_object().member("type", "array").key("items");
    one();
    writer.end_object().end_array();
}

void write_scalar(json::Writer& writer, const Key& key) {
    writer.key("anyOf").begin_array().begin_object();
    const auto range = parse_range(key.allowed);
    switch (key.type) {
        case Type::boolean:
            writer.member("type", "boolean");
            break;
        case Type::whole:
        case Type::threads:
            writer.member("type", "integer");
            if (range) writer.member("minimum", range->first).member("maximum", range->second);
            break;
        case Type::money:
            writer.member("type", "number").member("minimum", 0);
            break;
        case Type::duration:
            writer.member("type", "string").member("pattern", "^([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d|w))+$");
            break;
        case Type::bytes:
            writer.key("type").begin_array().string("string").string("integer").end_array();
            break;
        case Type::choice:
            write_enumeration(writer, key);
            break;
        default:
            writer.member("type", "string");
            break;
    }
    writer.end_object();
    if (key.type == Type::threads) writer.begin_object().member("const", "auto").end_object();
    writer.raw(reference).end_array();
}

void write_models(json::Writer& writer) {
    writer.raw(
        R"("anyOf":[{"type":"string"},{"type":"object","additionalProperties":{"type":"string"}},)"
        R"({"type":"array","items":{"anyOf":[{"type":"string"},{"type":"object","additionalProperties":{"type":"string"}}]}}])");
}

void write_key(json::Writer& writer, const Key& key) {
    writer.begin_object().member("description", key.doc);
    if (!key.fallback.empty() && key.type != Type::choices) {
        if (key.type == Type::boolean)
            writer.member("default", key.fallback == "true");
        else if (key.type == Type::whole)
            writer.member("default", parse_integer<std::int64_t>(key.fallback).value_or(0));
        else
            writer.member("default", key.fallback);
    }
    switch (key.type) {
        case Type::object:
            write_properties(writer, &key);
            break;
        case Type::map:
            writer.member("type", "object").key("additionalProperties");
            write_key(writer, *find_key(child_path(key.path, "*")));
            break;
        case Type::list:
            writer.member("type", "array").key("items");
            write_key(writer, *find_key(child_path(key.path, "[]")));
            break;
        case Type::texts:
        case Type::choices:
            write_texts(writer, key);
            break;
        case Type::models:
            write_models(writer);
            break;
        case Type::account:
            writer.key("anyOf").begin_array().begin_object().member("type", "string").end_object().begin_object();
            write_properties(writer, &key);
            writer.end_object().end_array();
            break;
        default:
            write_scalar(writer, key);
            break;
    }
    writer.end_object();
}

// ---- the reference page ----

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

std::string schema() {
    std::string out;
    json::Writer writer(out);
    writer.begin_object()
        .member("$schema", "https://json-schema.org/draft/2020-12/schema")
        .member("title", "gotthard.yaml")
        .member_raw(
            "$defs",
            R"({"reference":{"description":"The value of an environment variable or of a file.","type":"string","pattern":"^(env|file):.+"}})");
    write_properties(writer, nullptr);
    writer.end_object();
    return out;
}

std::string reference_markdown() {
    std::string out(head);
    out += "\n## Keys\n\n| key | type | default | what it does |\n|---|---|---|---|\n";
    std::string later;
    for (const Key* key : children_of(nullptr)) {
        if (key->since == Since::now) append_below(out, *key);
    }
    for (const Key& key : later_keys()) later += fmt::format("{}`{}`", later.empty() ? "" : ", ", key.path);
    out += model_names;
    out += fmt::format(
        "\n## Keys of later versions\n\nThese are known and refused with \"not available in this version\" unless they are "
        "empty: {}.\n",
        later);
    return out;
}

}  // namespace gotthard::config
