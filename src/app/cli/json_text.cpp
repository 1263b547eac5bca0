#include "app/cli/json_text.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace gotthard::app {
namespace {

void append_merged(std::string& out, json::Value old, json::Value patch) {
    if (!old.is_object() || !patch.is_object()) {
        out += patch.raw();
        return;
    }
    out += '{';
    bool first = true;
    const auto name = [&](json::Value text) {
        if (!first) out += ',';
        first = false;
        out.append(text.raw()).append(":");
    };
    for (auto member : old.members()) {
        name(member.name);
        if (const auto over = patch[member.name.string()])
            append_merged(out, member.value, over);
        else
            out += member.value.raw();
    }
    for (auto member : patch.members()) {
        if (old[member.name.string()]) continue;
        name(member.name);
        out += member.value.raw();
    }
    out += '}';
}

}  // namespace

void append_indented(std::string& out, json::Value value, std::size_t level) {
    if (value.size() == 0 || (!value.is_object() && !value.is_array())) {
        if (value.is_object())
            out += "{}";
        else if (value.is_array())
            out += "[]";
        else
            out += value.raw();
        return;
    }
    const std::string inner(2 * (level + 1), ' ');
    out += value.is_object() ? '{' : '[';
    bool first = true;
    const auto next = [&] {
        out += first ? "\n" : ",\n";
        first = false;
        out += inner;
    };
    for (auto member : value.members()) {
        next();
        out.append(member.name.raw()).append(": ");
        append_indented(out, member.value, level + 1);
    }
    for (auto item : value.items()) {
        next();
        append_indented(out, item, level + 1);
    }
    out.append("\n").append(2 * level, ' ');
    out += value.is_object() ? '}' : ']';
}

Result<std::string> merge_json(std::string_view old, std::string_view patch) {
    json::Document before;
    json::Document over;
    const std::string_view text = trim(old).empty() ? "{}" : old;
    if (auto status = before.parse(text); !status)
        return fail(FailureKind::invalid_request, fmt::format("it is not JSON: {}", status.error().message));
    if (!before.root().is_object()) return fail(FailureKind::invalid_request, "it is not a JSON object");
    if (auto status = over.parse(patch); !status) return std::unexpected(std::move(status.error()));
    std::string merged;
    append_merged(merged, before.root(), over.root());
    json::Document after;
    if (auto status = after.parse(merged); !status) return std::unexpected(std::move(status.error()));
    std::string out;
    append_indented(out, after.root());
    return out += '\n';
}

}  // namespace gotthard::app
