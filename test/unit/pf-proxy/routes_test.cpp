// The kernel's tables as it writes them.
#include "routes.h"

#include <catch2/catch_test_macros.hpp>

TEST_CASE("IPv4 routes are read from their words in hexadecimal") {
    const auto routes = pf_proxy::parse_ipv4_routes(
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "*\t000200CB\t00000000\t0200\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        "cut off\n");
    REQUIRE(routes.size() == 2);
    REQUIRE(to_string(routes[0].destination) == "0.0.0.0/0");
    REQUIRE(to_string(routes[0].gateway.value()) == "192.0.2.1");
    REQUIRE(routes[0].metric == 100);
    REQUIRE(routes[0].interface == "eth0");
    REQUIRE(to_string(routes[1].destination) == "192.0.2.0/24");
    REQUIRE_FALSE(routes[1].gateway.has_value());
}

TEST_CASE("IPv6 routes are read, and those that reject are left out") {
    const auto routes = pf_proxy::parse_ipv6_routes(
        "20010db8000000000000000000000000 40 00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0\n"
        "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
        "20010db8000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"
        "00000000000000000000000000000000 00 00000000000000000000000000000000 00 "
        "00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo\n"
        "20010db8 40 x\n");
    REQUIRE(routes.size() == 2);
    REQUIRE(to_string(routes[0].destination) == "2001:db8::/64");
    REQUIRE(routes[0].metric == 256);
    REQUIRE_FALSE(routes[0].gateway.has_value());
    REQUIRE(to_string(routes[1].gateway.value()) == "2001:db8::1");
}

TEST_CASE("name servers are those of the nameserver lines") {
    const auto servers = pf_proxy::parse_nameservers(
        "# nameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch example.org\n\tnameserver\t::1\nname"
        "server\n");
    REQUIRE(servers == std::vector<std::string>{"192.0.2.2", "::1"});
}
