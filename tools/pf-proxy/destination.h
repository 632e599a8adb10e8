// Where a connection or a flow is to go: what a near side asks for and a far side judges. A value;
// resolves and decides nothing. On the wire it is a request (pf-proxy-wire(5)).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/pf_proxy.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

struct Destination {
    // A name is in the spelling of policy::parse_host(): lower case, without a final dot.
    std::variant<vsockio::IpAddress, std::string> host;
    std::uint16_t port = 0;
    vsockio::Transport transport = vsockio::Transport::tcp;
    // Of an address: the names that it may have been asked for by, the likeliest first; at most
    // proto::pf_proxy::kMaximumNames. It is the address that is meant, whatever else they have.
    std::vector<std::string> names{};

    bool operator==(const Destination&) const = default;
};

// "192.0.2.7:443", "[2001:db8::7]:443" or "example.org:443".
std::string to_string(const Destination& destination);

// The request borrows the destination's names.
proto::pf_proxy::Request to_request(const Destination& destination);
Destination from_request(const proto::pf_proxy::Request& request);

}  // namespace pf_proxy
