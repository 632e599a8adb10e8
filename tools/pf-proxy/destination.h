// Where a connection or a flow is to go: what a near side asks for and a far side judges. A value;
// resolves and decides nothing. On the wire it is a request (pf-proxy-wire(5)).
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "vsockio/ip_address.h"

namespace pf_proxy {

struct Destination {
    // A name is in the spelling of policy::parse_host(): lower case, without a final dot.
    std::variant<vsockio::IpAddress, std::string> host;
    std::uint16_t port = 0;
    vsockio::Transport transport = vsockio::Transport::tcp;

    bool operator==(const Destination&) const = default;
};

// "192.0.2.7:443", "[2001:db8::7]:443" or "example.org:443".
std::string to_string(const Destination& destination);

}  // namespace pf_proxy
