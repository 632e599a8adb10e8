// vhost-user payload shapes, one decoder each.
#include "vhost_message.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/format.h"

namespace vsockd {

using base::Error;
using base::ExitCode;
using base::load_le;
using base::Result;
using base::store_le;

namespace {

constexpr std::uint32_t kVersionMask = 3;
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kReplyFlag = 4;
constexpr std::uint32_t kWantsReplyFlag = 8;
constexpr std::uint64_t kRingIndexMask = 0xFF;
constexpr std::uint64_t kNoDescriptorFlag = 0x100;
constexpr std::size_t kConfigHeaderBytes = 12;
constexpr std::size_t kRegionBytes = 32;

std::uint32_t load32(std::span<const std::byte> payload, std::size_t offset) {
    return load_le<std::uint32_t>(payload.subspan(offset, 4));
}

std::uint64_t load64(std::span<const std::byte> payload, std::size_t offset) {
    return load_le<std::uint64_t>(payload.subspan(offset, 8));
}

Error bad(Request request, std::string_view what) {
    return Error(ExitCode::protocol, fmt::format("{}: {}", request_name(request), what));
}

Result<void> expect(Request request, std::span<const std::byte> payload, std::size_t size,
                    std::size_t descriptors) {
    if (payload.size() != size) return bad(request, "a payload of the wrong size");
    if (descriptors != 0) return bad(request, "descriptors that do not belong to it");
    return {};
}

Result<void> expect_queue(Request request, std::uint64_t index) {
    if (index >= kQueueCount) return bad(request, "a queue that does not exist");
    return {};
}

Result<Payload> decode_memory(Request request, std::span<const std::byte> payload,
                              std::size_t descriptors) {
    if (payload.size() < 8) return bad(request, "a payload of the wrong size");
    const std::uint32_t count = load32(payload, 0);
    if (count > kMaximumRegions) return bad(request, "too many regions");
    // Some front ends send all eight places, whatever the number in use.
    if (payload.size() != 8 + count * kRegionBytes &&
        payload.size() != 8 + kMaximumRegions * kRegionBytes) {
        return bad(request, "a payload of the wrong size");
    }
    if (descriptors != count) return bad(request, "not one descriptor for each region");
    MemoryDescription memory;
    for (std::size_t index = 0; index < count; ++index) {
        const auto place = payload.subspan(8 + index * kRegionBytes, kRegionBytes);
        const RegionDescription region{load64(place, 0), load64(place, 8), load64(place, 16),
                                       load64(place, 24)};
        if (region.bytes == 0 || region.bytes > kMaximumRegionBytes) {
            return bad(request, "a region of impossible size");
        }
        memory.regions.push_back(region);
    }
    return Payload(std::move(memory));
}

Result<Payload> decode_ring_descriptor(Request request, std::span<const std::byte> payload,
                                       std::size_t descriptors) {
    if (payload.size() != 8) return bad(request, "a payload of the wrong size");
    const std::uint64_t value = load64(payload, 0);
    TRY(expect_queue(request, value & kRingIndexMask));
    const bool has_descriptor = (value & kNoDescriptorFlag) == 0;
    if (descriptors != (has_descriptor ? 1u : 0u)) {
        return bad(request, "not the descriptor it speaks of");
    }
    return Payload(
        RingDescriptor{static_cast<std::uint32_t>(value & kRingIndexMask), has_descriptor});
}

Result<Payload> decode_config(Request request, std::span<const std::byte> payload,
                              std::size_t descriptors) {
    if (payload.size() < kConfigHeaderBytes) return bad(request, "a payload of the wrong size");
    const ConfigAccess access{load32(payload, 0), load32(payload, 4), load32(payload, 8)};
    if (access.bytes != payload.size() - kConfigHeaderBytes) {
        return bad(request, "a payload of the wrong size");
    }
    if (descriptors != 0) return bad(request, "descriptors that do not belong to it");
    return Payload(access);
}

std::vector<std::byte> reply(Request request, std::size_t payload_bytes) {
    std::vector<std::byte> message(kMessageHeaderBytes + payload_bytes);
    const std::span<std::byte> bytes(message);
    store_le(bytes.subspan(0, 4), static_cast<std::uint32_t>(request));
    store_le(bytes.subspan(4, 4), kVersion | kReplyFlag);
    store_le(bytes.subspan(8, 4), static_cast<std::uint32_t>(payload_bytes));
    return message;
}

}  // namespace

Result<MessageHeader> decode_message_header(std::span<const std::byte, kMessageHeaderBytes> from) {
    const auto request = static_cast<Request>(load32(from, 0));
    const std::uint32_t flags = load32(from, 4);
    const std::uint32_t payload_bytes = load32(from, 8);
    if ((flags & kVersionMask) != kVersion) {
        return Error(ExitCode::protocol, fmt::format("message flags {:#x}, not version 1", flags));
    }
    if ((flags & kReplyFlag) != 0) {
        return Error(ExitCode::protocol, "a reply where a request was expected");
    }
    if (request_name(request).empty()) {
        return Error(ExitCode::protocol, fmt::format("request {}, which is not supported",
                                                     static_cast<std::uint32_t>(request)));
    }
    if (payload_bytes > kMaximumMessagePayload) {
        return Error(ExitCode::protocol, fmt::format("a message of {} bytes", payload_bytes));
    }
    return MessageHeader{request, (flags & kWantsReplyFlag) != 0, payload_bytes};
}

Result<Payload> decode_payload(const MessageHeader& header, std::span<const std::byte> payload,
                               std::size_t descriptors) {
    const Request request = header.request;
    switch (request) {
        case Request::get_features:
        case Request::set_owner:
        case Request::reset_owner:
        case Request::get_protocol_features:
        case Request::get_queue_count:
        case Request::reset_device:
            TRY(expect(request, payload, 0, descriptors));
            return Payload(Nothing{});
        case Request::set_features:
        case Request::set_protocol_features:
            TRY(expect(request, payload, 8, descriptors));
            return Payload(Number{load64(payload, 0)});
        case Request::set_ring_size:
        case Request::set_ring_base:
        case Request::get_ring_base:
        case Request::set_ring_enable:
            TRY(expect(request, payload, 8, descriptors));
            TRY(expect_queue(request, load32(payload, 0)));
            return Payload(RingState{load32(payload, 0), load32(payload, 4)});
        case Request::set_ring_address:
            TRY(expect(request, payload, 40, descriptors));
            TRY(expect_queue(request, load32(payload, 0)));
            // Flags and the log address matter to migration only, which is not offered.
            return Payload(RingAddress{load32(payload, 0), load64(payload, 8), load64(payload, 16),
                                       load64(payload, 24)});
        case Request::set_ring_kick:
        case Request::set_ring_call:
        case Request::set_ring_error: return decode_ring_descriptor(request, payload, descriptors);
        case Request::set_memory_table: return decode_memory(request, payload, descriptors);
        case Request::get_config:
        case Request::set_config: return decode_config(request, payload, descriptors);
    }
    return Error(ExitCode::protocol, "an unknown request");
}

std::vector<std::byte> encode_number_reply(Request request, std::uint64_t value) {
    std::vector<std::byte> message = reply(request, 8);
    store_le(std::span(message).subspan(kMessageHeaderBytes, 8), value);
    return message;
}

std::vector<std::byte> encode_ring_state_reply(Request request, RingState state) {
    std::vector<std::byte> message = reply(request, 8);
    store_le(std::span(message).subspan(kMessageHeaderBytes, 4), state.index);
    store_le(std::span(message).subspan(kMessageHeaderBytes + 4, 4), state.value);
    return message;
}

std::vector<std::byte> encode_config_reply(const ConfigAccess& access,
                                           std::span<const std::byte> config) {
    if (access.offset > config.size() || access.bytes > config.size() - access.offset) {
        return reply(Request::get_config, 0);
    }
    std::vector<std::byte> message = reply(Request::get_config, kConfigHeaderBytes + access.bytes);
    const std::span<std::byte> payload = std::span(message).subspan(kMessageHeaderBytes);
    store_le(payload.subspan(0, 4), access.offset);
    store_le(payload.subspan(4, 4), access.bytes);
    store_le(payload.subspan(8, 4), access.flags);
    std::ranges::copy(config.subspan(access.offset, access.bytes),
                      payload.subspan(kConfigHeaderBytes).begin());
    return message;
}

std::string_view request_name(Request request) {
    switch (request) {
        case Request::get_features: return "GET_FEATURES";
        case Request::set_features: return "SET_FEATURES";
        case Request::set_owner: return "SET_OWNER";
        case Request::reset_owner: return "RESET_OWNER";
        case Request::set_memory_table: return "SET_MEM_TABLE";
        case Request::set_ring_size: return "SET_VRING_NUM";
        case Request::set_ring_address: return "SET_VRING_ADDR";
        case Request::set_ring_base: return "SET_VRING_BASE";
        case Request::get_ring_base: return "GET_VRING_BASE";
        case Request::set_ring_kick: return "SET_VRING_KICK";
        case Request::set_ring_call: return "SET_VRING_CALL";
        case Request::set_ring_error: return "SET_VRING_ERR";
        case Request::get_protocol_features: return "GET_PROTOCOL_FEATURES";
        case Request::set_protocol_features: return "SET_PROTOCOL_FEATURES";
        case Request::get_queue_count: return "GET_QUEUE_NUM";
        case Request::set_ring_enable: return "SET_VRING_ENABLE";
        case Request::get_config: return "GET_CONFIG";
        case Request::set_config: return "SET_CONFIG";
        case Request::reset_device: return "RESET_DEVICE";
    }
    return "";
}

}  // namespace vsockd
