// Addresses that are not simply hosts of the Internet: loopback, private, link-local, metadata and
// the rest of the special-purpose registries of IANA. A policy refuses them unless it names them.
//
// The table is that of policy(5), and a test holds the page against it.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "vsockio/ip_address.h"

namespace policy {

struct SpecialRange {
    vsockio::IpNetwork network;
    std::string_view name;
    // Where an IPv4 address lies in addresses of this range, as a byte offset; 0 where none does.
    std::size_t embedded_at = 0;
};

// All ranges of the table. They nest: an address belongs to the narrowest that holds it.
std::span<const SpecialRange> special_ranges();

// The narrowest range that holds `address` (unmapped first), or nothing for an ordinary address.
// Where an address embeds a special IPv4 address, the range is as narrow as that one's: 64:ff9b::
// 10.0.0.1 gives 64:ff9b::a00:0/104, so that naming NAT64 does not name what is private behind it.
std::optional<SpecialRange> special_range(const vsockio::IpAddress& address);

}  // namespace policy
