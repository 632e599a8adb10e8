// What a session and its listener say to each other, a datagram each. Pure.
//
//   session:  'K' fingerprint            this key has proved itself: may it come in?
//   listener: number, 4 bytes            so many other sessions of the key are there
//             'F'                        no, there is no room for anybody
//   session:  'A' a record of audit.h    done on behalf of the key
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pipeline {

inline constexpr std::byte kAskAdmission{'K'};
inline constexpr std::byte kAuditRecord{'A'};
inline constexpr std::byte kFull{'F'};
inline constexpr std::size_t kMaximumDatagram = 16 * 1024;

}  // namespace pipeline
