// Frames out of and into a stream that takes any number of bytes at a time.
#include "frame_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace pf_proxy {

using proto::pf_proxy::decode_frame;
using proto::pf_proxy::Frame;
using vsockio::IpEndpoint;

// --- reading ---------------------------------------------------------------------------------

void FrameReader::forget_part() {
    held_.give_back(part_.size());
    part_ = {};
}

bool FrameReader::complete_part(std::span<const std::byte>& input, std::span<std::byte> memory,
                                const Take& take, Outcome& outcome) {
    while (!part_.empty()) {
        const proto::Decoded<Frame> decoded = decode_frame(part_, way_);
        if (decoded.outcome == proto::Outcome::bad) {
            outcome = Outcome::bad;
            return false;
        }
        if (decoded.outcome == proto::Outcome::done) {
            // Into memory that lasts as long as that of the frames behind it.
            std::ranges::copy(part_, memory.begin());
            const auto whole = memory.first(part_.size());
            forget_part();
            take(decode_frame(whole, way_).value);
            return true;
        }
        const std::size_t missing = std::min(decoded.wanted_bytes - part_.size(), input.size());
        if (missing == 0) return false;
        if (!held_.take(missing)) {
            outcome = Outcome::no_room;
            return false;
        }
        const auto piece = input.first(missing);
        part_.insert(part_.end(), piece.begin(), piece.end());
        input = input.subspan(missing);
    }
    return true;
}

FrameReader::Outcome FrameReader::read(int fd, std::span<std::byte> scratch, const Take& take) {
    const auto memory = scratch.last(proto::pf_proxy::kMaximumFrameBytes);
    scratch = scratch.first(scratch.size() - memory.size());
    const ssize_t count = ::recv(fd, scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (count < 0) {
        const bool later = errno == EAGAIN || errno == EINTR;
        return later ? Outcome::would_block : Outcome::cut_off;
    }
    if (count == 0) return part_.empty() ? Outcome::ended : Outcome::cut_off;
    const bool drained = static_cast<std::size_t>(count) < scratch.size();
    Outcome outcome = drained ? Outcome::would_block : Outcome::more;
    std::span<const std::byte> input = scratch.first(static_cast<std::size_t>(count));
    if (!complete_part(input, memory, take, outcome)) return outcome;
    while (!input.empty()) {
        const proto::Decoded<Frame> decoded = decode_frame(input, way_);
        if (decoded.outcome == proto::Outcome::bad) return Outcome::bad;
        if (decoded.outcome == proto::Outcome::need_more) break;
        take(decoded.value);
        input = input.subspan(decoded.used_bytes);
    }
    if (!held_.take(input.size())) return Outcome::no_room;
    part_.assign(input.begin(), input.end());
    return outcome;
}

// --- writing ---------------------------------------------------------------------------------

bool FrameGather::add_datagram(const std::optional<IpEndpoint>& endpoint,
                               std::span<const std::byte> payload) {
    Entry& entry = entries_[count_];
    const auto header = proto::pf_proxy::encode_datagram_header(
        endpoint, payload.size(),
        std::span(entry.header).first<proto::pf_proxy::kMaximumFrameHeaderBytes>());
    if (header.empty()) return false;
    entry.header_bytes = header.size();
    entry.payload = payload;
    ++count_;
    return true;
}

bool FrameGather::add_error(const std::optional<IpEndpoint>& endpoint, int errno_value) {
    Entry& entry = entries_[count_];
    const auto frame = proto::pf_proxy::encode_error(endpoint, errno_value, entry.header);
    if (frame.empty()) return false;
    entry.header_bytes = frame.size();
    entry.payload = {};
    ++count_;
    return true;
}

bool FrameWriter::keep(std::span<const std::byte> bytes) {
    if (!held_.take(bytes.size())) return false;
    rest_.insert(rest_.end(), bytes.begin(), bytes.end());
    return true;
}

// Keeps what the first `written` bytes of the gathered frames leave: the rest of the frame that was
// cut in any case, and whole frames as far as there is room.
FrameWriter::Outcome FrameWriter::keep_from(FrameGather& gather, std::size_t written) {
    Outcome outcome = Outcome::written;
    for (std::size_t index = 0; index < gather.count_; ++index) {
        const FrameGather::Entry& entry = gather.entries_[index];
        const std::size_t gone = std::min(written, entry.bytes());
        written -= gone;
        if (gone == entry.bytes()) continue;
        const bool fits = rest_.size() + entry.bytes() <= limit_;
        if (gone == 0 && !fits) {
            ++dropped_;
            continue;
        }
        const std::size_t of_header = std::min(gone, entry.header_bytes);
        const auto header = std::span<const std::byte>(entry.header).first(entry.header_bytes);
        const auto payload = entry.payload.subspan(gone - of_header);
        if (!held_.take(entry.bytes() - gone)) {
            if (gone > 0) {
                outcome = Outcome::no_room;
                break;
            }
            ++dropped_;
            continue;
        }
        rest_.insert(rest_.end(), header.begin() + static_cast<std::ptrdiff_t>(of_header),
                     header.end());
        rest_.insert(rest_.end(), payload.begin(), payload.end());
    }
    gather.count_ = 0;
    return outcome;
}

FrameWriter::Outcome FrameWriter::write(int fd, FrameGather& gather) {
    if (gather.empty()) return Outcome::written;
    if (full()) return keep_from(gather, 0);
    std::array<iovec, 2 * FrameGather::kMaximum> parts;
    std::size_t count = 0;
    for (std::size_t index = 0; index < gather.count_; ++index) {
        FrameGather::Entry& entry = gather.entries_[index];
        parts[count++] = {entry.header.data(), entry.header_bytes};
        if (entry.payload.empty()) continue;
        parts[count++] = {const_cast<std::byte*>(entry.payload.data()), entry.payload.size()};
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t sent = ::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        gather.count_ = 0;
        return Outcome::gone;
    }
    return keep_from(gather, sent < 0 ? 0 : static_cast<std::size_t>(sent));
}

FrameWriter::Outcome FrameWriter::write_bytes(int fd, std::span<const std::byte> bytes) {
    if (!full()) {
        const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) return Outcome::gone;
        if (sent > 0) bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
    return keep(bytes) ? Outcome::written : Outcome::no_room;
}

FrameWriter::Outcome FrameWriter::resume(int fd) {
    if (!full()) return Outcome::written;
    const ssize_t sent = ::send(fd, rest_.data(), rest_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN || errno == EINTR ? Outcome::written : Outcome::gone;
    const auto gone = static_cast<std::size_t>(sent);
    held_.give_back(gone);
    if (gone == rest_.size()) {
        rest_ = {};
    } else {
        rest_.erase(rest_.begin(), rest_.begin() + sent);
    }
    return Outcome::written;
}

}  // namespace pf_proxy
