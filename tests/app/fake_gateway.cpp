#include "app/fake_gateway.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/text.hpp"

namespace gotthard::app::test {
namespace {

net::Socket listen_unix(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    net::Socket listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(listener.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener.fd(), 16), 0);
    return listener;
}

net::Socket listen_tcp(std::uint16_t& port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    net::Socket listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(listener.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener.fd(), 16), 0);
    socklen_t size = sizeof address;
    getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return listener;
}

/// Bytes of the body that a head announces.
std::size_t body_size(std::string_view head) {
    for (const auto line : split_list(head, '\n'))
        if (starts_with_ignoring_case(line, "content-length:"))
            return parse_integer<std::size_t>(trim(line.substr(15))).value_or(0);
    return 0;
}

std::string read_request(int connection) {
    std::string text;
    char room[4096];
    for (;;) {
        const auto end = text.find("\r\n\r\n");
        if (end != std::string::npos && text.size() >= end + 4 + body_size(std::string_view(text).substr(0, end))) return text;
        const auto got = read(connection, room, sizeof room);
        if (got <= 0) return text;
        text.append(room, static_cast<std::size_t>(got));
    }
}

}  // namespace

FakeGateway::FakeGateway() {
    char folder[] = "/tmp/gotthard-cli-XXXXXX";
    directory_ = mkdtemp(folder);
    unix_listener_ = listen_unix(directory_ + "/admin.sock");
    tcp_listener_ = listen_tcp(port_);
    unix_thread_ = std::thread([this] { serve(unix_listener_.fd()); });
    tcp_thread_ = std::thread([this] { serve(tcp_listener_.fd()); });
}

FakeGateway::~FakeGateway() {
    stopping_ = true;
    shutdown(unix_listener_.fd(), SHUT_RDWR);
    shutdown(tcp_listener_.fd(), SHUT_RDWR);
    unix_thread_.join();
    tcp_thread_.join();
    std::filesystem::remove_all(directory_);
}

std::string FakeGateway::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

void FakeGateway::answer(const std::string& call, std::string text, int status) {
    const std::lock_guard lock(mutex_);
    if (!text.starts_with("HTTP/"))
        text =
            fmt::format("HTTP/1.1 {} Whatever\r\ncontent-type: application/json\r\netag: \"7\"\r\ncontent-length: {}\r\n\r\n{}",
                        status, text.size(), text);
    answers_[call] = std::move(text);
}

std::vector<std::string> FakeGateway::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

std::string FakeGateway::last_request() const {
    const std::lock_guard lock(mutex_);
    return requests_.empty() ? std::string() : requests_.back();
}

void FakeGateway::serve(int listener) {
    while (!stopping_) {
        const net::Socket connection(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
        if (connection) serve_one(connection.fd());
    }
}

void FakeGateway::serve_one(int connection) {
    const auto request = read_request(connection);
    std::string text =
        "HTTP/1.1 404 Not Found\r\ncontent-type: application/problem+json\r\ncontent-length: 44\r\n\r\n{\"detail\":\"not "
        "scripted\",\"code\":\"not_found\"}";
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        const auto call = request.substr(0, request.find(" HTTP/1.1"));
        if (const auto found = answers_.find(call); found != answers_.end()) text = found->second;
    }
    std::string_view rest = text;
    while (!rest.empty()) {
        const auto sent = send(connection, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
}

}  // namespace gotthard::app::test
