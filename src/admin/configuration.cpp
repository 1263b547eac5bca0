// /config: what is in force, checking and replacing it, and what was in force before.
//
// Replacing writes the file that the gateway was started with (a new file beside it, then a rename: never half a file) and
// reloads. A configuration with an error is refused before anything is written.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/problem.hpp"
#include "base/text.hpp"
#include "net/byte_stream.hpp"

namespace gotthard::admin {
namespace {

bool has_error(std::span<const config::Fault> faults) {
    for (const auto& fault : faults)
        if (fault.severity == config::Severity::error) return true;
    return false;
}

void write_faults(json::Writer& writer, std::span<const config::Fault> faults) {
    writer.key("faults").begin_array();
    for (const auto& fault : faults)
        writer.begin_object()
            .member("line", fault.line)
            .member("column", fault.column)
            .member("path", fault.path)
            .member("severity", fault.severity == config::Severity::error ? "error" : "warning")
            .member("message", fault.message)
            .member("remedy", fault.remedy)
            .end_object();
    writer.end_array();
}

Response verdict(std::span<const config::Fault> faults, std::string_view hash) {
    Response response;
    json::Writer writer(response.body);
    writer.begin_object().member("valid", !has_error(faults));
    write_text_or_null(writer, "hash", hash);
    write_faults(writer, faults);
    writer.end_object();
    if (!hash.empty()) response.headers = fmt::format("etag: \"{}\"\r\n", hash);
    return response;
}

/// 400 with all that is wrong.
Response refused(std::span<const config::Fault> faults) {
    auto response = problem(Failure(FailureKind::invalid_request, "The configuration has errors; the one in force stays."));
    response.body.pop_back();
    response.body += ',';
    json::Writer writer(response.body);
    write_faults(writer, faults);
    response.body += '}';
    return response;
}

Failure cannot_write(const std::string& file) {
    Failure failure(FailureKind::internal, fmt::format("The configuration file '{}' cannot be written: {}. Nothing was changed.",
                                                       file, std::strerror(errno)));
    return failure;
}

Status write_whole(int fd, std::string_view text, const std::string& file) {
    while (!text.empty()) {
        const auto written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return fail(cannot_write(file));
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return fsync(fd) == 0 ? Status{} : fail(cannot_write(file));
}

/// `file` holds `text` afterwards, or is as it was. Keeps the mode; a new file is readable by its owner only.
Status replace_file(const std::string& file, std::string_view text) {
    struct stat old{};
    const mode_t mode = stat(file.c_str(), &old) == 0 ? old.st_mode & 07777 : 0600;
    const std::string fresh = file + ".new";
    net::Socket descriptor(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!descriptor) return fail(cannot_write(file));
    if (auto written = write_whole(descriptor.fd(), text, file); !written) {
        unlink(fresh.c_str());
        return written;
    }
    if (fchmod(descriptor.fd(), mode) == 0 && rename(fresh.c_str(), file.c_str()) == 0) return {};
    auto failure = cannot_write(file);
    unlink(fresh.c_str());
    return fail(std::move(failure));
}

}  // namespace

Result<Response> get_config(const Admitted&, Services& services) {
    const auto snapshot = services.snapshot();
    Response response;
    json::Writer writer(response.body);
    writer.begin_object().member("hash", snapshot->hash_text).member("version", snapshot->version);
    write_text_or_null(writer, "file", snapshot->file);
    writer.key("resolved");
    write_snapshot(writer, *snapshot);
    writer.end_object();
    response.headers = fmt::format("etag: \"{}\"\r\n", snapshot->hash_text);
    return response;
}

Result<Response> validate_config(const Admitted& call, Services& services) {
    const auto tried = services.try_config(call.body["text"].string());
    return verdict(tried.faults, tried.ok() ? std::string_view(tried.snapshot->hash_text) : std::string_view());
}

Result<Response> replace_config(const Admitted& call, Services& services) {
    const auto before = services.snapshot();
    const auto wanted = trim(call.if_match);
    if (!wanted.empty() && wanted != "*" && wanted != fmt::format("\"{}\"", before->hash_text))
        return fail(precondition_failed("configuration"));
    if (before->file.empty())
        return fail(
            conflict("The gateway runs without a configuration file. Write one ('gotthard init') and start it with --config."));
    const auto text = call.body["text"].string();
    const auto tried = services.try_config(text);
    if (!tried.ok()) return refused(tried.faults);
    if (auto written = replace_file(before->file, text); !written) return std::unexpected(std::move(written.error()));
    return reload_config(call, services);
}

Result<Response> reload_config(const Admitted&, Services& services) {
    const auto faults = services.reload("api");
    if (has_error(faults)) return refused(faults);
    return verdict(faults, services.snapshot()->hash_text);
}

Result<Response> list_config_history(const Admitted& call, Services& services) {
    auto limit = read_limit(call.parameters, 50, 500);
    if (!limit) return std::unexpected(std::move(limit.error()));
    std::int64_t before = 0;
    if (const auto cursor = call.parameters.get("cursor"); !cursor.empty()) {
        const auto seq = parse_integer<std::int64_t>(cursor);
        if (!seq || *seq <= 0)
            return fail(
                Failure(FailureKind::invalid_request, "'cursor' must be the next_cursor of an earlier page.").at("cursor"));
        before = *seq;
    }
    auto rows = services.config_history.list_configs(before, *limit);
    if (!rows) return std::unexpected(std::move(rows.error()));
    Response response;
    json::Writer writer(response.body);
    writer.begin_object().key("data").begin_array();
    for (const auto& row : *rows) {
        writer.begin_object()
            .member("seq", row.seq)
            .member("at", rfc3339(row.at))
            .member("hash", row.hash)
            .member("source", row.source)
            .member("result", row.result);
        write_text_or_null(writer, "message", row.message);
        writer.end_object();
    }
    writer.end_array();
    write_text_or_null(writer, "next_cursor", rows->size() == *limit ? std::to_string(rows->back().seq) : std::string());
    writer.end_object();
    return response;
}

}  // namespace gotthard::admin
