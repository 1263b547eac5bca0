// Writes Exchange::head, pieces, rendered, losses: what goes to the upstream for one candidate.
#include <array>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/text.hpp"
#include "spine/gateway.hpp"

namespace gotthard::spine {
namespace {

constexpr std::string_view ask_for_usage = "\"stream_options\":{\"include_usage\":true}";

std::string_view last_name(std::string_view path) {
    const auto dot = path.rfind('.');
    if (dot != std::string_view::npos) path.remove_prefix(dot + 1);
    return path.substr(0, path.find('['));
}

std::unexpected<Failure> refuse_loss(const llm::Loss& loss, std::string_view why) {
    return fail(Failure(FailureKind::unsupported_feature, fmt::format("`{}` cannot be carried to this model: {}. {}", loss.path, loss.reason, why)).at(loss.path));
}

/// contract.md section 5: per-target rules first, then strict, then the severity of what would be lost.
Status judge_losses(const Exchange& x, const Candidate& candidate, std::string& forced) {
    for (const auto& loss : x.losses.list()) {
        const auto name = last_name(loss.path);
        const auto policy = x.snapshot->parameter_policy(candidate.shown, name);
        if (policy == config::ParameterPolicy::refuse) return refuse_loss(loss, "The configuration refuses to drop it; leave it out or choose another model.");
        if (policy == config::ParameterPolicy::force && name == loss.path) {
            json::Document document;
            if (document.parse(x.body))
                if (const auto value = document.root()[name]) forced += fmt::format(",{}:{}", json::quoted(name), value.raw());
            continue;
        }
        if (x.strict_losses) return refuse_loss(loss, "Losses are refused for this request (losses: strict); leave it out or choose another model.");
        if (policy == config::ParameterPolicy::drop || x.allow_losses) continue;
        if (loss.severity == llm::Severity::contract)
            return refuse_loss(loss, "Leave it out, choose a model that takes it, or let the gateway drop it (losses: allow).");
    }
    return {};
}

void append_line(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

bool sends(const std::vector<dialect::Header>& headers, std::string_view name) {
    for (const auto& header : headers)
        if (equals_ignoring_case(header.name, name)) return true;
    return false;
}

}  // namespace

Status Gateway::render(Exchange& x, const Candidate& candidate) {
    x.head.clear();
    x.pieces.clear();
    x.losses = {};
    x.rendered.headers.clear();
    x.rendered.memory = {};
    x.rendered.body.clear();
    if (candidate.pass_through) {
        render_pass_through(x, candidate);
    } else if (auto translated = render_translated(x, candidate); !translated) {
        return translated;
    }
    std::size_t size = 0;
    for (const auto& piece : x.pieces) size += piece.iov_len;
    render_head(x, candidate, size);
    return {};
}

/// The client's own bytes with declared splices: the model's name, and a question for usage that the client did not ask.
void Gateway::render_pass_through(Exchange& x, const Candidate& candidate) {
    std::array<Splice, 2> splices;
    std::size_t count = 0;
    if (x.facts.model != candidate.model) {
        thread_local std::string quoted;
        quoted.clear();
        json::append_string(quoted, candidate.model);
        splices[count++] = {x.facts.model_at, x.arena.copy(quoted)};
    }
    const auto& upstream = x.provider(candidate).upstream;
    const bool may_ask = (upstream.quirks & static_cast<std::uint32_t>(dialect::Quirk::no_stream_options)) == 0;
    if (candidate.dialect == dialect::DialectId::chat && x.facts.stream && !x.facts.include_usage && may_ask) {
        if (x.facts.include_usage_at) {
            splices[count++] = {*x.facts.include_usage_at, "true"};
        } else if (x.facts.stream_options && x.facts.stream_options_empty) {
            splices[count++] = {*x.facts.stream_options, R"({"include_usage":true})"};
        } else if (x.facts.stream_options) {
            const Span inside{x.facts.stream_options->end - 1, x.facts.stream_options->end - 1};
            splices[count++] = {inside, R"(,"include_usage":true)"};
        } else {
            const Span end{x.facts.object_end, x.facts.object_end};
            splices[count++] = {end, x.arena.concat(x.facts.has_members ? "," : "", ask_for_usage)};
        }
        if (count == 2 && splices[1].at.begin < splices[0].at.begin) std::swap(splices[0], splices[1]);
    }
    splice_body(x.body, std::span(splices).first(count), x.pieces);
}

Status Gateway::render_translated(Exchange& x, const Candidate& candidate) {
    if (auto read = translate(x); !read) return read;
    const auto& upstream = x.provider(candidate).upstream;
    const dialect::Target target{.provider = upstream.row->id, .model = candidate.model, .quirks = upstream.quirks};
    auto rendered = dialect::get(candidate.dialect).write_request(*x.request, target, x.arena, x.losses);
    if (!rendered) return fail(std::move(rendered.error()));
    x.rendered = std::move(*rendered);
    std::string forced;
    if (auto judged = judge_losses(x, candidate, forced); !judged) return judged;
    if (!forced.empty() && x.rendered.body.ends_with('}')) x.rendered.body.insert(x.rendered.body.size() - 1, forced);
    x.pieces.push_back({x.rendered.body.data(), x.rendered.body.size()});
    return {};
}

void Gateway::render_head(Exchange& x, const Candidate& candidate, std::size_t body_size) {
    const auto& provider = x.provider(candidate);
    const auto& upstream = provider.upstream;
    const auto& account = upstream.accounts[candidate.account];
    const auto operation = x.endpoint.operation == Operation::embeddings     ? provider::Operation::embeddings
                           : x.endpoint.operation == Operation::count_tokens ? provider::Operation::count_tokens
                                                                             : provider::Operation::generate;
    thread_local std::string target;
    target.clear();
    upstream.append_target(candidate.dialect, operation, candidate.model, account, target);
    net::append_request_head(x.head, *x.pinned->endpoints[candidate.provider], "POST", target, body_size);
    x.head += "content-type: application/json\r\n";
    append_upstream_lines(x, candidate);
}

/// Authentication, the row's own headers, what the client's may pass, and the empty line.
void Gateway::append_upstream_lines(Exchange& x, const Candidate& candidate) {
    const auto& upstream = x.provider(candidate).upstream;
    const auto& account = upstream.accounts[candidate.account];
    x.head += "accept-encoding: identity\r\n";
    const auto& prepared = account.for_dialect(candidate.dialect);
    for (const auto& header : prepared.headers) append_line(x.head, header.name, header.value.reveal());
    const auto& client_headers = x.http->head().headers;
    std::string_view betas = candidate.pass_through ? client_headers.get("anthropic-beta") : std::string_view{};
    for (const auto& header : x.rendered.headers) {
        if (header.name == "anthropic-beta") betas = header.value;
        else append_line(x.head, header.name, header.value);
    }
    if (!prepared.beta.empty()) betas = betas.empty() ? prepared.beta : x.arena.concat(x.arena.concat(betas, ","), prepared.beta);
    if (!betas.empty()) append_line(x.head, "anthropic-beta", betas);
    for (const auto& header : upstream.headers(candidate.dialect)) {
        const bool given = sends(x.rendered.headers, header.name) || (candidate.pass_through && client_headers.find(header.name));
        if (!header.only_if_absent || !given) append_line(x.head, header.name, header.value.reveal());
    }
    if (candidate.pass_through) {
        for (const auto& header : client_headers) {
            if (!provider::forwards_client_header(header.name) || equals_ignoring_case(header.name, "anthropic-beta")) continue;
            bool fixed = false;
            for (const auto& own : upstream.headers(candidate.dialect)) fixed = fixed || (!own.only_if_absent && equals_ignoring_case(own.name, header.name));
            if (!fixed) append_line(x.head, header.name, header.value);
        }
    } else {
        append_line(x.head, "user-agent", "gotthard");
        append_line(x.head, "accept", x.facts.stream ? "text/event-stream" : "application/json");
    }
    x.head += "\r\n";
}

}  // namespace gotthard::spine
