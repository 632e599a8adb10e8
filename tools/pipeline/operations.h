// What the sessions do, as they have told the listener: a line in the log and in the audit log for
// each operation, also for one whose session was killed before it could tell the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "audit_log.h"
#include "audit_record.h"
#include "base/result.h"

namespace pipeline {

// A session, as the listener knows it; what the session says of itself is only what it does.
struct Worker {
    std::uint64_t number = 0;
    const AuditIdentity& identity;
};

class Operations {
  public:
    using Time = std::chrono::steady_clock::time_point;

    // An empty path keeps no audit log.
    static base::Result<Operations> create(const std::string& audit_file);

    // The body of kOperationBegun and of kOperationEnded (admission.h). What is malformed, or more
    // than a session can have under way, is passed over.
    void begun(const Worker& worker, std::span<const std::byte> said, Time now);
    void ended(const Worker& worker, std::span<const std::byte> said, Time now);
    // Of sessions that proved no key only kRefusals lines come at once and one in kRefusalPause
    // from then on, which says how many were left out: strangers cannot push out what the log
    // holds.
    static constexpr unsigned kRefusals = 64;
    static constexpr std::chrono::seconds kRefusalPause{60};
    // Nothing more comes from that session.
    void session_over(const Worker& worker, Time now);

  private:
    struct UnderWay {
        AuditEvent event;
        Time began;
    };

    explicit Operations(std::optional<AuditLog> log) : log_(std::move(log)) {}
    bool may_write_refusal(Time now);
    void write(const Worker& worker, AuditEvent event);

    std::optional<AuditLog> log_;
    unsigned refusals_left_ = kRefusals;
    Time refusals_counted_{};  // when refusals_left_ was true
    std::uint64_t left_out_ = 0;
    std::map<std::pair<std::uint64_t, std::uint16_t>, UnderWay> under_way_;  // session and stream
};

}  // namespace pipeline
