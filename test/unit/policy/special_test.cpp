// Special addresses: each range from its first to its last address, the narrowest where
// ranges nest.
#include "policy/special.h"

#include "support.h"

using policy::special_range;
using policy::special_ranges;
using policy::SpecialRange;
using policy_test::address;
using vsockio::IpAddress;

namespace {

// The address before (-1) or after (+1), or nothing at the end of the space.
std::optional<IpAddress> neighbour(IpAddress from, int step) {
    for (std::size_t index = from.bits() / 8; index-- > 0;) {
        const int value = std::to_integer<int>(from.bytes[index]) + step;
        from.bytes[index] = static_cast<std::byte>(value & 0xFF);
        if (value >= 0 && value <= 0xFF) return from;
    }
    return std::nullopt;
}

std::string name_of(std::string_view text) {
    const auto range = special_range(address(text));
    return range.has_value() ? std::string(range->name) : "";
}

}  // namespace

TEST_CASE("a special range is special from its first address to its last and not beyond") {
    for (const SpecialRange& range : special_ranges()) {
        INFO(to_string(range.network));
        CHECK(range.network.contains(range.network.address));
        for (const IpAddress& inside : {range.network.address, range.network.last()}) {
            INFO(to_string(inside));
            const auto found = special_range(inside);
            REQUIRE(found.has_value());
            CHECK(range.network.contains(found->network));
        }
        for (const auto& outside :
             {neighbour(range.network.address, -1), neighbour(range.network.last(), 1)}) {
            if (!outside.has_value()) continue;
            INFO(to_string(*outside));
            const auto found = special_range(*outside);
            if (found.has_value()) CHECK_FALSE(range.network.contains(found->network));
        }
    }
}

TEST_CASE("the hosts of the Internet around the special ranges are ordinary") {
    for (const char* text : {"1.0.0.0",         "9.255.255.255",
                             "11.0.0.0",        "100.63.255.255",
                             "100.128.0.0",     "126.255.255.255",
                             "128.0.0.0",       "169.253.255.255",
                             "169.255.0.0",     "172.15.255.255",
                             "172.32.0.0",      "191.255.255.255",
                             "192.0.1.0",       "192.0.3.0",
                             "192.167.255.255", "192.169.0.0",
                             "198.17.255.255",  "198.20.0.0",
                             "198.51.99.255",   "198.51.101.0",
                             "203.0.112.255",   "203.0.114.0",
                             "223.255.255.255", "8.8.8.8",
                             "2001:200::",      "2001:4860:4860::8888",
                             "2001:db7:ffff::", "2001:db9::",
                             "2003::",          "2606:4700::1",
                             "2620:4f:7fff::",  "2620:4f:8001::",
                             "3ffe::",          "3fff:1000::"}) {
        INFO(text);
        CHECK(name_of(text) == "");
    }
}

TEST_CASE("an address belongs to the narrowest range that holds it") {
    CHECK(name_of("169.254.169.253") == "link-local");
    CHECK(name_of("169.254.169.254") == "instance metadata");
    CHECK(name_of("169.254.170.2") == "container credentials");
    CHECK(name_of("0.0.0.0") == "unspecified");
    CHECK(name_of("0.0.0.1") == "this network");
    CHECK(name_of("255.255.255.255") == "broadcast");
    CHECK(name_of("255.255.255.254") == "reserved");
    CHECK(name_of("::") == "unspecified");
    CHECK(name_of("::1") == "loopback");
    CHECK(name_of("fd00:ec2::254") == "instance metadata");
    CHECK(name_of("fd00:ec2::253") == "unique local");
    CHECK(name_of("2001::1") == "Teredo");
    CHECK(name_of("2001:1ff::1") == "protocol assignments");
    CHECK(name_of("4000::") == "reserved");
    CHECK(name_of("1fff::") == "reserved");
    CHECK(name_of("fe00::") == "reserved");
}

TEST_CASE("a mapped address is the IPv4 address") {
    CHECK(name_of("::ffff:127.0.0.1") == "loopback");
    CHECK(name_of("::ffff:8.8.8.8") == "");
}

TEST_CASE("an IPv6 address around a special IPv4 address is as narrow as that one") {
    const auto network = [](std::string_view text) {
        return to_string(special_range(address(text))->network);
    };
    CHECK(network("64:ff9b::8.8.8.8") == "64:ff9b::/96");
    CHECK(network("64:ff9b::10.1.2.3") == "64:ff9b::a00:0/104");
    CHECK(network("64:ff9b::169.254.169.254") == "64:ff9b::a9fe:a9fe");
    CHECK(network("2002:808:808::1") == "2002::/16");
    CHECK(network("2002:7f00:1::1") == "2002:7f00::/24");
    CHECK(network("::127.0.0.1") == "::127.0.0.0/104");
    CHECK(network("::ffff:0:8.8.8.8") == "::ffff:0:0:0/96");
    CHECK(network("::ffff:0:192.168.0.1") == "::ffff:0:c0a8:0/112");
}
