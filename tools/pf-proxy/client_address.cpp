// Which addresses are whose.
#include "client_address.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/fd.h"
#include "peer.h"
#include "routing.h"

namespace pf_proxy {

using vsockio::IpAddress;
using vsockio::IpNetwork;

namespace {

// RFC 6890: nobody's.
constexpr std::array kNobodys = {
    IpNetwork{IpAddress::v4(0, 0, 0, 0), 8},
    IpNetwork{IpAddress::v4(224, 0, 0, 0), 3},
    IpNetwork{IpAddress{}, 128},
    IpNetwork{IpAddress::v6({0xFF00, 0, 0, 0, 0, 0, 0, 0}), 8},
    IpNetwork::only(kDeviceV4),
    IpNetwork::only(kDeviceV6),
};

constexpr std::array kThere = {
    IpNetwork{IpAddress::v4(127, 0, 0, 0), 8},
    IpNetwork{IpAddress::v6({0, 0, 0, 0, 0, 0, 0, 1}), 128},
    IpNetwork{IpAddress::v6({0xFE80, 0, 0, 0, 0, 0, 0, 0}), 10},
};

bool is_in(const auto& networks, const IpAddress& address) {
    return std::ranges::any_of(networks,
                               [&](const IpNetwork& network) { return network.contains(address); });
}

}  // namespace

std::optional<IpAddress> known_as(const IpAddress& told) {
    const IpAddress address = told.unmapped();
    if (is_in(kNobodys, address)) return std::nullopt;
    if (is_in(kThere, address)) return address.is_v4 ? kParentV4 : kParentV6;
    return address;
}

// Who sends to an address of its own sends from it.
bool is_own_address(const IpAddress& address) {
    sockaddr_storage native{};
    constexpr std::uint16_t kAnyPort = 9;  // nothing is sent to it
    const unsigned length = vsockio::to_socket_address({address, kAnyPort}, native);
    const base::Fd probe(::socket(native.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!probe.valid() ||
        ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&native), length) != 0) {
        return false;
    }
    const std::optional<vsockio::IpEndpoint> from = local_endpoint(probe.get());
    return from.has_value() && from->address == address;
}

}  // namespace pf_proxy
