// The files of test/vectors/pf_proxy and test/vectors/proxy_protocol are of the class that their
// names say: .ok decodes to its last byte, .bad is bad, .cut wants more. And the examples of
// pf-proxy-wire(5) are what the code writes.
#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "proto/pf_proxy.h"
#include "proto/proxy_protocol.h"
#include "support.h"

using proto::Outcome;
using vsockio::IpAddress;
using vsockio::IpEndpoint;
using vsockio::Transport;
namespace wire = proto::pf_proxy;

namespace {

using Bytes = std::span<const std::byte>;

// What the input comes to when one thing after another is read from it.
template <typename DecodeOne>
Outcome decode_all(Bytes input, DecodeOne decode_one) {
    while (!input.empty()) {
        const auto decoded = decode_one(input);
        if (decoded.outcome != Outcome::done) return decoded.outcome;
        input = input.subspan(decoded.used_bytes);
    }
    return Outcome::done;
}

Outcome decode_frames(Bytes input, wire::Way way) {
    return decode_all(input, [way](Bytes bytes) { return wire::decode_frame(bytes, way); });
}

// The file's name up to the first '-' or '.' says what it is read as.
Outcome decode_as(std::string_view name, Bytes input) {
    if (name.starts_with("request")) return decode_all(input, wire::decode_request);
    if (name.starts_with("status")) return decode_all(input, wire::decode_status);
    if (name.starts_with("outward")) return decode_frames(input, wire::Way::outward);
    if (name.starts_with("inward")) return decode_frames(input, wire::Way::inward);
    return decode_all(input, proto::proxy_protocol::decode);
}

std::size_t check_folder(const std::string& folder) {
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::filesystem::path& path = entry.path();
        INFO(path.filename().string());
        const auto text = base::read_file(path.string(), 1 << 20);
        REQUIRE(text.ok());
        const Outcome outcome = decode_as(path.filename().string(), base::as_bytes(text.value()));
        const std::string kind = path.extension().string();
        REQUIRE((kind == ".ok" || kind == ".bad" || kind == ".cut"));
        CHECK(outcome == (kind == ".ok"    ? Outcome::done
                          : kind == ".bad" ? Outcome::bad
                                           : Outcome::need_more));
        ++seen;
    }
    return seen;
}

struct Spoken {
    std::string who;
    std::vector<std::byte> bytes;
};

// What stands in the page's EXAMPLES behind "near" and "far", with the lines that go on.
std::vector<Spoken> examples_of(std::string_view page) {
    std::vector<Spoken> spoken;
    bool literal = false;
    page.remove_prefix(page.find(".Sh EXAMPLES"));
    for (std::string_view line : base::split(page, '\n')) {
        if (line.starts_with(".")) {
            literal = line.starts_with(".Bd -literal");
            continue;
        }
        if (!literal) continue;
        const std::string_view who = base::trim(line.substr(0, 5));
        if (!who.empty()) spoken.push_back({std::string(who), {}});
        for (const std::byte byte : proto_test::hex(std::string(line.substr(5)))) {
            spoken.back().bytes.push_back(byte);
        }
    }
    return spoken;
}

Spoken near(Bytes bytes) {
    return {"near", {bytes.begin(), bytes.end()}};
}
Spoken far(Bytes bytes) {
    return {"far", {bytes.begin(), bytes.end()}};
}

Spoken request(const wire::Request& value) {
    std::array<std::byte, wire::kMaximumRequestBytes> memory;
    return near(wire::encode_request(value, memory));
}
Spoken status(const wire::Status& value) {
    std::array<std::byte, wire::kStatusBytes> memory;
    wire::encode_status(value, memory);
    return far(memory);
}
std::vector<std::byte> datagram(const std::optional<IpEndpoint>& endpoint,
                                std::string_view payload) {
    std::array<std::byte, wire::kMaximumFrameHeaderBytes> memory;
    const Bytes header = wire::encode_datagram_header(endpoint, payload.size(), memory);
    std::vector<std::byte> bytes(header.begin(), header.end());
    for (const std::byte byte : base::as_bytes(payload))
        bytes.push_back(byte);
    return bytes;
}

}  // namespace

TEST_CASE("every vector of pf-proxy's wire is of the class that its name says") {
    CHECK(check_folder(VECTORS "/pf_proxy") >= 50);
}

TEST_CASE("every vector of the PROXY protocol is of the class that its name says") {
    CHECK(check_folder(VECTORS "/proxy_protocol") >= 35);
}

TEST_CASE("the examples of pf-proxy-wire(5) are what the code writes") {
    const auto page = base::read_file(PAGE, 1 << 20);
    REQUIRE(page.ok());
    const IpEndpoint server{IpAddress::v4(192, 0, 2, 7), 443};
    const IpEndpoint resolver{IpAddress::v6({0x2001, 0xDB8, 0, 0, 0, 0, 0, 0x35}), 53};
    const IpEndpoint clock{IpAddress::v6({0x2001, 0xDB8, 0, 0, 0, 0, 0, 7}), 123};
    std::array<std::byte, wire::kMaximumErrorBytes> memory;
    const std::vector<Spoken> expected = {
        request({Transport::tcp, server.address, server.port}),
        status({wire::StatusCode::connected, 0, server}),
        request({Transport::tcp, "example.org", 80}),
        status({wire::StatusCode::refused, 0, {}}),
        request({Transport::tcp, server.address, server.port, {"example.org", "a.test"}}),
        request({Transport::udp, resolver.address, resolver.port}),
        status({wire::StatusCode::connected, 0, resolver}),
        near(datagram({}, "hi")),
        far(datagram({}, "yes")),
        near(datagram(clock, "!")),
        far(wire::encode_error(clock, EACCES, memory)),
        far(datagram(clock, "")),
    };
    const std::vector<Spoken> spoken = examples_of(page.value());
    REQUIRE(spoken.size() == expected.size());
    for (std::size_t index = 0; index < expected.size(); ++index) {
        INFO("example " << index + 1);
        CHECK(spoken[index].who == expected[index].who);
        CHECK(base::to_hex(spoken[index].bytes) == base::to_hex(expected[index].bytes));
    }
}
