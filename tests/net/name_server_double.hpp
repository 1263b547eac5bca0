// A name server on loopback that answers A and AAAA from a table, and counts the questions.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "net/loop.hpp"
#include "net/tcp.hpp"

namespace gotthard::net {

class NameServerDouble final : EventSource {
public:
    struct Record {
        std::vector<std::string> v4;
        std::vector<std::string> v6;
        std::uint32_t ttl = 60;
        bool silent = false;
    };

    explicit NameServerDouble(Loop& loop)
        : loop_(loop), socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        const auto address = SocketAddress::loopback(0);
        if (::bind(socket_.fd(), address.get(), address.length()) != 0) std::abort();
        loop_.add_level(socket_.fd(), EPOLLIN, *this);
    }
    ~NameServerDouble() { loop_.remove(socket_.fd(), *this); }

    std::string address() const { return local_address(socket_.fd()).to_string(); }
    std::map<std::string, Record> records;  ///< Names that are not here do not exist.
    int questions = 0;

private:
    void on_events(std::uint32_t) override {
        unsigned char question[512];
        sockaddr_storage from{};
        socklen_t from_size = sizeof from;
        const ssize_t size =
            ::recvfrom(socket_.fd(), question, sizeof question, 0, reinterpret_cast<sockaddr*>(&from), &from_size);
        if (size < 17) return;
        ++questions;
        std::string name;
        std::size_t at = 12;
        while (question[at] != 0) {
            if (!name.empty()) name += '.';
            name.append(reinterpret_cast<char*>(question + at + 1), question[at]);
            at += 1 + question[at];
        }
        const int type = question[at + 2];
        const std::size_t question_end = at + 5;
        const auto found = records.find(name);
        if (found != records.end() && found->second.silent) return;
        std::string answer(reinterpret_cast<char*>(question), question_end);
        answer[2] = static_cast<char>(0x81);
        answer[3] = static_cast<char>(found == records.end() ? 0x83 : 0x80);
        answer.replace(8, 4, 4, '\0');
        std::uint8_t count = 0;
        if (found != records.end())
            for (const auto& text : type == 28 ? found->second.v6 : found->second.v4) {
                append_record(answer, type, text, found->second.ttl);
                ++count;
            }
        answer[6] = 0;
        answer[7] = static_cast<char>(count);
        ::sendto(socket_.fd(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), from_size);
    }

    static void append_record(std::string& answer, int type, const std::string& text, std::uint32_t ttl) {
        char bytes[16];
        const std::size_t size = type == 28 ? 16 : 4;
        inet_pton(type == 28 ? AF_INET6 : AF_INET, text.c_str(), bytes);
        answer += std::string("\xC0\x0C\0", 3) + static_cast<char>(type) + std::string("\0\1", 2);
        for (const int shift : {24, 16, 8, 0}) answer += static_cast<char>(ttl >> shift);
        answer += std::string("\0", 1) + static_cast<char>(size);
        answer.append(bytes, size);
    }

    Loop& loop_;
    Socket socket_;
};

}  // namespace gotthard::net
