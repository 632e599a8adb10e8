// Moving bytes one way, by splice or through memory.
#include "vsockio/relay_way.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace vsockio {

using base::Result;

namespace {

constexpr std::size_t kBufferBytes = std::size_t{64} * 1024;
constexpr int kPipeBytes = 512 * 1024;  // the kernel's own 64 KiB where it does not grant that
constexpr unsigned kFullBeforeSplice = 8;
constexpr std::size_t kSmallSplice = 8 * 1024;
constexpr unsigned kSmallBeforeCopy = 16;
constexpr std::size_t kSparePipes = 16;

// Bytes pass through it within one step, so ways need none of their own while they wait.
thread_local std::byte shared[kBufferBytes];

// Empty pipes of ways that wait for input: making one costs more than moving what it holds.
struct SparePipe {
    base::Pipe pipe;
    std::size_t bytes = 0;
};
thread_local std::vector<SparePipe> spare_pipes;

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

// Descriptors are numbered from below, so at least as many as this one's number are in use. Pipes
// may have them while the other half is free; connections need them more.
bool plenty_beyond(int fd) {
    rlimit limit{};
    return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && static_cast<rlim_t>(fd) < limit.rlim_cur / 2;
}

}  // namespace

void drop_spare_pipes() {
    spare_pipes.clear();
}

RelayWay::RelayWay(loop::Edge& from, loop::Edge& to, std::size_t write_bytes, bool short_is_all,
                   bool try_splice)
    : from_(from),
      to_(to),
      write_bytes_(write_bytes),
      short_is_all_(short_is_all),
      may_splice_(try_splice) {}

bool RelayWay::may_step() const {
    if (state_ == State::ended || state_ == State::failed) return false;
    return pending_bytes_ > 0 ? to_.ready().writable : from_.ready().readable;
}

RelayWay::State RelayWay::step(std::size_t budget_bytes) {
    const std::uint64_t limit = moved_bytes_ + budget_bytes;
    loop::Readiness& input = from_.ready();
    while (may_step()) {
        Moved moved = Moved::some;
        if (pending_bytes_ > 0) {
            moved = drain();
        } else if (moved_bytes_ >= limit) {
            return state_ = State::wants_turn;
        } else {
            moved = splicing_ ? splice() : copy();
        }
        switch (moved) {
            case Moved::some: break;
            // What comes meanwhile makes it readable again; an end that has come already does not.
            case Moved::all_there_was: input.readable = input.ended || !short_is_all_; break;
            case Moved::nothing_yet: input.readable = false; break;
            case Moved::output_full: to_.ready().writable = false; break;
            case Moved::receiver_gone: receiver_gone_ = true; return end(State::ended);
            case Moved::end: return end(State::ended);
            case Moved::failed: return end(State::failed);
        }
    }
    if (pending_bytes_ == 0) give_pipe_back();
    return state_ = State::waits;
}

RelayWay::Moved RelayWay::copy() {
    ssize_t count = 0;
    do {
        count = ::read(from_.fd(), shared, kBufferBytes);
    } while (count < 0 && errno == EINTR);
    if (count == 0) return Moved::end;
    if (count < 0) return read_failed();
    const auto size = static_cast<std::size_t>(count);
    std::size_t written = 0;
    const Moved moved = write_out(shared, size, written);
    if (moved == Moved::output_full) keep(shared + written, size - written);
    if (moved != Moved::some) return moved;
    if (size < kBufferBytes) {
        streak_ = 0;
        return Moved::all_there_was;
    }
    if (may_splice_ && ++streak_ >= kFullBeforeSplice) {
        streak_ = 0;
        splicing_ = true;
    }
    return Moved::some;
}

RelayWay::Moved RelayWay::read_failed() {
    if (would_block()) return Moved::nothing_yet;
    if (errno == EIO) return Moved::end;  // a terminal that was hung up
    errno_value_ = errno;
    return Moved::failed;
}

RelayWay::Moved RelayWay::write_out(const std::byte* bytes, std::size_t size,
                                    std::size_t& written) {
    while (written < size) {
        const ssize_t count =
            ::write(to_.fd(), bytes + written, std::min(size - written, write_bytes_));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return would_block() ? Moved::output_full : Moved::receiver_gone;
        written += static_cast<std::size_t>(count);
        moved_bytes_ += static_cast<std::uint64_t>(count);
    }
    return Moved::some;
}

