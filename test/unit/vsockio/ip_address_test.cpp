// IP addresses, endpoints and networks: one spelling each, exact prefixes, socket addresses.
#include "vsockio/ip_address.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <catch2/catch_test_macros.hpp>

using vsockio::IpAddress;
using vsockio::IpEndpoint;
using vsockio::IpNetwork;
using vsockio::parse_ip_address;
using vsockio::parse_ip_endpoint;
using vsockio::parse_ip_network;

namespace {

IpAddress address(std::string_view text) {
    return parse_ip_address(text).value();
}

IpNetwork network(std::string_view text) {
    return parse_ip_network(text).value();
}

}  // namespace

TEST_CASE("an IP address is read and printed in its usual form") {
    for (const std::string text : {"0.0.0.0", "1.2.3.4", "255.255.255.255", "::", "::1", "fe80::1",
                                   "2001:db8::ff00:42:8329", "::ffff:1.2.3.4"}) {
        INFO(text);
        REQUIRE(parse_ip_address(text).ok());
        CHECK(to_string(address(text)) == text);
    }
    CHECK(to_string(address("2001:DB8:0:0:0:0:0:01")) == "2001:db8::1");
    CHECK(address("1.2.3.4") == IpAddress::v4(1, 2, 3, 4));
    CHECK(address("2001:db8::8:1") == IpAddress::v6({0x2001, 0xDB8, 0, 0, 0, 0, 8, 1}));
}

TEST_CASE("an address in a spelling that another program could read otherwise is refused") {
    for (const std::string_view text : {std::string_view(),
                                        std::string_view("127.1"),
                                        std::string_view("2130706433"),
                                        std::string_view("0x7f.0.0.1"),
                                        std::string_view("0177.0.0.1"),
                                        std::string_view("127.0.0.01"),
                                        std::string_view("127.0.0.1."),
                                        std::string_view("127.0.0.256"),
                                        std::string_view("127.0.0.1.1"),
                                        std::string_view(" 127.0.0.1"),
                                        std::string_view("127.0.0.1 "),
                                        std::string_view("127.0.0.1\0", 10),
                                        std::string_view("127.0.0.1\0x", 11),
                                        std::string_view("[::1]"),
                                        std::string_view("fe80::1%lo"),
                                        std::string_view("::1::"),
                                        std::string_view(":::"),
                                        std::string_view("1:2:3:4:5:6:7:8:9"),
                                        std::string_view("00001::"),
                                        std::string_view("localhost"),
                                        std::string_view("1111:1111:1111:1111:1111:1111:1111:1111:"
                                                         "1111:1111:1111")}) {
        INFO(text);
        const auto parsed = parse_ip_address(text);
        REQUIRE_FALSE(parsed.ok());
        CHECK(parsed.error().message.find("is not an IP address") != std::string::npos);
    }
}

TEST_CASE("a mapped address becomes the IPv4 address it stands for, and no other does") {
    CHECK(address("::ffff:169.254.169.254").unmapped() == address("169.254.169.254"));
    CHECK(address("::ffff:0:0").unmapped() == address("0.0.0.0"));
    for (const char* text : {"::fffe:1.2.3.4", "::1.2.3.4", "64:ff9b::1.2.3.4", "1.2.3.4",
                             "::ffff:0:1.2.3.4", "1::ffff:1.2.3.4"}) {
        INFO(text);
        CHECK(address(text).unmapped() == address(text));
    }
    CHECK(address("2002:102:304::").embedded_v4(2) == address("1.2.3.4"));
}

TEST_CASE("an endpoint is an address and a port, with brackets for IPv6 only") {
    for (const std::string text : {"1.2.3.4:80", "[::1]:80", "0.0.0.0:0", "[2001:db8::1]:65535"}) {
        INFO(text);
        const auto endpoint = parse_ip_endpoint(text);
        REQUIRE(endpoint.ok());
        CHECK(to_string(endpoint.value()) == text);
    }
    for (const char* text :
         {"", ":", "1.2.3.4", "1.2.3.4:", ":80", "1.2.3.4:65536", "1.2.3.4:080", "1.2.3.4:+1",
          "1.2.3.4:0x50", "[1.2.3.4]:80", "::1:80", "[::1]", "[]:1", "[::1]80", "[::1:80",
          "::1]:80", "localhost:80", "1.2.3.4:123456"}) {
        INFO(text);
        CHECK_FALSE(parse_ip_endpoint(text).ok());
    }
}

