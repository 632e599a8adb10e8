// Opening, appending, renaming.
#include "log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/format.h"
#include "entry.h"

namespace initd {

namespace {

constexpr mode_t kMode = 0640;

}  // namespace

std::string LogFile::numbered(unsigned number) const {
    return number == 0 ? target_.path : fmt::format("{}.{}", target_.path, number);
}

// The file at the path, whoever moved or removed the one before.
int LogFile::open() {
    struct stat ours {
    }, there{};
    if (fd_.valid() && ::fstat(fd_.get(), &ours) == 0 &&
        ::stat(target_.path.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
        ours.st_dev == there.st_dev) {
        size_ = static_cast<std::uint64_t>(ours.st_size);
        return 0;
    }
    constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    fd_ = base::Fd(::open(target_.path.c_str(), kFlags, kMode));
    if (!fd_.valid() || ::fstat(fd_.get(), &ours) != 0) return errno;
    if (!S_ISREG(ours.st_mode)) {
        fd_.reset();
        return EINVAL;  // a pipe or a device takes no part in rotation
    }
    size_ = static_cast<std::uint64_t>(ours.st_size);
    return 0;
}

// The oldest goes first, so that an end in the middle leaves a gap in the numbers and no lines
// under two names.
int LogFile::rotate() {
    if (target_.files == 1) return ::ftruncate(fd_.get(), 0) == 0 ? open() : errno;
    for (unsigned number = target_.files - 1; number > 0; --number) {
        const std::string from = numbered(number - 1), to = numbered(number);
        if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return errno;
    }
    fd_.reset();
    return open();
}

int LogFile::append(std::string_view text) {
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t count = ::write(fd_.get(), text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count > 0) {
            written += static_cast<std::size_t>(count);
            continue;
        }
        const int errno_value = count == 0 ? EIO : errno;
        // Half a line would run into the next.
        if (written > 0) [[maybe_unused]]
            const int cut = ::ftruncate(fd_.get(), static_cast<off_t>(size_));
        return errno_value;
    }
    size_ += text.size();
    return 0;
}

int LogFile::write(std::string_view lines, const struct timespec& now) {
    int failed = open();
    const bool full = size_ > 0 && size_ + lines.size() > target_.most_bytes;
    if (failed == 0 && full) failed = rotate();
    if (failed == 0 && lost_.bytes > 0) {
        std::array<char, 128> memory;
        failed = append({memory.data(), put_loss(format_, now, lost_, memory)});
        if (failed == 0) lost_ = {};
    }
    if (failed == 0) failed = append(lines);
    if (failed != 0) {
        lost_.bytes += lines.size();
        lost_.lines += count_newlines(lines);
    }
    return failed;
}

}  // namespace initd
