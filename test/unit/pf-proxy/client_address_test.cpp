// Under which address a client is known whom another machine tells of.
#include "client_address.h"

#include <catch2/catch_test_macros.hpp>

using pf_proxy::known_as;
using vsockio::parse_ip_address;

namespace {

std::string shown(std::string_view told) {
    const auto address = known_as(parse_ip_address(told).value());
    return address.has_value() ? to_string(*address) : "nobody";
}

}  // namespace

TEST_CASE("a client of the network keeps its address") {
    for (const char* address :
         {"198.51.100.7", "10.0.0.1", "169.254.1.1", "192.0.0.1", "223.255.255.255", "2001:db8::7",
          "fd00::1", "64:ff9b::7f00:1", "fd65:6e63:6c61:7665::2"}) {
        CHECK(shown(address) == address);
    }
    CHECK(shown("::ffff:198.51.100.7") == "198.51.100.7");
}

TEST_CASE("who is only known over there is the other side's machine") {
    for (const char* address : {"127.0.0.1", "127.255.255.254", "::ffff:127.0.0.1"})
        CHECK(shown(address) == "192.0.0.1");
    for (const char* address : {"::1", "fe80::1", "febf::1"})
        CHECK(shown(address) == "fd65:6e63:6c61:7665::2");
}

TEST_CASE("nobody has an address of nobody, or that of this enclave") {
    for (const char* address :
         {"0.0.0.0", "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "ff02::1",
          "::ffff:0.0.0.0", "192.0.0.4", "fd65:6e63:6c61:7665::1"}) {
        INFO(address);
        CHECK(shown(address) == "nobody");
    }
}

TEST_CASE("the kernel tells which addresses are its own") {
    CHECK(pf_proxy::is_own_address(parse_ip_address("127.0.0.1").value()));
    CHECK_FALSE(pf_proxy::is_own_address(parse_ip_address("198.51.100.7").value()));
    CHECK_FALSE(pf_proxy::is_own_address(parse_ip_address("2001:db8::7").value()));
}

TEST_CASE("a target of the other family hears of the other side's machine") {
    CHECK_FALSE(pf_proxy::parent_beside(parse_ip_address("198.51.100.7").value()).is_v4);
    CHECK(pf_proxy::parent_beside(parse_ip_address("2001:db8::7").value()).is_v4);
}
