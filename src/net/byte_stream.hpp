// ByteStream: one connected descriptor on one loop, as bytes with back-pressure. TcpStream and TlsStream differ only in
// try_read, try_writev and how they close. Owned by one owner, used on the thread it was made on.
//
//   auto got = co_await stream.read_some(room);               // Result<size_t>; 0: the peer has finished
//   auto sent = co_await stream.write_all(text);              // Status
//
// Awaiters try the system call first and wait only when the kernel says so. After a short read the next one waits for the
// edge event instead of asking the kernel again. At most one read and one write wait at a time. abort(), close() and
// destruction resume what waits with a failure, at the end of the turn.
// Failures: `cancelled` when the other side is a client and went away, `upstream_unavailable` and `upstream_timeout` when it
// is an upstream, `invalid_request` with status 408 when a client was too slow.
#pragma once

#include <sys/uio.h>

#include <coroutine>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/failure.hpp"
#include "net/loop.hpp"

namespace gotthard::net {

/// Who is at the other end: decides whose fault a failure is.
enum class Peer : std::uint8_t { client, upstream };

/// A failure or none, in eight bytes: for coroutines whose frames live long. Result and Status cost 220 each in a frame.
using Fault = std::unique_ptr<Failure>;

/// What one attempt at a system call came to.
struct IoResult {
    enum class State : std::uint8_t { ok, end, would_block, failed };

    State state = State::ok;
    bool drained = false;  ///< Reads: nothing more is there; wait for the next edge before trying again.
    bool crossed = false;  ///< would_block: a read that waits for room to write, or a write that waits for bytes (TLS).
    int error = 0;         ///< failed: errno.
    std::size_t count = 0;
    const char* why = nullptr;  ///< failed without errno (TLS): a static text, for the log.

    bool ok() const { return state == State::ok; }
    static IoResult done(std::size_t count, bool drained) { return {State::ok, drained, false, 0, count, nullptr}; }
    static IoResult end() { return {State::end, false, false, 0, 0, nullptr}; }
    static IoResult blocked(bool crossed = false) { return {State::would_block, true, crossed, 0, 0, nullptr}; }
    static IoResult failed(int error, const char* why = nullptr) { return {State::failed, false, false, error, 0, why}; }
};

/// An owned descriptor.
class Socket {
public:
    Socket() = default;
    explicit Socket(int fd) : fd_(fd) {}
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Socket();
    int fd() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

class ByteStream : protected EventSource {
public:
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;
    virtual ~ByteStream();

    /// One system call, never waits; for read_now and write_now. No empty room, no empty pieces, at most 1024 of them.
    virtual IoResult try_read(std::span<char> room) = 0;
    virtual IoResult try_writev(std::span<const iovec> pieces) = 0;
    /// Says to the peer that nothing more will come (FIN, close_notify); reading goes on.
    virtual void finish_writing() = 0;

    /// Closes without further words; pending operations are aborted. May be called twice.
    void close();
    /// As close(), but so that the peer sees an error and not an end (RST).
    void close_with_reset();

    int fd() const { return socket_.fd(); }
    bool open() const { return static_cast<bool>(socket_); }
    Peer peer() const { return peer_; }
    Loop& loop() const { return loop_; }

    /// One attempt that never waits, and keeps the book of edges: after a drained read, `would_block` without a system call
    /// until the next edge.
    IoResult read_now(std::span<char> room);
    IoResult write_now(std::span<const iovec> pieces);
    /// The failure that an attempt which `failed` stands for.
    Failure failure_of(const IoResult& result) const;

    class ReadAwaiter;
    class WriteAwaiter;
    class ReadableAwaiter;
    class WritableAwaiter;
    class ReadableFaultAwaiter;
    class WriteFaultAwaiter;
    /// -> Result<size_t>; 0: the peer has finished. `room` must live until then.
    ReadAwaiter read_some(std::span<char> room);
    /// -> Status, without reading: read_now may give something now (or `would_block` after all: ask again). For idle connections,
    /// which hold no buffer.
    ReadableAwaiter readable();
    /// -> Status, likewise for writing.
    WritableAwaiter writable();
    /// -> Status. The text must live until then.
    WriteAwaiter write_all(std::string_view text);
    /// -> Status. The array itself is used up on the way (bases and lengths move); array and bytes must live until then.
    WriteAwaiter write_all(std::span<iovec> pieces);

    /// readable() and write_all() with a Fault as their result.
    ReadableFaultAwaiter await_readable();
    WriteFaultAwaiter send_all(std::span<iovec> pieces);

    /// Instants of the loop's clock, 0: none. When one passes while its side waits, the wait ends with a timeout failure.
    void set_read_deadline(Nanos at) {
        read_deadline_ = at;
        if (reader_ != nullptr) arm();
    }
    /// `renew`: every progress of a waiting write moves its deadline to `renew` from then; 0: it stays.
    void set_write_deadline(Nanos at, Nanos renew = 0) {
        write_deadline_ = at;
        write_renew_ = renew;
        if (writer_ != nullptr) arm();
    }
    Nanos read_deadline() const { return read_deadline_; }

    /// Ends waiting and all later operations with `failure`. The waiters are resumed at the end of the turn.
    void abort(Failure failure);
    bool aborted() const { return aborted_failure_ != nullptr; }

