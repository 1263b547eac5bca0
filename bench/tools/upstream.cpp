// The upstream of the benchmark: one thread, epoll, canned answers, so that what is measured is the proxy in front of it.
//
//   upstream --port P --dialect chat|messages
//
// The request's body says what comes back: "json-1k" or "json-20k" in it: an answer of that size; with "flood": a stream of
// events without end, one write each; "hold": one event, then silence until the peer closes; "short": four events and the end.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

enum class Mode { unary, flood, hold, brief };

struct Connection {
    int descriptor;
    std::string in;
    std::string out;
    bool flooding = false;
    std::size_t position = 0;  // in `flooders`
};

struct Answers {
    std::string small, large;  // whole HTTP answers
    std::string stream_head, start, event, end;
};

std::string chunk(const std::string& data) {
    char size[32];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    return size + data + "\r\n";
}

std::string with_head(const std::string& body) {
    return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

std::string chat_body(std::size_t size) {
    const std::string head =
        R"({"id":"chatcmpl-123456789","object":"chat.completion","created":1700000000,"model":"upstream-model","choices":[{"index":0,"message":{"role":"assistant","content":")";
    const std::string tail =
        R"(","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":250,"completion_tokens":120,"total_tokens":370,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0}},"service_tier":"default","system_fingerprint":"fp_1"})";
    std::string text;
    while (head.size() + text.size() + tail.size() + 8 < size) text += "answer, ";
    return head + text + tail;
}

std::string messages_body(std::size_t size) {
    const std::string head =
        R"({"id":"msg_123456789","type":"message","role":"assistant","model":"upstream-model","content":[{"type":"text","text":")";
    const std::string tail =
        R"("}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":250,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":120,"service_tier":"standard"}})";
    std::string text;
    while (head.size() + text.size() + tail.size() + 8 < size) text += "answer, ";
    return head + text + tail;
}

std::string chat_chunk(const std::string& delta, const std::string& finish) {
    return chunk(
        R"(data: {"id":"chatcmpl-123456789","object":"chat.completion.chunk","created":1700000000,"model":"upstream-model","choices":[{"index":0,"delta":)" +
        delta + R"(,"logprobs":null,"finish_reason":)" + finish + "}],\"usage\":null}\n\n");
}

std::string named(const std::string& name, const std::string& data) {
    return chunk("event: " + name + "\ndata: " + data + "\n\n");
}

Answers answers_of(std::string_view dialect) {
    Answers answers;
    answers.stream_head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    if (dialect == "messages") {
        answers.small = with_head(messages_body(1024));
        answers.large = with_head(messages_body(20 * 1024));
        answers.start =
            named(
                "message_start",
                R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"upstream-model","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":250,"output_tokens":1}}})") +
            named("content_block_start", R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})");
        answers.event = named("content_block_delta",
                              R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" token"}})");
        answers.end =
            named("content_block_stop", R"({"type":"content_block_stop","index":0})") +
            named(
                "message_delta",
                R"({"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":4}})") +
            named("message_stop", R"({"type":"message_stop"})") + "0\r\n\r\n";
        return answers;
    }
    answers.small = with_head(chat_body(1024));
    answers.large = with_head(chat_body(20 * 1024));
    answers.start = chat_chunk(R"({"role":"assistant","content":"","refusal":null})", "null");
    answers.event = chat_chunk(R"({"content":" token"})", "null");
    answers.end =
        chat_chunk("{}", "\"stop\"") +
        chunk(
            "data: "
            "{\"id\":\"chatcmpl-123456789\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"upstream-"
            "model\",\"choices\":[],\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":4,\"total_tokens\":254}}\n\n") +
        chunk("data: [DONE]\n\n") + "0\r\n\r\n";
    return answers;
}

class Upstream {
public:
    Upstream(int port, std::string_view dialect) : answers_(answers_of(dialect)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const int on = 1;
        ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_, 65535) != 0) {
            std::perror("upstream: listen");
            std::exit(1);
        }
        watch(listener_, EPOLLIN);
    }

    void run() {
        epoll_event events[512];
        for (;;) {
            const int count = ::epoll_wait(epoll_, events, 512, flooders_.empty() ? -1 : 0);
            for (int i = 0; i < count; ++i) {
                if (events[i].data.fd == listener_)
                    accept_all();
                else if (const auto found = connections_.find(events[i].data.fd); found != connections_.end())
                    on_ready(found->second);
            }
            for (std::size_t i = flooders_.size(); i-- > 0;) send_event(*flooders_[i]);
        }
    }

