// Gives a Routing to the kernel and takes it back, over rtnetlink(7). Whatever is not ours, by the
// protocol number and the priorities and tables of marks.h, is left alone.
#pragma once

#include "base/result.h"
#include "netlink.h"
#include "routing.h"

namespace pf_proxy {

// The numbers that belong to one kind of Routing.
struct RoutingRange {
    std::uint32_t first_priority;
    std::uint32_t last_priority;
    std::uint32_t first_table;
    std::uint32_t last_table;
};
extern const RoutingRange kEgressRange;
extern const RoutingRange kReturnRange;

// Afterwards the kernel has these rules in the range, and those of pins; rules that were there
// already stay untouched in between. A device that is missing is made, a dummy one. Needs
// CAP_NET_ADMIN. After an Error some of it may be there; remove_routing() takes that back.
base::Result<void> apply_routing(NetlinkSocket& kernel, const Routing& routing,
                                 const RoutingRange& range);
// Removes rules and routes of the range, the addresses from the device, and the device if
// apply_routing() made it. What is not there is no Error.
base::Result<void> remove_routing(NetlinkSocket& kernel, const Routing& routing,
                                  const RoutingRange& range);

base::Result<void> add_rule(NetlinkSocket& kernel, const RoutingRule& rule);
base::Result<void> remove_rule(NetlinkSocket& kernel, const RoutingRule& rule);

// The messages, for tests. A rule that is not ours is nothing.
NetlinkMessage rule_message(std::uint16_t type, std::uint16_t flags, const RoutingRule& rule);
std::optional<RoutingRule> read_rule(std::span<const std::byte> body);

}  // namespace pf_proxy
