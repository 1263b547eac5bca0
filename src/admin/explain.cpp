// /explain: which way a request would take, and why, without a call. It asks the same functions as the data path.
#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/problem.hpp"
#include "base/text.hpp"

namespace gotthard::admin {
namespace {

using llm::DialectId;

struct Candidate {
    config::Target target;
    std::string removed_by;
};

/// What a client that calls `endpoint` ("/v1/messages", "messages", "anthropic") speaks.
DialectId dialect_of(std::string_view endpoint) {
    if (const auto named = provider::find_dialect(endpoint)) return *named;
    return endpoint.find("messages") != std::string_view::npos ? DialectId::anthropic : DialectId::chat;
}

std::string header_of(json::Value headers, std::string_view name) {
    for (auto member : headers.members())
        if (equals_ignoring_case(member.name.string(), name)) return member.value.string();
    return {};
}

/// Why the key could not call anything; "" when it could.
std::string refusal_of(const store::KeyRow& key, Micros now) {
    if (key.revoked_at != 0)
        return fmt::format("key_revoked: the key '{}' was revoked at {}.", key.name, rfc3339(key.revoked_at));
    if (key.expires_at != 0 && key.expires_at <= now)
        return fmt::format("key_expired: the key '{}' expired at {}.", key.name, rfc3339(key.expires_at));
    return {};
}

bool may_use(const store::KeyRow& key, std::string_view asked, std::string_view target) {
    if (key.models.empty()) return true;
    for (const auto& glob : key.models)
        if (glob_match(glob, asked) || glob_match(glob, target)) return true;
    return false;
}

struct Decision {
    std::string model;
    std::string reason;
    std::vector<Candidate> candidates;
    const Candidate* chosen = nullptr;
};

Decision decide(json::Value question, const std::optional<store::KeyRow>& key, const config::Snapshot& snapshot,
                const route::KnownModels& known, Micros now) {
    Decision decision;
    decision.model = question["model"] ? question["model"].string() : question["body"]["model"].string();
    auto targets = route::resolve_model(decision.model, snapshot, known);
    if (!targets) {
        decision.reason = fmt::format("{}: {}", to_string(targets.error().kind), targets.error().message);
        return decision;
    }
    const std::string refused = key ? refusal_of(*key, now) : std::string();
    const bool only_first = equals_ignoring_case(header_of(question["headers"], "x-gotthard-fallbacks"), "off");
    bool one_stays = false;
    for (auto& target : *targets) {
        std::string removed_by = refused.empty() ? std::string() : refused.substr(0, refused.find(':'));
        if (removed_by.empty() && key && !may_use(*key, decision.model, target.shown)) removed_by = "model_not_allowed";
        if (removed_by.empty() && only_first && one_stays) removed_by = "fallbacks_off";
        one_stays = one_stays || removed_by.empty();
        decision.candidates.push_back({std::move(target), std::move(removed_by)});
    }
    for (const auto& candidate : decision.candidates)
        if (decision.chosen == nullptr && candidate.removed_by.empty()) decision.chosen = &candidate;
    if (decision.chosen == nullptr) {
        decision.reason = !refused.empty()
                              ? refused
                              : fmt::format("model_not_allowed: the key '{}' may not use '{}'.", key->name, decision.model);
    } else if (snapshot.find_alias(decision.model) != nullptr) {
        decision.reason = fmt::format("'{}' stands under models: its targets are tried in order.", decision.model);
    } else {
        decision.reason = fmt::format("'{}' names one target.", decision.model);
    }
    return decision;
}

}  // namespace

Result<Response> explain(const Admitted& call, Services& services) {
    const auto snapshot = services.snapshot();
    const auto known = services.known_models();
    if (!call.body["model"] && !call.body["body"]["model"].is_string())
        return fail(Failure(FailureKind::invalid_request, "Which model? Give 'model', or a 'body' that names one.").at("model"));
    std::optional<store::KeyRow> key;
    if (const auto id = call.body["key"]) {
        auto row = services.identity.get_key(id.string());
        if (!row) return fail(row.error().kind == FailureKind::not_found ? no_such("key", id.string()) : std::move(row.error()));
        key = *std::move(row);
    }
    const auto dialect = dialect_of(call.body["endpoint"].string());
    const auto decision = decide(call.body, key, *snapshot, *known, services.clock.wall());

    Response response;
    json::Writer writer(response.body);
    writer.begin_object().member("model", decision.model);
    write_text_or_null(writer, "route",
                       snapshot->find_alias(decision.model) != nullptr ? std::string_view(decision.model) : std::string_view());
    write_text_or_null(writer, "target",
                       decision.chosen == nullptr ? std::string_view() : std::string_view(decision.chosen->target.shown));
    writer.member("reason", decision.reason).key("candidates").begin_array();
    for (const auto& candidate : decision.candidates) {
        const auto& upstream = snapshot->providers[candidate.target.provider].upstream;
        writer.begin_object()
            .member("target", candidate.target.shown)
            .member("dialect", provider::dialect_name(upstream.dialect_for(dialect)));
        write_text_or_null(writer, "removed_by", candidate.removed_by);
        writer.end_object();
    }
    writer.end_array().end_object();
    return response;
}

}  // namespace gotthard::admin
