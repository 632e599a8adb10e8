// mount(2) calls, in tables.
#include "mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cstring>

#include "base/file.h"
#include "base/text.h"

namespace initd {

namespace {

struct Mount {
    const char* type;
    const char* target;
    unsigned long flags;
    const char* options;
    long magic;  // statfs type: when it is there already, nothing is done
};

constexpr unsigned long kStrict = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr long kProcMagic = 0x9fa0;
constexpr long kSysfsMagic = 0x62656572;
constexpr long kTmpfsMagic = 0x01021994;
constexpr long kDevptsMagic = 0x1cd1;

constexpr Mount kKernel[] = {
    {"devtmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755", kTmpfsMagic},
    {"proc", "/proc", kStrict, "hidepid=2", kProcMagic},
    {"sysfs", "/sys", kStrict, nullptr, kSysfsMagic},
};

constexpr Mount kTerminals = {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC,
                              "newinstance,ptmxmode=0666,mode=0620", kDevptsMagic};
constexpr Mount kServices[] = {
    {"tmpfs", "/dev/shm", kStrict, "mode=1777", kTmpfsMagic},
    {"tmpfs", "/run", kStrict, "mode=0755", kTmpfsMagic},
};

bool is_there(const Mount& mount) {
    struct stat here {
    }, above{};
    struct statfs status {};
    const std::string parent = std::string(mount.target) + "/..";
    return ::stat(mount.target, &here) == 0 && ::stat(parent.c_str(), &above) == 0 &&
           here.st_dev != above.st_dev && ::statfs(mount.target, &status) == 0 &&
           static_cast<long>(status.f_type) == mount.magic;
}

void make_folder(const char* path, mode_t mode) {
    ::mkdir(path, mode);  // mount() tells when it is not there
}

// Whether it was mounted now.
bool mount_one(const Mount& mount, Journal& journal) {
    if (is_there(mount)) return false;
    make_folder(mount.target, 0755);
    if (::mount(mount.type, mount.target, mount.type, mount.flags, mount.options) == 0) return true;
    if (errno == EBUSY) return false;
    journal.warning("cannot mount {} on {}: {}", mount.type, mount.target, std::strerror(errno));
    return false;
}

void mount_tmp(const SystemSettings& settings, Journal& journal) {
    std::string options = "mode=1777";
    if (settings.tmp_bytes) options += fmt::format(",size={}", *settings.tmp_bytes);
    const unsigned long flags = MS_NOSUID | MS_NODEV | (settings.tmp_noexec ? MS_NOEXEC : 0);
    mount_one({"tmpfs", "/tmp", flags, options.c_str(), kTmpfsMagic}, journal);
}

void link_standard_names() {
    struct Link {
        const char* target;
        const char* path;
    };
    constexpr Link kLinks[] = {{"/proc/self/fd", "/dev/fd"},
                               {"/proc/self/fd/0", "/dev/stdin"},
                               {"/proc/self/fd/1", "/dev/stdout"},
                               {"/proc/self/fd/2", "/dev/stderr"}};
    for (const Link& link : kLinks) {
        [[maybe_unused]] const int linked = ::symlink(link.target, link.path);
    }
}

// /dev/ptmx must lead to the devpts that was mounted here; a /dev that came with its own, such as
// a container's, may be somebody else's and is left alone.
void link_terminals() {
    if (::access("/dev/pts/ptmx", F_OK) == 0 && ::unlink("/dev/ptmx") == 0) {
        [[maybe_unused]] const int linked = ::symlink("pts/ptmx", "/dev/ptmx");
    }
}

}  // namespace

void mount_kernel_filesystems(Journal& journal) {
    for (const Mount& mount : kKernel)
        mount_one(mount, journal);
}

void mount_for_services(const SystemSettings& settings, Journal& journal) {
    if (mount_one(kTerminals, journal)) link_terminals();
    for (const Mount& mount : kServices)
        mount_one(mount, journal);
    mount_tmp(settings, journal);
    link_standard_names();
}

base::Result<void> protect_sys() {
    constexpr unsigned long kFlags = MS_REMOUNT | MS_BIND | MS_RDONLY | kStrict;
    if (::mount(nullptr, "/sys", nullptr, kFlags, nullptr) != 0) {
        return base::Error::system("make read-only", "/sys");
    }
    return {};
}

base::Result<bool> switch_root(Journal& journal) {
    using base::Error;
    constexpr const char* kNewRoot = "/rootfs";
    struct stat status {};
    if (::stat(kNewRoot, &status) != 0 || !S_ISDIR(status.st_mode)) return false;
    if (::mount(kNewRoot, kNewRoot, nullptr, MS_BIND, nullptr) != 0) {
        return Error::system("bind", kNewRoot);
    }
    for (const Mount& mount : kKernel) {
        const std::string target = kNewRoot + std::string(mount.target);
        make_folder(target.c_str(), 0755);
        if (::mount(mount.target, target.c_str(), nullptr, MS_MOVE, nullptr) != 0) {
            journal.warning("cannot move {} to the new root: {}", mount.target,
                            std::strerror(errno));
        }
    }
    if (::chdir(kNewRoot) != 0) return Error::system("enter", kNewRoot);
    if (::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0) return Error::system("move", kNewRoot);
    if (::chroot(".") != 0 || ::chdir("/") != 0) return Error::system("enter", kNewRoot);
    return true;
}

void unmount_all(Journal& journal) {
    auto table = base::read_file("/proc/self/mounts", 1024 * 1024);
    if (!table.ok()) {
        journal.warning("{}", table.error().message);
        return;
    }
    std::vector<std::string_view> lines = base::split(table.value(), '\n');
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
        const std::vector<std::string_view> fields = base::split(*line, ' ');
        if (fields.size() < 3 || fields[1] == "/" || fields[1] == "/proc" || fields[1] == "/dev") {
            continue;
        }
        // Octal escapes stand for blanks in names: such a mount stays, which costs nothing here.
        const std::string target(fields[1]);
        if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) != 0) {
            ::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
        }
    }
    ::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_RDONLY | MS_BIND, nullptr);
}

}  // namespace initd
