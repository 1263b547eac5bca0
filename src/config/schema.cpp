// The JSON schema (draft 2020-12) of the configuration, from the table of keys. Any text may be env: or file:.
#include "base/json.hpp"
#include "base/text.hpp"
#include "config/keys.hpp"
#include "config/load.hpp"
#include "config/values.hpp"
#include "provider/provider.hpp"

namespace gotthard::config {
namespace {

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
        if (key.type == Type::choices) write_enumeration(writer, key);
        else writer.member("type", "string");
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
        case Type::boolean: writer.member("type", "boolean"); break;
        case Type::whole:
        case Type::threads:
            writer.member("type", "integer");
            if (range) writer.member("minimum", range->first).member("maximum", range->second);
            break;
        case Type::money: writer.member("type", "number").member("minimum", 0); break;
        case Type::duration: writer.member("type", "string").member("pattern", "^([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h|d|w))+$"); break;
        case Type::bytes: writer.key("type").begin_array().string("string").string("integer").end_array(); break;
        case Type::choice: write_enumeration(writer, key); break;
        default: writer.member("type", "string"); break;
    }
    writer.end_object();
    if (key.type == Type::threads) writer.begin_object().member("const", "auto").end_object();
    writer.raw(reference).end_array();
}

void write_models(json::Writer& writer) {
    writer.raw(R"("anyOf":[{"type":"string"},{"type":"object","additionalProperties":{"type":"string"}},)"
               R"({"type":"array","items":{"anyOf":[{"type":"string"},{"type":"object","additionalProperties":{"type":"string"}}]}}])");
}

void write_key(json::Writer& writer, const Key& key) {
    writer.begin_object().member("description", key.doc);
    if (!key.fallback.empty() && key.type != Type::choices) {
        if (key.type == Type::boolean) writer.member("default", key.fallback == "true");
        else if (key.type == Type::whole) writer.member("default", parse_integer<std::int64_t>(key.fallback).value_or(0));
        else writer.member("default", key.fallback);
    }
    switch (key.type) {
        case Type::object: write_properties(writer, &key); break;
        case Type::map:
            writer.member("type", "object").key("additionalProperties");
            write_key(writer, *find_key(child_path(key.path, "*")));
            break;
        case Type::list:
            writer.member("type", "array").key("items");
            write_key(writer, *find_key(child_path(key.path, "[]")));
            break;
        case Type::texts:
        case Type::choices: write_texts(writer, key); break;
        case Type::models: write_models(writer); break;
        case Type::account:
            writer.key("anyOf").begin_array().begin_object().member("type", "string").end_object().begin_object();
            write_properties(writer, &key);
            writer.end_object().end_array();
            break;
        default: write_scalar(writer, key); break;
    }
    writer.end_object();
}

}  // namespace

std::string schema() {
    std::string out;
    json::Writer writer(out);
    writer.begin_object()
        .member("$schema", "https://json-schema.org/draft/2020-12/schema")
        .member("title", "gotthard.yaml")
        .member_raw("$defs", R"({"reference":{"description":"The value of an environment variable or of a file.","type":"string","pattern":"^(env|file):.+"}})");
    write_properties(writer, nullptr);
    writer.end_object();
    return out;
}

}  // namespace gotthard::config
