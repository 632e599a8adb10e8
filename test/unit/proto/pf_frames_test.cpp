// pf-proxy's frames of datagrams: bytes as the page lays them out, limits, every cut.
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <string>
#include <vector>

#include "base/text.h"
#include "proto/pf_proxy.h"
#include "support.h"

using proto::Outcome;
using proto_test::fault_of_steps;
using proto_test::hex;
using vsockio::IpAddress;
using vsockio::IpEndpoint;
namespace wire = proto::pf_proxy;
using wire::Frame;
using wire::Way;

namespace {

const IpEndpoint kV4{IpAddress::v4(192, 0, 2, 7), 53};
const IpEndpoint kV6{IpAddress::v6({0x2001, 0xDB8, 0, 0, 0, 0, 0, 7}), 53};

auto decode_outward(std::span<const std::byte> input) {
    return wire::decode_frame(input, Way::outward);
}
auto decode_inward(std::span<const std::byte> input) {
    return wire::decode_frame(input, Way::inward);
}

std::vector<std::byte> encoded(const Frame& frame) {
    if (frame.kind == Frame::Kind::error) {
        std::array<std::byte, wire::kMaximumErrorBytes> memory;
        const auto used = wire::encode_error(frame.endpoint, frame.errno_value, memory);
        return {used.begin(), used.end()};
    }
    std::array<std::byte, wire::kMaximumFrameHeaderBytes> memory;
    const auto used = wire::encode_datagram_header(frame.endpoint, frame.payload.size(), memory);
    std::vector<std::byte> bytes(used.begin(), used.end());
    if (!bytes.empty()) bytes.insert(bytes.end(), frame.payload.begin(), frame.payload.end());
    return bytes;
}

Frame datagram(const std::optional<IpEndpoint>& endpoint, std::span<const std::byte> payload) {
    return {Frame::Kind::datagram, endpoint, payload, 0};
}
Frame error(const std::optional<IpEndpoint>& endpoint, int errno_value) {
    return {Frame::Kind::error, endpoint, {}, errno_value};
}

struct Example {
    const char* bytes;
    Frame frame;
};

const Example kExamples[] = {
    {"01 04 0035 0003 c0000207 616263", datagram(kV4, base::as_bytes("abc"))},
    {"01 06 0035 0001 20010db8000000000000000000000007 61", datagram(kV6, base::as_bytes("a"))},
    {"01 00 0000 0002 6162", datagram({}, base::as_bytes("ab"))},
    {"01 04 0035 0000 c0000207", datagram(kV4, {})},
    {"01 00 0000 0000", datagram({}, {})},
    {"02 04 0035 0002 c0000207 000d", error(kV4, EACCES)},
    {"02 00 0000 0002 006f", error({}, ECONNREFUSED)},
};

bool same(const Frame& left, const Frame& right) {
    return left.kind == right.kind && left.endpoint == right.endpoint &&
           std::ranges::equal(left.payload, right.payload) && left.errno_value == right.errno_value;
}

}  // namespace

TEST_CASE("a frame is the bytes of the page, both ways") {
    for (const auto& [text, frame] : kExamples) {
        INFO(text);
        const auto bytes = hex(text);
        CHECK(encoded(frame) == bytes);
        const auto decoded = decode_inward(bytes);
        REQUIRE(decoded.outcome == Outcome::done);
        CHECK(same(decoded.value, frame));
        CHECK(decoded.used_bytes == bytes.size());
        CHECK(fault_of_steps(bytes, decode_inward) == "");
        CHECK(fault_of_steps(bytes, decode_outward) == "");
        // Only the far side tells of errors.
        CHECK((decode_outward(bytes).outcome == Outcome::done) ==
              (frame.kind == Frame::Kind::datagram));
    }
}

TEST_CASE("frames follow one another without a gap") {
    std::vector<std::byte> stream;
    for (const auto& [text, frame] : kExamples) {
        for (const std::byte byte : hex(text))
            stream.push_back(byte);
    }
    std::span<const std::byte> rest = stream;
    for (const auto& [text, frame] : kExamples) {
        INFO(text);
        const auto decoded = decode_inward(rest);
        REQUIRE(decoded.outcome == Outcome::done);
        CHECK(same(decoded.value, frame));
        rest = rest.subspan(decoded.used_bytes);
    }
    CHECK(rest.empty());
}

TEST_CASE("a frame with a changed byte is bad, waits for more, or has its one spelling") {
    std::size_t decoded_frames = 0;
    for (const auto& [text, frame] : kExamples) {
        const auto bytes = hex(text);
        for (std::size_t index = 0; index < bytes.size(); ++index) {
            for (unsigned value = 0; value < 256; ++value) {
                auto changed = bytes;
                changed[index] = static_cast<std::byte>(value);
                const auto decoded = decode_inward(changed);
                if (decoded.outcome != Outcome::done) continue;
                ++decoded_frames;
                changed.resize(decoded.used_bytes);
                INFO(text << ": " << index << " is " << value);
                REQUIRE(encoded(decoded.value) == changed);
            }
        }
    }
    CHECK(decoded_frames > 1000);
}

TEST_CASE("the largest datagram passes and one byte more does not") {
    std::vector<std::byte> payload(wire::kMaximumPayload + 1, std::byte{7});
    CHECK(encoded(datagram(kV6, payload)).empty());
    payload.pop_back();
    const auto bytes = encoded(datagram(kV6, payload));
    REQUIRE(bytes.size() == wire::kMaximumFrameBytes);
    const auto decoded = decode_outward(bytes);
    REQUIRE(decoded.outcome == Outcome::done);
    CHECK(decoded.value.payload.size() == 65'507);
    CHECK(fault_of_steps(bytes, decode_outward) == "");
    // By the length alone, before the payload is there.
    CHECK(decode_outward(hex("01 04 0035 ffe4")).outcome == Outcome::bad);
    CHECK(decode_outward(hex("01 04 0035 ffe3")).outcome == Outcome::need_more);
}

TEST_CASE("what a frame cannot hold is bad") {
    for (const char* text : {
             "00 04 0035 0001 c0000207 61",                        // kind
             "03 04 0035 0001 c0000207 61",                        //
             "01 01 0035 0001 c0000207 61",                        // family
             "01 05 0035 0001 c0000207 61",                        //
             "01 04 0000 0001 c0000207 61",                        // port
             "01 00 0035 0001 61",                                 //
             "01 06 0035 0000 00000000000000000000ffff c0000207",  // mapped
             "02 04 0035 0000 c0000207",                           // an error without errno
             "02 04 0035 0003 c0000207 000d00",                    //
             "02 04 0035 0002 c0000207 0000",                      // an errno nobody has
             "02 04 0035 0002 c0000207 ffff",
         }) {
        INFO(text);
        CHECK(decode_inward(hex(text)).outcome == Outcome::bad);
        CHECK(fault_of_steps(hex(text), decode_inward) == "");
    }
}

TEST_CASE("an endpoint that no frame can have gives no frame") {
    const IpEndpoint mapped{IpAddress::v6({0, 0, 0, 0, 0, 0xFFFF, 0xC000, 0x207}), 53};
    CHECK(encoded(datagram(mapped, {})) == encoded(datagram(kV4, {})));
    CHECK(encoded(datagram(IpEndpoint{kV4.address, 0}, {})).empty());
    CHECK(encoded(error(IpEndpoint{kV4.address, 0}, EACCES)).empty());
    CHECK(encoded(error(kV4, ENOTTY)) == encoded(error(kV4, EIO)));
}
