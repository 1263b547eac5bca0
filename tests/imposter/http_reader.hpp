// A blocking HTTP/1.1 request reader for scripted upstreams: an independent judge that shares nothing with src/net.
// One reader per connection, used by that connection's thread only. It keeps what it read exactly as it came.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gotthard::imposter {

/// One request as it arrived. Header names are kept as sent; `header` compares without case.
struct Seen {
    std::string method;
    std::string target;  ///< path and query, as sent
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;                ///< with chunk framing removed
    bool chunked = false;            ///< how the body was framed
    int connection = 0;              ///< 1 for the first accepted connection, 2 for the second, ...
    int number_on_connection = 0;    ///< 1 for the first request of its connection
    std::string refusal;             ///< why the strict vendor check answered 400; empty when it did not
    bool peer_closed_early = false;  ///< the gateway closed while an answer was still open

    std::string path() const { return target.substr(0, target.find('?')); }
    std::string header(std::string_view name) const;
    bool has_header(std::string_view name) const;
};

class RequestReader {
public:
    explicit RequestReader(int descriptor) : descriptor_(descriptor) {}

    /// The next request, or nothing when the peer has closed or sent something that is not HTTP/1.1.
    std::optional<Seen> next();

private:
    bool fill();
    bool read_line(std::string& line);
    bool read_exactly(std::size_t count, std::string& into);
    bool read_chunks(std::string& into);
    bool read_body(Seen& request);

    int descriptor_;
    std::string buffer_;
    std::size_t position_ = 0;
};

bool equal_without_case(std::string_view a, std::string_view b);

}  // namespace gotthard::imposter
