// What a session's process tells the listener for the audit log: one event, as a bounded datagram.
// Pure. The listener alone writes the log (audit_log.h); it adds the time, the session's number and
// the session's identity as it learnt them before the session dropped its privileges, so that
// nobody who later owns the session's process can pass as another key.
//
// The datagram is fields (proto/fields.h) with the ids below, each once, at most kMaxAuditDatagram
// bytes; every text has a cap, which the writer cuts at and the reader insists on. The reader is
// total: a datagram is an event or it is bad.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pipeline {

inline constexpr std::size_t kMaxAuditDatagram = 4096;
inline constexpr std::size_t kMaxAuditArgument = 2048;  // what was run, which file, which address
inline constexpr std::size_t kMaxAuditText = 256;       // every other text

struct AuditIdentity {
    std::string key;      // fingerprint
    std::string comment;  // of the key's line
    std::string peer;     // address

    bool operator==(const AuditIdentity&) const = default;
};

struct AuditEvent {
    std::string operation;
    std::string argument;
    std::string outcome;  // "done", "exit 7", "signal 9 SIGKILL", "refused by allow" ...
    std::uint64_t bytes = 0;
    std::chrono::milliseconds duration{};

    bool operator==(const AuditEvent&) const = default;
};

std::vector<std::byte> encode_audit(const AuditEvent& event);
std::optional<AuditEvent> decode_audit(std::span<const std::byte> datagram);

}  // namespace pipeline
