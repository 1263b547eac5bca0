// Shapes of the admin API's requests and answers, as one table: it checks request bodies, becomes the schemas of the OpenAPI
// document, and the tests check every answer against it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/failure.hpp"
#include "base/json.hpp"

namespace gotthard::admin {

enum class Type : std::uint8_t {
    string,
    integer,
    number,
    boolean,
    money,    ///< Decimal string, USD, up to nine decimals.
    time,     ///< RFC 3339, UTC.
    id,       ///< UUIDv7.
    strings,  ///< Array of strings.
    object,   ///< Of the schema `of`; without one: any object.
    objects,  ///< Array of them.
    any,
};

enum class Presence : std::uint8_t {
    required,
    optional,
    nullable,  ///< Always there in answers, null when there is nothing to say. May be left out of requests.
};

struct Field {
    std::string_view name;
    Type type;
    Presence presence = Presence::required;
    std::string_view description = {};
    std::string_view of = {};
};

struct Schema {
    std::string_view name;
    std::string_view description;
    std::span<const Field> fields;
};

std::span<const Schema> schemas();
const Schema* find_schema(std::string_view name);

/// What a check is for: a body that came in (nullable members may be missing) or an answer (they may not).
enum class Side : std::uint8_t { request, answer };

/// Whether `value` has the shape: no unknown member (the nearest known name is suggested), none twice, none missing, types right.
Status check_shape(json::Value value, const Schema& schema, Side side, const std::string& path = {});

}  // namespace gotthard::admin
