// The catalogue for people: docs/reference/providers.md, which a test compares with this text.
#include <fmt/format.h>

#include "provider/provider.hpp"
#include "provider/table.hpp"

namespace gotthard::provider {
namespace {

std::string names_of(const Row& row) {
    std::string out;
    for (const std::string_view name : row.key_env) out += fmt::format("{}`{}`", out.empty() ? "" : ", ", name);
    for (const std::string_view name : row.bearer_key_env) out += fmt::format("{}`{}`", out.empty() ? "" : ", ", name);
    if (row.key_optional) out += out.empty() ? "none needed" : " (optional)";
    return out;
}

std::string dialects_of(const Row& row) {
    std::string out;
    for (const DialectId id : row.dialects) out += fmt::format("{}{}", out.empty() ? "" : ", ", dialect_name(id));
    return out;
}

std::string variables_of(const Row& row) {
    std::string out;
    for (const Variable& variable : row.variables) {
        out += fmt::format("{}`{}`", out.empty() ? "" : ", ", variable.name);
        if (!variable.fallback.empty())
            out += fmt::format(" ({})", variable.fallback);
        else if (!variable.required)
            out += " (optional)";
    }
    return out;
}

std::string table_of(std::span<const Row> rows) {
    std::string out = "| id | provider | base URL | key from | dialects | asks for |\n|---|---|---|---|---|---|\n";
    for (const Row& row : rows) {
        const std::string base = row.base_url.empty() ? "given by the operator" : fmt::format("`{}`", row.base_url);
        out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", row.id, row.name, base, names_of(row), dialects_of(row),
                           variables_of(row));
    }
    return out;
}

}  // namespace

std::string catalogue_markdown() {
    std::string out = R"(# Providers

This page is made from the catalogue (`src/provider/table_*.cpp`); a test keeps the two equal. A provider is configured by its id
(`providers: {groq: {}}`) or as the `type` of another name. How to add one: docs/adding-a-provider.md.

## Any engine of a dialect

`type: openai_compatible` or `type: anthropic`, with a `base_url`.

## Providers

)";
    out += table_of(hosted_rows());
    out += "\n## Local engines\n\nFound on their port with `discover: true`.\n\n";
    out += table_of(local_rows());
    out += "\n## Known, and not available in this version\n\n| id | needs |\n|---|---|\n";
    for (const LaterRow& row : later_rows()) out += fmt::format("| `{}` | {} |\n", row.id, row.needs);
    return out;
}

}  // namespace gotthard::provider
