// Moving bytes one way, by splice or through a buffer.
#include "vsockio/relay_way.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace vsockio {

using base::Error;
using base::Result;

namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

}  // namespace

RelayWay::RelayWay(int from, int to, std::size_t write_bytes, bool try_splice)
    : from_(from), to_(to), write_bytes_(write_bytes), splicing_(try_splice) {}

Result<RelayWay::State> RelayWay::step(std::size_t budget_bytes) {
    const std::uint64_t limit = moved_bytes_ + budget_bytes;
    while (state_ != State::ended) {
        if (pending_bytes_ == 0) {
            if (moved_bytes_ >= limit) return state_ = State::wants_turn;
            switch (TRY(fill())) {
                case Moved::some: break;
                case Moved::end: release_buffers(); return state_ = State::ended;
                default: release_buffers(); return state_ = State::wants_input;
            }
        }
        switch (drain()) {
            case Moved::some: break;
            case Moved::receiver_gone:
                receiver_gone_ = true;
                release_buffers();
                return state_ = State::ended;
            default: return state_ = State::wants_output;
        }
    }
    return state_;
}

Result<RelayWay::Moved> RelayWay::fill() {
    if (splicing_) {
        const Moved moved = TRY(fill_by_splice());
        if (moved != Moved::unsupported) return moved;
        splicing_ = false;
        pipe_ = {};
    }
    if (buffer_ == nullptr) buffer_ = std::make_unique_for_overwrite<std::byte[]>(kBufferBytes);
    while (true) {
        const ssize_t count = ::read(from_, buffer_.get(), kBufferBytes);
        if (count > 0) {
            buffer_start_ = 0;
            pending_bytes_ = static_cast<std::size_t>(count);
            return Moved::some;
        }
        if (count == 0) return Moved::end;
        if (would_block()) return Moved::nothing_yet;
        if (errno == EIO) return Moved::end;  // a terminal that was hung up
        if (errno != EINTR) return Error::system("read from the peer", "");
    }
}

// The pipe is empty here, so "would block" can only mean that the input has nothing.
Result<RelayWay::Moved> RelayWay::fill_by_splice() {
    if (!pipe_.read.valid()) {
        Result<base::Pipe> made = base::make_pipe(O_NONBLOCK);
        if (!made.ok()) return Moved::unsupported;  // short of descriptors: copy instead
        pipe_ = std::move(made).value();
    }
    while (true) {
        const ssize_t count = ::splice(from_, nullptr, pipe_.write.get(), nullptr, kBufferBytes,
                                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (count > 0) {
            pending_bytes_ = static_cast<std::size_t>(count);
            return Moved::some;
        }
        if (count == 0) return Moved::end;
        if (would_block()) return Moved::nothing_yet;
        if (errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS) return Moved::unsupported;
        if (errno != EINTR) return Error::system("read from the peer", "");
    }
}

RelayWay::Moved RelayWay::drain() {
    while (pending_bytes_ > 0) {
        const std::size_t wanted = std::min(pending_bytes_, write_bytes_);
        ssize_t count = 0;
        if (splicing_) {
            count = ::splice(pipe_.read.get(), nullptr, to_, nullptr, wanted,
                             SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            const bool refused = count < 0 && (errno == EINVAL || errno == EOPNOTSUPP);
            if (refused && !ever_moved_) {
                // The receiver cannot be spliced to: carry on with what is already in the pipe.
                buffer_ = std::make_unique_for_overwrite<std::byte[]>(kBufferBytes);
                const ssize_t rescued = ::read(pipe_.read.get(), buffer_.get(), kBufferBytes);
                if (rescued != static_cast<ssize_t>(pending_bytes_)) return Moved::receiver_gone;
                splicing_ = false;
                pipe_ = {};
                buffer_start_ = 0;
                continue;
            }
        } else {
            count = ::write(to_, buffer_.get() + buffer_start_, wanted);
        }
        if (count < 0) {
            if (errno == EINTR) continue;
            return would_block() ? Moved::nothing_yet : Moved::receiver_gone;
        }
        ever_moved_ = true;
        buffer_start_ += static_cast<std::size_t>(count);
        pending_bytes_ -= static_cast<std::size_t>(count);
        moved_bytes_ += static_cast<std::uint64_t>(count);
    }
    return Moved::some;
}

void RelayWay::release_buffers() {
    buffer_.reset();
    pipe_ = {};
    pending_bytes_ = 0;
}

}  // namespace vsockio
