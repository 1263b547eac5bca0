// JSON Schemas of any client made acceptable to Anthropic.
//
// Two uses with two strictnesses: a tool's `input_schema` takes nearly all of JSON Schema but wants an object at the top
// (E003, E004); structured output and strict tools take a subset (E035). Output has no blanks and the order of the source (E271).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gotthard::dialect {

/// Appends `schema` as an `input_schema`: `type` object at the top, unions and references there resolved into one object, and
/// without `$schema`, `$id` and `strict`. Empty text, or anything but an object, gives {"type":"object","properties":{}}.
void append_input_schema(std::string& out, std::string_view schema);

/// `schema` in the subset of structured outputs: `$ref` inlined, every object closed with `additionalProperties: false`, what the
/// subset lacks (`minimum`, `maxLength`, ...) told in the description. nullopt when it cannot be said so: it is recursive, refers
/// outside of itself, or grows beyond a bound.
std::optional<std::string> strict_schema(std::string_view schema);

/// Whether the schema describes an object that has a property `name` of its own.
bool has_property(std::string_view schema, std::string_view name);
/// Whether the schema's top is an object (also when it says nothing of its type).
bool is_object_schema(std::string_view schema);

}  // namespace gotthard::dialect
