// HTTP/1.1 messages (RFC 9110, 9112), strict, without I/O: bytes in, views out. Requests are refused for whatever two
// implementations might read differently; responses are tolerated only where real servers need it.
// Views point into the input; they live as long as it does. Decision: docs/decisions/0002-own-http1-parser.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/failure.hpp"

namespace gotthard::net {

struct Header {
    std::string_view name;   ///< As written; never empty.
    std::string_view value;  ///< Without leading and trailing blanks.
};

/// The header lines of one head, in order. Storage comes from the thread's blocks. Names compare without case.
class HeaderList {
public:
    HeaderList() = default;
    HeaderList(HeaderList&& other) noexcept;
    HeaderList& operator=(HeaderList&& other) noexcept;
    ~HeaderList() { release(); }

    const Header* begin() const { return items_; }
    const Header* end() const { return items_ + size_; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    const Header& operator[](std::size_t index) const { return items_[index]; }

    /// The first value; empty when absent.
    std::string_view get(std::string_view name) const;
    std::optional<std::string_view> find(std::string_view name) const;
    std::size_t count(std::string_view name) const;
    /// Whether a comma-separated list in any header of this name holds `token`, without case.
    bool has_token(std::string_view name, std::string_view token) const;

    void add(std::string_view name, std::string_view value);
    void clear() { size_ = 0; }
    void release();  ///< clear() and give the storage back.

private:
    Header* items_ = nullptr;
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 0;
};

struct HeadLimits {
    std::size_t bytes = 64 * 1024;  ///< Of the whole head, first line and end included.
    std::size_t headers = 200;
};

struct RequestHead {
    std::string_view method;
    std::string_view target;  ///< As written.
    std::string_view path;    ///< Origin-form part before '?', of an absolute-form target as well; "*" for OPTIONS *.
    std::string_view query;   ///< After '?', without it.
    std::string_view host;    ///< The Host header, or the authority of an absolute-form target, which wins.
    HeaderList headers;
    std::uint8_t minor_version = 1;
    bool chunked = false;
    bool keep_alive = true;
    bool expect_continue = false;
    bool upgrade = false;  ///< Connection: upgrade with an Upgrade header.
    std::optional<std::uint64_t> content_length;

    bool has_body() const { return chunked || content_length.value_or(0) != 0; }
    std::string_view header(std::string_view name) const { return headers.get(name); }
};

struct ResponseHead {
    int status = 0;
    std::string_view reason;
    HeaderList headers;
    std::uint8_t minor_version = 1;
    bool chunked = false;
    bool keep_alive = true;  ///< May the connection be used again once the body has been read.
    bool bodyless = false;   ///< 1xx, 204, 304, or the answer to HEAD.
    std::optional<std::uint64_t> content_length;

    bool interim() const { return status >= 100 && status < 200; }
    std::string_view header(std::string_view name) const { return headers.get(name); }
};

/// What a try at a head came to.
struct HeadOutcome {
    enum class State : std::uint8_t { complete, incomplete, malformed };
    State state = State::incomplete;
    int status = 400;          ///< malformed: 400, 414, 417, 431, 501 or 505.
    std::size_t consumed = 0;  ///< complete: bytes of the head, its empty line included.
    std::string_view reason;   ///< malformed: a static text, a whole sentence.

    bool complete() const { return state == State::complete; }
    bool malformed() const { return state == State::malformed; }
};

/// Reads a request head from the front of `input`; empty lines before it are skipped (at most four). `incomplete`: call again
/// with more bytes. Refused: CL with TE, CL repeated or malformed, TE other than one "chunked", bare LF or CR, obs-fold, NUL and
/// control bytes, blanks before the colon, Host missing or repeated on 1.1, versions other than 1.0 and 1.1, TE on 1.0.
HeadOutcome parse_request_head(std::string_view input, RequestHead& head, const HeadLimits& limits = {});

/// Likewise for a response; `method` of the request decides about the body. Tolerated: a missing reason phrase, repeated equal
/// Content-Length, TE over CL is refused all the same.
HeadOutcome parse_response_head(std::string_view input, ResponseHead& head, std::string_view method,
                                const HeadLimits& limits = {});

/// Whether bytes that were added to an incomplete head could have completed it; `checked`: bytes that were there before. Keeps a
/// head that drips in from being parsed once per byte.
bool may_complete_head(std::string_view input, std::size_t checked);

/// Takes the framing off a body. Resumable at any byte; never copies.
class BodyDecoder {
public:
    enum class Kind : std::uint8_t { none, length, chunked, until_close };

    BodyDecoder() = default;
    static BodyDecoder none() { return BodyDecoder(Kind::none, 0); }
    static BodyDecoder length(std::uint64_t bytes) { return BodyDecoder(bytes == 0 ? Kind::none : Kind::length, bytes); }
    static BodyDecoder chunked() { return BodyDecoder(Kind::chunked, 0); }
    static BodyDecoder until_close() { return BodyDecoder(Kind::until_close, 0); }
    static BodyDecoder of(const RequestHead& head);
    static BodyDecoder of(const ResponseHead& head);

    struct Step {
        std::size_t consumed = 0;      ///< Bytes of `raw` used up. Less than all: call again, or the message has ended.
        std::size_t spans = 0;         ///< Entries of `payload` filled, in order, none empty.
        std::size_t whole_chunks = 0;  ///< Chunked: so many leading bytes of `raw` are whole chunks without extensions, hold all
                                       ///< of this step's payload, and can be forwarded with their framing. 0: they cannot.
        const char* error = nullptr;   ///< A static sentence; the decoder is then of no more use.
    };
    /// `payload` must have room for at least one entry.
    Step step(std::string_view raw, std::span<std::string_view> payload);

    Kind kind() const { return kind_; }
    bool finished() const { return state_ == State::finished; }
    /// The transport has ended: whether that is a good end here. Sets finished() for until_close.
    bool end_of_input();
    /// Bytes still to come, when that is known.
    std::optional<std::uint64_t> remaining() const;

private:
    enum class State : std::uint8_t {
        data,
        size_first,
        size,
        extension,
        size_lf,
        chunk_data,
        chunk_cr,
        chunk_lf,
        trailer_start,
        trailer_name,
        trailer_value,
        trailer_lf,
        end_lf,
        finished,
    };
    BodyDecoder(Kind kind, std::uint64_t bytes);
    Step step_chunked(std::string_view raw, std::span<std::string_view> payload);
    std::size_t quick_framing(std::string_view raw);
    const char* framing_byte(unsigned char byte);
    const char* trailer_byte(unsigned char byte);

    Kind kind_ = Kind::none;
    State state_ = State::finished;
    std::uint8_t size_digits_ = 0;
    std::uint32_t overhead_ = 0;  ///< Bytes of this chunk's extension, or of all trailers.
    std::uint64_t left_ = 0;      ///< Payload bytes of the chunk or body still to come.
};

inline constexpr std::size_t max_chunk_extension = 1024;
inline constexpr std::size_t max_trailers = 8192;

/// "1f\r\n" in `room` (at least 18 bytes); the view points into it.
std::string_view chunk_size_line(std::span<char> room, std::size_t size);
/// The standard phrase of a status; "Unknown" for others.
std::string_view reason_phrase(int status);
/// Case-insensitive equality of ASCII text.
bool same_name(std::string_view left, std::string_view right);
/// Whether `text` may stand in a header value: no control bytes but tab.
bool is_header_value(std::string_view text);
/// Whether `text` may be a header name.
bool is_token(std::string_view text);

}  // namespace gotthard::net
