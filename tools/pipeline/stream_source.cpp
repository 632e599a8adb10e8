// From a descriptor into a stream.
#include <unistd.h>

#include <cerrno>

#include "base/format.h"
#include "base/text.h"
#include "stream_ends.h"

namespace pipeline {

namespace {

// Frames in one turn of the loop before others have theirs.
constexpr int kFramesPerTurn = 8;

}  // namespace

StreamSource::StreamSource(loop::Loop& loop, base::Fd fd, Stream& stream, std::uint8_t channel,
                           Ended ended, std::uint64_t limit)
    : loop_(loop),
      fd_(std::move(fd)),
      stream_(stream),
      channel_(channel),
      ended_(std::move(ended)),
      limit_(limit) {}

base::Result<std::unique_ptr<StreamSource>> StreamSource::create(loop::Loop& loop, base::Fd fd,
                                                                 Stream& stream,
                                                                 std::uint8_t channel, Ended ended,
                                                                 std::uint64_t limit) {
    std::unique_ptr<StreamSource> source(
        new StreamSource(loop, std::move(fd), stream, channel, std::move(ended), limit));
    TRY(source->start());
    return source;
}

base::Result<void> StreamSource::start() {
    turn_ = TRY(loop::Idle::create(loop_, [this] { advance(); }));
    base::Result<loop::Poll> poll =
        loop::Poll::create(loop_, fd_.get(), [this](int) { advance(); });
    if (poll.ok()) {
        poll_ = std::move(poll).value();
    } else if (poll.error().errno_value != EPERM) {
        return std::move(poll).error();
    }
    wait();
    return {};
}

void StreamSource::wait() {
    if (poll_.has_value() && !finishing_) {
        poll_->watch(loop::Poll::kReadable);
    } else {
        turn_->start();
    }
}

void StreamSource::on_room() {
    if (!over_) wait();
}

void StreamSource::finish() {
    if (over_) return;
    finishing_ = true;
    if (poll_.has_value()) poll_->watch(0);
    turn_->start();
}

void StreamSource::advance() {
    for (int frame = 0; frame < kFramesPerTurn; ++frame) {
        const std::span<std::byte> room = stream_.prepare();
        if (room.empty()) {
            // The stream says when it has room.
            if (poll_.has_value()) poll_->watch(0);
            turn_->stop();
            return;
        }
        const ssize_t count = ::read(fd_.get(), room.data(), room.size());
        if (count > 0) {
            bytes_ += static_cast<std::uint64_t>(count);
            if (bytes_ > limit_) {
                return over(
                    base::Error(base::ExitCode::refused,
                                fmt::format("there is more output than the {} that are allowed",
                                            base::format_size(limit_))));
            }
            stream_.commit(channel_, static_cast<std::size_t>(count));
            continue;
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) {
            if (finishing_) return over({});
            turn_->stop();
            return poll_->watch(loop::Poll::kReadable);
        }
        // A terminal whose other side is closed says EIO.
        if (count == 0 || errno == EIO) return over({});
        return over(base::Error::system("read from", "a descriptor"));
    }
}

void StreamSource::over(std::optional<base::Error> error) {
    over_ = true;
    poll_.reset();
    turn_.reset();
    fd_.reset();
    const Ended ended = std::move(ended_);
    ended(std::move(error));  // may destroy this
}

}  // namespace pipeline
