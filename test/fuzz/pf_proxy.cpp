// What pf-proxy's sides read from each other: decoding is total, the same in steps as at once, and
// what decodes is written anew as it was. No address comes out in a second spelling, and no name
// that a resolver could take for an address.
#include "proto/pf_proxy.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "../unit/proto/support.h"

namespace wire = proto::pf_proxy;
using proto::Outcome;
using vsockio::IpAddress;

namespace {

using Bytes = std::span<const std::byte>;

void expect(bool truth) {
    if (!truth) std::abort();
}

void check_endpoint(const std::optional<vsockio::IpEndpoint>& endpoint) {
    if (!endpoint.has_value()) return;
    expect(endpoint->port != 0 && endpoint->address.unmapped() == endpoint->address);
}

bool begins_with(Bytes input, Bytes start) {
    return start.size() <= input.size() && std::equal(start.begin(), start.end(), input.begin());
}

void check_request(Bytes input) {
    expect(proto_test::fault_of_steps(input, wire::decode_request).empty());
    const auto decoded = wire::decode_request(input);
    if (decoded.outcome != Outcome::done) return;
    std::array<std::byte, wire::kMaximumRequestBytes> memory;
    const Bytes again = wire::encode_request(decoded.value, memory);
    expect(again.size() == decoded.used_bytes && begins_with(input, again));
    const auto check_host = [](std::string_view name) {
        in_addr ignored{};
        expect(::inet_aton(std::string(name).c_str(), &ignored) == 0);
    };
    expect(decoded.value.names.size() <= wire::kMaximumNames);
    std::ranges::for_each(decoded.value.names, check_host);
    if (const auto* name = std::get_if<std::string_view>(&decoded.value.host)) {
        expect(decoded.value.names.empty());
        check_host(*name);
    } else {
        check_endpoint(vsockio::IpEndpoint{std::get<IpAddress>(decoded.value.host), 1});
    }
}

// Any text is either no host name or travels as it is.
void check_name(std::string_view name) {
    std::array<std::byte, wire::kMaximumRequestBytes> memory;
    const wire::Request request{vsockio::Transport::udp, name, 53};
    const wire::Request beside{vsockio::Transport::tcp, IpAddress::v4(192, 0, 2, 7), 53, {name}};
    expect(wire::encode_request(beside, memory).empty() != vsockio::bad_host_name(name).empty());
    const Bytes bytes = wire::encode_request(request, memory);
    expect(bytes.empty() != vsockio::bad_host_name(name).empty());
    if (bytes.empty()) return;
    const auto decoded = wire::decode_request(bytes);
    expect(decoded.outcome == Outcome::done && decoded.value == request);
}

void check_status(Bytes input) {
    expect(proto_test::fault_of_steps(input, wire::decode_status).empty());
    const auto decoded = wire::decode_status(input);
    if (decoded.outcome != Outcome::done) return;
    std::array<std::byte, wire::kStatusBytes> memory;
    wire::encode_status(decoded.value, memory);
    expect(begins_with(input, memory));
    check_endpoint(decoded.value.endpoint);
    expect((wire::errno_of(decoded.value) == 0) ==
           (decoded.value.code == wire::StatusCode::connected));
}

std::vector<std::byte> encoded(const wire::Frame& frame) {
    std::array<std::byte, wire::kMaximumErrorBytes> memory;
    if (frame.kind == wire::Frame::Kind::error) {
        const Bytes used = wire::encode_error(frame.endpoint, frame.errno_value, memory);
        return {used.begin(), used.end()};
    }
    const Bytes header =
        wire::encode_datagram_header(frame.endpoint, frame.payload.size(),
                                     std::span(memory).first<wire::kMaximumFrameHeaderBytes>());
    std::vector<std::byte> bytes(header.begin(), header.end());
    bytes.insert(bytes.end(), frame.payload.begin(), frame.payload.end());
    return bytes;
}

void check_frames(Bytes input, wire::Way way) {
    const auto decode = [way](Bytes bytes) { return wire::decode_frame(bytes, way); };
    expect(proto_test::fault_of_steps(input, decode).empty());
    while (true) {
        const auto decoded = decode(input);
        if (decoded.outcome != Outcome::done) return;
        expect(decoded.used_bytes <= wire::kMaximumFrameBytes);
        expect(way == wire::Way::inward || decoded.value.kind == wire::Frame::Kind::datagram);
        check_endpoint(decoded.value.endpoint);
        const auto again = encoded(decoded.value);
        expect(again.size() == decoded.used_bytes && begins_with(input, again));
        input = input.subspan(decoded.used_bytes);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes input = std::as_bytes(std::span(data, size));
    check_request(input);
    check_name(base::as_text(input));
    check_status(input);
    check_frames(input, wire::Way::outward);
    check_frames(input, wire::Way::inward);
    return 0;
}
