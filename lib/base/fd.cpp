// Descriptor ownership and whole reads and writes.
#include "base/fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

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

Result<Fd> own_stream(int fd, int access) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return Error::system("use a standard stream", "");
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
        const std::string path = "/proc/self/fd/" + std::to_string(fd);
        Fd own(::open(path.c_str(), access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        if (own.valid()) return own;
    }
    Fd own = TRY(duplicate(fd));
    if (S_ISSOCK(status.st_mode) || S_ISFIFO(status.st_mode)) {
        TRY(set_nonblocking(own.get(), true));
    }
    return own;
}

}  // namespace base
