#include "imposter/imposter.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "imposter/script.hpp"
#include "imposter/strict.hpp"

namespace gotthard::imposter {
namespace {

class Client {
public:
    explicit Client(int port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    ~Client() { close(); }

    void send(std::string_view bytes) const {
        EXPECT_EQ(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    }
    void post(std::string_view path, std::string_view body) const {
        send("POST " + std::string(path) + " HTTP/1.1\r\nhost: x\r\nanthropic-version: 2023-06-01\r\ncontent-length: " +
             std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
    }
    /// Reads until `text` was seen, or until the peer has closed when it is empty.
    std::string read_until(std::string_view text) const {
        std::string all;
        char room[4096];
        while (text.empty() || !all.contains(text)) {
            const auto got = ::recv(descriptor_, room, sizeof room, 0);
            if (got <= 0) break;
            all.append(room, static_cast<std::size_t>(got));
        }
        return all;
    }
    void close() {
        if (descriptor_ >= 0) ::close(descriptor_);
        descriptor_ = -1;
    }

private:
    int descriptor_;
};

Seen with_body(std::string body) {
    Seen seen;
    seen.body = std::move(body);
    seen.headers.emplace_back("anthropic-version", "2023-06-01");
    return seen;
}

constexpr std::string_view kHello = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";

TEST(Imposter, ReturnsTheScriptedRepliesInOrderAndRepeatsTheLast) {
    Imposter imposter;
    imposter.when("/v1/chat/completions").then_return(Reply::json("{\"n\":1}")).then_return(Reply::json("{\"n\":2}", 529));
    const Client client(imposter.port());
    client.post("/v1/chat/completions", kHello);
    EXPECT_TRUE(client.read_until("}").contains("{\"n\":1}"));
    client.post("/v1/chat/completions", kHello);
    EXPECT_TRUE(client.read_until("}").starts_with("HTTP/1.1 529"));
    client.post("/v1/chat/completions", kHello);
    EXPECT_TRUE(client.read_until("}").starts_with("HTTP/1.1 529"));
}

TEST(Imposter, TellsWhatItSaw) {
    Imposter imposter;
    imposter.when("*").then_return(Reply::json("{}"));
    const Client client(imposter.port());
    client.send("POST /x?y=1 HTTP/1.1\r\nHost: x\r\nX-Key: a b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    client.read_until("{}");
    const auto seen = imposter.seen("/x");
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_EQ(seen[0].target, "/x?y=1");
    EXPECT_EQ(seen[0].header("x-key"), "a b");
    EXPECT_EQ(seen[0].body, "abc");
    EXPECT_TRUE(seen[0].chunked);
}

TEST(Imposter, CutsAStreamAtTheByteItWasTold) {
    Imposter imposter;
    imposter.when("*").then_return(Reply::chat_stream({R"({"a":1})", R"({"b":2})"}).cut_after(20));
    const Client client(imposter.port());
    client.send("GET / HTTP/1.1\r\n\r\n");
    const auto answer = client.read_until("");
    EXPECT_TRUE(answer.ends_with("f\r\ndata: {\"a\":1}\n\n\r\n5\r\ndata:\r\n")) << answer;
}

TEST(Imposter, LiesAboutTheLength) {
    Imposter imposter;
    imposter.when("*").then_return(Reply::text("abc", "text/plain").claiming_length(10).cut_after(3));
    const Client client(imposter.port());
    client.send("GET / HTTP/1.1\r\n\r\n");
    const auto answer = client.read_until("");
    EXPECT_TRUE(answer.contains("content-length: 10\r\n"));
    EXPECT_TRUE(answer.ends_with("\r\n\r\nabc"));
}

TEST(Imposter, NoticesThatThePeerWentAwayWhileItHung) {
    Imposter imposter;
    imposter.when("*").then_return(Reply::chat_stream({R"({"a":1})"}).then_hang());
    Client client(imposter.port());
    client.send("GET / HTTP/1.1\r\n\r\n");
    client.read_until("[DONE]");
    client.close();
    while (imposter.open_connections() > 0) std::this_thread::yield();
    EXPECT_TRUE(imposter.seen().at(0).peer_closed_early);
}

TEST(Imposter, ScriptedMessagesStreamNamesItsEvents) {
    Imposter imposter;
    const auto fault = apply_script(
        imposter, R"({"rules":[{"path":"/m","replies":[{"messages_stream":[{"type":"message_stop"}],"headers":{"x-a":"b"}}]}]})");
    ASSERT_EQ(fault, "");
    const Client client(imposter.port());
    client.send("GET /m HTTP/1.1\r\n\r\n");
    const auto answer = client.read_until("0\r\n\r\n");
    EXPECT_TRUE(answer.contains("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    EXPECT_TRUE(answer.contains("x-a: b\r\n"));
}

TEST(Imposter, ScriptedPacesAndCutsKeepTheRestOfTheReply) {
    Imposter imposter;
    const auto fault = apply_script(
        imposter,
        R"({"rules":[{"path":"*","replies":[{"chat_stream":[{"a":1},{"b":2}],"pause_ms":1,"cut_at":20,"ending":"close"}]}]})");
    ASSERT_EQ(fault, "");
    const Client client(imposter.port());
    client.send("GET / HTTP/1.1\r\n\r\n");
    const auto answer = client.read_until("");
    EXPECT_TRUE(answer.contains("content-type: text/event-stream")) << answer;
    EXPECT_TRUE(answer.ends_with("data: {\"a\":1}\n\n\r\n5\r\ndata:\r\n")) << answer;
}

TEST(Imposter, SaysWhatIsWrongWithAScript) {
    Imposter imposter;
    EXPECT_NE(apply_script(imposter, "{"), "");
    EXPECT_NE(apply_script(imposter, "{}"), "");
}

struct Case {
    std::string_view body;
    std::string_view refusal;  ///< part of the vendor's text; empty: taken
};

TEST(StrictChat, RefusesWhatOpenAiRefuses) {
    const Case cases[] = {
        {kHello, ""},
        {R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x","cache_control":{"type":"ephemeral"}}]}]})",
         "cache_control"},
        {R"({"model":"m","top_k":4,"messages":[{"role":"user","content":"hi"}]})", "top_k"},
        {R"({"model":"m","messages":[{"role":"user","content":"hi"}],"stream_options":{"include_usage":true}})",
         "stream_options"},
        {R"({"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[]})", "tools"},
        {R"({"model":"m","max_tokens":1,"max_completion_tokens":1,"messages":[{"role":"user","content":"hi"}]})",
         "at the same time"},
        {R"({"model":"m","messages":[{"role":"tool","tool_call_id":"a","content":"x"}]})", "preceding message"},
        {R"({"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"user","content":"x"}]})",
         "followed by tool messages"},
        {R"({"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"x"}]})",
         ""},
        {R"({"model":"m","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":{}}}]}]})",
         "arguments"},
        {R"({"model":"m","messages":[{"role":"assistant","content":[{"type":"image_url","image_url":{"url":"x"}}]}]})",
         "only allowed in user"},
    };
    for (const auto& each : cases) {
        const auto refusal = refusal_of_chat(with_body(std::string(each.body)));
        EXPECT_EQ(refusal.empty(), each.refusal.empty()) << each.body << ": " << refusal;
        EXPECT_TRUE(refusal.contains(each.refusal)) << refusal;
    }
}

