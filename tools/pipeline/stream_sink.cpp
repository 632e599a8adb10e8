// From a stream into a descriptor.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "stream_ends.h"

namespace pipeline {

StreamSink::StreamSink(loop::Loop& loop, base::Fd fd, Stream& stream, Closed closed)
    : loop_(loop), fd_(std::move(fd)), stream_(stream), closed_(std::move(closed)) {}

base::Result<std::unique_ptr<StreamSink>> StreamSink::create(loop::Loop& loop, base::Fd fd,
                                                             Stream& stream, Closed closed) {
    std::unique_ptr<StreamSink> sink(
        new StreamSink(loop, std::move(fd), stream, std::move(closed)));
    TRY(sink->start());
    return sink;
}

base::Result<void> StreamSink::start() {
    base::Result<loop::Poll> poll =
        loop::Poll::create(loop_, fd_.get(), [this](int) { advance(); });
    if (poll.ok()) {
        poll_ = std::move(poll).value();
    } else if (poll.error().errno_value != EPERM) {
        return std::move(poll).error();
    }
    return {};
}

void StreamSink::take(std::span<const std::byte> bytes) {
    if (closed_already_) return stream_.consumed(bytes.size());
    if (pending_.empty()) {
        const std::optional<std::size_t> written = write_some(bytes);
        if (!written.has_value()) return;
        stream_.consumed(*written);
        bytes = bytes.subspan(*written);
    }
    if (bytes.empty()) return;
    pending_.insert(pending_.end(), bytes.begin(), bytes.end());
    poll_->watch(loop::Poll::kWritable);
}

void StreamSink::end() {
    if (ending_) return;
    ending_ = true;
    if (pending_.empty() && !closed_already_) close({});
}

void StreamSink::advance() {
    const std::optional<std::size_t> written = write_some(pending_);
    if (!written.has_value()) return;
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(*written));
    stream_.consumed(*written);
    if (!pending_.empty()) return;
    poll_->watch(0);
    if (ending_) close({});
}

std::optional<std::size_t> StreamSink::write_some(std::span<const std::byte> bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t count = ::write(fd_.get(), bytes.data() + done, bytes.size() - done);
        if (count >= 0) {
            done += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            base::Error error = base::Error::system("write to", "a descriptor");
            stream_.consumed(std::max(bytes.size(), pending_.size()));
            pending_.clear();
            close(std::move(error));
            return std::nullopt;
        }
    }
    return done;
}

void StreamSink::close(std::optional<base::Error> error) {
    closed_already_ = true;
    poll_.reset();
    (void)::shutdown(fd_.get(), SHUT_WR);
    fd_.reset();
    const Closed closed = std::move(closed_);
    closed(std::move(error));  // may destroy this
}

}  // namespace pipeline
