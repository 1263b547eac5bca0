#include "base/sse.hpp"

#include <emmintrin.h>

#include <bit>
#include <utility>

namespace gotthard {
namespace {

constexpr std::size_t npos = std::string_view::npos;
constexpr std::size_t keep_capacity = 64u << 10;

/// Index of the first LF or CR, or npos.
std::size_t find_line_end(std::string_view text) {
    const char* data = text.data();
    const std::size_t size = text.size();
    std::size_t i = 0;
    const __m128i lf = _mm_set1_epi8('\n');
    const __m128i cr = _mm_set1_epi8('\r');
    for (; i + 16 <= size; i += 16) {
        const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i));
        const auto hits =
            static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(chunk, lf), _mm_cmpeq_epi8(chunk, cr))));
        if (hits != 0) return i + static_cast<std::size_t>(std::countr_zero(hits));
    }
    for (; i < size; ++i)
        if (data[i] == '\n' || data[i] == '\r') return i;
    return npos;
}

void release_if_large(std::string& text) {
    if (text.capacity() > keep_capacity)
        std::string().swap(text);
    else
        text.clear();
}

}  // namespace

void SseReader::feed(std::string_view bytes) {
    if (failed_) return;
    if (handed_out_) start_block();
    const std::size_t left = copied_ ? rest_.size() : taken_ + rest_.size();
    if (left == 0) {
        rest_ = bytes;
        return;
    }
    std::string joined(rest_.data() - (left - rest_.size()), left);
    joined.append(bytes);
    backlog_.swap(joined);
    rest_ = std::string_view(backlog_).substr(copied_ ? 0 : taken_);
}

const SseEvent* SseReader::next() {
    if (handed_out_) start_block();
    while (!failed_) {
        if (swallow_lf_ && !rest_.empty()) {
            swallow_lf_ = false;
            if (rest_.front() == '\n') {
                take(1);
                line_begin_ = block_size();
                continue;
            }
        }
        const std::size_t end = find_line_end(rest_);
        if (end == npos) {
            hold();
            if (failed_ || !finished_ || block_size() == 0) return nullptr;
            if (line_begin_ < block_size()) read_line({line_begin_, block_size() - line_begin_});
            return hand_out(lines_ != 0);
        }
        std::size_t count = end + 1;
        if (rest_[end] == '\r') {
            if (count == rest_.size())
                swallow_lf_ = true;
            else if (rest_[count] == '\n')
                ++count;
        }
        const std::size_t ending = count - end;
        take(count);
        if (failed_) return nullptr;
        const Span line{line_begin_, block_size() - ending - line_begin_};
        line_begin_ = block_size();
        if (line.size == 0) {
            first_line_ = false;
            return hand_out(false);
        }
        read_line(line);
    }
    return nullptr;
}

Status SseReader::status() const {
    if (!failed_) return {};
    return fail(Failure(FailureKind::upstream_malformed, "The upstream sent an event longer than the gateway accepts.")
                    .because("server-sent event longer than " + std::to_string(cap_) + " bytes"));
}

void SseReader::start_block() {
    handed_out_ = false;
    if (copied_) {
        copied_ = false;
        release_if_large(copy_);
    }
    if (data_lines_ > 1) release_if_large(joined_);
    taken_ = 0;
    line_begin_ = 0;
    data_lines_ = 0;
    lines_ = 0;
    event_ = {};
    for (auto& field : fields_) field = {};
}

void SseReader::give_up() {
    start_block();
    rest_ = {};
    std::string().swap(copy_);
    copied_ = false;
    failed_ = true;
}

/// Moves `count` bytes from the unread rest into the block.
void SseReader::take(std::size_t count) {
    if (block_size() + count > cap_) {
        give_up();
        return;
    }
    if (copied_)
        copy_.append(rest_.data(), count);
    else
        taken_ += count;
    rest_.remove_prefix(count);
}

/// Keeps the block begun and the unread rest beyond the life of the fed bytes.
void SseReader::hold() {
    if (!copied_ && block_size() + rest_.size() == 0) return;
    if (block_size() + rest_.size() > cap_) {
        give_up();
        return;
    }
    if (!copied_) {
        copy_.assign(rest_.data() - taken_, taken_);
        copied_ = true;
        taken_ = 0;
    }
    copy_.append(rest_);
    rest_ = {};
}

SseReader::Field SseReader::field_of(std::string_view name) {
    struct Row {
        std::string_view name;
        Field field;
    };
    static constexpr Row rows[] = {
        {"data", Field::data}, {"event", Field::event}, {"id", Field::id}, {"retry", Field::retry}, {"", Field::comment}};
    for (const auto& row : rows)
        if (row.name == name) return row.field;
    return Field::other;
}

void SseReader::read_line(Span line) {
    static constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    std::string_view text = view(line);
    ++lines_;
    if (std::exchange(first_line_, false) && text.starts_with(byte_order_mark)) {
        line.begin += byte_order_mark.size();
        line.size -= byte_order_mark.size();
        text = view(line);
        if (text.empty()) return;
    }
    const std::size_t colon = text.find(':');
    const std::size_t name_size = colon == npos ? text.size() : colon;
    const Field field = field_of(text.substr(0, name_size));
    if (field == Field::other) return;
    std::size_t value_begin = colon == npos ? text.size() : colon + 1;
    if (value_begin < text.size() && text[value_begin] == ' ') ++value_begin;
    const Span value{line.begin + value_begin, text.size() - value_begin};
    if (field == Field::data)
        add_data(value);
    else
        fields_[static_cast<std::size_t>(field)] = value;
}

void SseReader::add_data(Span value) {
    Span& first = fields_[static_cast<std::size_t>(Field::data)];
    ++data_lines_;
    if (data_lines_ == 1) {
        first = value;
        return;
    }
    if (data_lines_ == 2) joined_.assign(view(first));
    joined_.push_back('\n');
    joined_.append(view(value));
}

const SseEvent* SseReader::hand_out(bool unfinished) {
    const auto field = [this](Field which) { return view(fields_[static_cast<std::size_t>(which)]); };
    event_.event = field(Field::event);
    event_.data = data_lines_ > 1 ? std::string_view(joined_) : field(Field::data);
    event_.id = field(Field::id);
    event_.retry = field(Field::retry);
    event_.comment = field(Field::comment);
    event_.raw = {block(), block_size()};
    event_.has_data = data_lines_ > 0;
    event_.unfinished = unfinished;
    handed_out_ = true;
    return &event_;
}

}  // namespace gotthard
