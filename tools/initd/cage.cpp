// System calls between fork and exec. Mounts are cloned, changed and put back in place, so that
// flags that they had stay.
#include "cage.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.h"
#include "base/format.h"
#include "machine.h"

namespace initd {

namespace {

// What a read-only root leaves as it is: the kernel's own interfaces have rights of their own.
constexpr const char* kKernelFolders[] = {"/dev", "/proc", "/sys"};
constexpr unsigned long kTmpFlags = MS_NOSUID | MS_NODEV;

// A detached copy of what is mounted at and below `path`; -1 with errno.
int clone_tree(const char* path) {
    return ::open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

bool attach(int tree, const char* path) {
    constexpr unsigned kFlags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
    return ::move_mount(tree, "", AT_FDCWD, path, kFlags) == 0;
}

bool add_flags(int tree, std::uint64_t flags) {
    struct mount_attr attributes {};
    attributes.attr_set = flags;
    return ::mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                           sizeof attributes) == 0;
}

// Closes without touching errno.
class Tree {
  public:
    explicit Tree(int fd) : fd_(fd) {}
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;
    ~Tree() {
        const int errno_value = errno;
        if (fd_ >= 0) ::close(fd_);
        errno = errno_value;
    }
    int get() const { return fd_; }

  private:
    int fd_;
};

bool write_file(const char* path, const std::string& text) {
    const Tree fd(::open(path, O_WRONLY | O_CLOEXEC));
    return fd.get() >= 0 &&
           ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

Cage::Cage(const Confinement& confinement) : confinement_(confinement) {
    tmp_options_ = "mode=1777";
    if (confinement.tmp_bytes) tmp_options_ += fmt::format(",size={}", *confinement.tmp_bytes);
    if (confinement.oom_score_adjustment) {
        oom_text_ = fmt::format("{}", *confinement.oom_score_adjustment);
    }
}

bool Cage::has_mounts() const {
    return confinement_.private_tmp || confinement_.read_only_root ||
           !confinement_.read_only.empty() || !confinement_.writable.empty() ||
           !confinement_.inaccessible.empty();
}

Step Cage::enter() const {
    if (confinement_.nice && ::setpriority(PRIO_PROCESS, 0, *confinement_.nice) != 0) {
        return Step::priority;
    }
    if (!oom_text_.empty() && !write_file("/proc/self/oom_score_adj", oom_text_)) {
        return Step::oom_score;
    }
    if (confinement_.private_network) {
        if (::unshare(CLONE_NEWNET) != 0) return Step::network;
        const auto up = bring_up_loopback();
        if (!up.ok()) {
            errno = up.error().errno_value;
            return Step::network;
        }
    }
    if (has_mounts()) {
        const Step failed = build_mounts();
        if (failed != Step::none) return failed;
    }
    return limit_capabilities() ? Step::none : Step::capabilities;
}

Step Cage::build_mounts() const {
    if (::unshare(CLONE_NEWNS) != 0) return Step::mounts;
    // Refused where the root is no mount of its own: a container, whose maker has seen to it.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 && errno != EINVAL) {
        return Step::mounts;
    }
    // What stays writable is taken before and put back after everything else changed.
    std::array<int, Confinement::kMostPaths> writable{};
    for (std::size_t index = 0; index < confinement_.writable.size(); ++index) {
        writable[index] = clone_tree(confinement_.writable[index].c_str());
        if (writable[index] < 0) return Step::writable;
    }
    if (confinement_.read_only_root && !make_root_read_only()) return Step::read_only;
    for (const std::string& path : confinement_.read_only) {
        if (!make_read_only(path.c_str())) return Step::read_only;
    }
    for (std::size_t index = 0; index < confinement_.writable.size(); ++index) {
        if (!attach(writable[index], confinement_.writable[index].c_str())) return Step::writable;
    }
    for (const std::string& path : confinement_.inaccessible) {
        if (!cover(path.c_str())) return Step::inaccessible;
    }
    if (confinement_.private_tmp) {
        if (!mount_tmp("/tmp")) return Step::tmp;
        if (!mount_tmp("/var/tmp") && errno != ENOENT) return Step::tmp;
    }
    return Step::none;
}

bool Cage::make_root_read_only() const {
    std::array<int, std::size(kKernelFolders)> kept{};
    for (std::size_t index = 0; index < kept.size(); ++index)
        kept[index] = clone_tree(kKernelFolders[index]);
    const Tree root(clone_tree("/"));
    if (root.get() < 0 || !add_flags(root.get(), MOUNT_ATTR_RDONLY)) return false;
    // Laid over the old root, it is not seen until one enters it.
    if (!attach(root.get(), "/") || ::fchdir(root.get()) != 0 || ::chroot(".") != 0) return false;
    for (std::size_t index = 0; index < kept.size(); ++index) {
        const Tree tree(kept[index]);
        if (tree.get() >= 0 && !attach(tree.get(), kKernelFolders[index])) return false;
    }
    return true;
}

bool Cage::make_read_only(const char* path) const {
    const Tree tree(clone_tree(path));
    return tree.get() >= 0 && add_flags(tree.get(), MOUNT_ATTR_RDONLY) && attach(tree.get(), path);
}

// A folder gets an empty one that only shows itself, anything else a device that cannot be opened.
bool Cage::cover(const char* path) const {
    constexpr unsigned long kNothing = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    struct stat status {};
    if (::stat(path, &status) != 0) return false;
    if (S_ISDIR(status.st_mode)) {
        return ::mount("none", path, "tmpfs", kNothing | MS_RDONLY, "mode=0,size=4k") == 0;
    }
    const Tree tree(clone_tree("/dev/null"));
    constexpr std::uint64_t kFlags =
        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSUID;
    return tree.get() >= 0 && add_flags(tree.get(), kFlags) && attach(tree.get(), path);
}

bool Cage::mount_tmp(const char* path) const {
    return ::mount("tmpfs", path, "tmpfs", kTmpFlags, tmp_options_.c_str()) == 0;
}

// While there still is the right to: nothing that the program executes gets back what is given up.
bool Cage::limit_capabilities() const {
    if (!confinement_.capabilities) return true;
    for (unsigned number = 0; number < 64; ++number) {
        if ((*confinement_.capabilities >> number & 1) != 0) continue;
        if (::prctl(PR_CAPBSET_DROP, number, 0, 0, 0) == 0) continue;
        if (errno == EINVAL) break;  // behind the last that the kernel has
        return false;
    }
    return ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0;
}

Step Cage::take_capabilities() const {
    if (!confinement_.capabilities) return Step::none;
    const std::uint64_t wanted = *confinement_.capabilities;
    struct __user_cap_header_struct header {
        _LINUX_CAPABILITY_VERSION_3, 0
    };
    std::array<struct __user_cap_data_struct, 2> data{};
    for (std::size_t half = 0; half < data.size(); ++half) {
        const auto bits = static_cast<std::uint32_t>(wanted >> (32 * half));
        data[half] = {bits, bits, bits};
    }
    if (::syscall(SYS_capset, &header, data.data()) != 0) return Step::capabilities;
    for (unsigned number = 0; number < 64; ++number) {
        if ((wanted >> number & 1) == 0) continue;
        if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) {
            return Step::capabilities;
        }
    }
    return Step::none;
}

Step Cage::allow_calls() const {
    const std::vector<std::uint64_t>& filter = confinement_.filter;
    if (filter.empty()) return Step::none;
    struct sock_fprog program {};
    program.len = static_cast<unsigned short>(filter.size());
    static_assert(sizeof(struct sock_filter) == sizeof filter[0]);
    program.filter =
        reinterpret_cast<struct sock_filter*>(const_cast<std::uint64_t*>(filter.data()));
    const long done = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    return done == 0 ? Step::none : Step::seccomp;
}

}  // namespace initd
