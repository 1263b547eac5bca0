// An admin listener that answers from a script and remembers what it was asked: the other end of the command line's client.
// A thread of its own; one request per connection.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "net/byte_stream.hpp"

namespace gotthard::app::test {

class FakeGateway {
public:
    FakeGateway();
    ~FakeGateway();

    /// What a call of "METHOD /path?query" is answered with; the text is the whole answer when it begins with "HTTP/".
    void answer(const std::string& call, std::string text, int status = 200);
    /// Heads and bodies as they came, oldest first.
    std::vector<std::string> requests() const;
    std::string last_request() const;

    const std::string& directory() const { return directory_; }  ///< Holds admin.sock.
    std::string url() const;                                     ///< The same over TCP.

private:
    void serve(int listener);
    void serve_one(int connection);

    std::string directory_;
    net::Socket unix_listener_;
    net::Socket tcp_listener_;
    std::uint16_t port_ = 0;
    mutable std::mutex mutex_;
    std::map<std::string, std::string> answers_;
    std::vector<std::string> requests_;
    std::atomic<bool> stopping_{false};
    std::thread unix_thread_;
    std::thread tcp_thread_;
};

}  // namespace gotthard::app::test
