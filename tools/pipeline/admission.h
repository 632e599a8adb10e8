// What a session and its listener say to each other, a datagram each. Pure.
//
//   session:  'K' fingerprint            this key has proved itself: may it come in?
//   listener: number, 4 bytes            so many other sessions of the key are there
//             'F'                        no, there is no room for anybody
//   session:  'A' an event (audit_record.h)
#pragma once

#include <cstddef>

#include "audit_record.h"

namespace pipeline {

inline constexpr std::byte kAskAdmission{'K'};
inline constexpr std::byte kAuditEvent{'A'};
inline constexpr std::byte kFull{'F'};
inline constexpr std::size_t kMaximumDatagram = 1 + kMaxAuditDatagram;

}  // namespace pipeline
