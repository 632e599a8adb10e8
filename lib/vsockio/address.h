// Addresses as every tool spells them. Pure: no sockets, no environment. Page: enclavebox(7).
//
//   vsock:CID:PORT     AF_VSOCK; CID a number or any, parent (3), host (2), local (1)
//   tcp:HOST:PORT      HOST a name, an IPv4 address, or an IPv6 address in brackets
//   udp:HOST:PORT      for tools that relay datagrams
//   unix:PATH          stream socket; unix:@NAME is in the abstract name space
//   fd:N               inherited descriptor, listening or connected
//   muxed:PATH:PORT    connect to PATH, say "CONNECT PORT\n", hear "OK n\n", then bytes
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vsockio {

inline constexpr std::uint32_t kCidAny = 0xFFFFFFFF;
inline constexpr std::uint32_t kCidLocal = 1;
inline constexpr std::uint32_t kCidHost = 2;
inline constexpr std::uint32_t kCidParent = 3;

struct Address {
    enum class Kind { vsock, tcp, udp, local, fd, muxed };

    Kind kind = Kind::local;
    std::uint32_t cid = 0;   // vsock
    std::uint32_t port = 0;  // vsock and muxed: 32 bits; tcp and udp: 16 bits
    std::string host;        // tcp, udp: without brackets
    std::string path;        // local (with a leading @ when abstract), muxed
    int fd = -1;             // fd

    bool operator==(const Address&) const = default;
};

// Errors (usage) name the address and what is wrong with it. A port of 0 is refused, but for
// tcp and udp, where a listener may ask for any.
base::Result<Address> parse_address(std::string_view text);

// The spelling that parse_address reads back to the same value.
std::string to_string(const Address& address);

enum class Direction { connect, listen };

// What an address means where vsock goes through vsockd's folder instead of the kernel:
// connecting to vsock:C:P becomes muxed:FOLDER/C.sock:P, listening on vsock:any|3|2:P becomes
// unix:FOLDER/parent_P. Other kinds, and an empty folder, leave the address as it is; listening
// on another CID is an Error (usage).
base::Result<Address> through_folder(Address address, Direction direction, std::string_view folder);

}  // namespace vsockio
