// vhost-user messages: decode a header and its payload, encode a reply. Pure.
// Source: QEMU docs/interop/vhost-user.rst. All numbers are in the machine's byte order, which
// is little-endian on every machine vsockd is built for.
//
//   offset size field     of every message
//        0    4 request   Request
//        4    4 flags     bits 0-1 version 1, bit 2 reply, bit 3 the sender wants a reply
//        8    4 size      payload bytes that follow
//
// Descriptors travel beside the first byte; decode() is told how many came.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "memory_table.h"

namespace vsockd {

inline constexpr std::size_t kMessageHeaderBytes = 12;
// A configuration space access is the longest payload that is answered: 12 + 256 bytes; the
// memory table of 8 regions takes 264.
inline constexpr std::size_t kMaximumMessagePayload = 268;
inline constexpr std::size_t kMaximumDescriptors = kMaximumRegions;
// rx and tx; the event queue belongs to QEMU.
inline constexpr std::uint32_t kQueueCount = 2;

enum class Request : std::uint32_t {
    get_features = 1,
    set_features = 2,
    set_owner = 3,
    reset_owner = 4,
    set_memory_table = 5,
    set_ring_size = 8,
    set_ring_address = 9,
    set_ring_base = 10,
    get_ring_base = 11,
    set_ring_kick = 12,
    set_ring_call = 13,
    set_ring_error = 14,
    get_protocol_features = 15,
    set_protocol_features = 16,
    get_queue_count = 17,
    set_ring_enable = 18,
    get_config = 24,
    set_config = 25,
    reset_device = 34,
};

struct MessageHeader {
    Request request{};
    bool wants_reply = false;
    std::uint32_t payload_bytes = 0;
};

// Payloads by shape.
struct Nothing {};
struct Number {
    std::uint64_t value = 0;
};
struct RingState {
    std::uint32_t index = 0;
    std::uint32_t value = 0;
};
struct RingAddress {
    std::uint32_t index = 0;
    std::uint64_t descriptors = 0;
    std::uint64_t used = 0;
    std::uint64_t available = 0;
};
struct RingDescriptor {
    std::uint32_t index = 0;
    bool has_descriptor = false;  // exactly one came with the message
};
struct RegionDescription {
    std::uint64_t guest_address = 0;
    std::uint64_t bytes = 0;
    std::uint64_t user_address = 0;
    std::uint64_t file_offset = 0;
};
struct MemoryDescription {
    std::vector<RegionDescription> regions;  // as many as descriptors came
};
struct ConfigAccess {
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    std::uint32_t flags = 0;
};
using Payload = std::variant<Nothing, Number, RingState, RingAddress, RingDescriptor,
                             MemoryDescription, ConfigAccess>;

// Error (protocol) for a wrong version, a reply, an unknown request or a payload over the cap.
base::Result<MessageHeader> decode_message_header(
    std::span<const std::byte, kMessageHeaderBytes> from);

// The payload in the shape its request has. Error (protocol) when the size is not exactly that
// shape's, an index names no queue, or another number of descriptors came than belongs to it.
base::Result<Payload> decode_payload(const MessageHeader& header,
                                     std::span<const std::byte> payload, std::size_t descriptors);

// Whole reply messages, header included.
std::vector<std::byte> encode_number_reply(Request request, std::uint64_t value);
std::vector<std::byte> encode_ring_state_reply(Request request, RingState state);
// The part of `config` that was asked for; an access outside it gives the empty payload that
// means an error.
std::vector<std::byte> encode_config_reply(const ConfigAccess& access,
                                           std::span<const std::byte> config);

std::string_view request_name(Request request);

}  // namespace vsockd
