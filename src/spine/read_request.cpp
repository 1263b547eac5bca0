// Writes Exchange::body and Exchange::facts; translate() writes Exchange::request when a candidate needs it.
#include "dialect/anthropic_messages.hpp"
#include "net/content_coding.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {

net::Task<Status> Gateway::receive_body(Exchange& x) {
    const std::size_t limit = x.snapshot->limits.body;
    auto body = co_await x.http->read_body(limit);
    if (!body) co_return fail(std::move(body.error()));
    x.body = *body;
    const auto coding = x.http->head().header("content-encoding");
    if (coding.empty() || coding == "identity") co_return Status{};
    auto decoded = net::decode_body(coding, *body, limit, net::BodyOf::client);
    if (!decoded) co_return fail(std::move(decoded.error()));
    x.decoded = std::move(*decoded);
    x.body = x.decoded;
    co_return Status{};
}

Status Gateway::read_request(Exchange& x) {
    auto facts = scan_body(x.body, x.arena);
    if (!facts) return fail(std::move(facts.error()));
    x.facts = *facts;
    if (x.endpoint.operation != Operation::conversation) x.facts.stream = false;
    return {};
}

/// Builds the conversation from the client's own bytes; every attempt translates from it afresh.
Status Gateway::translate(Exchange& x) {
    if (x.request) return {};
    const auto& headers = x.http->head().headers;
    const dialect::RequestContext context{.anthropic_version = headers.get("anthropic-version"), .anthropic_beta = headers.get("anthropic-beta")};
    // A body that only asks for a count needs no limit of its answer (CC-6).
    const bool counts = x.endpoint.operation == Operation::count_tokens && x.endpoint.dialect == dialect::DialectId::anthropic;
    auto request = counts ? dialect::read_count_request(x.body, context, x.arena) : dialect::get(x.endpoint.dialect).read_request(x.body, context, x.arena);
    if (!request) return fail(std::move(request.error()));
    x.request = std::move(*request);
    return {};
}

}  // namespace gotthard::spine
