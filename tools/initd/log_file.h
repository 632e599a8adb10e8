// A log file that is rotated: FILE, then FILE.1, FILE.2 ... from younger to older.
//
// Lines are written whole or not at all. What a full disk does not take is counted, and a loss line
// stands before the next that it takes. Used by the process that writes for PID 1, which may wait
// for a disk as PID 1 may not: file_log.h.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "ring.h"
#include "settings.h"

namespace initd {

class LogFile {
  public:
    explicit LogFile(const LogTarget& target, LineFormat format = LineFormat::text)
        : target_(target), format_(format) {}

    // Appends whole lines. Returns 0, or the errno with which they are lost.
    int write(std::string_view lines, const struct timespec& now);

  private:
    int open();
    int rotate();
    int append(std::string_view text);
    std::string numbered(unsigned number) const;

    LogTarget target_;
    LineFormat format_;  // of loss lines
    base::Fd fd_;
    std::uint64_t size_ = 0;
    Ring::Loss lost_;  // not yet told of in the file
};

}  // namespace initd
