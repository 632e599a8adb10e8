// IP addresses, endpoints and networks: reading, printing, prefixes.
#include "vsockio/ip_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/format.h"
#include "base/text.h"

namespace vsockio {

using base::Error;
using base::quote;
using base::Result;

namespace {

constexpr std::array<std::byte, 12> kMappedPrefix = {
    std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0},    std::byte{0},
    std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0xFF}, std::byte{0xFF}};

// One spelling for each number, so that no two tools read a text differently.
std::optional<unsigned> decimal(std::string_view text, unsigned maximum) {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return {};
    unsigned number = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9') return {};
        number = number * 10 + static_cast<unsigned>(digit - '0');
    }
    if (number > maximum) return {};
    return number;
}

// The bits of byte `index` that belong to a prefix of `prefix` bits.
std::byte mask(std::size_t index, unsigned prefix) {
    const std::size_t before = 8 * index;
    if (prefix >= before + 8) return std::byte{0xFF};
    if (prefix <= before) return std::byte{0};
    return static_cast<std::byte>(0xFF << (8 - (prefix - before)) & 0xFF);
}

IpAddress masked(IpAddress address, unsigned prefix) {
    for (std::size_t index = 0; index < address.bytes.size(); ++index) {
        address.bytes[index] &= mask(index, prefix);
    }
    return address;
}

}  // namespace

std::string_view to_string(Transport transport) {
    return transport == Transport::tcp ? "tcp" : "udp";
}

IpAddress IpAddress::unmapped() const {
    if (is_v4 || !std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin())) {
        return *this;
    }
    return embedded_v4(kMappedPrefix.size());
}

IpAddress IpAddress::embedded_v4(std::size_t offset) const {
    IpAddress address;
    address.is_v4 = true;
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), 4, address.bytes.begin());
    return address;
}

Result<IpAddress> parse_ip_address(std::string_view text) {
    // inet_pton() ends at a zero byte and takes no length.
    char terminated[INET6_ADDRSTRLEN] = "";
    IpAddress address;
    if (text.size() < sizeof terminated && text.find('\0') == std::string_view::npos) {
        text.copy(terminated, text.size());
        address.is_v4 = text.find(':') == std::string_view::npos;
        const int family = address.is_v4 ? AF_INET : AF_INET6;
        if (::inet_pton(family, terminated, address.bytes.data()) == 1) return address;
    }
    return Error::usage(fmt::format("{} is not an IP address", quote(text)), "");
}

std::string to_string(const IpAddress& address) {
    char text[INET6_ADDRSTRLEN] = "";
    ::inet_ntop(address.is_v4 ? AF_INET : AF_INET6, address.bytes.data(), text, sizeof text);
    return text;
}

Result<IpEndpoint> parse_ip_endpoint(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon != std::string_view::npos) {
        std::string_view host = text.substr(0, colon);
        const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
        if (bracketed) host = host.substr(1, host.size() - 2);
        const Result<IpAddress> address = parse_ip_address(host);
        const std::optional<unsigned> port = decimal(text.substr(colon + 1), 65535);
        if (address.ok() && address->is_v4 != bracketed && port.has_value()) {
            return IpEndpoint{address.value(), static_cast<std::uint16_t>(*port)};
        }
    }
    return Error::usage(fmt::format("{} is not ADDRESS:PORT or [IPV6]:PORT", quote(text)), "");
}

std::string to_string(const IpEndpoint& endpoint) {
    const std::string address = to_string(endpoint.address);
    return endpoint.address.is_v4 ? fmt::format("{}:{}", address, endpoint.port)
                                  : fmt::format("[{}]:{}", address, endpoint.port);
}

std::optional<IpEndpoint> from_socket_address(const sockaddr_storage& native) {
    IpEndpoint endpoint;
    if (native.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &native, sizeof v4);
        std::memcpy(endpoint.address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
        endpoint.address.is_v4 = true;
        endpoint.port = ntohs(v4.sin_port);
        return endpoint;
    }
    if (native.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &native, sizeof v6);
        std::memcpy(endpoint.address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
        endpoint.port = ntohs(v6.sin6_port);
        return endpoint;
    }
    return std::nullopt;
}

unsigned to_socket_address(const IpEndpoint& endpoint, sockaddr_storage& native) {
    native = {};
    if (endpoint.address.is_v4) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(endpoint.port);
        std::memcpy(&v4.sin_addr, endpoint.address.bytes.data(), sizeof v4.sin_addr);
        std::memcpy(&native, &v4, sizeof v4);
        return sizeof v4;
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, endpoint.address.bytes.data(), sizeof v6.sin6_addr);
    std::memcpy(&native, &v6, sizeof v6);
    return sizeof v6;
}

bool IpNetwork::contains(const IpAddress& other) const {
    return other.is_v4 == address.is_v4 && masked(other, prefix) == address;
}

bool IpNetwork::contains(const IpNetwork& other) const {
    return other.prefix >= prefix && contains(other.address);
}

IpAddress IpNetwork::last() const {
    IpAddress highest = address;
    for (std::size_t index = 0; index < address.bits() / 8; ++index) {
        highest.bytes[index] |= ~mask(index, prefix);
    }
    return highest;
}

Result<IpNetwork> parse_ip_network(std::string_view text) {
    const std::size_t slash = text.find('/');
    const Result<IpAddress> address = parse_ip_address(text.substr(0, slash));
    if (!address.ok()) return address.error();
    IpNetwork network = IpNetwork::only(address.value());
    if (slash == std::string_view::npos) return network;
    const std::optional<unsigned> prefix = decimal(text.substr(slash + 1), network.prefix);
    if (!prefix.has_value()) {
        return Error::usage(fmt::format("{} has a prefix length that is no number from 0 to {}",
                                        quote(text), network.prefix),
                            "");
    }
    network.prefix = *prefix;
    network.address = masked(network.address, *prefix);
    if (network.address != address.value()) {
        return Error::usage(fmt::format("{} has bits set beyond its prefix, the network is {}",
                                        quote(text), to_string(network)),
                            "");
    }
    return network;
}

std::string to_string(const IpNetwork& network) {
    if (network.prefix == network.address.bits()) return to_string(network.address);
    return fmt::format("{}/{}", to_string(network.address), network.prefix);
}

}  // namespace vsockio
