// PROXY headers: what the specification shows, what it forbids, every cut, every changed byte.
#include "proto/proxy_protocol.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "base/text.h"
#include "support.h"

using base::as_bytes;
using proto::Outcome;
using proto_test::fault_of_steps;
using proto_test::hex;
using vsockio::IpAddress;
using vsockio::IpEndpoint;
using vsockio::Transport;
namespace proxy = proto::proxy_protocol;
using proxy::Checksum;
using proxy::Header;
using proxy::Kind;

namespace {

const std::string kSignature = "0d0a0d0a000d0a515549540a ";
const std::string kUnixAddresses = std::string(2 * 216, '5');

Header proxied(Transport transport, std::string_view source, std::string_view destination) {
    return {Kind::proxied, transport, vsockio::parse_ip_endpoint(source).value(),
            vsockio::parse_ip_endpoint(destination).value()};
}

std::string line(const Header& header) {
    std::array<std::byte, proxy::kMaximumEncodedBytes> memory;
    return std::string(base::as_text(proxy::encode_v1(header, memory)));
}

std::vector<std::byte> block(const Header& header, Checksum checksum = Checksum::none) {
    std::array<std::byte, proxy::kMaximumEncodedBytes> memory;
    const auto used = proxy::encode_v2(header, checksum, memory);
    return {used.begin(), used.end()};
}

Header of_nobody(Kind kind) {
    Header header;
    header.kind = kind;
    return header;
}

const Header kLocal = of_nobody(Kind::local);
const Header kUnknown = of_nobody(Kind::unknown);
const Header k4 = proxied(Transport::tcp, "192.168.0.1:56324", "192.168.0.11:443");
const Header k6 = proxied(Transport::tcp, "[2001:db8::1]:65535", "[::1]:1");
const Header kUdp4 = proxied(Transport::udp, "192.0.2.1:53", "198.51.100.2:5353");
const Header kUdp6 = proxied(Transport::udp, "[2001:db8::1]:0", "[2001:db8::2]:53");

void check_decodes(std::span<const std::byte> bytes, const Header& header) {
    const auto decoded = proxy::decode(bytes);
    INFO(decoded.bad_because);
    REQUIRE(decoded.outcome == Outcome::done);
    CHECK(decoded.value == header);
    CHECK(decoded.used_bytes == bytes.size());
    CHECK(fault_of_steps(bytes, proxy::decode) == "");
    // The connection's own bytes follow.
    std::vector<std::byte> more(bytes.begin(), bytes.end());
    for (const std::byte byte : as_bytes("GET / HTTP/1.1\r\n"))
        more.push_back(byte);
    CHECK(proxy::decode(more).used_bytes == bytes.size());
    CHECK(fault_of_steps(more, proxy::decode) == "");
}

void check_bad(std::span<const std::byte> bytes) {
    CHECK(proxy::decode(bytes).outcome == Outcome::bad);
    CHECK(fault_of_steps(bytes, proxy::decode) == "");
}

// CRC-32C bit by bit, as in RFC 3720 B.4 and unlike the decoder's table.
std::uint32_t crc32c(std::span<const std::byte> bytes) {
    std::uint32_t state = 0xFFFFFFFF;
    for (const std::byte byte : bytes) {
        state ^= std::to_integer<std::uint32_t>(byte);
        for (int bit = 0; bit < 8; ++bit) {
            state = (state & 1) != 0 ? state >> 1 ^ 0x82F63B78 : state >> 1;
        }
    }
    return ~state;
}

}  // namespace

TEST_CASE("a line of version 1 is read and written") {
    const std::pair<const char*, Header> kLines[] = {
        {"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", k4},
        {"PROXY TCP6 2001:db8::1 ::1 65535 1\r\n", k6},
        {"PROXY UNKNOWN\r\n", kUnknown},
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
         proxied(Transport::tcp, "255.255.255.255:65535", "255.255.255.255:65535")},
        {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", proxied(Transport::tcp, "0.0.0.0:0", "0.0.0.0:0")},
    };
    for (const auto& [text, header] : kLines) {
        INFO(text);
        check_decodes(as_bytes(text), header);
        CHECK(line(header) == text);
    }
}

