// llm::Request of any dialect -> the body and headers of POST /v1/messages. The same request gives the same bytes (E271).
#include <algorithm>

#include <fmt/format.h>

#include "base/text.hpp"
#include "dialect/anthropic_messages.hpp"
#include "dialect/anthropic/write.hpp"

namespace gotthard::dialect::anthropic {
namespace {

bool looks_personal(std::string_view user) {
    if (user.find('@') != std::string_view::npos) return true;
    std::size_t digits = 0;
    for (char c : user) {
        if (is_digit(c)) ++digits;
        else if (c != '+' && c != '-' && c != ' ' && c != '(' && c != ')' && c != '.') return false;
    }
    return digits >= 7 && digits <= 15;
}

/// Fields that have no place in Messages (E047): n > 1, logprobs and the like, each with the severity of the policy.
void lose_foreign_fields(const llm::Request& request, llm::Losses& losses) {
    const auto gone = [&](bool sent, std::string_view name) {
        if (sent) lose(losses, std::string(name), std::string(no_place));
    };
    gone(request.n.value_or(1) > 1, "n");
    gone(request.logprobs.value_or(false), "logprobs");
    gone(request.top_logprobs.value_or(0) > 0, "top_logprobs");
    gone(!request.logit_bias.empty(), "logit_bias");
    gone(request.frequency_penalty.value_or(0) != 0, "frequency_penalty");
    gone(request.presence_penalty.value_or(0) != 0, "presence_penalty");
    gone(request.seed.has_value(), "seed");
    gone(!request.metadata.empty(), "metadata");
    for (const auto& extra : request.extra) {
        // Told by the settings and by `user` already.
        if (extra.key == "reasoning" || extra.key == "reasoning_effort" || (extra.key == "safety_identifier" && !request.user.empty())) continue;
        lose(losses, std::string(extra.key), std::string(no_place));
    }
}

class BodyWriter {
public:
    BodyWriter(Writing& writing, const Turns& turns, const Tools& tools, const Settings& settings)
        : writing_(writing), request_(writing.request), turns_(turns), tools_(tools), settings_(settings), w_(out_) {}
    std::string write();

private:
    void settings();
    void output_config();
    void metadata();
    void service_tier();
    void stop_sequences();
    void tools();
    void extras();
    /// Extras "OBJECT.key" as members of OBJECT.
    bool has_extras_of(std::string_view object) const;
    void extras_of(std::string_view object);

