// pf-proxy's request and status: bytes as the page lays them out, every cut, every changed byte.
#include "proto/pf_proxy.h"

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <string>
#include <vector>

#include "base/text.h"
#include "support.h"

using proto::Decoded;
using proto::Outcome;
using proto_test::fault_of_steps;
using proto_test::hex;
using vsockio::IpAddress;
using vsockio::IpEndpoint;
using vsockio::Transport;
namespace wire = proto::pf_proxy;
using wire::Request;
using wire::Status;
using wire::StatusCode;

namespace {

std::vector<std::byte> encoded(const Request& request) {
    std::array<std::byte, wire::kMaximumRequestBytes> memory;
    const auto used = wire::encode_request(request, memory);
    return {used.begin(), used.end()};
}

std::vector<std::byte> encoded(const Status& status) {
    std::array<std::byte, wire::kStatusBytes> memory;
    memory.fill(std::byte{0xAA});
    wire::encode_status(status, memory);
    return {memory.begin(), memory.end()};
}

const IpAddress kV4 = IpAddress::v4(192, 0, 2, 7);
const IpAddress kV6 = IpAddress::v6({0x2001, 0xDB8, 0, 0, 0, 0, 0, 7});
const IpAddress kMapped = IpAddress::v6({0, 0, 0, 0, 0, 0xFFFF, 0xC000, 0x207});

// A request for `name` with whatever is in it, which encode_request() would not write.
std::vector<std::byte> request_for(std::string_view name) {
    std::vector<std::byte> bytes = hex("45425051 01 01 01 00");
    bytes[7] = static_cast<std::byte>(name.size());
    for (const std::byte byte : base::as_bytes(name))
        bytes.push_back(byte);
    bytes.push_back(std::byte{0});
    bytes.push_back(std::byte{80});
    return bytes;
}

struct RequestExample {
    const char* bytes;
    Request request;
};

const RequestExample kRequests[] = {
    {"45425051 01 01 04 04 c0000207 01bb", {Transport::tcp, kV4, 443}},
    {"45425051 01 02 06 10 20010db8 00000000 00000000 00000007 0035", {Transport::udp, kV6, 53}},
    {"45425051 01 01 01 0b 6578616d706c652e6f7267 ffff", {Transport::tcp, "example.org", 65535}},
    {"45425051 01 01 05 04 c0000207 01bb 01 0b 6578616d706c652e6f7267",
     {Transport::tcp, kV4, 443, {"example.org"}}},
    {"45425051 01 02 07 10 20010db8 00000000 00000000 00000007 0035 02 03 612e62 01 61",
     {Transport::udp, kV6, 53, {"a.b", "a"}}},
};

struct StatusExample {
    const char* bytes;
    Status status;
};

const StatusExample kStatuses[] = {
    {"45425041 01 01 0000 04 00 01bb c0000207 000000000000000000000000",
     {StatusCode::connected, 0, IpEndpoint{kV4, 443}}},
    {"45425041 01 01 0000 00 00 0000 00000000000000000000000000000000", {StatusCode::connected}},
    {"45425041 01 02 0000 00 00 0000 00000000000000000000000000000000", {StatusCode::refused}},
    {"45425041 01 03 006f 06 00 0016 20010db8000000000000000000000007",
     {StatusCode::failed, ECONNREFUSED, IpEndpoint{kV6, 22}}},
    {"45425041 01 03 0071 00 00 0000 00000000000000000000000000000000",
     {StatusCode::failed, EHOSTUNREACH}},
    {"45425041 01 04 0000 00 00 0000 00000000000000000000000000000000", {StatusCode::bad_header}},
    {"45425041 01 05 0000 00 00 0000 00000000000000000000000000000000", {StatusCode::too_many}},
    {"45425041 01 06 0000 00 00 0000 00000000000000000000000000000000", {StatusCode::not_ready}},
};

// Every byte of `bytes` with every other value decodes to what encodes to the same bytes, or not
// at all. Returns how many did.
template <typename Decode>
std::size_t changed_bytes_that_decode(const std::vector<std::byte>& bytes, Decode decode) {
    std::size_t count = 0;
    for (std::size_t index = 0; index < bytes.size(); ++index) {
        for (unsigned value = 0; value < 256; ++value) {
            std::vector<std::byte> changed = bytes;
            changed[index] = static_cast<std::byte>(value);
            if (changed == bytes) continue;
            const auto decoded = decode(changed);
            if (decoded.outcome != Outcome::done) continue;
            ++count;
            changed.resize(decoded.used_bytes);
            INFO(index << " is " << value);
            REQUIRE(encoded(decoded.value) == changed);
        }
    }
    return count;
}

}  // namespace

