// What the kernel says when it queues a packet (NFQUEUE, linux/netfilter/nfnetlink_queue.h), and
// what it is told about it. Messages only; pure, except that nothing here is sent.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "netlink.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

// The requests that open a queue, in their order: packets arrive after the last one. At most
// `length` packets wait; the kernel drops others.
std::vector<NetlinkMessage> queue_openers(std::uint16_t queue, std::uint32_t length);

struct QueuedPacket {
    std::uint32_t id = 0;
    std::span<const std::byte> bytes;  // from the IP header on, cut
};
// Nothing for other messages.
std::optional<QueuedPacket> read_queued(const NetlinkPart& part);

struct SynEndpoints {
    vsockio::IpEndpoint source;
    vsockio::IpEndpoint destination;

    auto operator<=>(const SynEndpoints&) const = default;
};
// Nothing for what is not the first packet of a TCP connection, or has headers between IPv6's and
// TCP's.
std::optional<SynEndpoints> read_syn(std::span<const std::byte> packet);

NetlinkMessage let_through(std::uint16_t queue, std::uint32_t packet);
NetlinkMessage let_through_marked(std::uint16_t queue, std::uint32_t packet, std::uint32_t mark);
NetlinkMessage drop(std::uint16_t queue, std::uint32_t packet);

}  // namespace pf_proxy
