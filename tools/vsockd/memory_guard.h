// Keeps vsockd alive when guest memory vanishes under it.
//
// The descriptor behind a mapping belongs to the front end as well, which may shrink the file;
// touching a lost page then raises SIGBUS. The handler puts a page of zeros in its place and
// marks the range, and the guest is detached at the end of the turn. A fault anywhere else dies
// as it always did. System calls on lost pages fail with EFAULT and need no handler.
//
// The signal handler can only reach static storage, so this is the one place that has some. For
// use by one thread.
#pragma once

#include <cstddef>

#include "base/result.h"

namespace vsockd {

class MemoryGuard {
  public:
    // Installs the handler; once, before the first range.
    static base::Result<void> install();

    // Watches a mapping of pages of `page_bytes` while the object lives. Error (os) when the
    // table is full.
    static base::Result<MemoryGuard> watch(void* start, std::size_t bytes, std::size_t page_bytes);
    MemoryGuard(MemoryGuard&& other) noexcept;
    MemoryGuard& operator=(MemoryGuard&&) = delete;
    ~MemoryGuard();

    // Whether a page of the range was lost.
    bool lost() const;

  private:
    explicit MemoryGuard(int place) : place_(place) {}
    int place_;  // in the handler's table; -1 when moved from
};

}  // namespace vsockd
