#include "imposter/imposter.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "imposter/json_text.hpp"
#include "imposter/script.hpp"
#include "imposter/strict.hpp"

namespace gotthard::imposter {
namespace {

constexpr std::string_view kControl = "/__imposter/";

int listen_on_loopback(int port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(descriptor, 1024) != 0) {
        ::close(descriptor);
        throw std::runtime_error(fmt::format("the imposter cannot listen on 127.0.0.1:{}", port));
    }
    return descriptor;
}

int port_of(int descriptor) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

Reply refused_as_openai(const std::string& why) {
    return Reply::json(
        fmt::format(R"({{"error":{{"message":{},"type":"invalid_request_error","param":null,"code":null}}}})", quoted(why)), 400);
}

Reply refused_as_anthropic(const std::string& why) {
    return Reply::json(
        fmt::format(R"({{"type":"error","error":{{"type":"invalid_request_error","message":{}}},"request_id":"req_imposter"}})",
                    quoted(why)),
        400);
}

std::string as_json(const Seen& request) {
    std::string headers;
    for (const auto& [name, value] : request.headers) {
        headers += fmt::format("{}[{},{}]", headers.empty() ? "" : ",", quoted(name), quoted(value));
    }
    return fmt::format(
        R"({{"method":{},"target":{},"headers":[{}],"body":{},"body_size":{},"chunked":{},"connection":{},"number_on_connection":{},"refusal":{},"peer_closed_early":{}}})",
        quoted(request.method), quoted(request.target), headers, quoted(request.body), request.body.size(), request.chunked,
        request.connection, request.number_on_connection, quoted(request.refusal), request.peer_closed_early);
}

}  // namespace

Rule& Rule::method(std::string wanted) {
    method_ = std::move(wanted);
    return *this;
}

Rule& Rule::with_header(std::string name, std::string value) {
    headers_.emplace_back(std::move(name), std::move(value));
    return *this;
}

Rule& Rule::with_body_containing(std::string text) {
    body_text_ = std::move(text);
    return *this;
}

Rule& Rule::then_return(Reply reply) {
    replies_.push_back(std::move(reply));
    return *this;
}

bool Rule::matches(const Seen& request) const {
    if (replies_.empty()) return false;
    if (path_ != "*" && !request.path().ends_with(path_)) return false;
    if (!method_.empty() && request.method != method_) return false;
    if (!body_text_.empty() && !request.body.contains(body_text_)) return false;
    return std::ranges::all_of(headers_, [&](const auto& wanted) { return request.header(wanted.first) == wanted.second; });
}

Reply Rule::next() {
    Reply reply = replies_.front();
    if (replies_.size() > 1) replies_.pop_front();
    return reply;
}

Imposter::Imposter(int port)
    : listener_(listen_on_loopback(port)), port_(port_of(listener_)), acceptor_([this] { accept_all(); }) {}

Imposter::~Imposter() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        ::shutdown(listener_, SHUT_RDWR);
        for (const auto& connection : connections_) {
            if (!connection.done) ::shutdown(connection.descriptor, SHUT_RDWR);
        }
    }
    acceptor_.join();
    for (auto& connection : connections_) connection.thread.join();
    ::close(listener_);
}

std::string Imposter::base_url() const { return fmt::format("http://127.0.0.1:{}", port_); }

Rule& Imposter::when(std::string path) {
    const std::lock_guard lock(mutex_);
    return *rules_.emplace_front(std::make_unique<Rule>(std::move(path)));
}

void Imposter::be_lenient() {
    const std::lock_guard lock(mutex_);
    strict_ = false;
}

void Imposter::be_strict() {
    const std::lock_guard lock(mutex_);
    strict_ = true;
}

void Imposter::start_over() {
    const std::lock_guard lock(mutex_);
    rules_.clear();
    seen_.clear();
    ++generation_;
}

std::vector<Seen> Imposter::seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
}

