#include "imposter/http_reader.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace gotthard::imposter {

bool equal_without_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string Seen::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (equal_without_case(key, name)) return value;
    }
    return {};
}

bool Seen::has_header(std::string_view name) const {
    return std::ranges::any_of(headers, [&](const auto& pair) { return equal_without_case(pair.first, name); });
}

bool RequestReader::fill() {
    if (position_ > 0) {
        buffer_.erase(0, position_);
        position_ = 0;
    }
    char room[65536];
    const auto got = ::recv(descriptor_, room, sizeof room, 0);
    if (got <= 0) return false;
    buffer_.append(room, static_cast<std::size_t>(got));
    return true;
}

bool RequestReader::read_line(std::string& line) {
    for (;;) {
        const auto end = buffer_.find("\r\n", position_);
        if (end != std::string::npos) {
            line = buffer_.substr(position_, end - position_);
            position_ = end + 2;
            return true;
        }
        if (!fill()) return false;
    }
}

bool RequestReader::read_exactly(std::size_t count, std::string& into) {
    while (count > 0) {
        if (position_ == buffer_.size() && !fill()) return false;
        const auto take = std::min(count, buffer_.size() - position_);
        into.append(buffer_, position_, take);
        position_ += take;
        count -= take;
    }
    return true;
}

bool RequestReader::read_chunks(std::string& into) {
    std::string line;
    for (;;) {
        if (!read_line(line)) return false;
        std::size_t size = 0;
        const auto parsed = std::from_chars(line.data(), line.data() + line.size(), size, 16);
        if (parsed.ec != std::errc{}) return false;
        if (size == 0) break;
        if (!read_exactly(size, into) || !read_line(line) || !line.empty()) return false;
    }
    do {
        if (!read_line(line)) return false;
    } while (!line.empty());
    return true;
}

bool RequestReader::read_body(Seen& request) {
    if (equal_without_case(request.header("transfer-encoding"), "chunked")) {
        request.chunked = true;
        return read_chunks(request.body);
    }
    const std::string length = request.header("content-length");
    if (length.empty()) return true;
    std::size_t size = 0;
    const auto parsed = std::from_chars(length.data(), length.data() + length.size(), size);
    if (parsed.ec != std::errc{} || parsed.ptr != length.data() + length.size()) return false;
    return read_exactly(size, request.body);
}

std::optional<Seen> RequestReader::next() {
    std::string line;
    if (!read_line(line)) return std::nullopt;
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string::npos || last == first || !line.ends_with("HTTP/1.1")) return std::nullopt;
    Seen request;
    request.method = line.substr(0, first);
    request.target = line.substr(first + 1, last - first - 1);
    while (read_line(line)) {
        if (line.empty()) {
            if (!read_body(request)) return std::nullopt;
            return request;
        }
        const auto colon = line.find(':');
        if (colon == std::string::npos) return std::nullopt;
        const auto value = line.find_first_not_of(" \t", colon + 1);
        request.headers.emplace_back(line.substr(0, colon), value == std::string::npos ? "" : line.substr(value));
    }
    return std::nullopt;
}

}  // namespace gotthard::imposter
