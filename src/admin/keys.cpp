// /keys: virtual keys of clients.
#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/problem.hpp"
#include "base/text.hpp"

namespace gotthard::admin {
namespace {

std::string_view state_of(const store::KeyRow& row, Micros now) {
    if (row.revoked_at != 0) return "revoked";
    return row.expires_at != 0 && row.expires_at <= now ? "expired" : "active";
}

void write_key(json::Writer& writer, const store::KeyRow& row, Micros now) {
    writer.begin_object()
        .member("id", row.id)
        .member("name", row.name)
        .member("state", state_of(row, now))
        .member("hint", row.hint)
        .member("source", row.source);
    write_text_or_null(writer, "team", row.team);
    writer.key("models").begin_array();
    for (const auto& model : row.models) writer.string(model);
    writer.end_array().member_raw("metadata", row.metadata.empty() ? "{}" : row.metadata);
    writer.member("created_at", rfc3339(row.created_at)).member("updated_at", rfc3339(row.updated_at));
    write_time_or_null(writer, "expires_at", row.expires_at);
    write_time_or_null(writer, "revoked_at", row.revoked_at);
    write_time_or_null(writer, "rotated_at", row.rotated_at);
    write_time_or_null(writer, "previous_valid_until", row.previous_until > now ? row.previous_until : 0);
    write_time_or_null(writer, "last_used_at", row.last_used_at);
    writer.member("version", row.version).end_object();
}

std::string etag_of(const store::KeyRow& row) { return fmt::format("\"{}\"", row.version); }

Response key_answer(const store::KeyRow& row, Micros now) {
    Response response;
    json::Writer writer(response.body);
    write_key(writer, row, now);
    response.headers = fmt::format("etag: {}\r\n", etag_of(row));
    return response;
}

Response issued_answer(const identity::IssuedKey& issued, Micros now, int status) {
    Response response;
    response.status = status;
    json::Writer writer(response.body);
    writer.begin_object().member("value", issued.value.reveal()).key("key");
    write_key(writer, issued.row, now);
    writer.end_object();
    response.headers = fmt::format("etag: {}\r\n", etag_of(issued.row));
    return response;
}

Result<std::vector<std::string>> read_models(json::Value models) {
    std::vector<std::string> globs;
    if (models.size() > 1000)
        return fail(Failure(FailureKind::invalid_request, "'models' may have at most 1000 globs.").at("models"));
    for (auto item : models.items()) {
        auto glob = item.string();
        if (glob.empty() || glob.size() > 512)
            return fail(Failure(FailureKind::invalid_request,
                                "A glob in 'models' must have 1 to 512 characters. To allow every model, give no globs.")
                            .at("models"));
        globs.push_back(std::move(glob));
    }
    return globs;
}

/// The instant that expires_at or expires_in names; nullopt: neither is there. null for expires_at is 0, never.
Result<std::optional<Micros>> read_expiry(json::Value body, Micros now) {
    const auto at = body["expires_at"];
    const auto in = body["expires_in"];
    const bool at_given = static_cast<bool>(at) && !at.is_null();
    if (in && at_given)
        return fail(Failure(FailureKind::invalid_request, "Give 'expires_at' or 'expires_in', not both.").at("expires_in"));
    if (in) {
        const auto length = parse_duration(in.string());
        if (!length || *length <= 0)
            return fail(
                Failure(FailureKind::invalid_request, "'expires_in' must be a duration like 12h or 30d.").at("expires_in"));
        return now + *length / 1000;
    }
    if (!at) return std::nullopt;
    if (at.is_null()) return 0;
    const auto instant = parse_rfc3339(at.string());
    if (!instant || *instant <= now)
        return fail(Failure(FailureKind::invalid_request, "'expires_at' must be in the future. To end a key now, revoke it.")
                        .at("expires_at"));
    return *instant;
}

Status refuse_limits(json::Value body) {
    if (body["limits"].size() == 0) return {};
    Failure failure(FailureKind::invalid_request, "Limits of a key are not available in this version of gotthard.");
    failure.code = "not_available";
    failure.param = "limits";
    return fail(std::move(failure));
}

/// The row, if If-Match allows changing it.
Result<store::KeyRow> matching_row(const Admitted& call, Services& services) {
    auto row = services.identity.get_key(call.id);
    if (!row) return fail(row.error().kind == FailureKind::not_found ? no_such("key", call.id) : std::move(row.error()));
    const auto wanted = trim(call.if_match);
    if (wanted.empty() || wanted == "*") return row;
    for (const auto tag : split_list(wanted))
        if (tag == etag_of(*row)) return row;
    return fail(precondition_failed("key"));
}

}  // namespace

Result<Response> list_keys(const Admitted& call, Services& services) {
    auto limit = read_limit(call.parameters, 50, 500);
    if (!limit) return std::unexpected(std::move(limit.error()));
    std::string cursor(call.parameters.get("cursor"));
    const auto name = call.parameters.get("name");
    const Micros now = services.clock.wall();

    std::vector<store::KeyRow> rows;
    while (rows.size() <= *limit) {
        auto page = services.identity.list_keys(cursor, *limit + 1);
        if (page.empty()) break;
        cursor = page.back().id;
        for (auto& row : page)
            if (name.empty() || row.name == name) rows.push_back(std::move(row));
    }
    const bool more = rows.size() > *limit;
    if (more) rows.resize(*limit);

    Response response;
    json::Writer writer(response.body);
    writer.begin_object().key("data").begin_array();
    for (const auto& row : rows) write_key(writer, row, now);
    writer.end_array();
    write_text_or_null(writer, "next_cursor", more ? std::string_view(rows.back().id) : std::string_view());
    writer.end_object();
    return response;
}

Result<Response> create_key(const Admitted& call, Services& services) {
    const Micros now = services.clock.wall();
    if (auto status = refuse_limits(call.body); !status) return std::unexpected(std::move(status.error()));
    identity::NewKey wanted;
    wanted.name = call.body["name"].string();
    wanted.team = call.body["team"].string();
    auto models = read_models(call.body["models"]);
    if (!models) return std::unexpected(std::move(models.error()));
    wanted.models = *std::move(models);
    auto expiry = read_expiry(call.body, now);
    if (!expiry) return std::unexpected(std::move(expiry.error()));
    wanted.expires_at = expiry->value_or(0);
    if (const auto metadata = call.body["metadata"]) wanted.metadata = metadata.raw();
    auto issued = services.identity.create_key(std::move(wanted));
    if (!issued) return std::unexpected(std::move(issued.error()));
    auto response = issued_answer(*issued, now, 201);
    response.headers += fmt::format("location: /api/v1/keys/{}\r\n", issued->row.id);
    return response;
}

Result<Response> get_key(const Admitted& call, Services& services) {
    auto row = services.identity.get_key(call.id);
    if (!row) return fail(row.error().kind == FailureKind::not_found ? no_such("key", call.id) : std::move(row.error()));
    return key_answer(*row, services.clock.wall());
}

Result<Response> update_key(const Admitted& call, Services& services) {
    const Micros now = services.clock.wall();
    auto row = matching_row(call, services);
    if (!row) return std::unexpected(std::move(row.error()));
    if (auto status = refuse_limits(call.body); !status) return std::unexpected(std::move(status.error()));
    identity::KeyChange change;
    change.version = row->version;
    if (const auto name = call.body["name"]) change.name = name.string();
    if (const auto team = call.body["team"]) change.team = team.string();
    if (const auto metadata = call.body["metadata"]) change.metadata = std::string(metadata.raw());
    if (const auto models = call.body["models"]) {
        auto globs = read_models(models);
        if (!globs) return std::unexpected(std::move(globs.error()));
        change.models = *std::move(globs);
    }
    auto expiry = read_expiry(call.body, now);
    if (!expiry) return std::unexpected(std::move(expiry.error()));
    change.expires_at = *expiry;
    auto updated = services.identity.update_key(call.id, change);
    if (!updated) return std::unexpected(std::move(updated.error()));
    return key_answer(*updated, now);
}

Result<Response> revoke_key(const Admitted& call, Services& services) {
    if (auto row = matching_row(call, services); !row) return std::unexpected(std::move(row.error()));
    auto revoked = services.identity.revoke_key(call.id);
    if (!revoked) return std::unexpected(std::move(revoked.error()));
    return key_answer(*revoked, services.clock.wall());
}

Result<Response> delete_key(const Admitted& call, Services& services) {
    auto revoked = revoke_key(call, services);
    if (!revoked) return revoked;
    Response response;
    response.status = 204;
    return response;
}

Result<Response> rotate_key(const Admitted& call, Services& services) {
    if (auto row = matching_row(call, services); !row) return std::unexpected(std::move(row.error()));
    Micros grace = 0;
    if (const auto text = call.body["grace"]) {
        const auto length = parse_duration(text.string());
        if (!length) return fail(Failure(FailureKind::invalid_request, "'grace' must be a duration like 24h.").at("grace"));
        grace = *length / 1000;
    }
    auto issued = services.identity.rotate_key(call.id, grace);
    if (!issued) return std::unexpected(std::move(issued.error()));
    return issued_answer(*issued, services.clock.wall(), 200);
}

}  // namespace gotthard::admin
