// Offsets and bits of a message's header (RFC 1035 4.1.1, RFC 2535, RFC 6891), for the two files
// that read and write them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace dns::wire {

inline constexpr std::size_t kHeaderBytes = 12;

inline constexpr std::uint16_t kResponse = 0x8000;
inline constexpr std::uint16_t kOpcodeMask = 0x7800;
inline constexpr unsigned kOpcodeShift = 11;
inline constexpr std::uint16_t kAuthoritative = 0x0400;
inline constexpr std::uint16_t kTruncated = 0x0200;
inline constexpr std::uint16_t kRecursionDesired = 0x0100;
inline constexpr std::uint16_t kRecursionAvailable = 0x0080;
inline constexpr std::uint16_t kAuthenticData = 0x0020;
inline constexpr std::uint16_t kCheckingDisabled = 0x0010;
inline constexpr std::uint16_t kRcodeMask = 0x000F;

inline constexpr std::uint32_t kDnssecOk = 0x8000;  // in an OPT record's TTL
inline constexpr std::uint16_t kOptionExtendedError = 15;

}  // namespace dns::wire
