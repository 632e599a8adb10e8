// openat2 and its fallback.
#include "jail.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/file.h"

namespace pipeline {

namespace {

// The kernel gives up with EAGAIN when a rename anywhere races with a resolution.
constexpr int kAttempts = 64;

int open_resolved(int folder, const char* path, int flags, mode_t mode, std::uint64_t resolve) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
    how.mode = mode;
    how.resolve = resolve;
    long fd = -1;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        fd = ::syscall(SYS_openat2, folder, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
    }
    return static_cast<int>(fd);
}

constexpr std::uint64_t kStrict = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

}  // namespace

int open_entry(int folder, const char* name, int flags, mode_t mode) {
    const int fd = open_resolved(folder, name, flags | O_NOFOLLOW, mode, kStrict);
    if (fd >= 0 || errno != ENOSYS) return fd;
    return ::openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

int walk_below(int folder, const std::string& path, int flags) {
    base::Fd held;
    for (std::size_t at = 0;;) {
        const std::size_t slash = path.find('/', at);
        const std::string name = path.substr(at, slash - at);
        const bool last = slash == std::string::npos;
        if (name == "..") {
            errno = EXDEV;
            return -1;
        }
        const char* step = name.empty() ? "." : name.c_str();
        const int wanted = last ? flags : O_PATH | O_DIRECTORY;
        const int fd =
            ::openat(held.valid() ? held.get() : folder, step, wanted | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || last) return fd;
        held = base::Fd(fd);
        at = slash + 1;
    }
}

int open_below(int folder, const std::string& path, int flags) {
    const int fd = open_resolved(folder, path.c_str(), flags | O_NOFOLLOW, 0, kStrict);
    if (fd >= 0 || errno != ENOSYS) return fd;
    return walk_below(folder, path, flags);
}

base::Result<Jail> Jail::below(const std::string& path) {
    return Jail(TRY(base::open_file(path, O_PATH | O_DIRECTORY)));
}

int Jail::open(const std::string& path, int flags) const {
    if (path.find('\0') != std::string::npos) {
        errno = EINVAL;
        return -1;
    }
    if (!root_.valid()) return ::open(path.empty() ? "." : path.c_str(), flags | O_CLOEXEC);
    const std::string inside = path.empty() ? "." : path;
    const int fd = open_resolved(root_.get(), inside.c_str(), flags, 0,
                                 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (fd >= 0 || errno != ENOSYS) return fd;
    return walk_below(root_.get(), inside, flags);
}

}  // namespace pipeline
