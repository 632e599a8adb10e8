// Message framing over a stream socket that also carries descriptors.
#include "vhost_channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>

namespace vsockd {

using base::Error;
using base::ExitCode;
using base::Fd;
using base::Result;

Result<VhostChannel::Received> VhostChannel::receive() {
    if (!header_) {
        const Status status = TRY(fill(kMessageHeaderBytes));
        if (status != Status::message) return Received{status, {}};
        header_ = TRY(decode_message_header(
            std::span<const std::byte, kMessageHeaderBytes>(bytes_.data(), kMessageHeaderBytes)));
    }
    const Status status = TRY(fill(kMessageHeaderBytes + header_->payload_bytes));
    if (status != Status::message) return Received{status, {}};
    const std::span<const std::byte> payload(bytes_.data() + kMessageHeaderBytes,
                                             header_->payload_bytes);
    Received received;
    received.status = Status::message;
    received.message.header = *header_;
    received.message.payload = TRY(decode_payload(*header_, payload, descriptors_.size()));
    received.message.descriptors = std::exchange(descriptors_, {});
    header_.reset();
    filled_ = 0;
    return received;
}

// Reads until `wanted` bytes of the message are there, and never beyond them: the descriptors of
// the next message come with its first byte.
Result<VhostChannel::Status> VhostChannel::fill(std::size_t wanted) {
    while (filled_ < wanted) {
        iovec piece{bytes_.data() + filled_, wanted - filled_};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaximumDescriptors)];
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const ssize_t count = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (count < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) return Status::nothing;
            if (errno == ECONNRESET) return Status::ended;
            return Error::system("read from", "the front end");
        }
        TRY(take_descriptors(message));
        if (count == 0) return Status::ended;
        filled_ += static_cast<std::size_t>(count);
    }
    return Status::message;
}

Result<void> VhostChannel::take_descriptors(msghdr& message) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t index = 0; index < count; ++index) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + index * sizeof fd, sizeof fd);
            descriptors_.emplace_back(fd);
        }
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0 || descriptors_.size() > kMaximumDescriptors) {
        return Error(ExitCode::protocol, "more descriptors than any message has");
    }
    return {};
}

Result<void> VhostChannel::send(std::span<const std::byte> reply) {
    const ssize_t count =
        ::send(socket_.get(), reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count == static_cast<ssize_t>(reply.size())) return {};
    if (count >= 0 || errno == EAGAIN) {
        return Error(ExitCode::protocol, "the front end does not read replies");
    }
    return Error::system("answer", "the front end");
}

bool peer_is_gone(int socket) {
    pollfd state{socket, 0, 0};
    return ::poll(&state, 1, 0) == 1 && (state.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace vsockd
