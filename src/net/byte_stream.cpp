#include "net/byte_stream.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace gotthard::net {
namespace {

constexpr std::uint32_t interest = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
constexpr std::uint32_t read_events = EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr std::uint32_t write_events = EPOLLOUT | EPOLLHUP | EPOLLERR;

std::string error_text(int error) {
    char room[128];
    return strerror_r(error, room, sizeof room);
}

}  // namespace

Socket::~Socket() {
    if (fd_ >= 0) ::close(fd_);
}

ByteStream::ByteStream(Socket socket, Peer peer, Loop& loop)
    : loop_(loop), socket_(std::move(socket)), peer_(peer), deadline_(loop.timers(), &ByteStream::deadline_passed, this) {
    if (!loop_.add(socket_.fd(), interest, *this)) abort(failure_of(IoResult::failed(errno, "epoll registration")));
}

ByteStream::~ByteStream() {
    close();
    if (destroyed_ != nullptr) *destroyed_ = true;
}

void ByteStream::close() {
    if (!open()) return;
    if (reader_ != nullptr || writer_ != nullptr) end_waits(Failure(FailureKind::cancelled, "The connection was closed."));
    loop_.forget(*this);
    socket_ = Socket();
}

void ByteStream::close_with_reset() {
    if (!open()) return;
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
}

Socket ByteStream::release_socket() {
    if (open()) loop_.remove(socket_.fd(), *this);
    return std::move(socket_);
}

IoResult ByteStream::read_now(std::span<char> room) {
    if (!read_ready_) return IoResult::blocked();
    if (!open()) return IoResult::failed(EBADF);
    const IoResult result = try_read(room);
    if (result.drained) mark_drained();
    return result;
}

IoResult ByteStream::write_now(std::span<const iovec> pieces) {
    if (!write_ready_) return IoResult::blocked();
    if (!open()) return IoResult::failed(EBADF);
    const IoResult result = try_writev(pieces.first(std::min<std::size_t>(pieces.size(), 1024)));
    if (result.state == IoResult::State::would_block) mark_full();
    return result;
}

Failure ByteStream::failure_of(const IoResult& result) const {
    std::string detail = result.why != nullptr ? result.why : "";
    if (result.error != 0) detail += (detail.empty() ? "" : ": ") + error_text(result.error);
    if (peer_ == Peer::client)
        return Failure(FailureKind::cancelled, "The client closed the connection.").because(std::move(detail));
    return Failure(FailureKind::upstream_unavailable, "The connection to the upstream broke.").because(std::move(detail));
}

Failure ByteStream::timeout(bool reading) const {
    if (peer_ == Peer::upstream)
        return Failure(FailureKind::upstream_timeout,
                       reading ? "The upstream did not answer in time." : "The upstream did not take the request in time.");
    Failure failure(reading ? FailureKind::invalid_request : FailureKind::cancelled,
                    reading ? "The request did not arrive in time." : "The client did not read the answer in time.");
    if (reading) failure.status = 408;
    return failure;
}

void ByteStream::arm() {
    const Nanos read = reader_ != nullptr ? read_deadline_ : 0;
    const Nanos write = writer_ != nullptr ? write_deadline_ : 0;
    if (read == 0 && write == 0) {
        deadline_.disarm();
    } else {
        deadline_.arm(read == 0 ? write : write == 0 ? read : std::min(read, write));
    }
}

void ByteStream::deadline_passed(void* self) {
    auto& stream = *static_cast<ByteStream*>(self);
    const Nanos now = stream.loop_.now();
    bool gone = false;
    bool* const outer = std::exchange(stream.destroyed_, &gone);
    if (stream.reader_ != nullptr && stream.read_deadline_ != 0 && stream.read_deadline_ <= now) {
        ReadAwaiter& reader = *std::exchange(stream.reader_, nullptr);
        reader.failure_ = std::make_unique<Failure>(stream.timeout(true));
        reader.waiting_.resume();
    }
    if (!gone && stream.writer_ != nullptr && stream.write_deadline_ != 0 && stream.write_deadline_ <= now) {
        WriteAwaiter& writer = *std::exchange(stream.writer_, nullptr);
        writer.failure_ = std::make_unique<Failure>(stream.timeout(false));
        writer.waiting_.resume();
    }
    if (gone) {
        if (outer != nullptr) *outer = true;
        return;
    }
    stream.destroyed_ = outer;
    stream.arm();
}

void ByteStream::end_waits(const Failure& failure) {
    if (reader_ != nullptr) {
        ReadAwaiter& reader = *std::exchange(reader_, nullptr);
        reader.failure_ = std::make_unique<Failure>(failure);
        loop_.defer(reader.waiting_);
    }
    if (writer_ != nullptr) {
        WriteAwaiter& writer = *std::exchange(writer_, nullptr);
        writer.failure_ = std::make_unique<Failure>(failure);
        loop_.defer(writer.waiting_);
    }
}

void ByteStream::abort(Failure failure) {
    if (aborted_failure_ == nullptr) aborted_failure_ = std::make_unique<Failure>(std::move(failure));
    end_waits(*aborted_failure_);
}

void ByteStream::tell(std::move_only_function<void()>& callback) {
    auto call = std::move(callback);
    callback = nullptr;
    call();
}

