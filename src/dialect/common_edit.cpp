#include "dialect/common_edit.hpp"

#include <utility>

#include "base/json.hpp"
#include "base/text.hpp"

namespace gotthard::dialect {

void BlockEdit::keep(std::string_view piece, std::string& out) {
    if (!passing_ && held_.size() + piece.size() > cap_) {
        out += held_;
        std::string().swap(held_);
        passing_ = true;
    }
    if (passing_)
        out += piece;
    else
        held_ += piece;
}

void BlockEdit::close(std::string& out) {
    const auto before = out.size();
    if (!passing_) edit(held_, out);
    removed_ = !passing_ && out.size() == before;
    held_.clear();
    passing_ = false;
}

void BlockEdit::feed(std::string_view bytes, std::string& out) {
    constexpr auto npos = std::string_view::npos;
    std::size_t from = 0;  // first byte not yet kept
    std::size_t lf = bytes.find('\n'), cr = bytes.find('\r');
    for (std::size_t i = 0; i < bytes.size();) {
        if (std::exchange(after_cr_, false) && bytes[i] == '\n') {
            ++i;
            if (!std::exchange(block_ended_, false)) continue;
            if (!removed_) out += '\n';
            from = i;
            continue;
        }
        block_ended_ = false;
        if (lf != npos && lf < i) lf = bytes.find('\n', i);
        if (cr != npos && cr < i) cr = bytes.find('\r', i);
        const auto end = std::min(lf, cr);
        if (end == npos) {
            line_empty_ = false;
            break;
        }
        const bool blank = line_empty_ && end == i;
        line_empty_ = true;
        after_cr_ = end == cr;
        i = end + 1;
        if (!blank) continue;
        keep(bytes.substr(from, i - from), out);
        from = i;
        close(out);
        block_ended_ = after_cr_;
    }
    keep(bytes.substr(from), out);
}

void BlockEdit::finish(std::string& out) {
    if (!passing_ && !held_.empty()) edit(held_, out);
    held_.clear();
    passing_ = false;
}

void BodyEdit::feed(std::string_view bytes, std::string& out) {
    if (!passing_ && held_.size() + bytes.size() > cap_) {
        out += held_;
        std::string().swap(held_);
        passing_ = true;
    }
    if (passing_)
        out += bytes;
    else
        held_ += bytes;
}

void BodyEdit::finish(std::string& out) {
    if (!passing_) edit(held_, out);
    held_.clear();
}

DataSpan data_of(std::string_view block) {
    DataSpan found;
    bool any = false;
    for (std::size_t at = 0; at < block.size();) {
        const auto end = std::min(block.size(), block.find_first_of("\r\n", at));
        const auto line = block.substr(at, end - at);
        if (line.starts_with("data:") || line == "data") {
            if (any) return {};
            any = true;
            std::size_t begin = at + std::min<std::size_t>(5, line.size());
            if (begin < end && block[begin] == ' ') ++begin;
            found = {begin, end - begin};
        }
        at = end + 1;
    }
    return found;
}

namespace {

/// One past the string that opens at `at`; npos when it has no end.
std::size_t skip_string(std::string_view json, std::size_t at) {
    for (++at; at < json.size(); ++at) {
        if (json[at] == '\\')
            ++at;
        else if (json[at] == '"')
            return at + 1;
    }
    return std::string_view::npos;
}

std::size_t skip_blanks(std::string_view json, std::size_t at) {
    while (at < json.size() && is_space(json[at])) ++at;
    return at;
}

/// One past the value that begins at `at`; npos when it has no end.
std::size_t skip_value(std::string_view json, std::size_t at) {
    if (at >= json.size()) return std::string_view::npos;
    if (json[at] == '"') return skip_string(json, at);
    if (json[at] != '{' && json[at] != '[') {
        while (at < json.size() && json[at] != ',' && json[at] != '}' && json[at] != ']' && !is_space(json[at])) ++at;
        return at;
    }
    std::size_t depth = 0;
    while (at < json.size()) {
        switch (json[at]) {
            case '{':
            case '[':
                ++depth;
                ++at;
                break;
            case '}':
            case ']':
                ++at;
                if (--depth == 0) return at;
                break;
            case '"':
                at = skip_string(json, at);
                if (at == std::string_view::npos) return at;
                break;
            default:
                ++at;
        }
    }
    return std::string_view::npos;
}

}  // namespace

DataSpan find_member(std::string_view json, std::string_view key) {
    std::size_t at = skip_blanks(json, 0);
    if (at >= json.size() || json[at] != '{') return {};
    at = skip_blanks(json, at + 1);
    while (at < json.size() && json[at] == '"') {
        const std::size_t name_end = skip_string(json, at);
        if (name_end == std::string_view::npos) return {};
        const auto name = json.substr(at + 1, name_end - at - 2);
        at = skip_blanks(json, name_end);
        if (at >= json.size() || json[at] != ':') return {};
        at = skip_blanks(json, at + 1);
        const std::size_t end = skip_value(json, at);
        if (end == std::string_view::npos || end == at) return {};
        if (name == key) return {at, end - at};
        at = skip_blanks(json, end);
        if (at >= json.size() || json[at] != ',') return {};
        at = skip_blanks(json, at + 1);
    }
    return {};
}

}  // namespace gotthard::dialect
