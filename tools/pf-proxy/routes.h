// The kernel's routing tables as /proc tells them (proc(5): net/route, net/ipv6_route). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vsockio/ip_address.h"

namespace pf_proxy {

struct ListedRoute {
    vsockio::IpNetwork destination;
    std::optional<vsockio::IpAddress> gateway;
    std::string interface;
    std::uint32_t metric = 0;
};

// Lines of another shape are left out, as are routes that are down or reject.
std::vector<ListedRoute> parse_ipv4_routes(std::string_view text);
std::vector<ListedRoute> parse_ipv6_routes(std::string_view text);

// The values of the nameserver lines of a resolv.conf(5).
std::vector<std::string> parse_nameservers(std::string_view text);

}  // namespace pf_proxy