TEST(StrictMessages, RefusesWhatAnthropicRefuses) {
    const Case cases[] = {
        {R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]})", ""},
        {kHello, "max_tokens"},
        {R"({"model":"m","max_tokens":9,"seed":1,"messages":[{"role":"user","content":"hi"}]})", "seed: Extra inputs"},
        {R"({"model":"m","max_tokens":9,"temperature":1.5,"messages":[{"role":"user","content":"hi"}]})", "temperature"},
        {R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":""}]}]})", "non-empty"},
        {R"({"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":"x"}]})",
         "without `tool_result`"},
        {R"({"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"}]}]})",
         ""},
        {R"({"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a.b","name":"f","input":{}}]}]})",
         "pattern"},
        {R"({"model":"m","max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":2000},"messages":[{"role":"user","content":"hi"}]})",
         "greater than"},
        {R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f","input_schema":{}}]})",
         "input_schema.type"},
    };
    for (const auto& each : cases) {
        const auto refusal = refusal_of_messages(with_body(std::string(each.body)));
        EXPECT_EQ(refusal.empty(), each.refusal.empty()) << each.body << ": " << refusal;
        EXPECT_TRUE(refusal.contains(each.refusal)) << refusal;
    }
}

}  // namespace
}  // namespace gotthard::imposter
