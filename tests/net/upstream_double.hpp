// An upstream that follows a script, on a loop of the test: each connection plays the next script (the last one again and
// again), and the test asks afterwards what was seen.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop.hpp"
#include "net/tcp.hpp"
#include "net/tls.hpp"
#include "net/url.hpp"

namespace gotthard::net {

struct Step {
    enum class What { expect_request, expect_head, send, finish, close, reset, hang, serve };
    What what;
    std::string text;
    std::size_t repeat = 1;
};
using Script = std::vector<Step>;

namespace step {
inline Step expect_request() { return {Step::What::expect_request, {}}; }  ///< Head and body.
inline Step expect_head() { return {Step::What::expect_head, {}}; }        ///< The head only; the body stays unread.
inline Step send(std::string text, std::size_t repeat = 1) { return {Step::What::send, std::move(text), repeat}; }
inline Step finish() { return {Step::What::finish, {}}; }  ///< Orderly end of sending.
inline Step close() { return {Step::What::close, {}}; }
inline Step reset() { return {Step::What::reset, {}}; }
inline Step hang() { return {Step::What::hang, {}}; }                                 ///< Until the client goes.
inline Step serve(std::string text) { return {Step::What::serve, std::move(text)}; }  ///< The same answer to every request.
}  // namespace step

std::string answer_of(std::string_view body, std::string_view headers = {}, int status = 200);
std::string chunked_head(std::string_view headers = {});
std::string chunk(std::string_view data);

class UpstreamDouble {
public:
    explicit UpstreamDouble(Loop& loop, std::vector<Script> scripts, const TlsServerContext* tls = nullptr);
    ~UpstreamDouble();

    std::uint16_t port() const { return port_; }
    Origin origin() const { return {.tls = tls_ != nullptr, .host = "127.0.0.1", .port = port_}; }
    std::size_t connections() const { return connections_; }  ///< Accepted so far.
    std::size_t open_connections() const { return open_; }
    std::size_t handshakes_failed() const { return handshakes_failed_; }
    const std::vector<std::string>& requests() const { return requests_; }  ///< Heads and bodies as they came.
    const std::string& peer_subject() const { return peer_subject_; }
    void stop_listening();

private:
    Task<> play(Socket socket, std::size_t number);
    Task<> follow(ByteStream& stream, const Script& script);
    Task<bool> read_request(ByteStream& stream, std::string& input, bool with_body);

    Loop& loop_;
    std::vector<Script> scripts_;
    const TlsServerContext* tls_;
    Socket listener_;
    std::uint16_t port_ = 0;
    std::unique_ptr<Acceptor> acceptor_;
    std::vector<ByteStream*> streams_;
    std::vector<std::string> requests_;
    std::string peer_subject_;
    std::size_t connections_ = 0;
    std::size_t open_ = 0;
    std::size_t handshakes_failed_ = 0;
};

/// A port of the loopback on which nobody listens.
std::uint16_t closed_port();

namespace detail {
template <class T>
Task<> keep_result(Task<T> task, std::shared_ptr<std::optional<T>> into) {
    into->emplace(co_await std::move(task));
}
}  // namespace detail

/// Starts `task`; its result is there once it is done.
template <class T>
std::shared_ptr<std::optional<T>> start(Task<T> task) {
    auto result = std::make_shared<std::optional<T>>();
    spawn(detail::keep_result(std::move(task), result));
    return result;
}

/// Runs the loop until `task` is done.
template <class T>
T run(Loop& loop, Task<T> task) {
    auto result = start(std::move(task));
    if (!loop.run_until([&] { return result->has_value(); }, 2'000'000)) std::abort();
    return std::move(**result);
}

}  // namespace gotthard::net
