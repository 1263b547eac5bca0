#include "dialect/anthropic/json_schema.hpp"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/text.hpp"
#include "dialect/common.hpp"

namespace gotthard::dialect {
namespace {

using json::Document;
using json::Value;

constexpr std::string_view empty_object = R"({"type":"object","properties":{}})";
constexpr std::string_view foreign_keywords[] = {"$schema", "$id", "strict"};
constexpr std::size_t largest_schema = 1 << 20;
constexpr int deepest = 64;

/// The value that "#/a/b" names inside `root`; missing when it names nothing, or another document.
Value resolve(Value root, std::string_view reference) {
    if (!reference.starts_with('#')) return {};
    reference.remove_prefix(1);
    Value at = root;
    while (!reference.empty() && at) {
        if (reference.front() != '/') return {};
        reference.remove_prefix(1);
        const auto end = std::min(reference.find('/'), reference.size());
        std::string step = percent_decode(reference.substr(0, end));
        for (const auto& [from, to] : {std::pair{std::string_view("~1"), '/'}, std::pair{std::string_view("~0"), '~'}})
            for (auto found = step.find(from); found != std::string::npos; found = step.find(from, found + 1)) step.replace(found, 2, 1, to);
        if (at.is_array()) {
            const auto index = parse_integer<std::size_t>(step);
            at = index ? at.at(*index) : Value{};
        } else {
            at = at[step];
        }
        reference.remove_prefix(end);
    }
    return at;
}

bool any_of(Value name, std::span<const std::string_view> list) {
    return std::ranges::any_of(list, [&](std::string_view each) { return name.equals(each); });
}

// ---- A tool's input_schema --------------------------------------------------------------------------------------------

constexpr std::string_view unions[] = {"anyOf", "oneOf", "allOf"};

/// The properties and requirements of a top that is spread over references and unions, gathered into one object.
class Gathered {
public:
    explicit Gathered(Value root) : root_(root) {}
    void add(Value schema, bool keep_required, int depth);
    void write(std::string& out, Value top) const;

private:
    Value root_;
    std::vector<std::pair<std::string, Value>> properties_;
    std::vector<std::string> required_;
};

void Gathered::add(Value schema, bool keep_required, int depth) {
    if (depth > 8 || !schema.is_object()) return;
    if (const auto reference = schema["$ref"]; reference.is_string()) add(resolve(root_, reference.string()), keep_required, depth + 1);
    for (const auto& member : schema["properties"].members()) {
        auto name = member.name.string();
        if (std::ranges::find(properties_, name, &std::pair<std::string, Value>::first) == properties_.end()) properties_.emplace_back(std::move(name), member.value);
    }
    if (keep_required)
        for (Value each : schema["required"].items())
            if (auto name = each.string(); std::ranges::find(required_, name) == required_.end()) required_.push_back(std::move(name));
    for (Value each : schema["allOf"].items()) add(each, keep_required, depth + 1);
    // What only one alternative requires is not required of all.
    for (std::string_view choice : {"anyOf", "oneOf"})
        for (Value each : schema[choice].items()) add(each, false, depth + 1);
}

void Gathered::write(std::string& out, Value top) const {
    json::Writer w(out);
    w.begin_object().member("type", "object");
    if (top["description"].is_string()) w.member_raw("description", top["description"].raw());
    w.key("properties").begin_object();
    for (const auto& [name, schema] : properties_) {
        std::string cleaned;
        append_schema_without(cleaned, schema, foreign_keywords);
        w.member_raw(name, cleaned);
    }
    w.end_object();
    if (!required_.empty()) {
        w.key("required").begin_array();
        for (const auto& name : required_) w.string(name);
        w.end_array();
    }
    for (std::string_view definitions : {"$defs", "definitions"})
        if (top[definitions].is_object()) {
            std::string cleaned;
            append_schema_without(cleaned, top[definitions], {});
            w.member_raw(definitions, cleaned);
        }
    w.end_object();
}

}  // namespace

void append_input_schema(std::string& out, std::string_view schema) {
    thread_local Document document;
    if (schema.empty() || !document.parse(schema, {.lone_surrogates = true}) || !document.root().is_object()) {
        out += empty_object;
        return;
    }
    const auto root = document.root();
    const bool spread = root["$ref"] || std::ranges::any_of(unions, [&](std::string_view each) { return root[each].is_array(); });
    if (spread) {
        Gathered gathered(root);
        gathered.add(root, true, 0);
        gathered.write(out, root);
        return;
    }
    std::string cleaned;
    append_schema_without(cleaned, root, foreign_keywords);
    if (root["type"].equals("object")) {
        out += cleaned;
        return;
    }
    static constexpr std::string_view type[] = {"type"};
    cleaned.clear();
    std::string untyped;
    append_schema_without(untyped, root, foreign_keywords);
    Document again;
    if (!again.parse(untyped, {.lone_surrogates = true})) {
        out += empty_object;
        return;
    }
    // Only the top's own `type` goes: properties keep theirs.
    out += R"({"type":"object")";
    for (const auto& member : again.root().members()) {
        if (any_of(member.name, type)) continue;
        out += ',';
        out += member.name.raw();
        out += ':';
        out += member.value.raw();
    }
    if (!root["properties"].is_object()) out += R"(,"properties":{})";
    out += '}';
}

// ---- The subset of structured outputs ----------------------------------------------------------------------------------

namespace {

constexpr std::string_view kept_keywords[] = {"type", "enum", "const", "default", "title"};
constexpr std::string_view dropped_keywords[] = {"$schema", "$id", "$defs", "definitions", "strict", "description", "additionalProperties", "$ref", "$comment", "properties", "required", "items", "anyOf", "oneOf", "allOf"};
constexpr std::string_view known_formats[] = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"};

class Strict {
public:
    explicit Strict(Value root) : root_(root) {}
    bool write(Value schema, std::string& out, int depth);

private:
    bool write_object(Value schema, std::string& out, int depth);
    bool write_list(std::string_view name, Value list, json::Writer& w, int depth);
    bool write_reference(Value schema, std::string& out, int depth);
    bool write_many_types(Value schema, std::string& out, int depth);
    void tell(Value name, Value value, std::string& told);

