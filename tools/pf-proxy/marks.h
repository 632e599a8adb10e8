// The numbers by which the kernel, the rules that we give it and the proxy recognise each other.
// Others of the machine use small ones; these are ours to set and to remove.
#pragma once

#include <cstdint>

namespace pf_proxy {

// Of routing rules and routes (/etc/iproute2/rt_protos): what bears it is ours to remove.
inline constexpr std::uint8_t kRoutingProtocol = 0xEB;

// Packet marks. The proxy's own sockets carry kOwnMark (SO_MARK) and are neither caught nor held
// against the policy. The others are set by the rules or by a verdict, and lead to the loopback.
inline constexpr std::uint32_t kMarkMask = 0xFF00'0000;
inline constexpr std::uint32_t kOwnMark = 0xEA00'0000;
inline constexpr std::uint32_t kLocalMark = 0xEB00'0000;  // under kMarkMask
inline constexpr std::uint32_t kDatagramMark = kLocalMark + 1;
inline constexpr std::uint32_t kReturnMark = kLocalMark + 2;
// What a refused SYN is answered with. It stays with the device: the kernel sends no IPv4 error
// about a packet that is on its way to the machine itself.
inline constexpr std::uint32_t kRefusedMark = 0xEC00'0000;               // under kMarkMask
inline constexpr std::uint32_t kResetMark = kRefusedMark + 1;            // ECONNREFUSED
inline constexpr std::uint32_t kHostUnreachableMark = kRefusedMark + 2;  // EHOSTUNREACH
inline constexpr std::uint32_t kNoRouteMark = kRefusedMark + 3;          // ENETUNREACH
inline constexpr std::uint32_t kProhibitedMark = kRefusedMark + 4;       // EACCES

// Routing tables.
inline constexpr std::uint32_t kReturnTable = 60'158;    // answers for senders that we play
inline constexpr std::uint32_t kLoopbackTable = 60'159;  // what bears a kLocalMark
inline constexpr std::uint32_t kPinnedTable = 60'160;    // everything into the device
// Plus n: the same but for special ranges that lie n deep or deeper in others (routing.h).
inline constexpr std::uint32_t kAllowedTable = 60'161;

// Priorities of routing rules, all before the main table's 32766.
inline constexpr std::uint32_t kReturnPriority = 9'000;
inline constexpr std::uint32_t kEgressPriority = 10'000;
inline constexpr std::uint32_t kPinPriority = kEgressPriority + 10;
inline constexpr std::uint32_t kPolicyPriority = kEgressPriority + 100;
inline constexpr std::uint32_t kLastPriority = 19'999;

inline constexpr std::uint16_t kQueueNumber = 60'160;  // of held SYNs

}  // namespace pf_proxy