TEST_CASE("a line of version 1 may be spelled in more than one way") {
    check_decodes(as_bytes("PROXY TCP6 2001:0DB8:0000:0000:0000:0000:0000:0001 0::1 65535 1\r\n"),
                  k6);
    const std::string full = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    check_decodes(as_bytes("PROXY TCP6 " + full + " " + full + " 65535 65535\r\n"),
                  proxied(Transport::tcp, "[" + full + "]:65535", "[" + full + "]:65535"));
    check_decodes(as_bytes("PROXY UNKNOWN " + full + " " + full + " 65535 65535\r\n"), kUnknown);
    check_decodes(as_bytes("PROXY UNKNOWN \r\n"), kUnknown);
    check_decodes(as_bytes("PROXY UNKNOWN whatever 1 2\t3\r\n"), kUnknown);
}

TEST_CASE("a line that is not exactly one of version 1 is bad") {
    for (const char* text : {"GET / HTTP/1.1\r\n",
                             "PROXX",
                             "PROXY\r\n",
                             "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rX",
                             "PROXY UNKNOWN\n",
                             "PROXY UNKNOWN a\nb\r\n",
                             "PROXY UNKNOWN a\rb\r\n",
                             "PROXY UNKNOWNX\r\n",
                             "PROXY  UNKNOWN\r\n",
                             "PROXY unknown\r\n",
                             "PROXY \r\n",
                             "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
                             "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
                             "PROXY TCP4\r\n",
                             "PROXY TCP4 1.2.3.4\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 \r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
                             "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
                             "PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
                             "PROXY TCP4 1.2.3.4\t1.2.3.4 1 2\r\n",
                             "PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n",
                             "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
                             "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
                             "PROXY TCP4 ::1 1.2.3.4 1 2\r\n",
                             "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
                             "PROXY TCP6 ::1 1.2.3.4 1 2\r\n",
                             "PROXY TCP6 ::1%lo ::1 1 2\r\n",
                             "PROXY TCP6 ::1:: ::1 1 2\r\n",
                             "PROXY TCP6 [::1] ::1 1 2\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 00\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 0x1 2\r\n",
                             "PROXY TCP4 1.2.3.4 1.2.3.4 4294967297 2\r\n"}) {
        INFO(text);
        check_bad(as_bytes(text));
    }
    const std::string text("PROXY TCP4 1.2.3.4\0 1.2.3.4 1 2\r\n", 33);
    check_bad(as_bytes(text));
}

TEST_CASE("a line has at most 107 bytes") {
    const std::string start = "PROXY UNKNOWN ";
    const std::string longest = start + std::string(107 - start.size() - 2, 'x') + "\r\n";
    REQUIRE(longest.size() == 107);
    check_decodes(as_bytes(longest), kUnknown);
    check_bad(as_bytes(start + std::string(108 - start.size() - 2, 'x') + "\r\n"));
    // Nothing more is waited for than such a line could have.
    const std::string endless = start + std::string(200, 'x');
    CHECK(proxy::decode(as_bytes(endless).first(105)).outcome == Outcome::need_more);
    check_bad(as_bytes(endless).first(106));
}

TEST_CASE("a block of version 2 is read and written") {
    const std::pair<std::string, Header> kBlocks[] = {
        {"20 00 0000", kLocal},
        {"21 00 0000", kUnknown},
        {"21 11 000c c0a80001 c0a8000b dc04 01bb", k4},
        {"21 12 000c c0000201 c6336402 0035 14e9", kUdp4},
        {"21 21 0024 20010db8000000000000000000000001 00000000000000000000000000000001 ffff 0001",
         k6},
        {"21 22 0024 20010db8000000000000000000000001 20010db8000000000000000000000002 0000 0035",
         kUdp6},
    };
    for (const auto& [text, header] : kBlocks) {
        INFO(text);
        check_decodes(hex(kSignature + text), header);
        CHECK(block(header) == hex(kSignature + text));
    }
}