std::vector<Seen> Imposter::seen(std::string_view path_suffix) const {
    auto found = seen();
    std::erase_if(found, [&](const Seen& request) { return !request.path().ends_with(path_suffix); });
    return found;
}

std::size_t Imposter::open_connections() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(connections_, [](const Connection& connection) { return !connection.done; }));
}

void Imposter::reap_finished() {
    for (auto at = connections_.begin(); at != connections_.end();) {
        if (at->done) {
            at->thread.join();
            at = connections_.erase(at);
        } else {
            ++at;
        }
    }
}

void Imposter::accept_all() {
    for (;;) {
        const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const std::lock_guard lock(mutex_);
        if (stopping_) {
            if (descriptor >= 0) ::close(descriptor);
            return;
        }
        if (descriptor < 0) continue;
        const int on = 1;
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        reap_finished();
        auto& connection = connections_.emplace_back(descriptor, ++accepted_);
        connection.thread = std::thread([this, &connection] { serve(connection); });
    }
}

void Imposter::serve(Connection& connection) {
    RequestReader reader(connection.descriptor);
    int number = 0;
    while (auto request = reader.next()) {
        request->connection = connection.number;
        request->number_on_connection = ++number;
        if (!answer(connection.descriptor, std::move(*request))) break;
    }
    // Under the lock, so that the destructor never shuts down a descriptor number that is somebody else's by now.
    const std::lock_guard lock(mutex_);
    ::close(connection.descriptor);
    connection.done = true;
}

bool Imposter::answer(int descriptor, Seen request) {
    const bool head_only = request.method == "HEAD";
    bool peer_closed_early = false;
    if (request.target.starts_with(kControl)) return send_reply(descriptor, control(request), head_only, peer_closed_early);
    std::size_t index = 0;
    std::size_t generation = 0;
    Reply reply;
    {
        const std::lock_guard lock(mutex_);
        reply = reply_for(request);
        index = seen_.size();
        generation = generation_;
        seen_.push_back(std::move(request));
    }
    const bool reusable = send_reply(descriptor, reply, head_only, peer_closed_early);
    const std::lock_guard lock(mutex_);
    if (generation == generation_) seen_[index].peer_closed_early = peer_closed_early && !stopping_;
    return reusable;
}

Reply Imposter::reply_for(Seen& request) {
    const std::string path = request.path();
    if (strict_ && request.method == "POST") {
        if (path.ends_with("/chat/completions")) request.refusal = refusal_of_chat(request);
        if (!request.refusal.empty()) return refused_as_openai(request.refusal);
        if (path.ends_with("/messages")) request.refusal = refusal_of_messages(request);
        if (!request.refusal.empty()) return refused_as_anthropic(request.refusal);
    }
    for (const auto& rule : rules_) {
        if (rule->matches(request)) return rule->next();
    }
    return Reply::json(
        R"({"error":{"message":"the imposter has no rule for this request","type":"invalid_request_error","param":null,"code":null}})",
        404);
}

Reply Imposter::control(const Seen& request) {
    const std::string_view what = std::string_view(request.target).substr(kControl.size());
    if (request.method == "PUT" && what == "script") {
        const std::string fault = apply_script(*this, request.body);
        return fault.empty() ? Reply::json("{}") : Reply::json(fmt::format(R"({{"fault":{}}})", quoted(fault)), 400);
    }
    const auto requests = seen();
    if (what == "seen") {
        std::string list;
        for (const auto& each : requests) list += (list.empty() ? "" : ",") + as_json(each);
        return Reply::json(fmt::format(R"({{"seen":[{}],"open_connections":{}}})", list, open_connections()));
    }
    std::size_t index = 0;
    constexpr std::string_view prefix = "seen/";
    if (what.starts_with(prefix) &&
        std::from_chars(what.data() + prefix.size(), what.data() + what.size(), index).ec == std::errc{} &&
        index < requests.size()) {
        return Reply::text(requests[index].body, "application/octet-stream");
    }
    return Reply::json(R"({"fault":"no such control path"})", 404);
}

}  // namespace gotthard::imposter
