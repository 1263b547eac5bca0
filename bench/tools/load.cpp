// The client side of the benchmark where wrk has no mode for it. One thread, epoll.
//
//   load MODE --port P --path PATH --header "NAME: VALUE" --body FILE [--connections N] [--seconds S] [--count N]
//
// streams   N streams for S seconds: {"events":E,"seconds":T}
// hold      N connections, one request each; prints "ready" when every answer has begun, then holds them until standard input
// ends latency   COUNT requests one after the other on one connection: microseconds to the first byte of the body and to its end,
// as medians churn     N connections at once, each one request and closed, until COUNT are done: {"done":N,"failed":N}
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    std::string_view mode;
    int port = 0;
    std::string path = "/", headers, body;
    int connections = 1;
    double seconds = 5;
    int count = 1000;
};

Options parse(int count, char** arguments) {
    Options options;
    options.mode = count > 1 ? arguments[1] : "";
    for (int i = 2; i + 1 < count; i += 2) {
        const std::string_view name = arguments[i];
        const std::string value = arguments[i + 1];
        if (name == "--port") options.port = std::stoi(value);
        if (name == "--path") options.path = value;
        if (name == "--header") options.headers += value + "\r\n";
        if (name == "--connections") options.connections = std::stoi(value);
        if (name == "--seconds") options.seconds = std::stod(value);
        if (name == "--count") options.count = std::stoi(value);
        if (name == "--body") {
            std::ifstream file(value, std::ios::binary);
            options.body.assign(std::istreambuf_iterator<char>(file), {});
        }
    }
    return options;
}

std::string request_of(const Options& options) {
    return "POST " + options.path + " HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n" + options.headers +
           "content-length: " + std::to_string(options.body.size()) + "\r\n\r\n" + options.body;
}

int dial(int port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        ::close(descriptor);
        return -1;
    }
    const int on = 1;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return descriptor;
}

bool send_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

/// Counts "data: " across reads.
struct EventCounter {
    std::size_t matched = 0;
    std::uint64_t events = 0;
    void see(std::string_view bytes) {
        constexpr std::string_view word = "data: ";
        for (const char c : bytes) {
            matched = c == word[matched] ? matched + 1 : (c == word[0] ? 1 : 0);
            if (matched == word.size()) {
                ++events;
                matched = 0;
            }
        }
    }
};

int streams(const Options& options) {
    const int epoll = ::epoll_create1(0);
    const std::string request = request_of(options);
    std::vector<int> open;
    std::vector<EventCounter> counters(65536);
    for (int i = 0; i < options.connections; ++i) {
        const int descriptor = dial(options.port);
        if (descriptor < 0 || !send_all(descriptor, request)) return 1;
        ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = descriptor;
        ::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
        open.push_back(descriptor);
    }
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::duration<double>(options.seconds);
    static char room[1 << 18];
    epoll_event events[256];
    while (Clock::now() < end) {
        const int ready = ::epoll_wait(epoll, events, 256, 100);
        for (int i = 0; i < ready; ++i) {
            const auto got = ::recv(events[i].data.fd, room, sizeof room, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN)) {
                std::fprintf(stderr, "load: a stream ended\n");
                return 1;
            }
            if (got > 0) counters[static_cast<std::size_t>(events[i].data.fd)].see({room, static_cast<std::size_t>(got)});
        }
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    std::uint64_t total = 0;
    for (const auto& counter : counters) total += counter.events;
    std::printf("{\"events\":%llu,\"seconds\":%.3f}\n", static_cast<unsigned long long>(total), seconds);
    return 0;
}

bool answered(int descriptor) {
    char room[65536];
    pollfd waiting{descriptor, POLLIN, 0};
    return ::poll(&waiting, 1, 30000) > 0 && ::recv(descriptor, room, sizeof room, 0) > 12 &&
           std::string_view(room, 12) == "HTTP/1.1 200";
}

int hold(const Options& options) {
    const std::string request = request_of(options);
    std::vector<int> open;
    for (int i = 0; i < options.connections; ++i) {
        const int descriptor = dial(options.port);
        if (descriptor < 0 || !send_all(descriptor, request)) return 1;
        open.push_back(descriptor);
        // In small groups, so that a proxy is not asked to buffer everything at once.
        if (open.size() % 50 == 0) {
            for (std::size_t at = open.size() - 50; at < open.size(); ++at) {
                if (!answered(open[at])) {
                    std::fprintf(stderr, "load: connection %zu was not answered\n", at);
                    return 1;
                }
            }
        }
    }
    std::printf("ready\n");
    std::fflush(stdout);
    char byte;
    while (::read(STDIN_FILENO, &byte, 1) > 0) {}
    return 0;
}

/// Reads one answer; returns when its first body byte was there, or nothing when the connection broke.
bool read_answer(int descriptor, Clock::time_point& first_byte) {
    std::string in;
    char room[65536];
    bool begun = false;
    for (;;) {
        const auto got = ::recv(descriptor, room, sizeof room, 0);
        if (got <= 0) return false;
        in.append(room, static_cast<std::size_t>(got));
        const auto end = in.find("\r\n\r\n");
        if (end == std::string::npos || in.size() == end + 4) continue;
        if (!begun) {
            first_byte = Clock::now();
            begun = true;
        }
        const char* length = ::strcasestr(in.c_str(), "\ncontent-length:");
        if (length != nullptr && length < in.c_str() + end) {
            if (in.size() >= end + 4 + static_cast<std::size_t>(std::atoll(length + 16))) return true;
        } else if (in.ends_with("\r\n0\r\n\r\n")) {
            return true;
        }
    }
}

int latency(const Options& options) {
    const std::string request = request_of(options);
    const int descriptor = dial(options.port);
    if (descriptor < 0) return 1;
    std::vector<double> first, whole;
    for (int i = 0; i < options.count; ++i) {
        const auto begin = Clock::now();
        Clock::time_point first_byte;
        if (!send_all(descriptor, request) || !read_answer(descriptor, first_byte)) return 1;
        first.push_back(std::chrono::duration<double, std::micro>(first_byte - begin).count());
        whole.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
    }
    std::ranges::sort(first);
    std::ranges::sort(whole);
    const auto at = [](const std::vector<double>& sorted, double part) {
        return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1))];
    };
    std::printf("{\"first_byte_p50\":%.1f,\"p50\":%.1f,\"p99\":%.1f}\n", at(first, 0.5), at(whole, 0.5), at(whole, 0.99));
    return 0;
}

int churn(const Options& options) {
    const std::string request = request_of(options);
    int done = 0, failed = 0;
    while (done + failed < options.count) {
        std::vector<int> open;
        for (int i = 0; i < options.connections; ++i) open.push_back(dial(options.port));
        for (const int descriptor : open) {
            if (descriptor >= 0) send_all(descriptor, request);
        }
        for (const int descriptor : open) {
            descriptor >= 0 && answered(descriptor) ? ++done : ++failed;
            if (descriptor >= 0) ::close(descriptor);
        }
    }
    std::printf("{\"done\":%d,\"failed\":%d}\n", done, failed);
    return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
    const Options options = parse(count, arguments);
    if (options.mode == "streams") return streams(options);
    if (options.mode == "hold") return hold(options);
    if (options.mode == "latency") return latency(options);
    if (options.mode == "churn") return churn(options);
    std::fprintf(stderr, "load: streams, hold, latency or churn\n");
    return 2;
}
