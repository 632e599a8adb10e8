// Writing to a host socket.
#include "stream.h"

#include <sys/socket.h>

#include <cerrno>

namespace vsockd {

Stream::Write Stream::write(std::span<const iovec> pieces) {
    std::size_t wanted = 0;
    for (const iovec& piece : pieces)
        wanted += piece.iov_len;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(pieces.data());
    message.msg_iovlen = pieces.size();
    const ssize_t count = ::sendmsg(socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) return {Wrote::part, 0};
        memory_lost = errno == EFAULT;
        return {Wrote::failed, 0};
    }
    const auto bytes = static_cast<std::size_t>(count);
    return {bytes == wanted ? Wrote::all : Wrote::part, bytes};
}

Stream::Write Stream::write_backlog() {
    const std::span<const std::byte> front = backlog.front();
    const iovec piece{const_cast<std::byte*>(front.data()), front.size()};
    const Write result = write(std::span(&piece, 1));
    backlog.drop(result.bytes);
    return result;
}

void Stream::close() {
    poll.reset();
    timer.reset();
    socket.reset();
}

}  // namespace vsockd
