// /status, /metrics, /openapi.json: what the process says about itself.
#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/route.hpp"
#include "base/text.hpp"

namespace gotthard::admin {
namespace {

void write_config_state(json::Writer& writer, const StatusReport& report, const config::Snapshot& snapshot) {
    writer.key("config").begin_object().member("hash", snapshot.hash_text).member("version", snapshot.version);
    write_text_or_null(writer, "file", snapshot.file);
    writer.member("applied_at", rfc3339(report.config_applied_at)).member("last_reload_ok", report.last_reload_ok);
    write_text_or_null(writer, "last_reload_message", report.last_reload_message);
    writer.end_object();
}

void write_records_state(json::Writer& writer, const StatusReport& report) {
    writer.key("records")
        .begin_object()
        .member("written", report.records_written)
        .member("dropped", report.records_dropped)
        .member("waiting", report.records_waiting)
        .member("lag_us", report.record_lag_us)
        .end_object();
}

void write_store_state(json::Writer& writer, const store::StoreState& state) {
    writer.key("store").begin_object().member("writable", state.writable);
    write_text_or_null(writer, "reason", state.reason);
    writer.member("failures", state.failures).member("bytes", state.bytes);
    write_text_or_null(writer, "notice", state.notice);
    writer.end_object();
}

}  // namespace

Result<Response> get_status(const Admitted&, Services& services) {
    const auto report = services.status();
    const auto snapshot = services.snapshot();
    const Micros now = services.clock.wall();
    Response response;
    json::Writer writer(response.body);
    writer.begin_object().member("state", report.state);
    write_text_or_null(writer, "reason", report.reason);
    writer.member("version", services.version)
        .member("started_at", rfc3339(report.started_at))
        .member("uptime_s", (now - report.started_at) / 1'000'000)
        .member("data_address", report.data_address)
        .member("admin_address", report.admin_address)
        .member("socket", report.socket_path)
        .member("data_directory", report.data_directory)
        .member("threads", report.threads)
        .member("connections", report.connections)
        .member("accepted", report.accepted)
        .member("in_flight", report.in_flight)
        .member("keys", static_cast<std::uint64_t>(services.identity.key_count()))
        .member("providers", static_cast<std::uint64_t>(snapshot->providers.size()))
        .member("memory_bytes", report.memory_bytes);
    write_config_state(writer, report, *snapshot);
    write_records_state(writer, report);
    write_store_state(writer, report.store);
    writer.end_object();
    return response;
}

Result<Response> get_metrics(const Admitted& call, Services& services) {
    const auto format = telemetry::negotiate(call.accept);
    Response response;
    response.content_type = telemetry::content_type(format);
    response.body = services.metrics(format);
    return response;
}

Result<Response> get_openapi(const Admitted&, Services& services) {
    Response response;
    response.body = openapi_document(services.version);
    return response;
}

}  // namespace gotthard::admin