    Value root_;
    std::vector<std::uint32_t> open_;  // where the references being inlined begin: one that comes back is recursive
};

bool Strict::write(Value schema, std::string& out, int depth) {
    if (depth > deepest || out.size() > largest_schema) return false;
    if (!schema.is_object()) {
        json::append_minified(out, schema);
        return true;
    }
    if (schema["$ref"].is_string()) return write_reference(schema, out, depth);
    if (schema["type"].is_array()) return write_many_types(schema, out, depth);
    return write_object(schema, out, depth);
}

bool Strict::write_reference(Value schema, std::string& out, int depth) {
    const Value target = resolve(root_, schema["$ref"].string());
    if (!target || std::ranges::find(open_, target.begin()) != open_.end()) return false;
    open_.push_back(target.begin());
    const auto from = out.size();
    if (!write(target, out, depth + 1)) return false;
    open_.pop_back();
    // A description beside the reference says more than the one of its target.
    const auto description = schema["description"];
    if (!description.is_string() || out.size() < from + 2 || out[from] != '{') return true;
    Document inlined;
    const std::string written = out.substr(from);
    if (!inlined.parse(written, {.lone_surrogates = true})) return false;
    out.resize(from);
    json::Writer w(out);
    w.begin_object();
    for (const auto& member : inlined.root().members())
        if (!member.is("description")) w.key(member.name.string()).raw(member.value.raw());
    w.member_raw("description", description.raw()).end_object();
    return true;
}

/// type: ["string","null"] as anyOf of one schema each.
bool Strict::write_many_types(Value schema, std::string& out, int depth) {
    json::Writer w(out);
    w.begin_object().key("anyOf").begin_array();
    for (Value type : schema["type"].items()) {
        std::string one;
        json::Writer single(one);
        single.begin_object();
        for (const auto& member : schema.members()) {
            if (member.is("description") || member.is("title") || member.is("default")) continue;
            if (type.equals("null") && !member.is("type")) continue;
            if (member.is("enum") && !type.equals("null")) {
                single.key("enum").begin_array();
                for (Value each : member.value.items())
                    if (!each.is_null()) single.raw(each.raw());
                single.end_array();
                continue;
            }
            single.key(member.name.string()).raw(member.is("type") ? type.raw() : member.value.raw());
        }
        single.end_object();
        Document document;
        if (!document.parse(one, {.lone_surrogates = true})) return false;
        std::string written;
        // References inside still point into the whole schema.
        if (!write_object(document.root(), written, depth + 1)) return false;
        w.raw(written);
    }
    w.end_array();
    for (std::string_view key : {"title", "description", "default"})
        if (schema[key]) w.member_raw(key, schema[key].raw());
    w.end_object();
    return true;
}

bool Strict::write_list(std::string_view name, Value list, json::Writer& w, int depth) {
    w.key(name).begin_array();
    for (Value each : list.items()) {
        std::string one;
        if (!write(each, one, depth + 1)) return false;
        w.raw(one);
    }
    w.end_array();
    return true;
}

void Strict::tell(Value name, Value value, std::string& told) {
    told += told.empty() ? "{" : ", ";
    told += name.string();
    told += ": ";
    json::append_minified(told, value);
}

bool Strict::write_object(Value schema, std::string& out, int depth) {
    json::Writer w(out);
    w.begin_object();
    std::string told;
    const bool object = schema["type"].equals("object") || schema["properties"].is_object();
    for (const auto& member : schema.members()) {
        const Value name = member.name, value = member.value;
        if (any_of(name, kept_keywords)) {
            std::string minified;
            json::append_minified(minified, value);
            w.key(name.string()).raw(minified);
        } else if (name.equals("properties") && value.is_object()) {
            w.key("properties").begin_object();
            for (const auto& property : value.members()) {
                std::string one;
                if (!write(property.value, one, depth + 1)) return false;
                w.key(property.name.string()).raw(one);
            }
            w.end_object();
        } else if (name.equals("items") && value.is_object()) {
            std::string one;
            if (!write(value, one, depth + 1)) return false;
            w.member_raw("items", one);
        } else if ((name.equals("anyOf") || name.equals("oneOf")) && value.is_array()) {
            if (!write_list("anyOf", value, w, depth)) return false;
        } else if (name.equals("allOf") && value.is_array()) {
            if (!write_list("allOf", value, w, depth)) return false;
        } else if (name.equals("required") && value.is_array()) {
            std::string minified;
            json::append_minified(minified, value);
            w.member_raw("required", minified);
        } else if (name.equals("format") && value.is_string() && std::ranges::find(known_formats, value.string()) != std::end(known_formats)) {
            w.member_raw("format", value.raw());
        } else if (name.equals("minItems") && (value.integer() == 0 || value.integer() == 1)) {
            w.member_raw("minItems", value.raw());
        } else if (name.equals("additionalProperties") ? value.is_object() && value.size() > 0 : !any_of(name, dropped_keywords)) {
            tell(name, value, told);
        }
    }
    if (object) w.member("additionalProperties", false);
    std::string description = schema["description"].string();
    if (!told.empty()) description += (description.empty() ? "" : " ") + told + "}";
    if (!description.empty()) w.member("description", description);
    w.end_object();
    return out.size() <= largest_schema;
}

}  // namespace

std::optional<std::string> strict_schema(std::string_view schema) {
    Document document;
    if (!document.parse(schema, {.lone_surrogates = true}) || !document.root().is_object()) return std::nullopt;
    std::string out;
    if (!Strict(document.root()).write(document.root(), out, 0)) return std::nullopt;
    return out;
}

bool has_property(std::string_view schema, std::string_view name) {
    Document document;
    if (!document.parse(schema, {.lone_surrogates = true})) return false;
    Value top = document.root();
    for (int i = 0; i < 8 && top["$ref"].is_string(); ++i) top = resolve(document.root(), top["$ref"].string());
    return static_cast<bool>(top["properties"][name]);
}

bool is_object_schema(std::string_view schema) {
    Document document;
    if (!document.parse(schema, {.lone_surrogates = true})) return false;
    Value top = document.root();
    for (int i = 0; i < 8 && top["$ref"].is_string(); ++i) top = resolve(document.root(), top["$ref"].string());
    if (!top.is_object()) return false;
    const auto type = top["type"];
    return type.is_string() ? type.equals("object") : !type && !top["anyOf"] && !top["oneOf"] && !top["enum"] && !top["items"] && !top["const"];
}

}  // namespace gotthard::dialect
