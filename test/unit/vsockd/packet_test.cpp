// The vsock packet header.
#include "packet.h"

#include <algorithm>
#include <array>
#include <catch2/catch_test_macros.hpp>

using namespace vsockd;

TEST_CASE("a header is laid out as virtio says") {
    std::array<std::byte, kHeaderBytes> bytes{};
    for (std::size_t index = 0; index < bytes.size(); ++index)
        bytes[index] = std::byte(index + 1);
    const Header header = decode_header(bytes);
    CHECK(header.source_cid == 0x0807060504030201);
    CHECK(header.destination_cid == 0x100F0E0D0C0B0A09);
    CHECK(header.source_port == 0x14131211);
    CHECK(header.destination_port == 0x18171615);
    CHECK(header.length == 0x1C1B1A19);
    CHECK(header.type == 0x1E1D);
    CHECK(static_cast<std::uint16_t>(header.operation) == 0x201F);
    CHECK(header.flags == 0x24232221);
    CHECK(header.buffer_bytes == 0x28272625);
    CHECK(header.forwarded_count == 0x2C2B2A29);
    std::array<std::byte, kHeaderBytes> again{};
    encode_header(header, again);
    CHECK(again == bytes);
}

TEST_CASE("a reset goes back to where the packet came from") {
    Header packet;
    packet.source_cid = 16;
    packet.destination_cid = 3;
    packet.source_port = 1;
    packet.destination_port = 2;
    packet.type = 2;
    packet.length = 100;
    const Header reset = reset_for(packet);
    CHECK(reset.source_cid == 3);
    CHECK(reset.destination_cid == 16);
    CHECK(reset.source_port == 2);
    CHECK(reset.destination_port == 1);
    CHECK(reset.type == 2);
    CHECK(reset.length == 0);
    CHECK(operation_name(reset.operation) == "rst");
    CHECK(operation_name(static_cast<Operation>(77)) == "unknown");
}
