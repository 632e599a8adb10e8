// The lines of the audit log: JSON, each with a hash over itself and the hash before. Pure.
//
//   {"number":2,"time":"...Z","session":1,"key":"SHA256:...","comment":"alice","peer":"vsock:3:1027",
//    "operation":"run","argument":"id -u","outcome":"exit 0","bytes":2,"duration_ms":3,
//    "hash":"HEX"}                                                    (all of it in one line)
//
// "hash" is last: SHA-256 over the 32 bytes of the hash before and the line's bytes in front of
// `,"hash"`. The first line of a file has operation "log" and outcome "begun", and says in
// "argument" which hash is before it: zeros, or that of the file it continues. Numbers grow by one
// across files. Bytes of a peer that could steer a terminal or are not UTF-8 are \xNN.
//
// A line that was cut off by a crash stays in the file. The next line has outcome "torn" and gives
// the cut line's bytes and SHA-256; it continues the chain of the line before.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit_record.h"
#include "base/result.h"
#include "instant.h"

namespace pipeline {

using ChainHash = std::array<std::byte, 32>;

struct AuditEntry {
    std::uint64_t number = 0;
    Instant time;
    std::uint64_t session = 0;  // 0: the log's own lines
    AuditIdentity identity;
    AuditEvent event;
};

// The line, without its newline; `hash` is the one before and becomes this one's.
base::Result<std::string> audit_line(const AuditEntry& entry, ChainHash& hash);

// The event that tells of a cut line.
base::Result<AuditEvent> torn_event(std::string_view cut_line);
// The event that begins a file.
AuditEvent begin_event(const ChainHash& before);

// One line, read back for people and for its place in the chain.
struct AuditShown {
    AuditEntry entry;
    std::string hash;  // in hexadecimal
};
std::optional<AuditShown> read_audit_line(std::string_view line);

struct AuditCheck {
    struct BadLine {
        std::size_t line;  // from 1
        std::string reason;
    };
    std::size_t entries = 0;        // good lines
    std::vector<std::size_t> torn;  // lines that were cut off, and told of
    std::optional<BadLine> bad;     // the first, where the check ended
    std::uint64_t last_number = 0;
    ChainHash last{};  // of the last good line
};

// Checks a whole file. An empty text is good and has no entries.
base::Result<AuditCheck> verify_audit(std::string_view text);

}  // namespace pipeline