TEST_CASE("a block that names nobody is passed over to its end") {
    // Of a local connection whatever stands in it, the family too.
    check_decodes(hex(kSignature + "20 11 000c c0a80001 c0a8000b dc04 01bb"), kLocal);
    check_decodes(hex(kSignature + "20 ff 0003 ffffff"), kLocal);
    for (const char* family : {"00", "01", "02", "10", "20", "30"}) {
        INFO(family);
        check_decodes(hex(kSignature + "21" + family + "0003 ffffff"), kUnknown);
    }
    check_decodes(hex(kSignature + "21 31 00d8" + kUnixAddresses), kUnknown);
    check_decodes(hex(kSignature + "21 32 00db" + kUnixAddresses + "04 0000"), kUnknown);
}

TEST_CASE("a block of version 2 that cannot be is bad") {
    for (const char* text : {
             "10 11 000c c0a80001 c0a8000b dc04 01bb",                // version
             "31 11 000c c0a80001 c0a8000b dc04 01bb",                //
             "22 11 000c c0a80001 c0a8000b dc04 01bb",                // command
             "21 13 000c c0a80001 c0a8000b dc04 01bb",                // transport
             "21 41 000c c0a80001 c0a8000b dc04 01bb",                // family
             "21 11 000b c0a80001 c0a8000b dc04 01",                  // too short for the addresses
             "21 11 0000",                                            //
             "21 21 000c c0a80001 c0a8000b dc04 01bb",                //
             "21 31 000c c0a80001 c0a8000b dc04 01bb",                //
             "21 11 0ff1",                                            // over 4096 bytes
             "20 00 ffff",                                            //
             "21 11 000d c0a80001 c0a8000b dc04 01bb 04",             // TLVs: cut
             "21 11 000e c0a80001 c0a8000b dc04 01bb 0400",           //
             "21 11 000f c0a80001 c0a8000b dc04 01bb 040001",         //
             "21 11 0010 c0a80001 c0a8000b dc04 01bb 040002 00",      //
             "21 11 0012 c0a80001 c0a8000b dc04 01bb 030003 000000",  // CRC32C's size
         }) {
        INFO(text);
        check_bad(hex(kSignature + text));
    }
    check_bad(hex("0d0a0d0a000d0a515549540b"));
    check_bad(hex("0d0a0d0a01"));
    check_bad(hex(kSignature + "21 31 00d9" + kUnixAddresses + "04"));
    check_bad(hex(kSignature + "21 41 0024" + std::string(72, '0')));
    const auto long_checksum =
        hex(kSignature + "21 11 0014 c0a80001 c0a8000b dc04 01bb 030005 0000000000");
    CHECK(proxy::decode(long_checksum).bad_because == "CRC32C: has not 4 bytes");
}

TEST_CASE("a header of version 2 has at most 4096 bytes, TLVs that nobody asked for among them") {
    auto bytes = hex(kSignature + "21 11 0ff0 c0a80001 c0a8000b dc04 01bb" +
                     "02 000b 6578616d706c652e6f7267 04 0000 e0 0001 ff 05 0fc9");
    bytes.resize(4096 - 3, std::byte{0x55});
    for (const std::byte byte : hex("04 0000"))
        bytes.push_back(byte);
    check_decodes(bytes, k4);
}