private:
    void watch(int descriptor, std::uint32_t what) const {
        epoll_event event{};
        event.events = what;
        event.data.fd = descriptor;
        ::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
    }

    void accept_all() {
        for (;;) {
            const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (descriptor < 0) return;
            const int on = 1;
            ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            connections_.emplace(descriptor, Connection{descriptor, {}, {}});
            watch(descriptor, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
        }
    }

    void drop(Connection& connection) {
        stop_flooding(connection);
        ::close(connection.descriptor);
        connections_.erase(connection.descriptor);
    }

    void stop_flooding(Connection& connection) {
        if (!connection.flooding) return;
        flooders_.back()->position = connection.position;
        flooders_[connection.position] = flooders_.back();
        flooders_.pop_back();
        connection.flooding = false;
    }

    void on_ready(Connection& connection) {
        char room[65536];
        for (;;) {
            const auto got = ::recv(connection.descriptor, room, sizeof room, 0);
            if (got == 0 || (got < 0 && errno != EAGAIN)) return drop(connection);
            if (got < 0) break;
            connection.in.append(room, static_cast<std::size_t>(got));
        }
        while (take_request(connection)) {}
        flush(connection);
    }

    bool take_request(Connection& connection) {
        const auto end = connection.in.find("\r\n\r\n");
        if (end == std::string::npos) return false;
        std::size_t whole = end + 4;
        const std::string_view head(connection.in.data(), end + 2);
        if (const auto length = head.find("ontent-");
            length != std::string_view::npos && ::strcasestr(connection.in.c_str(), "\ncontent-length:") != nullptr) {
            whole += static_cast<std::size_t>(std::atoll(::strcasestr(connection.in.c_str(), "\ncontent-length:") + 16));
        }
        if (connection.in.size() < whole) return false;
        answer(connection, std::string_view(connection.in).substr(end + 4, whole - end - 4));
        connection.in.erase(0, whole);
        return true;
    }

    void answer(Connection& connection, std::string_view body) {
        const auto asks = [body = body.substr(0, 512)](std::string_view word) {
            return body.find(word) != std::string_view::npos;
        };
        if (asks("flood")) {
            connection.out += answers_.stream_head + answers_.start;
            connection.flooding = true;
            connection.position = flooders_.size();
            flooders_.push_back(&connection);
        } else if (asks("hold")) {
            connection.out += answers_.stream_head + answers_.start + answers_.event;
        } else if (asks("short")) {
            connection.out += answers_.stream_head + answers_.start + answers_.event + answers_.event + answers_.event +
                              answers_.event + answers_.end;
        } else {
            connection.out += asks("json-20k") ? answers_.large : answers_.small;
        }
    }

    static void flush(Connection& connection) {
        if (connection.out.empty()) return;
        const auto sent = ::send(connection.descriptor, connection.out.data(), connection.out.size(), MSG_NOSIGNAL);
        if (sent > 0) connection.out.erase(0, static_cast<std::size_t>(sent));
    }

    void send_event(Connection& connection) const {
        if (!connection.out.empty()) {
            flush(connection);
            if (!connection.out.empty()) return;  // the proxy is behind: its pace is the pace
        }
        const auto sent = ::send(connection.descriptor, answers_.event.data(), answers_.event.size(), MSG_NOSIGNAL);
        if (sent >= 0 && static_cast<std::size_t>(sent) < answers_.event.size())
            connection.out = answers_.event.substr(static_cast<std::size_t>(sent));
    }

    Answers answers_;
    int epoll_;
    int listener_ = -1;
    std::unordered_map<int, Connection> connections_;
    std::vector<Connection*> flooders_;
};

}  // namespace

int main(int count, char** arguments) {
    int port = 0;
    std::string_view dialect = "chat";
    for (int i = 1; i + 1 < count; i += 2) {
        if (std::string_view(arguments[i]) == "--port") port = std::atoi(arguments[i + 1]);
        if (std::string_view(arguments[i]) == "--dialect") dialect = arguments[i + 1];
    }
    Upstream(port, dialect).run();
}
