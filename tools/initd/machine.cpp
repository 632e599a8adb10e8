// Boot steps, one function each.
#include "machine.h"

#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"

namespace initd {

using base::Error;
using base::Fd;
using base::Result;

bool in_container() {
    constexpr ino_t kFirstPidNamespace = 0xEFFFFFFC;  // PROC_PID_INIT_INO, fixed in the kernel
    struct stat status {};
    return ::stat("/proc/self/ns/pid", &status) == 0 && status.st_ino != kFirstPidNamespace;
}

bool has_nsm() {
    return ::access("/dev/nsm", F_OK) == 0;
}

Result<bool> load_module(const std::string& path) {
    const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (opened < 0 && errno == ENOENT) return false;
    const Fd fd(opened);
    if (!fd.valid()) return Error::system("open", path);
    if (::syscall(SYS_finit_module, fd.get(), "", 0) != 0 && errno != EEXIST) {
        return Error::system("load the module", path);
    }
    ::unlink(path.c_str());
    return true;
}

Result<unsigned> feed_entropy() {
    constexpr const char* kCurrent = "/sys/class/misc/hw_random/rng_current";
    constexpr std::size_t kBytes = 256;
    // The driver claims a quality of 1000 in 1024.
    constexpr unsigned kBits = kBytes * 8 * 1000 / 1024;
    const std::string current = TRY(base::read_file(kCurrent, 4096));
    if (base::trim(current) != "nsm-hwrng") {
        return Error(base::ExitCode::refused,
                     fmt::format("the kernel's random source is {}, not nsm-hwrng",
                                 base::quote(base::trim(current))));
    }
    const Fd source = TRY(base::open_file("/dev/hwrng", O_RDONLY));
    struct {
        int bits;
        int bytes;
        std::array<std::byte, kBytes> data;
    } pool{kBits, kBytes, {}};  // struct rand_pool_info with its array
    const std::size_t count = TRY(base::read_full(source.get(), pool.data, "/dev/hwrng"));
    if (count != kBytes) return Error(base::ExitCode::io, "the NSM gave too few random bytes");
    const Fd random = TRY(base::open_file("/dev/random", O_WRONLY));
    if (::ioctl(random.get(), RNDADDENTROPY, &pool) != 0)
        return Error::system("credit entropy", "");
    return kBits;
}

Result<void> bring_up_loopback() {
    const Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return Error::system("create a socket", "");
    struct ifreq request {};
    std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
    if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return Error::system("find", "lo");
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP | IFF_RUNNING);
    if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) return Error::system("bring up", "lo");
    return {};
}

Result<void> write_sysctl(const std::string& name, const std::string& value) {
    std::string path = "/proc/sys/" + name;
    if (name.find('/') == std::string::npos) {
        for (std::size_t index = 10; index < path.size(); ++index) {
            if (path[index] == '.') path[index] = '/';
        }
    }
    const Fd fd = TRY(base::open_file(path, O_WRONLY));
    return base::write_all(fd.get(), base::as_bytes(value), path);
}

Result<void> set_resource_limit(const ResourceLimit& limit) {
    const struct rlimit value { limit.soft, limit.hard };
    if (::setrlimit(static_cast<__rlimit_resource>(limit.resource), &value) != 0) {
        return Error::system("set a resource limit", "");
    }
    return {};
}

}  // namespace initd
