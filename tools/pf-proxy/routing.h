// What leads an application's traffic into the proxy: a device, routes into it, and the policy as
// routing rules, so that connect() and sendto() to what may not be reached fail with EACCES before
// anything is sent. Values and pure functions; netlink_routing.h gives them to the kernel.
//
// The kernel tries rules by priority; the first that leads to a route or prohibits decides, as in
// policy(5). A rule that allows looks up a table in which the special ranges that it does not name
// are `throw` routes: they send the search on to the next rule. Ranges nest, so there is a table
// for each depth: a rule for a network that lies in n ranges names these n and nothing deeper.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

// As ip-rule(8) has it; what is absent matches everything.
struct RoutingRule {
    enum class Action : std::uint8_t {
        lookup,    // in `table`
        prohibit,  // EACCES
        skip_to,   // priority `table`, where a `nothing` must stand
        nothing,
    };

    bool is_v4 = true;
    std::uint32_t priority = 0;
    Action action = Action::prohibit;
    std::uint32_t table = 0;
    bool without_default = false;  // the table's default route does not count
    std::uint32_t mark = 0;
    std::uint32_t mark_mask = 0;  // 0: whatever mark
    std::optional<vsockio::IpNetwork> source;
    std::optional<vsockio::IpNetwork> destination;
    std::optional<vsockio::Transport> transport;
    std::optional<policy::PortRange> ports;  // of the destination; the kernel takes 1 to 65534
    std::optional<policy::PortRange> source_ports;

    bool operator==(const RoutingRule&) const = default;
};

struct Route {
    enum class Kind : std::uint8_t {
        loopback,    // delivered here, whatever the address
        device,      // out by the device
        throw_back,  // as if the table were at its end
    };

    std::uint32_t table = 0;
    Kind kind = Kind::loopback;
    vsockio::IpNetwork destination;
    std::optional<vsockio::IpAddress> source;  // for sockets without an address

    bool operator==(const Route&) const = default;
};

struct Routing {
    std::string device;                         // empty for none
    std::vector<vsockio::IpAddress> addresses;  // of the device
    std::vector<Route> routes;
    std::vector<RoutingRule> rules;  // no two of one family and priority contradict each other
};

// The device of an enclave, and its addresses: they say to an application that there is a network.
// 192.0.0.0/29 is for just this, a host behind a translator (RFC 7335); the other is unique local.
inline constexpr std::string_view kDeviceName = "enclave0";
inline constexpr vsockio::IpAddress kDeviceV4 = vsockio::IpAddress::v4(192, 0, 0, 4);
inline constexpr vsockio::IpAddress kDeviceV6 =
    vsockio::IpAddress::v6({0xFD65, 0x6E63, 0x6C61, 0x7665, 0, 0, 0, 1});
// What the DNS stub answers with for names that the policy refuses: always prohibited.
inline constexpr vsockio::IpAddress kRefusedV4 = vsockio::IpAddress::v4(192, 0, 0, 8);
inline constexpr vsockio::IpAddress kRefusedV6 =
    vsockio::IpAddress::v6({0x100, 0, 0, 0, 0, 0, 0, 8});

// Everything that has no route of another device's leads into `device`, if the policy allows it.
// Rules for names are not in it: an address has no name until it is pinned.
Routing egress_routing(const policy::Policy& policy, std::string_view device);

// What lets an application reach an address as `name`, while this is pinned to it (policy(5)).
// Empty when the policy allows it on no port.
std::vector<RoutingRule> pin_rules(const policy::Policy& policy, std::string_view name,
                                   const vsockio::IpAddress& address);

// Whose answers come back to the proxy, which has connected with addresses of others.
enum class Answering : std::uint8_t {
    anybody,   // servers of this machine, by whichever address, and beyond
    loopback,  // those on 127.0.0.0/8 and ::1 only
};
// Connections that the proxy makes with addresses of others (IP_TRANSPARENT) to these ports: the
// answers come back to it.
Routing return_routing(const std::vector<policy::PortRange>& ports, Answering answering);

// The commands for ip(8) that do the same, one on each line.
std::string to_text(const Routing& routing);
// "from all to 10.0.0.0/8 ipproto tcp dport 443 lookup 60161", with the priority in front.
std::string to_text(const RoutingRule& rule);

}  // namespace pf_proxy
