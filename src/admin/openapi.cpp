// The OpenAPI 3.1 document, written from the route and schema tables.
#include <initializer_list>
#include <string>

#include <fmt/format.h>

#include "admin/route.hpp"
#include "admin/schema.hpp"

namespace gotthard::admin {
namespace {

using json::Writer;

std::string reference(std::string_view schema) { return fmt::format("#/components/schemas/{}", schema); }

void write_type(Writer& writer, std::string_view type, bool nullable) {
    if (nullable)
        writer.key("type").begin_array().string(type).string("null").end_array();
    else
        writer.member("type", type);
}

void write_formatted(Writer& writer, std::string_view type, std::string_view name, std::string_view format, bool nullable) {
    write_type(writer, type, nullable);
    writer.member(name, format);
}

/// The members of a field's schema object.
void write_field_type(Writer& writer, const Field& field) {
    const bool nullable = field.presence == Presence::nullable;
    switch (field.type) {
        case Type::string:
            write_type(writer, "string", nullable);
            break;
        case Type::integer:
            write_type(writer, "integer", nullable);
            break;
        case Type::number:
            write_type(writer, "number", nullable);
            break;
        case Type::boolean:
            write_type(writer, "boolean", nullable);
            break;
        case Type::money:
            write_formatted(writer, "string", "pattern", "^-?[0-9]+(\\.[0-9]{1,9})?$", nullable);
            break;
        case Type::time:
            write_formatted(writer, "string", "format", "date-time", nullable);
            break;
        case Type::id:
            write_formatted(writer, "string", "format", "uuid", nullable);
            break;
        case Type::strings:
            write_type(writer, "array", nullable);
            writer.key("items").begin_object().member("type", "string").end_object();
            break;
        case Type::object:
            if (field.of.empty()) {
                write_type(writer, "object", nullable);
            } else if (nullable) {
                writer.key("anyOf").begin_array();
                writer.begin_object().member("$ref", reference(field.of)).end_object();
                writer.begin_object().member("type", "null").end_object().end_array();
            } else {
                writer.member("$ref", reference(field.of));
            }
            break;
        case Type::objects:
            write_type(writer, "array", nullable);
            writer.key("items").begin_object();
            if (field.of.empty())
                writer.member("type", "object");
            else
                writer.member("$ref", reference(field.of));
            writer.end_object();
            break;
        case Type::any:
            break;
    }
}

void write_schema(Writer& writer, const Schema& schema) {
    writer.key(schema.name)
        .begin_object()
        .member("type", "object")
        .member("description", schema.description)
        .key("properties")
        .begin_object();
    for (const auto& field : schema.fields) {
        writer.key(field.name).begin_object();
        write_field_type(writer, field);
        if (!field.description.empty()) writer.member("description", field.description);
        writer.end_object();
    }
    writer.end_object().key("required").begin_array();
    for (const auto& field : schema.fields)
        if (field.presence == Presence::required) writer.string(field.name);
    writer.end_array().member("additionalProperties", false).end_object();
}

void write_content(Writer& writer, std::string_view type, std::string_view schema) {
    writer.key("content").begin_object().key(type).begin_object();
    if (!schema.empty()) writer.key("schema").begin_object().member("$ref", reference(schema)).end_object();
    writer.end_object().end_object();
}

void write_parameters(Writer& writer, const Route& route) {
    writer.key("parameters").begin_array();
    if (route.path.find("{id}") != std::string_view::npos)
        writer.begin_object()
            .member("name", "id")
            .member("in", "path")
            .member("required", true)
            .key("schema")
            .begin_object()
            .member("type", "string")
            .end_object()
            .end_object();
    for (const auto list : {route.parameters, route.filters})
        for (const auto& parameter : list) {
            writer.begin_object()
                .member("name", parameter.name)
                .member("in", "query")
                .member("description", parameter.description);
            writer.key("schema").begin_object().member("type", "string").end_object().end_object();
        }
    writer.end_array();
}

/// "list_keys": method and the words of the path.
std::string operation_id(const Route& route) {
    std::string id(route.method);
    for (char& c : id) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    bool boundary = true;
    for (const char c : route.path) {
        const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (word && boundary) id += '_';
        boundary = !word;
        if (word) id += c;
    }
    return id;
}

void write_operation(Writer& writer, const Route& route) {
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(c + 32);
    writer.key(method).begin_object().member("operationId", operation_id(route)).member("summary", route.summary);
    write_parameters(writer, route);
    if (!route.request.empty()) {
        writer.key("requestBody").begin_object().member("required", true);
        write_content(writer, "application/json", route.request);
        writer.end_object();
    }
    writer.key("responses")
        .begin_object()
        .key(std::to_string(route.status))
        .begin_object()
        .member("description", route.status == 204 ? "Done." : "Good.");
    if (route.status != 204) write_content(writer, route.answer_type, route.answer);
    writer.end_object().key("default").begin_object().member("description", "The problem (RFC 9457).");
    write_content(writer, "application/problem+json", "Problem");
    writer.end_object().end_object().end_object();
}

}  // namespace

std::string openapi_document(std::string_view version) {
    std::string out;
    Writer writer(out);
    writer.begin_object().member("openapi", "3.1.0");
    writer.key("info").begin_object().member("title", "gotthard admin API").member("version", version);
    writer.key("license").begin_object().member("name", "Apache-2.0").member("identifier", "Apache-2.0").end_object();
    writer.end_object();
    writer.key("security").begin_array().begin_object().key("administrator").begin_array().end_array().end_object().end_array();
    writer.key("paths").begin_object();
    const auto table = routes();
    for (std::size_t i = 0; i < table.size(); ++i) {
        bool written = false;
        for (std::size_t before = 0; before < i; ++before) written = written || table[before].path == table[i].path;
        if (written) continue;
        writer.key(table[i].path).begin_object();
        for (const auto& route : table)
            if (route.path == table[i].path) write_operation(writer, route);
        writer.end_object();
    }
    writer.end_object().key("components").begin_object();
    writer.key("securitySchemes")
        .begin_object()
        .key("administrator")
        .begin_object()
        .member("type", "http")
        .member("scheme", "bearer")
        .end_object()
        .end_object();
    writer.key("schemas").begin_object();
    for (const auto& schema : schemas()) write_schema(writer, schema);
    writer.end_object().end_object().end_object();
    return out;
}

}  // namespace gotthard::admin
