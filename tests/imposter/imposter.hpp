// A scripted upstream on a loopback port: plays OpenAI, Anthropic or a broken server, and is asked afterwards what it saw.
//
//   Imposter upstream;
//   upstream.when("/v1/messages").then_return(Reply::json(R"({...})")).then_return(Reply::json(R"({...})", 529));
//   ... the gateway under test talks to upstream.base_url() ...
//   EXPECT_EQ(upstream.seen().at(0).header("x-api-key"), "secret");
//
// The last reply of a rule repeats. The rule added last is asked first, so a test can override what its fixture set up. By
// default requests to /chat/completions and /messages are checked as strictly as the vendors do, and refused with the vendor's
// 400. Own threads with blocking sockets; every public function may be called from any thread. The destructor closes all
// connections and waits for its threads.
//
// Control, over the same port and never recorded: GET /__imposter/seen, GET /__imposter/seen/N/body, PUT /__imposter/script
// (script.hpp).
#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "imposter/http_reader.hpp"
#include "imposter/reply.hpp"

namespace gotthard::imposter {

/// When a request matches, and what it gets. All conditions must hold; `path` is a suffix of the request's path, or "*".
class Rule {
public:
    explicit Rule(std::string path) : path_(std::move(path)) {}

    Rule& method(std::string wanted);
    Rule& with_header(std::string name, std::string value);
    Rule& with_body_containing(std::string text);
    Rule& then_return(Reply reply);

    bool matches(const Seen& request) const;
    Reply next();

private:
    std::string path_;
    std::string method_;
    std::string body_text_;
    std::vector<std::pair<std::string, std::string>> headers_;
    std::deque<Reply> replies_;
};

class Imposter {
public:
    explicit Imposter(int port = 0);
    ~Imposter();
    Imposter(const Imposter&) = delete;
    Imposter& operator=(const Imposter&) = delete;

    int port() const { return port_; }
    std::string base_url() const;

    Rule& when(std::string path);
    void be_lenient();  ///< answers also what the vendors refuse
    void be_strict();
    void start_over();  ///< forgets rules and requests; connections stay

    std::vector<Seen> seen() const;
    std::vector<Seen> seen(std::string_view path_suffix) const;
    std::size_t open_connections() const;

private:
    struct Connection {
        int descriptor;
        int number;
        bool done = false;
        std::thread thread;
    };

    void accept_all();
    void serve(Connection& connection);
    void reap_finished();
    bool answer(int descriptor, Seen request);
    Reply reply_for(Seen& request);
    Reply control(const Seen& request);

    int listener_ = -1;
    int port_ = 0;
    mutable std::mutex mutex_;
    bool stopping_ = false;
    bool strict_ = true;
    int accepted_ = 0;
    std::size_t generation_ = 0;  ///< counts start_over, so that a reply of an earlier script does not mark a later request
    std::list<std::unique_ptr<Rule>> rules_;
    std::vector<Seen> seen_;
    std::list<Connection> connections_;
    std::thread acceptor_;
};

}  // namespace gotthard::imposter
