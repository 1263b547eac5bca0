// What a scripted upstream answers: status, headers, and the body as pieces, each with a pause in front; then how it ends.
// Replies can lie (length, framing), be cut at any byte, hang or reset. A Reply is a value: build it fluently, hand it to
// `then_return`.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gotthard::imposter {

enum class Framing { content_length, chunked, until_close };
enum class Ending {
    complete,  ///< as the framing says, connection kept
    close,     ///< FIN after the last byte sent
    reset,     ///< RST after the last byte sent
    hang,      ///< nothing more; the connection stays open until the peer closes
};

struct Piece {
    std::string bytes;
    std::chrono::milliseconds pause{0};  ///< before these bytes
};

struct Reply {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<Piece> pieces;
    Framing framing = Framing::content_length;
    Ending ending = Ending::complete;
    std::optional<std::size_t> cut_at;          ///< body bytes that are sent at most (before chunk framing)
    std::optional<std::size_t> claimed_length;  ///< a content-length that is not the body's
    std::optional<std::string> raw;             ///< sent as it is instead of everything above
    std::size_t repeat = 1;                     ///< how often the pieces are sent: an upstream that does not stop

    static Reply json(std::string body, int status = 200);
    static Reply text(std::string body, std::string content_type, int status = 200);
    /// A chat stream: one `data:` event per element, then `data: [DONE]`.
    static Reply chat_stream(const std::vector<std::string>& chunks);
    /// A Messages stream: `event: TYPE` and `data:` per element, TYPE taken from the element's own "type".
    static Reply messages_stream(const std::vector<std::string>& events);
    static Reply redirect(std::string location);
    static Reply garbage(std::string bytes);

    Reply&& header(std::string name, std::string value) &&;
    Reply&& cut_after(std::size_t bytes, Ending how = Ending::close) &&;
    Reply&& then_hang() &&;
    Reply&& claiming_length(std::size_t bytes) &&;
    Reply&& paced(std::chrono::milliseconds pause) &&;
    Reply&& in_pieces_of(std::size_t bytes) &&;  ///< the same body in other segments

    std::size_t body_size() const;
};

/// Sends `reply` on a blocking socket. True when the connection can carry another request; `peer_closed_early` tells whether the
/// peer went away before the reply was through.
bool send_reply(int descriptor, const Reply& reply, bool head_only, bool& peer_closed_early);

}  // namespace gotthard::imposter
