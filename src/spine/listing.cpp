// GET /v1/models in both shapes, filtered by what the caller may use; count_tokens.
#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "llm/estimate.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {
namespace {

void append_model(json::Writer& writer, dialect::DialectId id, const route::CallableModel& model, std::int64_t created) {
    writer.begin_object();
    if (id == dialect::DialectId::anthropic) {
        writer.member("type", "model").member("id", model.name).member("display_name", model.name).member("created_at", rfc3339(created * 1'000'000).substr(0, 19) + "Z");
    } else {
        writer.member("id", model.name).member("object", "model").member("created", created).member("owned_by", model.provider);
    }
    writer.end_object();
}

/// The value of an integer query parameter.
std::optional<std::size_t> query_number(std::string_view query, std::string_view name) {
    for (auto pair : split_list(query, '&'))
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') return parse_integer<std::size_t>(pair.substr(name.size() + 1));
    return std::nullopt;
}

std::string query_text(std::string_view query, std::string_view name) {
    for (auto pair : split_list(query, '&'))
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') return percent_decode(pair.substr(name.size() + 1), true);
    return {};
}

}  // namespace

net::Task<Status> Gateway::list_models(Exchange& x) {
    auto models = route::callable_models(*x.snapshot, *known_);
    std::erase_if(models, [&](const route::CallableModel& model) {
        return !x.caller->may_use(model.name) && !x.caller->may_use(fmt::format("{}/{}", model.provider, model.upstream));
    });
    const auto id = x.endpoint.dialect;
    const std::int64_t created = x.arrived_wall / 1'000'000;
    std::string body;
    json::Writer writer(body);
    if (x.endpoint.operation == Operation::get_model) {
        const auto found = std::ranges::find(models, x.endpoint.model, &route::CallableModel::name);
        if (found == models.end()) {
            std::vector<std::string> names;
            for (const auto& model : models) names.push_back(model.name);
            const auto closest = closest_names(x.endpoint.model, names, 3);
            co_return fail(Failure(FailureKind::model_not_found, closest.empty() ? fmt::format("the model `{}` does not exist or this key may not use it", x.endpoint.model)
                                                                                 : fmt::format("the model `{}` does not exist or this key may not use it; did you mean {}?", x.endpoint.model, fmt::join(closest, ", ")))
                               .at("model"));
        }
        append_model(writer, id, *found, created);
    } else if (id == dialect::DialectId::anthropic) {
        const auto& query = x.http->head().query;
        const auto after = query_text(query, "after_id");
        if (!after.empty()) {
            const auto at = std::ranges::find(models, after, &route::CallableModel::name);
            if (at != models.end()) models.erase(models.begin(), at + 1);
        }
        const std::size_t limit = std::clamp<std::size_t>(query_number(query, "limit").value_or(20), 1, 1000);
        const bool more = models.size() > limit;
        if (more) models.resize(limit);
        writer.begin_object().key("data").begin_array();
        for (const auto& model : models) append_model(writer, id, model, created);
        writer.end_array().member("has_more", more);
        if (models.empty()) writer.member_null("first_id").member_null("last_id");
        else writer.member("first_id", models.front().name).member("last_id", models.back().name);
        writer.end_object();
    } else {
        writer.begin_object().member("object", "list").key("data").begin_array();
        for (const auto& model : models) append_model(writer, id, model, created);
        writer.end_array().end_object();
    }
    std::string head;
    append_answer_headers(x, head, "application/json", true);
    x.answered = true;
    x.status = 200;
    x.answer_began = x.elapsed();
    if (auto sent = co_await x.http->respond(200, head, body); !sent) x.gone = true;
    co_return Status{};
}

/// The upstream's own counter where it has one and answers; else our estimate (E086, CC-6).
net::Task<Status> Gateway::count_tokens(Exchange& x) {
    const Candidate& candidate = x.candidates.front();
    const auto& upstream = x.provider(candidate).upstream;
    std::string answer;
    if (candidate.pass_through && upstream.supports(candidate.dialect, provider::Operation::count_tokens)) {
        render_pass_through(x, candidate);
        std::size_t size = 0;
        for (const auto& piece : x.pieces) size += piece.iov_len;
        render_head(x, candidate, size);
        x.attempts.push_back({.candidate = 0, .started = x.elapsed()});
        net::ClientExchange exchange(client_);
        x.upstream = &exchange;
        const auto& timeouts = x.provider(candidate).timeouts;
        const Nanos left = std::max<Nanos>(x.deadline - loop_.now(), 1);
        auto sent = co_await exchange.send(x.pinned->endpoints[candidate.provider], {.method = "POST", .head = x.head, .body = x.pieces},
                                           {.connect = timeouts.connect, .headers = timeouts.first_token, .idle = timeouts.idle, .total = left});
        if (sent) {
            x.attempts.back().status = exchange.head().status;
            auto body = co_await exchange.read_all(1 << 20);
            json::Document document;
            if (body && exchange.head().status == 200 && document.parse(*body) && document.root()["input_tokens"].integer()) answer = std::move(*body);
        }
        x.upstream = nullptr;
        x.attempts.back().ended = x.elapsed();
        x.attempts.back().outcome = answer.empty() ? "server" : "ok";
        if (x.gone) co_return fail(Failure(FailureKind::cancelled, "the client went away"));
    }
    if (answer.empty()) {
        if (auto read = translate(x); !read) co_return read;
        answer = fmt::format(R"({{"input_tokens":{}}})", llm::estimate_input_tokens(*x.request));
    }
    std::string head;
    append_answer_headers(x, head, "application/json", true);
    x.answered = true;
    x.status = 200;
    x.answer_began = x.elapsed();
    if (auto sent = co_await x.http->respond(200, head, answer); !sent) x.gone = true;
    co_return Status{};
}

}  // namespace gotthard::spine