    Writing& writing_;
    const llm::Request& request_;
    const Turns& turns_;
    const Tools& tools_;
    const Settings& settings_;
    std::string out_;
    json::Writer w_;
};

bool is_member_of(std::string_view key, std::string_view object) { return key.size() > object.size() + 1 && key.starts_with(object) && key[object.size()] == '.'; }

bool BodyWriter::has_extras_of(std::string_view object) const {
    return writing_.own() && std::ranges::any_of(request_.extra, [&](const auto& extra) { return is_member_of(extra.key, object); });
}

void BodyWriter::extras_of(std::string_view object) {
    if (!writing_.own()) return;
    for (const auto& extra : request_.extra)
        if (is_member_of(extra.key, object)) w_.key(extra.key.substr(object.size() + 1)).raw(extra.json);
}

void BodyWriter::output_config() {
    if (settings_.effort.empty() && settings_.format.empty() && !has_extras_of("output_config")) return;
    w_.key("output_config").begin_object();
    if (!settings_.effort.empty()) w_.member("effort", settings_.effort);
    if (!settings_.format.empty()) w_.member_raw("format", settings_.format);
    extras_of("output_config");
    w_.end_object();
}

void BodyWriter::metadata() {
    bool user = !request_.user.empty();
    if (user && !writing_.own() && (looks_personal(request_.user) || request_.user.size() > 256)) {
        lose(writing_.losses, "user", "the upstream refuses names, e-mail addresses and phone numbers here, and ids beyond 256 bytes");
        user = false;
    }
    if (!user && !has_extras_of("metadata")) return;
    w_.key("metadata").begin_object();
    if (user) w_.member("user_id", request_.user);
    extras_of("metadata");
    w_.end_object();
}

void BodyWriter::service_tier() {
    if (request_.service_tier.empty()) return;
    std::string_view tier = request_.service_tier;
    if (!writing_.own()) tier = tier == "default" ? "standard_only" : tier == "auto" ? "auto" : "";
    if (tier.empty()) lose(writing_.losses, "service_tier", fmt::format("the upstream knows no tier \"{}\"", request_.service_tier));
    else w_.member("service_tier", tier);
}

void BodyWriter::stop_sequences() {
    std::vector<std::string_view> kept;
    for (const auto stop : request_.stop) {
        if (writing_.own() || !trim(stop).empty()) kept.push_back(stop);
        else writing_.losses.add(writing_.own() ? "stop_sequences" : "stop", "the upstream refuses stop sequences of blanks only");
    }
    writing_.memory.stop.assign(kept.begin(), kept.end());
    if (kept.empty()) return;
    w_.key("stop_sequences").begin_array();
    for (const auto stop : kept) w_.string(stop);
    w_.end_array();
}

void BodyWriter::tools() {
    if (!tools_.list.empty() || (writing_.own() && !request_.tools.empty())) w_.key("tools").raw(fmt::format("[{}]", tools_.list));
    if (!tools_.choice.empty()) w_.member_raw("tool_choice", tools_.choice);
    if (!tools_.mcp_servers.empty()) w_.key("mcp_servers").raw(fmt::format("[{}]", tools_.mcp_servers));
}

void BodyWriter::settings() {
    if (settings_.temperature) w_.member("temperature", *settings_.temperature);
    if (settings_.top_p) w_.member("top_p", *settings_.top_p);
    if (settings_.top_k) w_.member("top_k", *settings_.top_k);
    stop_sequences();
    if (!settings_.thinking.empty()) w_.member_raw("thinking", settings_.thinking);
    output_config();
    metadata();
    service_tier();
    if (const auto edits = edits_of(writing_); !edits.empty()) w_.member_raw("context_management", edits);
    if (!request_.cache_control.empty()) w_.member_raw("cache_control", request_.cache_control);
}

void BodyWriter::extras() {
    if (!writing_.own()) return;
    for (const auto& extra : request_.extra)
        if (!is_member_of(extra.key, "output_config") && !is_member_of(extra.key, "metadata")) w_.key(extra.key).raw(extra.json);
}

std::string BodyWriter::write() {
    std::size_t size = 1024 + tools_.list.size();
    for (const auto& turn : turns_.turns)
        for (const auto& block : turn.blocks) size += block.text.size() + block.input.size() + block.part->media.data.size() + block.part->raw.size() + 96;
    for (const auto& block : turns_.system) size += block.text.size() + 96;
    out_.reserve(size);
    w_.begin_object();
    w_.member("model", writing_.target.model.empty() ? request_.model : writing_.target.model);
    w_.member("max_tokens", settings_.max_tokens);
    if (!turns_.system.empty()) {
        std::string system;
        append_system(turns_, system);
        w_.member_raw("system", system);
    }
    w_.key("messages").raw("[");
    append_messages(turns_, out_);
    out_ += ']';
    tools();
    settings();
    extras();
    if (request_.stream) w_.member("stream", true);
    w_.end_object();
    return std::move(out_);
}

/// The client's betas first, in its order, then what the translation needs; each once (E038, E264).
std::string merged_betas(std::string_view client, const std::vector<std::string_view>& needed) {
    std::vector<std::string_view> all;
    for (const auto value : split_list(client))
        if (std::ranges::find(all, value) == all.end()) all.push_back(value);
    for (const auto value : needed)
        if (std::ranges::find(all, value) == all.end()) all.push_back(value);
    return fmt::format("{}", fmt::join(all, ","));
}

}  // namespace

Result<UpstreamRequest> write_request(const llm::Request& request, const Target& target, Arena& arena, llm::Losses& losses) {
    UpstreamRequest out;
    ToolNames names(out.memory, 128);
    CallIds ids(out.memory, CallIdRule::anthropic);
    Writing writing{.request = request,
                    .target = target,
                    .traits = traits_of(target.model.empty() ? request.model : target.model),
                    .arena = arena,
                    .losses = losses,
                    .memory = out.memory,
                    .names = names,
                    .ids = ids,
                    .betas = {}};
    auto turns = plan_turns(writing);
    if (!turns) return fail(std::move(turns.error()));
    const auto settings = plan_settings(writing, *turns);
    auto tools = plan_tools(writing, *turns, settings.emulated, settings.thinking_on);
    if (!tools) return fail(std::move(tools.error()));
    if (!writing.own()) {
        const std::size_t elsewhere = tools->cache_marks + (request.cache_control.empty() ? 0 : 1);
        limit_cache_marks(*turns, elsewhere < 4 ? 4 - elsewhere : 0, losses);
        lose_foreign_fields(request, losses);
    }
    out.body = BodyWriter(writing, *turns, *tools, settings).write();
    out.headers.push_back({"anthropic-version", std::string(writing.own() && !request.version.empty() ? request.version : default_version)});
    if (auto betas = merged_betas(request.betas, writing.betas); !betas.empty()) out.headers.push_back({"anthropic-beta", std::move(betas)});
    return out;
}

}  // namespace gotthard::dialect::anthropic