TEST_CASE("a CRC-32C is verified wherever it stands") {
    CHECK(crc32c(as_bytes("123456789")) == 0xE3069283);
    // Written, with the checksum by the other way of computing it.
    for (const Header& header : {kLocal, kUnknown, k4, kUdp4, k6, kUdp6}) {
        auto bytes = block(header, Checksum::crc32c);
        check_decodes(bytes, header);
        REQUIRE(bytes.size() == block(header).size() + 7);
        const std::vector<std::byte> tail(bytes.end() - 4, bytes.end());
        std::fill(bytes.end() - 4, bytes.end(), std::byte{0});
        const std::uint32_t expected = crc32c(bytes);
        for (std::size_t index = 0; index < 4; ++index) {
            CHECK(std::to_integer<std::uint32_t>(tail[index]) ==
                  (expected >> (24 - 8 * index) & 0xFF));
        }
    }
    // Between other TLVs.
    const std::size_t type = 16 + 12 + 3;
    auto bytes = hex(kSignature + "21 11 0019 c0a80001 c0a8000b dc04 01bb" +
                     "04 0000 03 0004 00000000 04 0000");
    const std::uint32_t crc = crc32c(bytes);
    for (std::size_t index = 0; index < 4; ++index) {
        bytes[type + 3 + index] = static_cast<std::byte>(crc >> (24 - 8 * index));
    }
    check_decodes(bytes, k4);
    // With one bit changed a verified block is bad or names nobody, unless it is a bit of what says
    // that there is a checksum.
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        if (index == type) continue;
        for (unsigned bit = 0; bit < 8; ++bit) {
            auto changed = bytes;
            changed[index] ^= static_cast<std::byte>(1U << bit);
            const auto decoded = proxy::decode(changed);
            INFO(index << " bit " << bit);
            CHECK((decoded.outcome != Outcome::done || decoded.value.kind != Kind::proxied));
        }
    }
    // Two that both hold, each over the other: their number would be that of passes over a block.
    check_bad(hex(kSignature + "21 11 001a c0a80001 c0a8000b dc04 0001" +
                  "03 0004 39ea48f4 03 0004 cd0a46e2"));
}

TEST_CASE("what haproxy 2.6 sends is understood, its checksums included") {
    check_decodes(hex(kSignature + "21 11 0013 7f000001 7f000001 e8d2 520b 03 0004 ba160c9c"),
                  proxied(Transport::tcp, "127.0.0.1:59602", "127.0.0.1:21003"));
    // From a socket for both families, with an id.
    check_decodes(hex(kSignature + "21 21 0056 00000000000000000000ffff7f000001" +
                      "00000000000000000000ffff7f000001 a388 520c 03 0004 643ef316 05 0028" +
                      "303030303030303030303030303030303030303046464646374630303030303" +
                      "13a413338385f2d2d"),
                  proxied(Transport::tcp, "127.0.0.1:41864", "127.0.0.1:21004"));
    // A health check.
    check_decodes(hex(kSignature + "20 00 0007 03 0004 a9b87e8f"), kLocal);
}

TEST_CASE("a header with a changed byte is bad, waits for more, or decodes to what it says") {
    std::vector<std::vector<std::byte>> headers;
    for (const Header& header : {kLocal, kUnknown, k4, kUdp4, k6, kUdp6}) {
        headers.push_back(block(header));
        const std::string text = line(header);
        headers.emplace_back(as_bytes(text).begin(), as_bytes(text).end());
    }
    for (const auto& header : headers) {
        for (std::size_t index = 0; index < header.size(); ++index) {
            for (unsigned value = 0; value < 256; ++value) {
                auto changed = header;
                changed[index] = static_cast<std::byte>(value);
                const auto decoded = proxy::decode(changed);
                if (decoded.outcome != Outcome::done) continue;
                INFO(base::quote(base::as_text(header)) << ": " << index << " is " << value);
                const auto again = proxy::decode(block(decoded.value, Checksum::crc32c));
                REQUIRE(again.outcome == Outcome::done);
                CHECK(again.value == decoded.value);
            }
        }
    }
}

TEST_CASE("a mapped address is the IPv4 address, and two families go as IPv6") {
    const Header mapped = proxied(Transport::tcp, "192.0.2.1:5", "[2001:db8::2]:6");
    CHECK(line(mapped) == "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 5 6\r\n");
    check_decodes(as_bytes(line(mapped)), mapped);
    check_decodes(block(mapped), mapped);
    check_decodes(as_bytes("PROXY TCP6 ::ffff:192.168.0.1 ::ffff:c0a8:b 56324 443\r\n"), k4);
}

TEST_CASE("version 1 says of UDP and of local connections that they are unknown") {
    for (const Header& header : {kLocal, kUnknown, kUdp4, kUdp6}) {
        CHECK(line(header) == "PROXY UNKNOWN\r\n");
    }
}
