// Threads that sync.
#include "copy_sync.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>

namespace pipeline {

namespace {

constexpr std::size_t kThreads = 16;
// A sync that is faster had no disk to wait for.
constexpr std::chrono::microseconds kWorthThreads{200};
// Enough for one system call; glibc asks for 16 KiB at least.
constexpr std::size_t kStackBytes = 64 * 1024;

struct Work {
    std::span<SyncJob> jobs;
    std::atomic<std::size_t> next{0};
};

void sync_one(SyncJob& job) {
    job.errno_value = ::fsync(job.fd) == 0 ? 0 : errno;
}

void* take_jobs(void* argument) {
    Work& work = *static_cast<Work*>(argument);
    for (std::size_t index = work.next++; index < work.jobs.size(); index = work.next++) {
        sync_one(work.jobs[index]);
    }
    return nullptr;
}

void sync_in_threads(Work& work) {
    pthread_attr_t attributes;
    if (::pthread_attr_init(&attributes) != 0) return;
    ::pthread_attr_setstacksize(&attributes, kStackBytes);
    std::array<pthread_t, kThreads> threads;
    std::size_t started = 0;
    while (started < std::min(kThreads, work.jobs.size()) &&
           ::pthread_create(&threads[started], &attributes, take_jobs, &work) == 0) {
        ++started;
    }
    ::pthread_attr_destroy(&attributes);
    while (started > 0)
        ::pthread_join(threads[--started], nullptr);
}

}  // namespace

void sync_files(std::span<SyncJob> jobs) {
    using Clock = std::chrono::steady_clock;
    for (std::size_t index = 0; index < jobs.size(); ++index) {
        const auto before = Clock::now();
        sync_one(jobs[index]);
        if (Clock::now() - before < kWorthThreads || index + 2 >= jobs.size()) continue;
        Work work{jobs.subspan(index + 1)};
        sync_in_threads(work);
        take_jobs(&work);  // what no thread took, as none could be started
        return;
    }
}

}  // namespace pipeline
