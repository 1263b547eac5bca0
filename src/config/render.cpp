// Faults for people and for programs.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.hpp"
#include "config/load.hpp"

namespace gotthard::config {
namespace {

std::string place_text(const Fault& fault) {
    const std::string file = fault.file.empty() ? "configuration" : fault.file;
    return fault.line == 0 ? file : fmt::format("{}:{}:{}", file, fault.line, fault.column);
}

std::string_view name_of(Severity severity) { return severity == Severity::error ? "error" : "warning"; }

std::string count_text(std::size_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

std::string render_text(std::span<const Fault> faults, bool colour) {
    std::string out;
    std::size_t errors = 0;
    for (const Fault& fault : faults) {
        const bool error = fault.severity == Severity::error;
        errors += error ? 1 : 0;
        const std::string_view begin = !colour ? "" : error ? "\x1b[1;31m" : "\x1b[1;33m";
        const std::string_view end = colour ? "\x1b[0m" : "";
        out += fmt::format("{}: {}{}{}: {}{}{}\n", place_text(fault), begin, name_of(fault.severity), end, fault.path,
                           fault.path.empty() ? "" : ": ", fault.message);
        if (!fault.remedy.empty()) out += fmt::format("    {}\n", fault.remedy);
    }
    const std::size_t warnings = faults.size() - errors;
    if (errors > 0)
        out += fmt::format("{}, {}\n", count_text(errors, "error"), count_text(warnings, "warning"));
    else if (warnings > 0)
        out += fmt::format("valid, with {}\n", count_text(warnings, "warning"));
    else
        out += "valid\n";
    return out;
}

std::string render_json(std::span<const Fault> faults) {
    std::string out;
    json::Writer writer(out);
    const bool valid = std::ranges::none_of(faults, [](const Fault& fault) { return fault.severity == Severity::error; });
    writer.begin_object().member("valid", valid).key("faults").begin_array();
    for (const Fault& fault : faults)
        writer.begin_object()
            .member("file", fault.file)
            .member("line", fault.line)
            .member("column", fault.column)
            .member("path", fault.path)
            .member("severity", name_of(fault.severity))
            .member("message", fault.message)
            .member("remedy", fault.remedy)
            .end_object();
    writer.end_array().end_object();
    return out;
}

}  // namespace gotthard::config
