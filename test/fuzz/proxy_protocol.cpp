// PROXY headers of both versions: decoding is total and the same in steps as at once, and what
// decodes means the same when it is written in either version and read again.
#include "proto/proxy_protocol.h"

#include <algorithm>
#include <cstdlib>

#include "../unit/proto/support.h"

namespace proxy = proto::proxy_protocol;
using proto::Outcome;

namespace {

void expect(bool truth) {
    if (!truth) std::abort();
}

void check_again(std::span<const std::byte> bytes, const proxy::Header& header) {
    const auto again = proxy::decode(bytes);
    expect(again.outcome == Outcome::done && again.used_bytes == bytes.size());
    expect(again.value == header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::byte> input = std::as_bytes(std::span(data, size));
    expect(proto_test::fault_of_steps(input, proxy::decode).empty());
    const auto decoded = proxy::decode(input);
    expect(decoded.used_bytes <= proxy::kMaximumHeaderBytes);
    expect(decoded.wanted_bytes <= proxy::kMaximumHeaderBytes);
    if (decoded.outcome != Outcome::done) return 0;
    const proxy::Header& header = decoded.value;
    expect(header.source.address.unmapped() == header.source.address);
    expect(header.destination.address.unmapped() == header.destination.address);

    std::array<std::byte, proxy::kMaximumEncodedBytes> memory;
    check_again(proxy::encode_v2(header, proxy::Checksum::none, memory), header);
    check_again(proxy::encode_v2(header, proxy::Checksum::crc32c, memory), header);
    // Version 1 can say less.
    proxy::Header unknown;
    unknown.kind = proxy::Kind::unknown;
    const bool sayable =
        header.kind == proxy::Kind::proxied && header.transport == vsockio::Transport::tcp;
    check_again(proxy::encode_v1(header, memory), sayable ? header : unknown);
    return 0;
}
