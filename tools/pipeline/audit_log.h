// The audit log's file, written by one process: lines are appended whole, and a file that was left
// by an earlier process is continued. The lines themselves: audit_line.h.
#pragma once

#include <cstdint>
#include <string>

#include "audit_line.h"
#include "base/fd.h"
#include "base/result.h"

namespace pipeline {

class AuditLog {
  public:
    struct Opened;
    // A file that grew past this is renamed to FILE.1, whose earlier bearer is gone, and a new one
    // continues its chain.
    static constexpr std::uint64_t kMaxBytes = std::uint64_t{8} << 20;

    // Makes the file (mode 0600) or continues it, from the last line that is whole. Another process
    // that has it open is an Error (temporary); a last line that fits no chain is an Error (data),
    // for the operator to look at: nothing is appended to what may be forged.
    static base::Result<Opened> open(const std::string& path, Instant now,
                                     std::uint64_t maximum_bytes = kMaxBytes);

    // An entry on the file when this returns. `entry.number` is set here. An Error leaves the file
    // as it was, as far as the file system lets us.
    base::Result<void> append(AuditEntry entry);

    std::uint64_t entries() const { return number_; }

  private:
    AuditLog(std::string path, base::Fd fd, std::uint64_t maximum_bytes)
        : path_(std::move(path)), fd_(std::move(fd)), maximum_bytes_(maximum_bytes) {}
    base::Result<void> write_line(const AuditEntry& entry);
    base::Result<void> write_event(AuditEvent event, Instant time);
    base::Result<void> start_anew(Instant now);
    base::Result<bool> continue_file(Instant now);

    std::string path_;
    base::Fd fd_;
    std::uint64_t maximum_bytes_;
    std::uint64_t number_ = 0;
    ChainHash hash_{};
};

struct AuditLog::Opened {
    AuditLog log;
    bool torn;  // its last line was cut off, and the log now says so: worth a warning
};

// Checks a file and returns it as a table for people, up to the first bad line; `check` says
// whether there is one.
struct AuditTable {
    std::string text;
    AuditCheck check;
};
base::Result<AuditTable> show_audit(const std::string& path);

// `pipeline audit FILE`: prints the table. 0 when the log is whole; otherwise an Error (no) that
// names the first bad line.
base::Result<int> audit_command(const std::string& path);

}  // namespace pipeline
