// Moving bytes one way, by splice or through memory.
#include "vsockio/relay_way.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

namespace vsockio {

using base::Error;
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

// A vsock is written to in pieces that its transport carries whole; TCP takes what it can.
std::size_t piece_for(int fd, std::size_t wanted) {
    int domain = 0;
    socklen_t size = sizeof domain;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
        (domain == AF_INET || domain == AF_INET6)) {
        return std::numeric_limits<std::size_t>::max();
    }
    return wanted;
}

}  // namespace

void drop_spare_pipes() {
    spare_pipes.clear();
}

RelayWay::RelayWay(int from, int to, std::size_t write_bytes, bool try_splice)
    : from_(from), to_(to), write_bytes_(piece_for(to, write_bytes)), may_splice_(try_splice) {}

Result<RelayWay::State> RelayWay::step(std::size_t budget_bytes) {
    const std::uint64_t limit = moved_bytes_ + budget_bytes;
    while (state_ != State::ended) {
        Moved moved = Moved::some;
        if (pending_bytes_ > 0) {
            moved = drain();
        } else if (moved_bytes_ >= limit) {
            return state_ = State::wants_turn;
        } else {
            moved = splicing_ ? TRY(splice()) : TRY(copy());
        }
        switch (moved) {
            case Moved::some: break;
            case Moved::all_there_was:
            case Moved::nothing_yet: give_pipe_back(); return state_ = State::wants_input;
            case Moved::output_full: return state_ = State::wants_output;
            case Moved::receiver_gone: receiver_gone_ = true; return end();
            case Moved::end: return end();
        }
    }
    return state_;
}

Result<RelayWay::Moved> RelayWay::copy() {
    ssize_t count = 0;
    do {
        count = ::read(from_, shared, kBufferBytes);
    } while (count < 0 && errno == EINTR);
    if (count == 0) return Moved::end;
    if (count < 0) {
        if (would_block()) return Moved::nothing_yet;
        if (errno == EIO) return Moved::end;  // a terminal that was hung up
        return Error::system("read from the peer", "");
    }
    const auto size = static_cast<std::size_t>(count);
    std::size_t written = 0;
    const Moved moved = write_out(shared, size, written);
    if (moved == Moved::output_full) keep(shared + written, size - written);
    if (moved != Moved::some) return moved;
    if (size < kBufferBytes) {
        streak_ = 0;
        return Moved::all_there_was;  // what comes meanwhile makes it readable again
    }
    if (may_splice_ && ++streak_ >= kFullBeforeSplice) {
        streak_ = 0;
        splicing_ = true;
    }
    return Moved::some;
}

RelayWay::Moved RelayWay::write_out(const std::byte* bytes, std::size_t size,
                                    std::size_t& written) {
    while (written < size) {
        const ssize_t count = ::write(to_, bytes + written, std::min(size - written, write_bytes_));
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
Result<RelayWay::Moved> RelayWay::splice() {
    if (!pipe_.read.valid() && !take_pipe()) {
        may_splice_ = false;  // short of descriptors
        copy_from_now_on();
        return Moved::some;
    }
    ssize_t count = 0;
    do {
        count = ::splice(from_, nullptr, pipe_.write.get(), nullptr, pipe_bytes_,
                         SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    } while (count < 0 && errno == EINTR);
    if (count == 0) return Moved::end;
    if (count < 0) {
        if (would_block()) return Moved::nothing_yet;
        if (errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS) {
            return Error::system("read from the peer", "");
        }
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
        const ssize_t count = ::splice(pipe_.read.get(), nullptr, to_, nullptr, wanted,
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

RelayWay::State RelayWay::end() {
    give_pipe_back();
    held_.reset();
    splicing_ = false;
    pending_bytes_ = 0;
    return state_ = State::ended;
}

}  // namespace vsockio