    /// Called once, when the connection was reset or broke (at once, if it has been). The callback may destroy the stream.
    void on_hangup(std::move_only_function<void()> callback);
    /// Called once, when the peer's FIN was seen while nobody read (at once, if it has been). The callback may destroy the
    /// stream.
    void on_peer_finished(std::move_only_function<void()> callback);
    bool hung_up() const { return hung_up_; }
    bool peer_finished() const { return peer_finished_; }

protected:
    ByteStream(Socket socket, Peer peer, Loop& loop);

    void on_events(std::uint32_t events) final;
    /// For TLS, whose bytes do not match the kernel's: the next read or write need not wait for an edge, or must.
    void mark_readable() { read_ready_ = true; }
    void mark_drained() { read_ready_ = peer_finished_; }
    void mark_full() { write_ready_ = hung_up_; }
    Socket release_socket();

private:
    Failure timeout(bool reading) const;
    void arm();
    static void deadline_passed(void* self);
    void tell(std::move_only_function<void()>& callback);
    void retry_reader();
    void retry_writer();
    void end_waits(const Failure& failure);

    Loop& loop_;
    Socket socket_;
    Peer peer_;
    bool read_ready_ = true;   ///< False after a drained read until the next edge.
    bool write_ready_ = true;  ///< False after EAGAIN until the next edge.
    bool peer_finished_ = false;
    bool hung_up_ = false;
    bool* destroyed_ = nullptr;  ///< Set while a callback runs, so that the caller learns of our end.
    ReadAwaiter* reader_ = nullptr;
    WriteAwaiter* writer_ = nullptr;
    Nanos read_deadline_ = 0;
    Nanos write_deadline_ = 0;
    Nanos write_renew_ = 0;
    Deadline deadline_;
    std::unique_ptr<Failure> aborted_failure_;
    std::move_only_function<void()> hangup_;
    std::move_only_function<void()> finished_;
};

/// Reads into `room`; an empty room only waits for an edge.
class ByteStream::ReadAwaiter {
public:
    ReadAwaiter(ByteStream& stream, std::span<char> room) : stream_(stream), room_(room) {}
    bool await_ready();
    void await_suspend(std::coroutine_handle<> waiting);
    Result<std::size_t> await_resume();

protected:
    friend class ByteStream;
    ByteStream& stream_;
    std::span<char> room_;
    std::coroutine_handle<> waiting_;
    IoResult result_;
    Fault failure_;  ///< Timed out or aborted.
};

class ByteStream::ReadableAwaiter : public ByteStream::ReadAwaiter {
public:
    explicit ReadableAwaiter(ByteStream& stream) : ReadAwaiter(stream, {}) {}
    Status await_resume();
};

class ByteStream::WriteAwaiter {
public:
    WriteAwaiter(ByteStream& stream, std::string_view text);
    WriteAwaiter(ByteStream& stream, std::span<iovec> pieces) : stream_(stream), pieces_(pieces) {}
    WriteAwaiter(const WriteAwaiter&) = delete;
    WriteAwaiter& operator=(const WriteAwaiter&) = delete;
    bool await_ready();
    void await_suspend(std::coroutine_handle<> waiting);
    Status await_resume();

protected:
    friend class ByteStream;
    bool advance();  ///< False: must wait.
    ByteStream& stream_;
    iovec single_{};
    std::span<iovec> pieces_;
    std::coroutine_handle<> waiting_;
    IoResult result_;
    Fault failure_;  ///< Timed out or aborted.
};

class ByteStream::WritableAwaiter : public ByteStream::WriteAwaiter {
public:
    explicit WritableAwaiter(ByteStream& stream) : WriteAwaiter(stream, std::span<iovec>{}) {}
    bool await_ready();
};

class ByteStream::ReadableFaultAwaiter : public ByteStream::ReadAwaiter {
public:
    explicit ReadableFaultAwaiter(ByteStream& stream) : ReadAwaiter(stream, {}) {}
    Fault await_resume() { return std::move(failure_); }
};

class ByteStream::WriteFaultAwaiter : public ByteStream::WriteAwaiter {
public:
    WriteFaultAwaiter(ByteStream& stream, std::span<iovec> pieces) : WriteAwaiter(stream, pieces) {}
    Fault await_resume();
};

/// Takes `count` bytes off the front of `pieces`.
std::span<iovec> skip_bytes(std::span<iovec> pieces, std::size_t count);

inline ByteStream::ReadAwaiter ByteStream::read_some(std::span<char> room) { return ReadAwaiter(*this, room); }
inline ByteStream::ReadableAwaiter ByteStream::readable() { return ReadableAwaiter(*this); }
inline ByteStream::WritableAwaiter ByteStream::writable() { return WritableAwaiter(*this); }
inline ByteStream::WriteAwaiter ByteStream::write_all(std::string_view text) { return WriteAwaiter(*this, text); }
inline ByteStream::ReadableFaultAwaiter ByteStream::await_readable() { return ReadableFaultAwaiter(*this); }
inline ByteStream::WriteFaultAwaiter ByteStream::send_all(std::span<iovec> pieces) { return WriteFaultAwaiter(*this, pieces); }
inline ByteStream::WriteAwaiter ByteStream::write_all(std::span<iovec> pieces) { return WriteAwaiter(*this, pieces); }

}  // namespace gotthard::net
