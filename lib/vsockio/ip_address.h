// IP addresses, endpoints and networks as values, for everything that decides by address. Pure: no
// sockets, no names. What a user writes for a tool to connect to is an Address (address.h).
//
// One spelling each is read, that of inet_pton(3): four decimal numbers, or IPv6 without brackets
// and zone. Whatever else inet_aton(3) would take (127.1, 0x7f000001, 0177.0.0.1) is an Error.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct sockaddr_storage;

namespace vsockio {

// The numbers are those of the wire (pf-proxy-wire(5)).
enum class Transport : std::uint8_t { tcp = 1, udp = 2 };
std::string_view to_string(Transport transport);  // "tcp", "udp"

struct IpAddress {
    std::array<std::byte, 16> bytes{};  // network order; IPv4 in the first four, zeros after it
    bool is_v4 = false;

    static constexpr IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
        return {{std::byte{a}, std::byte{b}, std::byte{c}, std::byte{d}}, true};
    }
    static constexpr IpAddress v6(const std::array<std::uint16_t, 8>& groups) {
        IpAddress address;
        for (std::size_t index = 0; index < groups.size(); ++index) {
            address.bytes[2 * index] = static_cast<std::byte>(groups[index] >> 8);
            address.bytes[2 * index + 1] = static_cast<std::byte>(groups[index] & 0xFF);
        }
        return address;
    }

    constexpr unsigned bits() const { return is_v4 ? 32 : 128; }
    // ::ffff:a.b.c.d as a.b.c.d, which is where the kernel connects to; others as they are.
    IpAddress unmapped() const;
    // The IPv4 address whose four bytes begin at byte `offset` (at most 12) of this one.
    IpAddress embedded_v4(std::size_t offset) const;

    auto operator<=>(const IpAddress&) const = default;
};

// Errors (usage) quote the text.
base::Result<IpAddress> parse_ip_address(std::string_view text);
std::string to_string(const IpAddress& address);

struct IpEndpoint {
    IpAddress address;
    std::uint16_t port = 0;

    auto operator<=>(const IpEndpoint&) const = default;
};

// "1.2.3.4:80" or "[::1]:80"; the port a decimal number from 0 to 65535.
base::Result<IpEndpoint> parse_ip_endpoint(std::string_view text);
std::string to_string(const IpEndpoint& endpoint);

// Nothing for another family. The zone of an IPv6 socket address is lost; mapped stays mapped.
std::optional<IpEndpoint> from_socket_address(const sockaddr_storage& native);
// Fills `native` and returns its length for connect(2) and bind(2).
unsigned to_socket_address(const IpEndpoint& endpoint, sockaddr_storage& native);

// The addresses that share the first `prefix` bits of `address`, whose other bits are zero.
struct IpNetwork {
    IpAddress address;
    unsigned prefix = 0;

    static constexpr IpNetwork only(const IpAddress& address) { return {address, address.bits()}; }

    // IPv4 and IPv6 never hold each other, mapped addresses included.
    bool contains(const IpAddress& other) const;
    bool contains(const IpNetwork& other) const;
    IpAddress last() const;  // the highest address

    auto operator<=>(const IpNetwork&) const = default;
};

// "10.0.0.0/8", "2001:db8::/32", or an address alone for a network of one. A bit set beyond the
// prefix is an Error (usage), as it shows that something else was meant.
base::Result<IpNetwork> parse_ip_network(std::string_view text);
// Without the prefix when it is a single address.
std::string to_string(const IpNetwork& network);

}  // namespace vsockio
