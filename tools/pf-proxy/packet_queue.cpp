// Messages about queued packets.
#include "packet_queue.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include <algorithm>

#include "base/bytes.h"

namespace pf_proxy {

using vsockio::IpAddress;
using vsockio::IpEndpoint;

namespace {

constexpr std::uint16_t kAsk = NLM_F_REQUEST | NLM_F_ACK;
// IPv6 and TCP headers with all options of TCP.
constexpr std::uint32_t kCopiedBytes = 40 + 60;

NetlinkMessage queue_message(std::uint16_t type, std::uint16_t flags, std::uint16_t queue) {
    NetlinkMessage message(static_cast<std::uint16_t>(NFNL_SUBSYS_QUEUE << 8 | type), flags);
    nfgenmsg header{};
    header.nfgen_family = AF_UNSPEC;
    header.version = NFNETLINK_V0;
    header.res_id = htons(queue);
    message.append(header);
    return message;
}

NetlinkMessage verdict(std::uint16_t queue, std::uint32_t packet, std::uint32_t what) {
    // No acknowledgement: it would only say that the packet is gone, which changes nothing.
    NetlinkMessage message = queue_message(NFQNL_MSG_VERDICT, NLM_F_REQUEST, queue);
    nfqnl_msg_verdict_hdr header{};
    header.verdict = htonl(what);
    header.id = htonl(packet);
    message.attribute(NFQA_VERDICT_HDR, header);
    return message;
}

IpAddress address_at(std::span<const std::byte> packet, std::size_t offset, bool is_v4) {
    IpAddress address;
    address.is_v4 = is_v4;
    std::copy_n(packet.begin() + static_cast<std::ptrdiff_t>(offset), address.bits() / 8,
                address.bytes.begin());
    return address;
}

// Length of the IP header in front of TCP's, 0 when there is none.
std::size_t header_bytes(std::span<const std::byte> packet) {
    constexpr std::size_t kV4Bytes = 20;
    constexpr std::size_t kV6Bytes = 40;
    if (packet.empty()) return 0;
    const auto first = std::to_integer<unsigned>(packet[0]);
    if (first >> 4 == 4 && packet.size() >= kV4Bytes) {
        const std::size_t length = (first & 0xF) * 4;
        const bool is_fragment = (base::load_be<std::uint16_t>(packet.subspan(6)) & 0x1FFF) != 0;
        const bool is_tcp = packet[9] == std::byte{IPPROTO_TCP};
        return length >= kV4Bytes && is_tcp && !is_fragment ? length : 0;
    }
    if (first >> 4 == 6 && packet.size() >= kV6Bytes) {
        return packet[6] == std::byte{IPPROTO_TCP} ? kV6Bytes : 0;
    }
    return 0;
}

}  // namespace

std::vector<NetlinkMessage> queue_openers(std::uint16_t queue, std::uint32_t length) {
    std::vector<NetlinkMessage> messages;
    nfqnl_msg_config_cmd bind{};
    bind.command = NFQNL_CFG_CMD_BIND;
    messages.push_back(queue_message(NFQNL_MSG_CONFIG, kAsk, queue));
    messages.back().attribute(NFQA_CFG_CMD, bind);
    messages.push_back(queue_message(NFQNL_MSG_CONFIG, kAsk, queue));
    messages.back().attribute(NFQA_CFG_QUEUE_MAXLEN, htonl(length));
    nfqnl_msg_config_params copy{};
    copy.copy_range = htonl(kCopiedBytes);
    copy.copy_mode = NFQNL_COPY_PACKET;
    // Its acknowledgement could come behind a packet that would then be overlooked.
    messages.push_back(queue_message(NFQNL_MSG_CONFIG, NLM_F_REQUEST, queue));
    messages.back().attribute(NFQA_CFG_PARAMS, copy);
    return messages;
}

std::optional<QueuedPacket> read_queued(const NetlinkPart& part) {
    if (part.type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)) return std::nullopt;
    std::span<const std::byte> rest = part.body;
    if (!take_plain<nfgenmsg>(rest).has_value()) return std::nullopt;
    QueuedPacket packet;
    bool has_id = false;
    while (const std::optional<NetlinkAttribute> attribute = take_attribute(rest)) {
        if (attribute->type == NFQA_PACKET_HDR) {
            const auto header = attribute->as<nfqnl_msg_packet_hdr>();
            if (!header.has_value()) return std::nullopt;
            packet.id = ntohl(header->packet_id);
            has_id = true;
        } else if (attribute->type == NFQA_PAYLOAD) {
            packet.bytes = attribute->value;
        }
    }
    if (!has_id) return std::nullopt;
    return packet;
}

std::optional<SynEndpoints> read_syn(std::span<const std::byte> packet) {
    constexpr std::size_t kTcpBytes = 20;
    constexpr std::byte kFin{0x01};
    constexpr std::byte kSyn{0x02};
    constexpr std::byte kRst{0x04};
    constexpr std::byte kAck{0x10};
    const std::size_t header = header_bytes(packet);
    if (header == 0 || packet.size() < header + kTcpBytes) return std::nullopt;
    const std::span<const std::byte> tcp = packet.subspan(header);
    if ((tcp[13] & (kFin | kSyn | kRst | kAck)) != kSyn) return std::nullopt;
    const bool is_v4 = std::to_integer<unsigned>(packet[0]) >> 4 == 4;
    SynEndpoints found;
    found.source = {address_at(packet, is_v4 ? 12 : 8, is_v4), base::load_be<std::uint16_t>(tcp)};
    found.destination = {address_at(packet, is_v4 ? 16 : 24, is_v4),
                         base::load_be<std::uint16_t>(tcp.subspan(2))};
    return found;
}

NetlinkMessage let_through(std::uint16_t queue, std::uint32_t packet) {
    return verdict(queue, packet, NF_ACCEPT);
}

NetlinkMessage let_through_marked(std::uint16_t queue, std::uint32_t packet, std::uint32_t mark) {
    NetlinkMessage message = verdict(queue, packet, NF_ACCEPT);
    message.attribute(NFQA_MARK, htonl(mark));
    return message;
}

NetlinkMessage drop(std::uint16_t queue, std::uint32_t packet) {
    return verdict(queue, packet, NF_DROP);
}

}  // namespace pf_proxy
