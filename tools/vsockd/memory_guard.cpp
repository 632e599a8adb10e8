// The SIGBUS handler and its table of ranges.
#include "memory_guard.h"

#include <sys/mman.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <utility>

namespace vsockd {

using base::Error;
using base::ExitCode;
using base::Result;

namespace {

// 64 guests of 8 regions.
constexpr int kMaximumRanges = 512;

struct Range {
    std::atomic<std::uintptr_t> start{0};  // 0: the place is free
    std::atomic<std::size_t> bytes{0};
    std::atomic<std::size_t> page_bytes{4096};
    std::atomic<bool> lost{false};
};
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free);
Range ranges[kMaximumRanges];

// Only async-signal-safe calls: mmap(2) is a bare system call here. The fault was raised by this
// thread's own access, so nothing of ours is half done.
void on_bus_error(int signal, siginfo_t* info, void*) {
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    for (Range& range : ranges) {
        const std::uintptr_t start = range.start.load(std::memory_order_relaxed);
        if (start == 0 || address < start || address - start >= range.bytes.load()) continue;
        const std::size_t page_bytes = range.page_bytes.load();
        const std::uintptr_t page = address - (address - start) % page_bytes;
        void* zeros = ::mmap(reinterpret_cast<void*>(page), page_bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        if (zeros == MAP_FAILED) break;
        range.lost.store(true);
        return;
    }
    // Not ours: the access is repeated and ends the process.
    ::signal(signal, SIG_DFL);
}

}  // namespace

Result<void> MemoryGuard::install() {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO;
    if (::sigaction(SIGBUS, &action, nullptr) != 0) return Error::system("handle", "SIGBUS");
    return {};
}

Result<MemoryGuard> MemoryGuard::watch(void* start, std::size_t bytes, std::size_t page_bytes) {
    for (int place = 0; place < kMaximumRanges; ++place) {
        Range& range = ranges[place];
        if (range.start.load() != 0) continue;
        range.lost.store(false);
        range.bytes.store(bytes);
        range.page_bytes.store(page_bytes);
        range.start.store(reinterpret_cast<std::uintptr_t>(start));
        return MemoryGuard(place);
    }
    return Error(ExitCode::os, "too many memory regions are mapped");
}

MemoryGuard::MemoryGuard(MemoryGuard&& other) noexcept : place_(std::exchange(other.place_, -1)) {}

MemoryGuard::~MemoryGuard() {
    if (place_ >= 0) ranges[place_].start.store(0);
}

bool MemoryGuard::lost() const {
    return place_ >= 0 && ranges[place_].lost.load();
}

}  // namespace vsockd
