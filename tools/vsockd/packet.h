// The vsock packet header: encode and decode. Pure; no meaning is given to the fields here.
// Source: virtio 1.2, section 5.10.6 (struct virtio_vsock_hdr), and Linux linux/virtio_vsock.h.
//
//   offset size field      all little-endian
//        0    8 src_cid
//        8    8 dst_cid
//       16    4 src_port
//       20    4 dst_port
//       24    4 len        bytes of payload that follow, only in rw
//       28    2 type       1 stream, 2 seqpacket (not offered)
//       30    2 op
//       32    4 flags      of shutdown: 1 will not receive, 2 will not send
//       36    4 buf_alloc  receive space of the sender
//       40    4 fwd_cnt    bytes the sender has passed on, modulo 2^32
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace vsockd {

inline constexpr std::size_t kHeaderBytes = 44;
inline constexpr std::uint16_t kTypeStream = 1;
inline constexpr std::uint32_t kShutdownReceive = 1;
inline constexpr std::uint32_t kShutdownSend = 2;
inline constexpr std::uint32_t kShutdownBoth = kShutdownReceive | kShutdownSend;
// Linux refuses larger packets, whatever the credit.
inline constexpr std::uint32_t kMaximumPayload = 64 * 1024;

enum class Operation : std::uint16_t {
    request = 1,
    response = 2,
    reset = 3,
    shutdown = 4,
    data = 5,
    credit_update = 6,
    credit_request = 7,
};

struct Header {
    std::uint64_t source_cid = 0;
    std::uint64_t destination_cid = 0;
    std::uint32_t source_port = 0;
    std::uint32_t destination_port = 0;
    std::uint32_t length = 0;
    std::uint16_t type = kTypeStream;
    Operation operation{};  // any 16-bit value may arrive
    std::uint32_t flags = 0;
    std::uint32_t buffer_bytes = 0;
    std::uint32_t forwarded_count = 0;

    bool operator==(const Header&) const = default;
};

Header decode_header(std::span<const std::byte, kHeaderBytes> from);
void encode_header(const Header& header, std::span<std::byte, kHeaderBytes> to);

// "request", "rw", ...; "unknown" for a number without a name.
std::string_view operation_name(Operation operation);

// The reset that answers a packet for which there is no connection.
Header reset_for(const Header& packet);

}  // namespace vsockd