TEST_CASE("an endpoint survives the way through a socket address") {
    for (const char* text : {"1.2.3.4:80", "[2001:db8::1]:65535", "[::ffff:1.2.3.4]:1"}) {
        INFO(text);
        const IpEndpoint endpoint = parse_ip_endpoint(text).value();
        sockaddr_storage native;
        const unsigned length = to_socket_address(endpoint, native);
        CHECK(length == (endpoint.address.is_v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
        CHECK(native.ss_family == (endpoint.address.is_v4 ? AF_INET : AF_INET6));
        CHECK(vsockio::from_socket_address(native) == endpoint);
    }
    sockaddr_storage local{};
    local.ss_family = AF_UNIX;
    CHECK_FALSE(vsockio::from_socket_address(local).has_value());
}

TEST_CASE("a network holds the addresses of its prefix and no others") {
    struct Case {
        const char* network;
        const char* before;  // the addresses around it; empty at an end of the space
        const char* first;
        const char* last;
        const char* after;
    };
    for (const Case& each :
         {Case{"10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
          Case{"172.16.0.0/12", "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
          Case{"1.2.3.4", "1.2.3.3", "1.2.3.4", "1.2.3.4", "1.2.3.5"},
          Case{"1.2.3.4/31", "1.2.3.3", "1.2.3.4", "1.2.3.5", "1.2.3.6"},
          Case{"0.0.0.0/0", "", "0.0.0.0", "255.255.255.255", ""},
          Case{"::/0", "", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
          Case{"fe80::/10", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
               "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fec0::"},
          Case{"2001:db8::1", "2001:db8::", "2001:db8::1", "2001:db8::1", "2001:db8::2"}}) {
        INFO(each.network);
        const IpNetwork held = network(each.network);
        CHECK(held.address == address(each.first));
        CHECK(held.last() == address(each.last));
        CHECK(held.contains(address(each.first)));
        CHECK(held.contains(address(each.last)));
        if (*each.before != '\0') CHECK_FALSE(held.contains(address(each.before)));
        if (*each.after != '\0') CHECK_FALSE(held.contains(address(each.after)));
        CHECK(to_string(held) == each.network);
    }
    CHECK_FALSE(network("::/0").contains(address("1.2.3.4")));
    CHECK_FALSE(network("0.0.0.0/0").contains(address("::ffff:1.2.3.4")));
}

TEST_CASE("a network holds another when it holds all of it") {
    CHECK(network("10.0.0.0/8").contains(network("10.0.0.0/8")));
    CHECK(network("10.0.0.0/8").contains(network("10.1.0.0/16")));
    CHECK(network("10.0.0.0/8").contains(network("10.1.2.3")));
    CHECK_FALSE(network("10.0.0.0/8").contains(network("10.0.0.0/7")));
    CHECK_FALSE(network("10.0.0.0/8").contains(network("11.0.0.0/16")));
    CHECK_FALSE(network("0.0.0.0/0").contains(network("::/0")));
}

TEST_CASE("a wrong network is refused with the reason") {
    struct Case {
        const char* text;
        const char* reason;
    };
    for (const Case& each :
         {Case{"10.0.0.1/8", "has bits set beyond its prefix, the network is 10.0.0.0/8"},
          Case{"2001:db8::1/64", "the network is 2001:db8::/64"},
          Case{"1.2.3.4/0", "the network is 0.0.0.0/0"},
          Case{"1.2.3.4/33", "no number from 0 to 32"}, Case{"::/129", "no number from 0 to 128"},
          Case{"1.2.3.0/024", "no number"}, Case{"1.2.3.0/", "no number"},
          Case{"1.2.3.0/+24", "no number"}, Case{"1.2.3.0/24/24", "no number"},
          Case{"1.2.3/24", "is not an IP address"}, Case{"/24", "is not an IP address"}}) {
        INFO(each.text);
        const auto parsed = parse_ip_network(each.text);
        REQUIRE_FALSE(parsed.ok());
        INFO(parsed.error().message);
        CHECK(parsed.error().message.find(each.reason) != std::string::npos);
    }
}
