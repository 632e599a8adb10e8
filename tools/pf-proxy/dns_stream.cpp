// Framing, and buffers with an end.
#include "dns_stream.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/bytes.h"
#include "dns/message.h"

namespace pf_proxy {

using base::Result;

namespace {

constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kReadBytes = 16 * 1024;

bool is_temporary(int errno_value) {
    return errno_value == EAGAIN || errno_value == EINTR;
}

}  // namespace

Result<std::unique_ptr<DnsStream>> DnsStream::create(loop::Loop& loop, base::Fd fd, Arrived arrived,
                                                     Ended ended) {
    std::unique_ptr<DnsStream> made(
        new DnsStream(std::move(fd), std::move(arrived), std::move(ended)));
    DnsStream* stream = made.get();
    made->poll_ = TRY(loop::Poll::create(loop, stream->fd_.get(),
                                         [stream](int events) { stream->ready(events); }));
    made->resume_ = TRY(loop::Timer::create(loop, [stream] { stream->hand_over(); }));
    made->watch();
    return made;
}

bool DnsStream::send(std::span<const std::byte> message) {
    if (broken_ || message.size() > dns::kMaximumMessageBytes ||
        unsent_bytes() + kLengthBytes + message.size() > kMaximumUnsent) {
        return false;
    }
    std::array<std::byte, kLengthBytes> length;
    base::store_be(std::span(length), static_cast<std::uint16_t>(message.size()));
    output_.insert(output_.end(), length.begin(), length.end());
    output_.insert(output_.end(), message.begin(), message.end());
    const bool sent = flush();
    watch();
    return sent;
}

void DnsStream::read(bool on) {
    if (on == reading_) return;
    reading_ = on;
    if (on) resume_->start(std::chrono::milliseconds(0));
    watch();
}

void DnsStream::watch() {
    if (broken_) return poll_->watch(0);
    poll_->watch((reading_ && !input_over_ ? loop::Poll::kReadable : 0) |
                 (unsent_bytes() > 0 ? loop::Poll::kWritable : 0));
}

void DnsStream::ready(int events) {
    if ((events & loop::Poll::kWritable) != 0 && !flush()) return end(true);
    watch();
    if ((events & loop::Poll::kReadable) != 0 && reading_ && !input_over_) receive();
}

// False when the stream broke.
bool DnsStream::flush() {
    while (unsent_bytes() > 0) {
        const ssize_t wrote =
            ::send(fd_.get(), output_.data() + sent_, unsent_bytes(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (wrote < 0) {
            broken_ = !is_temporary(errno);
            return !broken_;
        }
        sent_ += static_cast<std::size_t>(wrote);
    }
    output_.clear();
    sent_ = 0;
    return true;
}

void DnsStream::receive() {
    std::array<std::byte, kReadBytes> buffer;
    const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && is_temporary(errno)) return;
    if (got <= 0) return end(got < 0);
    input_.insert(input_.end(), buffer.begin(), buffer.begin() + got);
    hand_over();
}

// At most one buffer and a message's beginning wait here: nothing is read while reading is off.
void DnsStream::hand_over() {
    const std::weak_ptr<char> alive = alive_;
    while (reading_ && unread_bytes() >= kLengthBytes) {
        const auto rest = std::span(input_).subspan(used_);
        const std::size_t size = base::load_be<std::uint16_t>(rest);
        if (rest.size() < kLengthBytes + size) break;
        used_ += kLengthBytes + size;
        arrived_(rest.subspan(kLengthBytes, size));
        if (alive.expired()) return;
    }
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ = 0;
}

void DnsStream::end(bool broke) {
    broken_ = broken_ || broke;
    const bool first = !input_over_;
    input_over_ = true;
    watch();
    if (first || broke) ended_(broken_);
}

}  // namespace pf_proxy
