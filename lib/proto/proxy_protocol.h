// The PROXY protocol, versions 1 and 2: the line or block before a connection's first byte that
// tells for whom a proxy connected. Specification: doc/proxy-protocol.txt of haproxy. No I/O here,
// and no guessing whether there is a header: that is configuration.
//
// Where the specification leaves room, we take the narrow side:
//   - A version 1 line has no CR or LF but its last two bytes, also after UNKNOWN.
//   - A version 2 header has at most kMaximumHeaderBytes. Behind the addresses stand TLVs to the
//     last byte; CRC32C at most once, and verified. Others, NOOP among them, are passed over.
//   - What LOCAL or an unspecified family or transport bring along is not looked at.
//   - UNIX addresses are passed over; the header then names nobody.
//   - An IPv4 address mapped into IPv6 is the IPv4 address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "proto/decoded.h"
#include "vsockio/ip_address.h"

namespace proto::proxy_protocol {

inline constexpr std::size_t kMaximumLineBytes = 107;     // version 1, with CRLF
inline constexpr std::size_t kMaximumHeaderBytes = 4096;  // version 2
// The most that encode_v1() and encode_v2() write.
inline constexpr std::size_t kMaximumEncodedBytes = kMaximumLineBytes;

enum class Kind : std::uint8_t {
    local,    // the proxy speaks for itself: the connection's own endpoints count
    unknown,  // for somebody without an IP address that could be told; likewise
    proxied,  // source and destination count instead of the connection's own
};

struct Header {
    Kind kind = Kind::local;
    // Of kind proxied only. The ports may be 0.
    vsockio::Transport transport = vsockio::Transport::tcp;
    vsockio::IpEndpoint source;
    vsockio::IpEndpoint destination;

    bool operator==(const Header&) const = default;
};

// Decodes the header at the front of `input`, of either version.
Decoded<Header> decode(std::span<const std::byte> input);

// Version 1 has neither local connections nor UDP: both become UNKNOWN. The result is the used
// part of `memory`. Endpoints of two families are written as IPv6.
std::span<const std::byte> encode_v1(const Header& header,
                                     std::span<std::byte, kMaximumEncodedBytes> memory);

enum class Checksum : std::uint8_t { none, crc32c };

// The same for version 2. `local` is what a health check sends.
std::span<const std::byte> encode_v2(const Header& header, Checksum checksum,
                                     std::span<std::byte, kMaximumEncodedBytes> memory);

}  // namespace proto::proxy_protocol
