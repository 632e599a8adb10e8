// The address under which a client is known here, of which a PROXY header from another machine
// tells: some mean something else here than there, and none may look like a program of this
// machine. Pure, but for asking the kernel which addresses are its own.
#pragma once

#include <optional>

#include "vsockio/ip_address.h"

namespace pf_proxy {

// Stand for the other side's machine: the other ends of the device's addresses (routing.h).
inline constexpr vsockio::IpAddress kParentV4 = vsockio::IpAddress::v4(192, 0, 0, 1);
inline constexpr vsockio::IpAddress kParentV6 =
    vsockio::IpAddress::v6({0xFD65, 0x6E63, 0x6C61, 0x7665, 0, 0, 0, 2});

// The address itself where it is one machine's in the whole network. That of the parent for
// loopback and for IPv6's link-local addresses, which are only known over there. Nothing for what
// no client can have: unspecified, multicast, reserved, and those of the device.
std::optional<vsockio::IpAddress> known_as(const vsockio::IpAddress& told);

// Of the other family, for a target that has not this one.
constexpr vsockio::IpAddress parent_beside(const vsockio::IpAddress& client) {
    return client.is_v4 ? kParentV6 : kParentV4;
}

// Whether the kernel says that the address is this machine's.
bool is_own_address(const vsockio::IpAddress& address);

}  // namespace pf_proxy
