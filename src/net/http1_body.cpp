// Body framing, and the small texts of HTTP/1.
#include <algorithm>
#include <charconv>

#include "net/http1.hpp"
#include "net/http1_text.hpp"

namespace gotthard::net {
namespace {

constexpr std::uint8_t max_size_digits = 15;

int hex_value(unsigned char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    const unsigned char letter = byte | 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

struct Phrase {
    int status;
    std::string_view text;
};

constexpr std::array phrases{
    Phrase{100, "Continue"},
    Phrase{101, "Switching Protocols"},
    Phrase{200, "OK"},
    Phrase{201, "Created"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Content"},
    Phrase{206, "Partial Content"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Found"},
    Phrase{303, "See Other"},
    Phrase{304, "Not Modified"},
    Phrase{307, "Temporary Redirect"},
    Phrase{308, "Permanent Redirect"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{402, "Payment Required"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{408, "Request Timeout"},
    Phrase{409, "Conflict"},
    Phrase{410, "Gone"},
    Phrase{411, "Length Required"},
    Phrase{412, "Precondition Failed"},
    Phrase{413, "Content Too Large"},
    Phrase{414, "URI Too Long"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{417, "Expectation Failed"},
    Phrase{421, "Misdirected Request"},
    Phrase{422, "Unprocessable Content"},
    Phrase{424, "Failed Dependency"},
    Phrase{425, "Too Early"},
    Phrase{426, "Upgrade Required"},
    Phrase{428, "Precondition Required"},
    Phrase{429, "Too Many Requests"},
    Phrase{431, "Request Header Fields Too Large"},
    Phrase{451, "Unavailable For Legal Reasons"},
    Phrase{499, "Client Closed Request"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{502, "Bad Gateway"},
    Phrase{503, "Service Unavailable"},
    Phrase{504, "Gateway Timeout"},
    Phrase{505, "HTTP Version Not Supported"},
    Phrase{529, "Overloaded"},
};

}  // namespace

BodyDecoder::BodyDecoder(Kind kind, std::uint64_t bytes) : kind_(kind), left_(bytes) {
    switch (kind) {
        case Kind::none:
            state_ = State::finished;
            break;
        case Kind::chunked:
            state_ = State::size_first;
            break;
        case Kind::length:
        case Kind::until_close:
            state_ = State::data;
            break;
    }
}

BodyDecoder BodyDecoder::of(const RequestHead& head) {
    if (head.chunked) return chunked();
    return length(head.content_length.value_or(0));
}

BodyDecoder BodyDecoder::of(const ResponseHead& head) {
    if (head.bodyless) return none();
    if (head.chunked) return chunked();
    return head.content_length ? length(*head.content_length) : until_close();
}

std::optional<std::uint64_t> BodyDecoder::remaining() const {
    if (finished()) return 0;
    if (kind_ == Kind::length) return left_;
    return std::nullopt;
}

bool BodyDecoder::end_of_input() {
    if (kind_ == Kind::until_close) state_ = State::finished;
    return finished();
}

BodyDecoder::Step BodyDecoder::step(std::string_view raw, std::span<std::string_view> payload) {
    if (finished() || raw.empty()) return {};
    if (kind_ == Kind::chunked) return step_chunked(raw, payload);
    std::size_t take = raw.size();
    if (kind_ == Kind::length) {
        take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, take));
        left_ -= take;
        if (left_ == 0) state_ = State::finished;
    }
    payload[0] = raw.substr(0, take);
    return {.consumed = take, .spans = 1};
}

BodyDecoder::Step BodyDecoder::step_chunked(std::string_view raw, std::span<std::string_view> payload) {
    Step step;
    bool whole = state_ == State::size_first;
    while (step.consumed < raw.size() && !finished()) {
        if (state_ == State::chunk_data) {
            if (step.spans == payload.size()) break;
            const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(left_, raw.size() - step.consumed));
            payload[step.spans++] = raw.substr(step.consumed, take);
            step.consumed += take;
            left_ -= take;
            if (left_ == 0) state_ = State::chunk_cr;
            continue;
        }
        if (const std::size_t taken = quick_framing(raw.substr(step.consumed)); taken != 0) {
            step.consumed += taken;
            if (state_ == State::size_first && whole) step.whole_chunks = step.consumed;
            continue;
        }
        step.error = framing_byte(static_cast<unsigned char>(raw[step.consumed]));
        if (step.error != nullptr) return step;
        ++step.consumed;
        if (state_ == State::extension) whole = false;
        if (state_ == State::size_first && whole) step.whole_chunks = step.consumed;
    }
    // Payload of a chunk that does not end here cannot be forwarded with its framing.
    const bool open = state_ == State::chunk_data || state_ == State::chunk_cr || state_ == State::chunk_lf;
    if (!whole || (open && step.spans != 0 && payload[step.spans - 1].data() >= raw.data() + step.whole_chunks))
        step.whole_chunks = 0;
    return step;
}

/// The plain cases in one go: a short size line that is all there, the end of a chunk. 0: byte by byte.
std::size_t BodyDecoder::quick_framing(std::string_view raw) {
    if (state_ == State::chunk_cr) {
        if (!raw.starts_with("\r\n")) return 0;
        state_ = State::size_first;
        return 2;
    }
    if (state_ != State::size_first || raw.size() < 8) return 0;
    std::uint64_t size = 0;
    std::size_t at = 0;
    for (int value; at < 6 && (value = hex_value(static_cast<unsigned char>(raw[at]))) >= 0; ++at)
        size = size * 16 + static_cast<unsigned>(value);
    if (at == 0 || raw[at] != '\r' || raw[at + 1] != '\n') return 0;
    left_ = size;
    overhead_ = 0;
    state_ = size == 0 ? State::trailer_start : State::chunk_data;
    return at + 2;
}

const char* BodyDecoder::framing_byte(unsigned char byte) {
    switch (state_) {
        case State::size_first:
        case State::size: {
            const int value = hex_value(byte);
            if (value >= 0) {
                if (state_ == State::size_first) {
                    left_ = 0;
                    size_digits_ = 0;
                    overhead_ = 0;
                }
                if (++size_digits_ > max_size_digits) return "A chunk size is too large.";
                left_ = left_ * 16 + static_cast<unsigned>(value);
                state_ = State::size;
                return nullptr;
            }
            if (state_ == State::size_first) return "A chunk has no size.";
            if (byte == ';') {
                state_ = State::extension;
            } else if (byte == '\r') {
                state_ = State::size_lf;
            } else {
                return "A chunk size is malformed.";
            }
            return nullptr;
        }
        case State::extension:
            if (byte == '\r') {
                state_ = State::size_lf;
                return nullptr;
            }
            if (is_control(static_cast<char>(byte))) return "A chunk extension holds a control character.";
            return ++overhead_ > max_chunk_extension ? "A chunk extension is too long." : nullptr;
        case State::size_lf:
            if (byte != '\n') return "A chunk size line does not end with CR LF.";
            state_ = left_ == 0 ? State::trailer_start : State::chunk_data;
            overhead_ = 0;
            return nullptr;
        case State::chunk_cr:
            if (byte != '\r') return "A chunk is longer than its size says.";
            state_ = State::chunk_lf;
            return nullptr;
        case State::chunk_lf:
            if (byte != '\n') return "A chunk does not end with CR LF.";
            state_ = State::size_first;
            return nullptr;
        default:
            return trailer_byte(byte);
    }
}

const char* BodyDecoder::trailer_byte(unsigned char byte) {
    if (++overhead_ > max_trailers) return "The trailers are too large.";
    switch (state_) {
        case State::trailer_start:
            if (byte == '\r') {
                state_ = State::end_lf;
                return nullptr;
            }
            if (!is_token_char(static_cast<char>(byte))) return "A trailer name holds a character that is not allowed.";
            state_ = State::trailer_name;
            return nullptr;
        case State::trailer_name:
            if (byte == ':') {
                state_ = State::trailer_value;
                return nullptr;
            }
            return is_token_char(static_cast<char>(byte)) ? nullptr : "A trailer name holds a character that is not allowed.";
        case State::trailer_value:
            if (byte == '\r') {
                state_ = State::trailer_lf;
                return nullptr;
            }
            return is_control(static_cast<char>(byte)) ? "A trailer holds a control character." : nullptr;
        case State::trailer_lf:
            if (byte != '\n') return "A trailer line does not end with CR LF.";
            state_ = State::trailer_start;
            return nullptr;
        case State::end_lf:
            if (byte != '\n') return "The last chunk does not end with CR LF.";
            state_ = State::finished;
            return nullptr;
        default:
            return "The body has ended.";
    }
}

std::string_view chunk_size_line(std::span<char> room, std::size_t size) {
    char* end = std::to_chars(room.data(), room.data() + room.size() - 2, size, 16).ptr;
    *end++ = '\r';
    *end++ = '\n';
    return {room.data(), static_cast<std::size_t>(end - room.data())};
}

std::string_view reason_phrase(int status) {
    const auto found = std::ranges::lower_bound(phrases, status, {}, &Phrase::status);
    return found != phrases.end() && found->status == status ? found->text : "Unknown";
}

bool same_name(std::string_view left, std::string_view right) {
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i) {
        const auto a = static_cast<unsigned char>(left[i]);
        const auto b = static_cast<unsigned char>(right[i]);
        if (a == b) continue;
        const unsigned char lower = a | 0x20;
        if (lower != (b | 0x20) || lower < 'a' || lower > 'z') return false;
    }
    return true;
}

bool is_header_value(std::string_view text) {
    return find_control(text.data(), text.data() + text.size()) == text.data() + text.size();
}

bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_char); }

}  // namespace gotthard::net
