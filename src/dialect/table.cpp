// All wire dialects. A new one is a file family and a row here.
#include <array>

#include "dialect/dialect.hpp"

namespace gotthard::dialect {
namespace {

const std::array<Dialect, 2>& rows() {
    static const std::array<Dialect, 2> table{openai_chat, anthropic_messages};
    return table;
}

}  // namespace

std::span<const Dialect> all() { return rows(); }

const Dialect& get(DialectId id) { return rows()[static_cast<std::size_t>(id)]; }

const Dialect* find(std::string_view name) {
    for (const auto& dialect : rows())
        if (dialect.name == name) return &dialect;
    return nullptr;
}

}  // namespace gotthard::dialect