void RelayWay::keep(const std::byte* bytes, std::size_t size) {
    held_ = std::make_unique_for_overwrite<std::byte[]>(size);
    std::memcpy(held_.get(), bytes, size);
    held_start_ = 0;
    pending_bytes_ = size;
}

// The pipe is empty here, so "would block" can only mean that the input has nothing.
RelayWay::Moved RelayWay::splice() {
    if (!pipe_.read.valid() && !take_pipe()) {
        may_splice_ = false;  // short of descriptors
        copy_from_now_on();
        return Moved::some;
    }
    ssize_t count = 0;
    do {
        count = ::splice(from_.fd(), nullptr, pipe_.write.get(), nullptr, pipe_bytes_,
                         SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    } while (count < 0 && errno == EINTR);
    if (count == 0) return Moved::end;
    if (count < 0) {
        if (errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS) return read_failed();
        may_splice_ = false;
        copy_from_now_on();
        return Moved::some;
    }
    pending_bytes_ = static_cast<std::size_t>(count);
    streak_ = pending_bytes_ < kSmallSplice ? streak_ + 1 : 0;
    const Moved moved = drain();
    if (moved == Moved::some && splicing_ && streak_ >= kSmallBeforeCopy) copy_from_now_on();
    return moved;
}

RelayWay::Moved RelayWay::drain() {
    if (splicing_) return drain_pipe();
    std::size_t written = 0;
    const Moved moved = write_out(held_.get() + held_start_, pending_bytes_, written);
    held_start_ += written;
    pending_bytes_ -= written;
    if (pending_bytes_ == 0) held_.reset();
    return moved;
}

RelayWay::Moved RelayWay::drain_pipe() {
    while (pending_bytes_ > 0) {
        const std::size_t wanted = std::min(pending_bytes_, write_bytes_);
        const ssize_t count = ::splice(pipe_.read.get(), nullptr, to_.fd(), nullptr, wanted,
                                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && would_block()) return Moved::output_full;
        if (count < 0 && (errno == EINVAL || errno == EOPNOTSUPP) && !ever_spliced_) {
            // The receiver cannot be spliced to: carry on with what is already in the pipe.
            auto rescued = std::make_unique_for_overwrite<std::byte[]>(pending_bytes_);
            std::size_t got = 0;
            while (got < pending_bytes_) {
                const ssize_t part =
                    ::read(pipe_.read.get(), rescued.get() + got, pending_bytes_ - got);
                if (part <= 0) return Moved::receiver_gone;
                got += static_cast<std::size_t>(part);
            }
            may_splice_ = splicing_ = false;
            pipe_ = {};
            held_ = std::move(rescued);
            held_start_ = 0;
            return drain();
        }
        if (count <= 0) return Moved::receiver_gone;
        ever_spliced_ = true;
        pending_bytes_ -= static_cast<std::size_t>(count);
        moved_bytes_ += static_cast<std::uint64_t>(count);
    }
    return Moved::some;
}

bool RelayWay::take_pipe() {
    if (!spare_pipes.empty()) {
        pipe_ = std::move(spare_pipes.back().pipe);
        pipe_bytes_ = spare_pipes.back().bytes;
        spare_pipes.pop_back();
        return true;
    }
    Result<base::Pipe> made = base::make_pipe(O_NONBLOCK);
    if (!made.ok() || !plenty_beyond(made->write.get())) return false;
    pipe_ = std::move(made).value();
    const int granted = ::fcntl(pipe_.write.get(), F_SETPIPE_SZ, kPipeBytes);
    const int size = granted > 0 ? granted : ::fcntl(pipe_.write.get(), F_GETPIPE_SZ);
    pipe_bytes_ = size > 0 ? static_cast<std::size_t>(size) : kBufferBytes;
    return true;
}

// One that is not known to be empty is closed.
void RelayWay::give_pipe_back() {
    if (pipe_.read.valid() && pending_bytes_ == 0 && spare_pipes.size() < kSparePipes) {
        spare_pipes.push_back({std::move(pipe_), pipe_bytes_});
    }
    pipe_ = {};
}

void RelayWay::copy_from_now_on() {
    splicing_ = false;
    streak_ = 0;
    give_pipe_back();
}

RelayWay::State RelayWay::end(State state) {
    give_pipe_back();
    held_.reset();
    splicing_ = false;
    pending_bytes_ = 0;
    return state_ = state;
}

}  // namespace vsockio
