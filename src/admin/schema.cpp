#include "admin/schema.hpp"

#include <vector>

#include <fmt/format.h>

#include "base/id.hpp"
#include "base/money.hpp"
#include "base/text.hpp"

namespace gotthard::admin {
namespace {

std::string join(const std::string& path, std::string_view name) {
    return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

std::unexpected<Failure> wrong(const std::string& path, std::string message) {
    Failure failure(FailureKind::invalid_request, std::move(message));
    failure.param = path;
    return std::unexpected(std::move(failure));
}

std::unexpected<Failure> unknown_member(const std::string& name, const Schema& schema, const std::string& path) {
    std::vector<std::string> known;
    for (const auto& field : schema.fields) known.emplace_back(field.name);
    const auto closest = closest_names(name, known, 1);
    const auto shown = std::string(utf8_prefix(name, 64));
    if (!closest.empty())
        return wrong(join(path, shown), fmt::format("'{}' is not a known member; did you mean '{}'?", shown, closest.front()));
    std::string list;
    for (const auto& field : known) list += (list.empty() ? "" : ", ") + field;
    return wrong(join(path, shown),
                 fmt::format("'{}' is not a known member. Known here: {}.", shown, list.empty() ? "none" : list));
}

bool is_text(json::Value value, Type type) {
    if (!value.is_string()) return false;
    const auto text = value.string();
    if (type == Type::money) return Money::parse(text).has_value();
    if (type == Type::time) return parse_rfc3339(text).has_value();
    if (type == Type::id) return Id::parse(text).has_value();
    return true;
}

std::string_view described(Type type) {
    switch (type) {
        case Type::string:
            return "a string";
        case Type::integer:
            return "a whole number";
        case Type::number:
            return "a number";
        case Type::boolean:
            return "true or false";
        case Type::money:
            return "an amount of USD as a decimal string with at most nine decimals, like \"0.25\"";
        case Type::time:
            return "a time like \"2026-01-31T12:00:00Z\"";
        case Type::id:
            return "a UUID";
        case Type::strings:
            return "an array of strings";
        case Type::object:
            return "an object";
        case Type::objects:
            return "an array of objects";
        case Type::any:
            return "any value";
    }
    return "";
}

bool has_type(json::Value value, Type type) {
    switch (type) {
        case Type::string:
        case Type::money:
        case Type::time:
        case Type::id:
            return is_text(value, type);
        case Type::integer:
            return value.integer().has_value();
        case Type::number:
            return value.is_number();
        case Type::boolean:
            return value.is_boolean();
        case Type::strings:
            if (!value.is_array()) return false;
            for (auto item : value.items())
                if (!item.is_string()) return false;
            return true;
        case Type::object:
            return value.is_object();
        case Type::objects:
            return value.is_array();
        case Type::any:
            return true;
    }
    return false;
}

Status check_field(json::Value value, const Field& field, Side side, const std::string& path) {
    if (value.is_null() && (field.presence == Presence::nullable || field.type == Type::any)) return {};
    if (!has_type(value, field.type)) return wrong(path, fmt::format("'{}' must be {}.", path, described(field.type)));
    const Schema* inner = field.of.empty() ? nullptr : find_schema(field.of);
    if (inner == nullptr) return {};
    if (field.type == Type::object) return check_shape(value, *inner, side, path);
    std::size_t index = 0;
    for (auto item : value.items())
        if (auto status = check_shape(item, *inner, side, fmt::format("{}[{}]", path, index++)); !status) return status;
    return {};
}

}  // namespace

Status check_shape(json::Value value, const Schema& schema, Side side, const std::string& path) {
    if (!value.is_object())
        return wrong(path, path.empty() ? "The body must be a JSON object." : fmt::format("'{}' must be an object.", path));
    std::vector<bool> seen(schema.fields.size());
    for (auto member : value.members()) {
        const auto name = member.name.string();
        std::size_t index = 0;
        while (index < schema.fields.size() && schema.fields[index].name != name) ++index;
        if (index == schema.fields.size()) return unknown_member(name, schema, path);
        if (seen[index]) return wrong(join(path, name), fmt::format("'{}' is there twice.", join(path, name)));
        seen[index] = true;
        if (auto status = check_field(member.value, schema.fields[index], side, join(path, name)); !status) return status;
    }
    for (std::size_t i = 0; i < seen.size(); ++i) {
        const auto& field = schema.fields[i];
        const bool needed =
            field.presence == Presence::required || (side == Side::answer && field.presence == Presence::nullable);
        if (needed && !seen[i])
            return wrong(join(path, field.name),
                         fmt::format("'{}' is missing: {}.", join(path, field.name), described(field.type)));
    }
    return {};
}

const Schema* find_schema(std::string_view name) {
    for (const auto& schema : schemas())
        if (schema.name == name) return &schema;
    return nullptr;
}

}  // namespace gotthard::admin