TEST_CASE("a request is the bytes of the page, both ways") {
    for (const auto& [text, request] : kRequests) {
        INFO(text);
        const auto bytes = hex(text);
        CHECK(encoded(request) == bytes);
        const auto decoded = wire::decode_request(bytes);
        REQUIRE(decoded.outcome == Outcome::done);
        CHECK(decoded.value == request);
        CHECK(decoded.used_bytes == bytes.size());
        CHECK(fault_of_steps(bytes, wire::decode_request) == "");
    }
}

TEST_CASE("a request with a changed byte is bad or another request in its one spelling") {
    for (const auto& [text, request] : kRequests) {
        INFO(text);
        CHECK(changed_bytes_that_decode(hex(text), wire::decode_request) > 500);
    }
}

TEST_CASE("what a request cannot hold is bad, as soon as it can be seen") {
    for (const char* text : {
             "46",                                  // magic
             "45425041 01 01 04 04 c0000207 01bb",  // the status's
             "45425051 00",                         // version
             "45425051 02",                         //
             "45425051 01 00 04 04",                // transport
             "45425051 01 03 04 04",                //
             "45425051 01 01 00 04",                // family
             "45425051 01 01 02 04",                //
             "45425051 01 01 03 04",                //
             "45425051 01 01 09 04",                //
             "45425051 01 01 04 03",                // length
             "45425051 01 01 04 05",                //
             "45425051 01 01 04 10",                //
             "45425051 01 01 06 04",                //
             "45425051 01 01 01 00",                //
             "45425051 01 01 01 fe",                //
             "45425051 01 01 04 04 c0000207 0000",  // port
             "45425051 01 01 01 02 6100 0050",      // a zero byte in a name
             "45425051 01 01 06 10 00000000 00000000 0000ffff a9fea9fe 0050",  // mapped
             "45425051 01 01 07 10 00000000 00000000 0000ffff a9fea9fe 0050",  //
             "45425051 01 01 05 10",                                           // length
             "45425051 01 01 05 04 c0000207 01bb 00",                          // names
             "45425051 01 01 05 04 c0000207 01bb 09",                          //
             "45425051 01 01 05 04 c0000207 01bb 01 00",                       //
             "45425051 01 01 05 04 c0000207 01bb 01 fe",                       //
             "45425051 01 01 05 04 c0000207 01bb 01 02 612e",                  //
             "45425051 01 01 05 04 c0000207 01bb 02 01 61 01 61",              // twice
         }) {
        INFO(text);
        CHECK(wire::decode_request(hex(text)).outcome == Outcome::bad);
        CHECK(fault_of_steps(hex(text), wire::decode_request) == "");
    }
}

TEST_CASE("host names are told from addresses and from everything else") {
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
    REQUIRE(longest.size() == 253);
    for (const std::string& name :
         {std::string("a"), std::string("example.org"), std::string("0.example"),
          std::string("_dns.x-1.example"), std::string("xn--bcher-kva.example"),
          std::string("1.2.3.4.example"), std::string("1.2.3.4a"), std::string("0x1g"), label,
          longest}) {
        INFO(name);
        CHECK(vsockio::bad_host_name(name).empty());
        const auto bytes = request_for(name);
        const auto decoded = wire::decode_request(bytes);
        REQUIRE(decoded.outcome == Outcome::done);
        CHECK(encoded(decoded.value) == bytes);
    }
    for (const std::string& name : {std::string(),
                                    std::string("."),
                                    std::string(".a"),
                                    std::string("a."),
                                    std::string("a..b"),
                                    std::string("-a"),
                                    std::string("a-.b"),
                                    std::string("a b"),
                                    std::string("a\0b", 3),
                                    std::string("a/b"),
                                    std::string("a:1"),
                                    std::string("[::1]"),
                                    std::string("fe80::1%lo"),
                                    std::string("b\xC3\xBC"
                                                "cher"),
                                    std::string("a@b"),
                                    std::string("127.0.0.1"),
                                    std::string("127.1"),
                                    std::string("2130706433"),
                                    std::string("0177.0.0.1"),
                                    std::string("0x7f.1"),
                                    std::string("0x7f000001"),
                                    std::string("a.0x"),
                                    std::string("Example.org"),
                                    std::string("a.0X1"),
                                    std::string("example.1"),
                                    label + "a",
                                    longest + "b"}) {
        INFO(name);
        CHECK_FALSE(vsockio::bad_host_name(name).empty());
        CHECK(encoded(Request{Transport::tcp, name, 80}).empty());
        CHECK(wire::decode_request(request_for(name)).outcome == Outcome::bad);
    }
}

TEST_CASE("what an encoder is given has one spelling on the wire") {
    CHECK(encoded(Request{Transport::tcp, kMapped, 443}) ==
          encoded(Request{Transport::tcp, kV4, 443}));
    CHECK(encoded(Request{Transport::tcp, kV4, 0}).empty());
    CHECK(encoded(Status{StatusCode::connected, 0, IpEndpoint{kMapped, 443}}) ==
          encoded(Status{StatusCode::connected, 0, IpEndpoint{kV4, 443}}));
    // What is not of the status is left out.
    CHECK(encoded(Status{StatusCode::connected, EIO, IpEndpoint{kV4, 0}}) ==
          encoded(Status{StatusCode::connected}));
    CHECK(encoded(Status{StatusCode::refused, EACCES, IpEndpoint{kV4, 443}}) ==
          encoded(Status{StatusCode::refused}));
}

