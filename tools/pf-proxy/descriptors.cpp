// Counting descriptors.
#include "descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

namespace pf_proxy {

namespace {

constexpr std::size_t kOthers = 64;
// A process that has just begun has none beyond this, but for what it was made to inherit.
constexpr rlim_t kLooked = 1024;

}  // namespace

std::size_t connections_that_fit(std::size_t limit, std::size_t used) {
    const std::size_t left = limit > used ? limit - used : 0;
    return std::max<std::size_t>((left - std::min(left / 4, kOthers)) / 2, 1);
}

std::size_t connections_that_fit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
    std::size_t used = 0;
    for (rlim_t fd = 0; fd < std::min(limit.rlim_cur, kLooked); ++fd) {
        if (::fcntl(static_cast<int>(fd), F_GETFD) >= 0) ++used;
    }
    return connections_that_fit(limit.rlim_cur, used);
}

}  // namespace pf_proxy
