// Messages that a destination is unreachable.
#include "icmp_errors.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/bytes.h"

namespace pf_proxy {

using vsockio::IpAddress;
using vsockio::IpEndpoint;

namespace {

constexpr std::size_t kHeader4Bytes = 20;
constexpr std::size_t kHeader6Bytes = 40;
constexpr std::size_t kIcmpBytes = 8;
constexpr std::size_t kUdpBytes = 8;
constexpr std::byte kHopLimit{64};

// The code of type 3 of ICMP, and of type 1 of ICMPv6.
std::optional<std::uint8_t> code_of(int errno_value, bool v4) {
    switch (errno_value) {
        case ECONNREFUSED: return v4 ? 3 : 4;  // port unreachable
        case ENETUNREACH:
        case ENETDOWN: return std::uint8_t{0};
        case EHOSTUNREACH:
        case EHOSTDOWN:
        case ETIMEDOUT: return v4 ? 1 : 3;
        case EACCES:
        case EPERM: return v4 ? 13 : 1;  // administratively prohibited
        default: return std::nullopt;
    }
}

// RFC 1071, of an even number of bytes; what is in the place of the checksum counts as 0.
std::uint32_t sum_of(std::span<const std::byte> bytes) {
    std::uint32_t sum = 0;
    for (; !bytes.empty(); bytes = bytes.subspan(2))
        sum += base::load_be<std::uint16_t>(bytes);
    return sum;
}

std::uint16_t folded(std::uint32_t sum) {
    while (sum > 0xFFFF)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum & 0xFFFF);
}

void put_address(std::span<std::byte> to, const IpAddress& address) {
    std::copy_n(address.bytes.begin(), address.bits() / 8, to.begin());
}

void put_header4(std::span<std::byte> to, std::uint8_t protocol, std::size_t payload_bytes,
                 const IpAddress& source, const IpAddress& destination) {
    to[0] = std::byte{0x45};
    base::store_be(to.subspan(2), static_cast<std::uint16_t>(kHeader4Bytes + payload_bytes));
    to[8] = kHopLimit;
    to[9] = std::byte{protocol};
    put_address(to.subspan(12), source);
    put_address(to.subspan(16), destination);
    base::store_be(to.subspan(10), folded(sum_of(to.first(kHeader4Bytes))));
}

void put_header6(std::span<std::byte> to, std::uint8_t protocol, std::size_t payload_bytes,
                 const IpAddress& source, const IpAddress& destination) {
    to[0] = std::byte{0x60};
    base::store_be(to.subspan(4), static_cast<std::uint16_t>(payload_bytes));
    to[6] = std::byte{protocol};
    to[7] = kHopLimit;
    put_address(to.subspan(8), source);
    put_address(to.subspan(24), destination);
}

}  // namespace

std::span<const std::byte> encode_unreachable(const IpEndpoint& application,
                                              const IpEndpoint& destination, int errno_value,
                                              std::span<std::byte, kMaximumIcmpBytes> memory) {
    const bool v4 = application.address.is_v4;
    const std::optional<std::uint8_t> code = code_of(errno_value, v4);
    if (!code.has_value() || v4 != destination.address.is_v4) return {};
    std::ranges::fill(memory, std::byte{0});
    const std::size_t header_bytes = v4 ? kHeader4Bytes : kHeader6Bytes;
    const std::size_t message_bytes = kIcmpBytes + header_bytes + kUdpBytes;
    const auto put_header = v4 ? put_header4 : put_header6;
    const std::uint8_t icmp = v4 ? std::uint8_t{IPPROTO_ICMP} : std::uint8_t{IPPROTO_ICMPV6};
    put_header(memory, icmp, message_bytes, destination.address, application.address);
    const auto message = memory.subspan(header_bytes, message_bytes);
    message[0] = v4 ? std::byte{3} : std::byte{1};
    message[1] = std::byte{*code};
    // The datagram that did not arrive, as far as it is of interest.
    const auto inner = message.subspan(kIcmpBytes);
    put_header(inner, IPPROTO_UDP, kUdpBytes, application.address, destination.address);
    const auto udp = inner.subspan(header_bytes);
    base::store_be(udp, application.port);
    base::store_be(udp.subspan(2), destination.port);
    base::store_be(udp.subspan(4), static_cast<std::uint16_t>(kUdpBytes));
    std::uint32_t sum = sum_of(message);
    if (!v4) {  // RFC 4443: the addresses, the length and the protocol count, too
        sum += sum_of(memory.subspan(8, 32)) + static_cast<std::uint32_t>(message_bytes) + icmp;
    }
    base::store_be(message.subspan(2), folded(sum));
    return memory.first(header_bytes + message_bytes);
}

void IcmpErrors::tell(const IpEndpoint& application, const IpEndpoint& destination, int errno_value,
                      std::chrono::milliseconds now) {
    if (now - second_ >= std::chrono::seconds(1)) {
        second_ = now;
        told_ = 0;
    }
    if (told_ >= kMostPerSecond) return;
    std::array<std::byte, kMaximumIcmpBytes> memory;
    const auto packet = encode_unreachable(application, destination, errno_value, memory);
    if (packet.empty()) return;
    ++told_;
    const bool v4 = application.address.is_v4;
    std::optional<base::Fd>& socket = v4 ? v4_ : v6_;
    if (!socket.has_value()) {
        socket.emplace(::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                                IPPROTO_RAW));
    }
    if (!socket->valid()) return;
    sockaddr_storage native;
    const unsigned length = vsockio::to_socket_address({application.address, 0}, native);
    (void)::sendto(socket->get(), packet.data(), packet.size(), MSG_DONTWAIT,
                   reinterpret_cast<const sockaddr*>(&native), length);
}

}  // namespace pf_proxy
