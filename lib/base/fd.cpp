// Descriptor ownership and whole reads and writes.
#include "base/fd.h"

#include <fcntl.h>
#include <unistd.h>

namespace base {

void Fd::reset() {
    if (fd_ >= 0) {
        const int saved_errno = errno;
        ::close(fd_);
        errno = saved_errno;
    }
    fd_ = -1;
}

Result<Fd> duplicate(int fd) {
    Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!copy.valid()) return Error::system("duplicate a descriptor", "");
    return copy;
}

Result<Pipe> make_pipe(int flags) {
    int ends[2];
    if (::pipe2(ends, flags | O_CLOEXEC) != 0) return Error::system("make a pipe", "");
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<void> set_nonblocking(int fd, bool nonblocking) {
    const int flags = ::fcntl(fd, F_GETFL);
    const int wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (flags < 0 || (wanted != flags && ::fcntl(fd, F_SETFL, wanted) != 0)) {
        return Error::system("set the blocking mode of a descriptor", "");
    }
    return {};
}

Result<void> write_all(int fd, std::span<const std::byte> bytes, std::string_view name) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return Error::system("write", name);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

Result<std::size_t> read_full(int fd, std::span<std::byte> buffer, std::string_view name) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
        const ssize_t count = ::read(fd, buffer.data() + filled, buffer.size() - filled);
        if (count < 0) {
            if (errno == EINTR) continue;
            return Error::system("read", name);
        }
        if (count == 0) break;
        filled += static_cast<std::size_t>(count);
    }
    return filled;
}

}  // namespace base
