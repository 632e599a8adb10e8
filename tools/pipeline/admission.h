// What a session and its listener say to each other, a datagram each. Pure.
//
//   session:  'K' fingerprint            this key has proved itself: may it come in?
//   listener: number, 4 bytes            so many other sessions of the key are there
//             'F'                        no, there is no room for anybody
//   session:  'B' stream, 2 bytes, and an event (audit_record.h) without its end: it is about to
//             begin
//             'E' stream, 2 bytes, and an event: it has ended. Stream 0 and no 'B' where nothing
//             was begun.
#pragma once

#include <cstddef>

#include "audit_record.h"

namespace pipeline {

inline constexpr std::byte kAskAdmission{'K'};
inline constexpr std::byte kOperationBegun{'B'};
inline constexpr std::byte kOperationEnded{'E'};
inline constexpr std::byte kFull{'F'};
inline constexpr std::size_t kStreamBytes = 2;
inline constexpr std::size_t kMaximumDatagram = 1 + kStreamBytes + kMaxAuditDatagram;

}  // namespace pipeline
