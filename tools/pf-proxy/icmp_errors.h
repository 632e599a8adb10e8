// What the network would have told an application whose datagram did not arrive, told in its place
// by ICMP: a connected socket then sees the errno. RFC 792, RFC 4443.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

#include "base/fd.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

inline constexpr std::size_t kMaximumIcmpBytes = 40 + 8 + 40 + 8;  // of IPv6, a packet in a packet

// The packet, with its IP header, that says why a datagram from `application` did not get to
// `destination`, in whose name it comes: the used part of `memory`. Empty for two families, and for
// an errno of which there is no message. Linux reads them as ECONNREFUSED, EACCES (of IPv6; of IPv4
// EHOSTUNREACH), and, for sockets with IP_RECVERR, ENETUNREACH and EHOSTUNREACH. Pure.
std::span<const std::byte> encode_unreachable(const vsockio::IpEndpoint& application,
                                              const vsockio::IpEndpoint& destination,
                                              int errno_value,
                                              std::span<std::byte, kMaximumIcmpBytes> memory);

class IcmpErrors {
  public:
    // As many as the kernel sends of its own (icmp_msgs_per_sec): senders can be made up, and
    // would get what somebody else asked for.
    static constexpr unsigned kMostPerSecond = 1000;

    // Best effort: without the right to raw sockets (CAP_NET_RAW) nobody is told.
    void tell(const vsockio::IpEndpoint& application, const vsockio::IpEndpoint& destination,
              int errno_value, std::chrono::milliseconds now);

  private:
    std::chrono::milliseconds second_{};  // when the present one began
    unsigned told_ = 0;                   // in it
    // Opened when first needed, and not tried again.
    std::optional<base::Fd> v4_;
    std::optional<base::Fd> v6_;
};

}  // namespace pf_proxy
