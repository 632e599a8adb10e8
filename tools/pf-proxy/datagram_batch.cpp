// Batches of datagrams and their control messages.
#include "datagram_batch.h"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "udp_sockets.h"

namespace pf_proxy {

using vsockio::IpEndpoint;

namespace {

std::optional<IpEndpoint> unmapped_endpoint(const sockaddr_storage& native) {
    std::optional<IpEndpoint> endpoint = vsockio::from_socket_address(native);
    if (endpoint.has_value()) endpoint->address = endpoint->address.unmapped();
    return endpoint;
}

std::optional<IpEndpoint> original_destination(msghdr& message) {
    for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
         each = CMSG_NXTHDR(&message, each)) {
        const bool v4 = each->cmsg_level == SOL_IP && each->cmsg_type == IP_RECVORIGDSTADDR;
        const bool v6 = each->cmsg_level == SOL_IPV6 && each->cmsg_type == IPV6_RECVORIGDSTADDR;
        if (!v4 && !v6) continue;
        sockaddr_storage native{};
        std::memcpy(&native, CMSG_DATA(each), v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        return unmapped_endpoint(native);
    }
    return std::nullopt;
}

template <typename T>
void put_control(msghdr& message, int level, int type, const T& content) {
    cmsghdr* control = static_cast<cmsghdr*>(message.msg_control);
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(sizeof content);
    std::memcpy(CMSG_DATA(control), &content, sizeof content);
    message.msg_controllen = CMSG_SPACE(sizeof content);
}

void put_source(msghdr& message, int family, const IpEndpoint& from) {
    sockaddr_storage native;
    if (native_address(from, family, native) == 0) return;
    if (family == AF_INET) {
        in_pktinfo chosen{};
        std::memcpy(&chosen.ipi_spec_dst, from.address.bytes.data(), sizeof chosen.ipi_spec_dst);
        put_control(message, SOL_IP, IP_PKTINFO, chosen);
    } else {
        in6_pktinfo chosen{};
        std::memcpy(&chosen.ipi6_addr,
                    reinterpret_cast<const std::byte*>(&native) + offsetof(sockaddr_in6, sin6_addr),
                    sizeof chosen.ipi6_addr);
        put_control(message, SOL_IPV6, IPV6_PKTINFO, chosen);
    }
}

}  // namespace

DatagramReceiver::DatagramReceiver()
    : memory_(std::make_unique_for_overwrite<std::byte[]>(kMaximum * kSlotBytes)) {}

DatagramReceiver::Received DatagramReceiver::receive(int fd) {
    for (std::size_t index = 0; index < kMaximum; ++index) {
        Slot& slot = slots_[index];
        slot.part = {memory_.get() + index * kSlotBytes, kSlotBytes};
        headers_[index] = {};
        msghdr& header = headers_[index].msg_hdr;
        header.msg_name = &slot.name;
        header.msg_namelen = sizeof slot.name;
        header.msg_iov = &slot.part;
        header.msg_iovlen = 1;
        header.msg_control = slot.control.data();
        header.msg_controllen = slot.control.size();
    }
    const int count = ::recvmmsg(fd, headers_.data(), kMaximum, MSG_DONTWAIT, nullptr);
    if (count < 0) return {{}, errno};
    std::size_t kept = 0;
    for (std::size_t index = 0; index < static_cast<std::size_t>(count); ++index) {
        const auto source = unmapped_endpoint(slots_[index].name);
        if (!source.has_value()) continue;
        datagrams_[kept++] = {*source,
                              original_destination(headers_[index].msg_hdr),
                              {memory_.get() + index * kSlotBytes, headers_[index].msg_len}};
    }
    return {std::span(datagrams_).first(kept), 0};
}

bool DatagramSender::add(int family, const IpEndpoint& to, const std::optional<IpEndpoint>& from,
                         std::span<const std::byte> payload) {
    Slot& slot = slots_[count_];
    const unsigned length = native_address(to, family, slot.name);
    if (length == 0) return false;
    slot.to = to;
    slot.part = {const_cast<std::byte*>(payload.data()), payload.size()};
    headers_[count_] = {};
    msghdr& header = headers_[count_].msg_hdr;
    header.msg_name = &slot.name;
    header.msg_namelen = length;
    header.msg_iov = &slot.part;
    header.msg_iovlen = 1;
    if (from.has_value()) {
        header.msg_control = slot.control.data();
        put_source(header, family, *from);
    }
    ++count_;
    return true;
}

void DatagramSender::flush(
    int fd, const std::function<void(const IpEndpoint& to, int errno_value)>& failed) {
    std::size_t done = 0;
    bool tried_again = false;
    while (done < count_) {
        const int sent = ::sendmmsg(fd, headers_.data() + done,
                                    static_cast<unsigned>(count_ - done), MSG_DONTWAIT);
        if (sent > 0) {
            done += static_cast<std::size_t>(sent);
            tried_again = false;
            continue;
        }
        // The errno may be that of an earlier datagram, which the kernel tells once, in place of
        // sending this one.
        const int failure = errno;
        if (!tried_again && failure != EAGAIN) {
            tried_again = true;
            continue;
        }
        tried_again = false;
        failed(slots_[done].to, failure);
        ++done;
    }
    count_ = 0;
}

}  // namespace pf_proxy
