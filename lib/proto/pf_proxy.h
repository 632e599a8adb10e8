// What the two sides of pf-proxy say on one stream. Specification: pf-proxy-wire(5). No I/O here.
//
// The near side is where the application is, the far side connects for it. Integers big-endian.
//
// Request, once, near to far:
//
//   offset size field     meaning
//        0    4 magic     "EBPQ"
//        4    1 version   1
//        5    1 transport 1 TCP, 2 UDP
//        6    1 family    1 name, 4 IPv4, 6 IPv6, 5 IPv4 with names, 7 IPv6 with names
//        7    1 length    of the address: 4, 16, or 1 to 253 (name)
//        8    n address
//      8+n    2 port      1 to 65535
//     10+n    1 names     with families 5 and 7 only: 1 to 8; then as many times
//        0    1 length    1 to 253
//        1    m name      none of them twice
//
// Status, once, far to near:
//
//        0    4 magic     "EBPA"
//        4    1 version   1
//        5    1 status    StatusCode
//        6    2 errno     of failed: a number that errno_from_wire() knows; else 0
//        8    1 family    4, 6, or 0: then port and address are 0
//        9    1 zero
//       10    2 port      1 to 65535
//       12   16 address   IPv4 in the first four, zeros after it
//
// Frames, of UDP only, both ways, any number:
//
//        0    1 kind      1 datagram; 2 error, far to near only
//        1    1 family    4, 6, or 0: the flow's destination, then port is 0 and no address follows
//        2    2 port      1 to 65535
//        4    2 length    of the payload: at most 65507; of an error 2
//        6    a address
//      6+a    n payload   the datagram; of an error its errno as above
//
// Every other value is bad. An address has one spelling: IPv4 mapped into IPv6 is bad, and a name
// that could be read as an address is none. History
//   1  first
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/decoded.h"
#include "vsockio/host_name.h"
#include "vsockio/ip_address.h"

namespace proto::pf_proxy {

inline constexpr std::uint8_t kVersion = 1;

inline constexpr std::size_t kMaximumNames = 8;  // beside an address
inline constexpr std::size_t kMaximumRequestBytes =
    8 + 16 + 2 + 1 + kMaximumNames * (1 + vsockio::kMaximumHostName);
inline constexpr std::size_t kStatusBytes = 28;
// What UDP over IPv4 can carry. IPv6 could carry 20 more, which nobody sends.
inline constexpr std::size_t kMaximumPayload = 65'507;
inline constexpr std::size_t kMaximumFrameHeaderBytes = 6 + 16;
inline constexpr std::size_t kMaximumFrameBytes = kMaximumFrameHeaderBytes + kMaximumPayload;
inline constexpr std::size_t kMaximumErrorBytes = kMaximumFrameHeaderBytes + 2;

// Times of the page, which either side may be told otherwise. A near side that opens streams
// beforehand needs the first; the near side waits longer than the far side works.
inline constexpr std::chrono::seconds kFirstByteLimit{60};  // of a request on a new stream
inline constexpr std::chrono::seconds kRequestLimit{5};     // from its first byte to its last
inline constexpr std::chrono::seconds kConnectLimit{10};    // far: from request to status
inline constexpr std::chrono::seconds kStatusLimit{15};     // near: the same
inline constexpr std::chrono::seconds kNearFlowLimit{120};  // UDP: without a datagram
inline constexpr std::chrono::seconds kFarFlowLimit{150};
inline constexpr std::chrono::seconds kFarewellLimit{1};  // far: from a bad status to the close
inline constexpr std::chrono::seconds kAskAgainAfter{1};  // near: UDP, source and destination

// --- numbers of errors -----------------------------------------------------------------------

// The number on the wire, which is Linux's on most architectures, the same on all. What the wire
// does not know becomes EIO's.
std::uint16_t errno_to_wire(int errno_value);
// Nothing for a number that the wire does not know.
std::optional<int> errno_from_wire(std::uint16_t number);

// --- request ---------------------------------------------------------------------------------

struct Request {
    vsockio::Transport transport = vsockio::Transport::tcp;
    std::variant<vsockio::IpAddress, std::string_view> host;  // a host_name.h name, borrowed
    std::uint16_t port = 0;
    // Of an address: by what it may have been asked for, the likeliest first. They borrow, too.
    std::vector<std::string_view> names{};

    bool operator==(const Request&) const = default;
};

// Whatever follows the request is not looked at; nothing may (pf-proxy-wire(5)).
Decoded<Request> decode_request(std::span<const std::byte> input);

// The used part of `memory`; empty when a name is bad, there twice or one too many, names stand
// beside a name, or the port is 0. A mapped address is written as the IPv4 address that it is.
std::span<const std::byte> encode_request(const Request& request,
                                          std::span<std::byte, kMaximumRequestBytes> memory);

// --- status ----------------------------------------------------------------------------------

// Numbers are never used again for another meaning.
enum class StatusCode : std::uint8_t {
    connected = 1,   // data or frames follow
    refused = 2,     // by policy
    failed = 3,      // errno_value says how
    bad_header = 4,  // the request was not understood
    too_many = 5,    // a limit of the far side
    not_ready = 6,   // it cannot serve now: it starts, ends, or its target is unhealthy
};

std::string_view name_of(StatusCode code);  // "bad_header", as in the page

struct Status {
    StatusCode code = StatusCode::connected;
    int errno_value = 0;  // of failed only
    // Of connected and failed only: what was connected to or tried last. Nothing where that is no
    // IP address.
    std::optional<vsockio::IpEndpoint> endpoint;

    bool operator==(const Status&) const = default;
};

// What an application is to see that asked for the connection itself: 0 when connected, EACCES
// when refused, the errno of failed, EPROTO, EAGAIN (too many), ECONNREFUSED (not ready).
int errno_of(const Status& status);

Decoded<Status> decode_status(std::span<const std::byte> input);

// What is not of the code is left out, and an endpoint with port 0. Fills all of `memory`.
void encode_status(const Status& status, std::span<std::byte, kStatusBytes> memory);

// --- frames ----------------------------------------------------------------------------------

enum class Way : std::uint8_t { outward, inward };  // near to far, far to near

struct Frame {
    enum class Kind : std::uint8_t { datagram = 1, error = 2 };

    Kind kind = Kind::datagram;
    // Outward the destination, inward the source; of an error the destination that it is about.
    // Nothing: the flow's own destination.
    std::optional<vsockio::IpEndpoint> endpoint;
    std::span<const std::byte> payload;  // of a datagram; may be empty
    int errno_value = 0;                 // of an error
};

// A length over its limit is bad before its bytes are there. Errors are bad outward.
Decoded<Frame> decode_frame(std::span<const std::byte> input, Way way);

// The header that stands before a datagram of `payload_bytes`, which the caller sends behind it:
// the used part of `memory`. Empty when the payload is over the limit or the port 0, for which
// there is no frame.
std::span<const std::byte> encode_datagram_header(
    const std::optional<vsockio::IpEndpoint>& endpoint, std::size_t payload_bytes,
    std::span<std::byte, kMaximumFrameHeaderBytes> memory);

// A whole error frame. Empty when the port is 0.
std::span<const std::byte> encode_error(const std::optional<vsockio::IpEndpoint>& endpoint,
                                        int errno_value,
                                        std::span<std::byte, kMaximumErrorBytes> memory);

}  // namespace proto::pf_proxy
