// Encoding and decoding of pf-proxy's request, status and frames.
#include "proto/pf_proxy.h"

#include <algorithm>
#include <cerrno>

#include "base/bytes.h"
#include "base/text.h"

namespace proto::pf_proxy {

using vsockio::IpAddress;
using vsockio::IpEndpoint;
using vsockio::Transport;

namespace {

constexpr std::string_view kRequestMagic = "EBPQ";
constexpr std::string_view kStatusMagic = "EBPA";

constexpr std::size_t kRequestHeadBytes = 8;
constexpr std::size_t kPortBytes = 2;
constexpr std::size_t kStatusAddressOffset = 12;
constexpr std::size_t kFrameHeadBytes = 6;
constexpr std::size_t kErrorBytes = 2;

constexpr std::uint8_t kFamilyNone = 0;
constexpr std::uint8_t kFamilyName = 1;
constexpr std::uint8_t kFamily4 = 4;
constexpr std::uint8_t kFamily6 = 6;
constexpr std::uint8_t kWithNames = 1;  // added to the family of an address

std::uint8_t byte_at(std::span<const std::byte> input, std::size_t offset) {
    return std::to_integer<std::uint8_t>(input[offset]);
}

std::size_t size_of_family(std::uint8_t family) {
    return family == kFamily4 ? 4 : family == kFamily6 ? 16 : 0;
}

// Why what is there of magic and version cannot be; empty when it can.
std::string_view fault_of_start(std::span<const std::byte> input, std::string_view magic) {
    const std::size_t size = std::min(input.size(), magic.size());
    if (base::as_text(input.first(size)) != magic.substr(0, size))
        return "magic: not the right one";
    if (input.size() > magic.size() && byte_at(input, magic.size()) != kVersion) {
        return "version: not 1";
    }
    return {};
}

void put_start(std::span<std::byte> memory, std::string_view magic) {
    std::ranges::copy(base::as_bytes(magic), memory.begin());
    memory[magic.size()] = std::byte{kVersion};
}

// The address of `family` at the front of `input`; nothing when it is a mapped one.
std::optional<IpAddress> address_at(std::span<const std::byte> input, std::uint8_t family) {
    IpAddress address;
    address.is_v4 = family == kFamily4;
    std::ranges::copy(input.first(size_of_family(family)), address.bytes.begin());
    if (address.unmapped().is_v4 != address.is_v4) return std::nullopt;
    return address;
}

// Writes the address and returns its bytes.
std::size_t put_address(std::span<std::byte> memory, const IpAddress& address) {
    const std::size_t size = address.is_v4 ? 4 : 16;
    std::ranges::copy(std::span(address.bytes).first(size), memory.begin());
    return size;
}

std::uint8_t family_of(const IpAddress& address) {
    return address.is_v4 ? kFamily4 : kFamily6;
}

bool has_endpoint(StatusCode code) {
    return code == StatusCode::connected || code == StatusCode::failed;
}

// The fields of a status after its version.
std::string_view read_status(std::span<const std::byte> input, Status& status) {
    status.code = static_cast<StatusCode>(byte_at(input, 5));
    if (status.code < StatusCode::connected || status.code > StatusCode::not_ready) {
        return "status: none that is known";
    }
    const std::uint16_t number = base::load_be<std::uint16_t>(input.subspan(6));
    if (status.code == StatusCode::failed) {
        const std::optional<int> errno_value = errno_from_wire(number);
        if (!errno_value.has_value()) return "errno: none that is known";
        status.errno_value = *errno_value;
    } else if (number != 0) {
        return "errno: not 0";
    }
    const std::uint8_t family = byte_at(input, 8);
    if (family != kFamilyNone && family != kFamily4 && family != kFamily6) {
        return "family: none that is known";
    }
    if (family != kFamilyNone && !has_endpoint(status.code)) return "family: not of this status";
    if (byte_at(input, 9) != 0) return "zero: not 0";
    const std::uint16_t port = base::load_be<std::uint16_t>(input.subspan(10));
    if ((port == 0) != (family == kFamilyNone)) return "port: not as the family wants it";
    const auto address = input.subspan(kStatusAddressOffset);
    const auto padding = address.subspan(size_of_family(family));
    if (!std::ranges::all_of(padding, [](std::byte byte) { return byte == std::byte{0}; })) {
        return "address: not 0 where it is not used";
    }
    if (family == kFamilyNone) return {};
    const auto value = address_at(address, family);
    if (!value.has_value()) return "address: IPv4 mapped into IPv6";
    status.endpoint = IpEndpoint{*value, port};
    return {};
}

// Why `name` cannot stand behind `names`; empty when it can.
std::string_view fault_of_next(std::span<const std::string_view> names, std::string_view name) {
    if (!vsockio::bad_host_name(name).empty()) return "names: one not of a host";
    return std::ranges::count(names, name) == 0 ? "" : "names: one twice";
}

// What stands behind the port, from `offset` on.
Decoded<Request> decode_names(std::span<const std::byte> input, std::size_t offset,
                              Request request) {
    using Answer = Decoded<Request>;
    if (input.size() <= offset) return Answer::need(offset + 1);
    const std::size_t count = byte_at(input, offset++);
    if (count == 0 || count > kMaximumNames) return Answer::bad("names: none, or too many");
    while (request.names.size() < count) {
        if (input.size() <= offset) return Answer::need(offset + 1);
        const std::size_t length = byte_at(input, offset++);
        if (length == 0 || length > vsockio::kMaximumHostName)
            return Answer::bad("names: a length");
        if (input.size() < offset + length) {
            const bool more = request.names.size() + 1 < count;
            return Answer::need(offset + length + (more ? 1 : 0));
        }
        const std::string_view name = base::as_text(input.subspan(offset, length));
        const std::string_view fault = fault_of_next(request.names, name);
        if (!fault.empty()) return Answer::bad(fault);
        request.names.push_back(name);
        offset += length;
    }
    return Answer::done(std::move(request), offset);
}

// The fixed part of a frame. Returns its used bytes, 0 when there is no such frame.
std::size_t put_frame_header(Frame::Kind kind, const std::optional<IpEndpoint>& endpoint,
                             std::size_t payload_bytes, std::span<std::byte> memory) {
    if (payload_bytes > kMaximumPayload) return 0;
    if (endpoint.has_value() && endpoint->port == 0) return 0;
    memory[0] = static_cast<std::byte>(kind);
    memory[1] = std::byte{kFamilyNone};
    base::store_be(memory.subspan(2), endpoint.has_value() ? endpoint->port : std::uint16_t{0});
    base::store_be(memory.subspan(4), static_cast<std::uint16_t>(payload_bytes));
    if (!endpoint.has_value()) return kFrameHeadBytes;
    const IpAddress address = endpoint->address.unmapped();
    memory[1] = std::byte{family_of(address)};
    return kFrameHeadBytes + put_address(memory.subspan(kFrameHeadBytes), address);
}

// Why the fixed part of a frame cannot be; empty when it can.
std::string_view fault_of_frame(std::span<const std::byte> input, Way way) {
    const auto kind = static_cast<Frame::Kind>(byte_at(input, 0));
    if (kind != Frame::Kind::datagram && kind != Frame::Kind::error) {
        return "kind: none that is known";
    }
    if (kind == Frame::Kind::error && way == Way::outward) return "kind: an error outward";
    const std::uint8_t family = byte_at(input, 1);
    if (family != kFamilyNone && family != kFamily4 && family != kFamily6) {
        return "family: none that is known";
    }
    const bool has_port = base::load_be<std::uint16_t>(input.subspan(2)) != 0;
    if (has_port != (family != kFamilyNone)) return "port: not as the family wants it";
    const std::size_t length = base::load_be<std::uint16_t>(input.subspan(4));
    if (length > kMaximumPayload) return "length: over the limit";
    if (kind == Frame::Kind::error && length != kErrorBytes) return "length: not that of an errno";
    return {};
}

}  // namespace

Decoded<Request> decode_request(std::span<const std::byte> input) {
    using Answer = Decoded<Request>;
    const std::string_view why = fault_of_start(input, kRequestMagic);
    if (!why.empty()) return Answer::bad(why);
    if (input.size() < kRequestHeadBytes) return Answer::need(kRequestHeadBytes);
    const std::uint8_t transport = byte_at(input, 5);
    const std::uint8_t family = byte_at(input, 6);
    const std::size_t length = byte_at(input, 7);
    if (transport != 1 && transport != 2) return Answer::bad("transport: none that is known");
    const bool is_name = family == kFamilyName;
    const bool has_names = family == kFamily4 + kWithNames || family == kFamily6 + kWithNames;
    const auto plain = static_cast<std::uint8_t>(has_names ? family - kWithNames : family);
    if (!is_name && plain != kFamily4 && plain != kFamily6) {
        return Answer::bad("family: none that is known");
    }
    if (is_name ? length == 0 || length > vsockio::kMaximumHostName
                : length != size_of_family(plain)) {
        return Answer::bad("length: not one of the family");
    }
    const std::size_t size = kRequestHeadBytes + length + kPortBytes;
    if (input.size() < size) return Answer::need(size + (has_names ? 1 : 0));

    Request request;
    request.transport = static_cast<Transport>(transport);
    const auto host = input.subspan(kRequestHeadBytes, length);
    if (is_name) {
        const std::string_view name = base::as_text(host);
        if (!vsockio::bad_host_name(name).empty()) return Answer::bad("name: not of a host");
        request.host = name;
    } else {
        const auto address = address_at(host, plain);
        if (!address.has_value()) return Answer::bad("address: IPv4 mapped into IPv6");
        request.host = *address;
    }
    request.port = base::load_be<std::uint16_t>(input.subspan(kRequestHeadBytes + length));
    if (request.port == 0) return Answer::bad("port: 0");
    if (has_names) return decode_names(input, size, std::move(request));
    return Answer::done(std::move(request), size);
}

std::span<const std::byte> encode_request(const Request& request,
                                          std::span<std::byte, kMaximumRequestBytes> memory) {
    if (request.port == 0 || request.names.size() > kMaximumNames) return {};
    put_start(memory, kRequestMagic);
    memory[5] = static_cast<std::byte>(request.transport);
    const std::span<std::byte> rest = memory.subspan(kRequestHeadBytes);
    std::size_t length = 0;
    if (const auto* name = std::get_if<std::string_view>(&request.host)) {
        if (!vsockio::bad_host_name(*name).empty() || !request.names.empty()) return {};
        memory[6] = std::byte{kFamilyName};
        std::ranges::copy(base::as_bytes(*name), rest.begin());
        length = name->size();
    } else {
        const IpAddress address = std::get_if<IpAddress>(&request.host)->unmapped();
        const int with = request.names.empty() ? 0 : kWithNames;
        memory[6] = static_cast<std::byte>(family_of(address) + with);
        length = put_address(rest, address);
    }
    memory[7] = static_cast<std::byte>(length);
    base::store_be(rest.subspan(length), request.port);
    std::size_t used = kRequestHeadBytes + length + kPortBytes;
    if (request.names.empty()) return memory.first(used);
    memory[used++] = static_cast<std::byte>(request.names.size());
    for (auto name = request.names.begin(); name != request.names.end(); ++name) {
        if (!fault_of_next(std::span(request.names.begin(), name), *name).empty()) return {};
        memory[used++] = static_cast<std::byte>(name->size());
        std::ranges::copy(base::as_bytes(*name),
                          memory.begin() + static_cast<std::ptrdiff_t>(used));
        used += name->size();
    }
    return memory.first(used);
}

int errno_of(const Status& status) {
    switch (status.code) {
        case StatusCode::connected: return 0;
        case StatusCode::refused: return EACCES;
        case StatusCode::failed: return status.errno_value;
        case StatusCode::bad_header: return EPROTO;
        case StatusCode::too_many: return EAGAIN;
        case StatusCode::not_ready: return ECONNREFUSED;
    }
    return EPROTO;
}

Decoded<Status> decode_status(std::span<const std::byte> input) {
    using Answer = Decoded<Status>;
    const std::string_view why = fault_of_start(input, kStatusMagic);
    if (!why.empty()) return Answer::bad(why);
    if (input.size() < kStatusBytes) return Answer::need(kStatusBytes);
    Status status;
    const std::string_view fault = read_status(input.first(kStatusBytes), status);
    if (!fault.empty()) return Answer::bad(fault);
    return Answer::done(status, kStatusBytes);
}

void encode_status(const Status& status, std::span<std::byte, kStatusBytes> memory) {
    std::ranges::fill(memory, std::byte{0});
    put_start(memory, kStatusMagic);
    memory[5] = static_cast<std::byte>(status.code);
    if (status.code == StatusCode::failed) {
        base::store_be(memory.subspan(6), errno_to_wire(status.errno_value));
    }
    if (!has_endpoint(status.code) || !status.endpoint.has_value()) return;
    if (status.endpoint->port == 0) return;
    const IpAddress address = status.endpoint->address.unmapped();
    memory[8] = std::byte{family_of(address)};
    base::store_be(memory.subspan(10), status.endpoint->port);
    put_address(memory.subspan(kStatusAddressOffset), address);
}

Decoded<Frame> decode_frame(std::span<const std::byte> input, Way way) {
    using Answer = Decoded<Frame>;
    if (input.size() < kFrameHeadBytes) return Answer::need(kFrameHeadBytes);
    const std::string_view why = fault_of_frame(input, way);
    if (!why.empty()) return Answer::bad(why);
    const std::uint8_t family = byte_at(input, 1);
    const std::size_t length = base::load_be<std::uint16_t>(input.subspan(4));
    const std::size_t header = kFrameHeadBytes + size_of_family(family);
    if (input.size() < header + length) return Answer::need(header + length);

    Frame frame;
    frame.kind = static_cast<Frame::Kind>(byte_at(input, 0));
    if (family != kFamilyNone) {
        const auto address = address_at(input.subspan(kFrameHeadBytes), family);
        if (!address.has_value()) return Answer::bad("address: IPv4 mapped into IPv6");
        frame.endpoint = IpEndpoint{*address, base::load_be<std::uint16_t>(input.subspan(2))};
    }
    const auto payload = input.subspan(header, length);
    if (frame.kind == Frame::Kind::datagram) {
        frame.payload = payload;
    } else {
        const auto errno_value = errno_from_wire(base::load_be<std::uint16_t>(payload));
        if (!errno_value.has_value()) return Answer::bad("errno: none that is known");
        frame.errno_value = *errno_value;
    }
    return Answer::done(frame, header + length);
}

std::span<const std::byte> encode_datagram_header(
    const std::optional<IpEndpoint>& endpoint, std::size_t payload_bytes,
    std::span<std::byte, kMaximumFrameHeaderBytes> memory) {
    return memory.first(put_frame_header(Frame::Kind::datagram, endpoint, payload_bytes, memory));
}

std::span<const std::byte> encode_error(const std::optional<IpEndpoint>& endpoint, int errno_value,
                                        std::span<std::byte, kMaximumErrorBytes> memory) {
    const std::size_t header = put_frame_header(Frame::Kind::error, endpoint, kErrorBytes, memory);
    if (header == 0) return {};
    base::store_be(memory.subspan(header), errno_to_wire(errno_value));
    return memory.first(header + kErrorBytes);
}

}  // namespace proto::pf_proxy