TEST_CASE("a status is the bytes of the page, both ways") {
    for (const auto& [text, status] : kStatuses) {
        INFO(text);
        const auto bytes = hex(text);
        REQUIRE(bytes.size() == wire::kStatusBytes);
        CHECK(encoded(status) == bytes);
        const auto decoded = wire::decode_status(bytes);
        REQUIRE(decoded.outcome == Outcome::done);
        CHECK(decoded.value == status);
        CHECK(decoded.used_bytes == bytes.size());
        CHECK(fault_of_steps(bytes, wire::decode_status) == "");
        changed_bytes_that_decode(bytes, wire::decode_status);
    }
}

TEST_CASE("what a status cannot hold is bad") {
    for (const char* text : {
             "45425051 01 01 0000 00 00 0000",           // the request's magic
             "45425041 02 01 0000 00 00 0000",           // version
             "45425041 01 00 0000 00 00 0000",           // status
             "45425041 01 07 0000 00 00 0000",           //
             "45425041 01 03 0000 00 00 0000",           // failed without errno
             "45425041 01 03 0085 00 00 0000",           // an errno nobody has
             "45425041 01 01 006f 00 00 0000",           // connected with errno
             "45425041 01 02 000d 00 00 0000",           // refused with errno
             "45425041 01 02 0000 04 00 0050 c0000207",  // with an address
             "45425041 01 01 0000 01 00 0050 c0000207",  // family
             "45425041 01 01 0000 04 00 0000 c0000207",  // port
             "45425041 01 01 0000 00 00 0050",           //
             "45425041 01 01 0000 04 01 0050 c0000207",  // zero
             "45425041 01 01 0000 04 00 0050 c0000207 01",
             "45425041 01 01 0000 00 00 0000 00000000000000000000000000000001",
             "45425041 01 01 0000 06 00 0050 00000000000000000000ffff c0000207",  // mapped
         }) {
        INFO(text);
        auto bytes = hex(text);
        bytes.resize(wire::kStatusBytes);
        CHECK(wire::decode_status(bytes).outcome == Outcome::bad);
        CHECK(fault_of_steps(bytes, wire::decode_status) == "");
    }
}

TEST_CASE("a status has the name that the page gives it") {
    CHECK(wire::name_of(StatusCode::connected) == "connected");
    CHECK(wire::name_of(StatusCode::refused) == "refused");
    CHECK(wire::name_of(StatusCode::failed) == "failed");
    CHECK(wire::name_of(StatusCode::bad_header) == "bad_header");
    CHECK(wire::name_of(StatusCode::too_many) == "too_many");
    CHECK(wire::name_of(StatusCode::not_ready) == "not_ready");
}

TEST_CASE("an application is told the errno that it would have had") {
    CHECK(wire::errno_of({StatusCode::connected}) == 0);
    CHECK(wire::errno_of({StatusCode::refused}) == EACCES);
    CHECK(wire::errno_of({StatusCode::failed, ENETUNREACH}) == ENETUNREACH);
    CHECK(wire::errno_of({StatusCode::bad_header}) == EPROTO);
    CHECK(wire::errno_of({StatusCode::too_many}) == EAGAIN);
    CHECK(wire::errno_of({StatusCode::not_ready}) == ECONNREFUSED);
}

TEST_CASE("numbers of errors are the common ones of Linux, and no others pass") {
    CHECK(wire::errno_to_wire(EACCES) == 13);
    CHECK(wire::errno_to_wire(EAGAIN) == 11);
    CHECK(wire::errno_to_wire(EADDRNOTAVAIL) == 99);
    CHECK(wire::errno_to_wire(ENETUNREACH) == 101);
    CHECK(wire::errno_to_wire(ECONNRESET) == 104);
    CHECK(wire::errno_to_wire(ETIMEDOUT) == 110);
    CHECK(wire::errno_to_wire(ECONNREFUSED) == 111);
    CHECK(wire::errno_to_wire(EHOSTUNREACH) == 113);
    // What has no number becomes EIO, so a failure is never lost.
    CHECK(wire::errno_to_wire(ENOTTY) == 5);
    CHECK(wire::errno_to_wire(0) == 5);
    CHECK(wire::errno_to_wire(-1) == 5);
    std::size_t known = 0;
    for (unsigned number = 0; number <= 0xFFFF; ++number) {
        const auto errno_value = wire::errno_from_wire(static_cast<std::uint16_t>(number));
        if (!errno_value.has_value()) continue;
        ++known;
        CHECK(*errno_value > 0);
        CHECK(wire::errno_to_wire(*errno_value) == number);
    }
    CHECK(known == 26);
}
