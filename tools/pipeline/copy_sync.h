// fsync of many files at once.
//
// One after another, each fsync ends with a flush of the disk's cache, and that is what takes time:
// two or three milliseconds a file. Syncs that run at the same time share their flushes, so slow
// ones are given to a few threads, which do nothing else and are gone on return.
#pragma once

#include <span>

namespace pipeline {

struct SyncJob {
    int fd = -1;          // borrowed
    int errno_value = 0;  // afterwards: 0 or why it failed
};

// Files of one call; twice as many take hardly longer.
inline constexpr std::size_t kSyncsAtOnce = 64;

// Returns when all are done. Without threads (memory, limits) it does them one by one.
void sync_files(std::span<SyncJob> jobs);

}  // namespace pipeline