void ByteStream::on_hangup(std::move_only_function<void()> callback) {
    hangup_ = std::move(callback);
    if (hung_up_ && hangup_) tell(hangup_);
}

void ByteStream::on_peer_finished(std::move_only_function<void()> callback) {
    finished_ = std::move(callback);
    if (peer_finished_ && reader_ == nullptr && finished_) tell(finished_);
}

void ByteStream::on_events(std::uint32_t events) {
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) hung_up_ = true;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_finished_ = true;
    const bool readable = (events & read_events) != 0;
    const bool writable = (events & write_events) != 0;
    if (readable) read_ready_ = true;
    if (writable) write_ready_ = true;

    bool gone = false;
    bool* const outer = std::exchange(destroyed_, &gone);
    if (hung_up_ && hangup_) tell(hangup_);
    if (!gone && peer_finished_ && reader_ == nullptr && finished_) tell(finished_);
    if (!gone && reader_ != nullptr && (readable || reader_->result_.crossed)) retry_reader();
    if (!gone && writer_ != nullptr && (writable || writer_->result_.crossed)) retry_writer();
    // The reader that took the peer's last bytes may have gone off to do something long.
    if (!gone && peer_finished_ && reader_ == nullptr && finished_) tell(finished_);
    if (!gone) {
        destroyed_ = outer;
    } else if (outer != nullptr) {
        *outer = true;
    }
}

void ByteStream::retry_reader() {
    ReadAwaiter& reader = *reader_;
    if (!reader.room_.empty()) {
        if (reader.result_.crossed) read_ready_ = true;
        reader.result_ = read_now(reader.room_);
        if (reader.result_.state == IoResult::State::would_block) return;
    }
    reader_ = nullptr;
    reader.waiting_.resume();
}

void ByteStream::retry_writer() {
    WriteAwaiter& writer = *writer_;
    if (writer.result_.crossed) write_ready_ = true;
    const std::size_t before = writer.pieces_.size();
    const std::size_t first = before == 0 ? 0 : writer.pieces_.front().iov_len;
    if (!writer.advance()) {
        const bool progress = writer.pieces_.size() != before || writer.pieces_.front().iov_len != first;
        if (progress && write_renew_ != 0) write_deadline_ = loop_.now() + write_renew_;
        return;
    }
    writer_ = nullptr;
    writer.waiting_.resume();
}

bool ByteStream::ReadAwaiter::await_ready() {
    if (stream_.aborted_failure_ != nullptr) {
        failure_ = std::make_unique<Failure>(*stream_.aborted_failure_);
        return true;
    }
    if (room_.empty()) return stream_.read_ready_;
    result_ = stream_.read_now(room_);
    return result_.state != IoResult::State::would_block;
}

void ByteStream::ReadAwaiter::await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    stream_.reader_ = this;
    if (stream_.read_deadline_ != 0) stream_.arm();
}

Result<std::size_t> ByteStream::ReadAwaiter::await_resume() {
    if (failure_ != nullptr) return fail(std::move(*failure_));
    if (result_.state == IoResult::State::failed) return fail(stream_.failure_of(result_));
    return result_.count;
}

Status ByteStream::ReadableAwaiter::await_resume() {
    if (failure_ != nullptr) return fail(std::move(*failure_));
    return {};
}

ByteStream::WriteAwaiter::WriteAwaiter(ByteStream& stream, std::string_view text)
    : stream_(stream),
      single_{.iov_base = const_cast<char*>(text.data()), .iov_len = text.size()},
      pieces_(&single_, text.empty() ? 0 : 1) {}

bool ByteStream::WriteAwaiter::advance() {
    while (!pieces_.empty()) {
        result_ = stream_.write_now(pieces_);
        if (result_.state == IoResult::State::would_block) return false;
        if (result_.state != IoResult::State::ok) return true;
        pieces_ = skip_bytes(pieces_, result_.count);
    }
    return true;
}

bool ByteStream::WriteAwaiter::await_ready() {
    if (stream_.aborted_failure_ != nullptr) {
        failure_ = std::make_unique<Failure>(*stream_.aborted_failure_);
        return true;
    }
    return advance();
}

bool ByteStream::WritableAwaiter::await_ready() {
    if (stream_.aborted_failure_ != nullptr) {
        failure_ = std::make_unique<Failure>(*stream_.aborted_failure_);
        return true;
    }
    return stream_.write_ready_;
}

void ByteStream::WriteAwaiter::await_suspend(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    stream_.writer_ = this;
    if (stream_.write_deadline_ != 0) stream_.arm();
}

Status ByteStream::WriteAwaiter::await_resume() {
    if (failure_ != nullptr) return fail(std::move(*failure_));
    if (result_.state == IoResult::State::failed) return fail(stream_.failure_of(result_));
    return {};
}

Fault ByteStream::WriteFaultAwaiter::await_resume() {
    if (failure_ == nullptr && result_.state == IoResult::State::failed)
        failure_ = std::make_unique<Failure>(stream_.failure_of(result_));
    return std::move(failure_);
}

std::span<iovec> skip_bytes(std::span<iovec> pieces, std::size_t count) {
    while (!pieces.empty() && count >= pieces.front().iov_len) {
        count -= pieces.front().iov_len;
        pieces = pieces.subspan(1);
    }
    if (count != 0) {
        pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + count;
        pieces.front().iov_len -= count;
    }
    return pieces;
}

}  // namespace gotthard::net
