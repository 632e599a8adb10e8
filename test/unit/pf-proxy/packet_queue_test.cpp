// What counts as the first packet of a connection, and the verdicts. That the kernel agrees is
// shown by test/it/pf_proxy_rules.sh.
#include "packet_queue.h"

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "marks.h"
#include "syn_queue.h"

using pf_proxy::read_syn;

namespace {

std::vector<std::byte> bytes(std::string_view hex) {
    return base::from_hex(hex).value();
}

// 192.0.0.4:40000 to 198.51.100.7:443; flags are byte 33.
const char* const kV4 =
    "4500002800014000400600 00c0000004c6336407"
    "9c4001bb000000010000000050020200 00000000";
const char* const kV6 =
    "6000000000140640fd656e636c6176650000000000000001"
    "20010db8000000000000000000000007"
    "9c4001bb00000001000000005002020000000000";

std::vector<std::byte> packet(std::string_view hex) {
    std::string plain;
    for (const char each : hex) {
        if (each != ' ') plain += each;
    }
    return bytes(plain);
}

}  // namespace

TEST_CASE("the first packet of a connection tells its endpoints") {
    const auto v4 = read_syn(packet(kV4));
    REQUIRE(v4.has_value());
    CHECK(to_string(v4->source) == "192.0.0.4:40000");
    CHECK(to_string(v4->destination) == "198.51.100.7:443");
    const auto v6 = read_syn(packet(kV6));
    REQUIRE(v6.has_value());
    CHECK(to_string(v6->source) == "[fd65:6e63:6c61:7665::1]:40000");
    CHECK(to_string(v6->destination) == "[2001:db8::7]:443");
}

TEST_CASE("other packets are none") {
    const std::vector<std::byte> whole = packet(kV4);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK_FALSE(read_syn(std::span(whole).first(size)).has_value());
    }
    const auto changed = [&](std::size_t offset, unsigned value) {
        std::vector<std::byte> other = whole;
        other[offset] = static_cast<std::byte>(value);
        return read_syn(other).has_value();
    };
    CHECK(changed(33, 0xC2));        // with ECN
    CHECK_FALSE(changed(33, 0x12));  // an answer
    CHECK_FALSE(changed(33, 0x10));
    CHECK_FALSE(changed(33, 0x03));
    CHECK_FALSE(changed(9, 17));    // UDP
    CHECK_FALSE(changed(7, 0x01));  // a later fragment
    CHECK_FALSE(changed(0, 0x44));  // a header shorter than a header
    CHECK_FALSE(changed(0, 0x4F));  // and one longer than the packet
    CHECK_FALSE(changed(0, 0x55));
    std::vector<std::byte> hops = packet(kV6);
    hops[6] = std::byte{0};  // options before TCP
    CHECK_FALSE(read_syn(hops).has_value());
}

TEST_CASE("verdicts are for one packet of one queue") {
    pf_proxy::NetlinkMessage message = pf_proxy::let_through_marked(7, 9, 0xEC000001);
    const std::string text = base::to_hex(message.bytes(5));
    // Length, type and flags; queue; verdict and packet; mark.
    CHECK(text ==
          "28000000"
          "0103"
          "0100"
          "05000000"
          "00000000"
          "00000007"
          "0c000200"
          "00000001"
          "00000009"
          "08000300"
          "ec000001");
    pf_proxy::NetlinkMessage dropped = pf_proxy::drop(7, 9);
    CHECK(base::to_hex(dropped.bytes(1)).ends_with("0c0002000000000000000009"));
}

TEST_CASE("each errno has its answer, and patience has none") {
    CHECK(pf_proxy::mark_for(ECONNREFUSED) == pf_proxy::kResetMark);
    CHECK(pf_proxy::mark_for(ENETUNREACH) == pf_proxy::kNoRouteMark);
    CHECK(pf_proxy::mark_for(EHOSTUNREACH) == pf_proxy::kHostUnreachableMark);
    CHECK(pf_proxy::mark_for(EACCES) == pf_proxy::kProhibitedMark);
    CHECK(pf_proxy::mark_for(EIO) == pf_proxy::kHostUnreachableMark);
    CHECK_FALSE(pf_proxy::mark_for(ETIMEDOUT).has_value());
    CHECK_FALSE(pf_proxy::mark_for(EAGAIN).has_value());
}
