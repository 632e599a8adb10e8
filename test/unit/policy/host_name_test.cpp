// Hosts: names in one spelling, addresses in the usual one, everything else refused.
#include "policy/host_name.h"

#include "support.h"

using policy::parse_host;
using policy_test::holds;

TEST_CASE("a name is compared in lower case and without its final dot") {
    struct Case {
        const char* text;
        const char* name;
    };
    for (const Case& each :
         {Case{"example.com", "example.com"}, Case{"EXAMPLE.Com.", "example.com"},
          Case{"_sip._tcp.example.org", "_sip._tcp.example.org"}, Case{"localhost", "localhost"},
          Case{"1.example", "1.example"}, Case{"a-b.3com", "a-b.3com"}, Case{"0xg", "0xg"},
          Case{"xn--bcher-kva.example", "xn--bcher-kva.example"}}) {
        INFO(each.text);
        const auto host = parse_host(each.text);
        REQUIRE(host.ok());
        CHECK(std::get<std::string>(host.value()) == each.name);
    }
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
    CHECK(parse_host(longest).ok());
    CHECK(parse_host(longest + ".").ok());
}

TEST_CASE("an address in its usual spelling is an address") {
    for (const char* text : {"1.2.3.4", "::1", "::ffff:1.2.3.4", "2001:DB8::1"}) {
        INFO(text);
        const auto host = parse_host(text);
        REQUIRE(host.ok());
        CHECK(std::get<vsockio::IpAddress>(host.value()) == policy_test::address(text));
    }
}

TEST_CASE("what is neither a name nor an address is refused by its reason") {
    const std::string label(63, 'a');
    const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
    struct Case {
        std::string text;
        const char* reason;
    };
    for (const Case& each : {Case{"", "is empty"},
                             Case{".", "is empty"},
                             Case{"..", "empty label"},
                             Case{".a", "empty label"},
                             Case{"a..b", "empty label"},
                             Case{"a..", "empty label"},
                             Case{longest + "b", "longer than 253"},
                             Case{label + "a", "more than 63"},
                             Case{"a b", "character"},
                             Case{"a/b", "character"},
                             Case{"a@b", "character"},
                             Case{"*.a", "character"},
                             Case{"b\xC3\xBC"
                                  "cher.example",
                                  "character"},
                             Case{std::string("a\0b", 3), "character"},
                             Case{"a\nb", "character"},
                             Case{"-a", "hyphen"},
                             Case{"a-.b", "hyphen"},
                             Case{"[::1]", "brackets"},
                             Case{"[a]", "brackets"},
                             Case{"fe80::1%lo", "a zone"},
                             Case{"1.2.3.4%1", "a zone"},
                             Case{"a:80", "neither an IPv6 address nor a name"},
                             Case{"1.2.3.4:80", "neither an IPv6 address nor a name"},
                             Case{"::1::", "neither an IPv6 address nor a name"},
                             Case{"1.2.3.4.5", "ends in a number"},
                             Case{"1.2.3.256", "ends in a number"},
                             Case{"a.1", "ends in a number"},
                             Case{"a.0x1f", "ends in a number"},
                             Case{"08", "ends in a number"},
                             Case{"4294967296", "ends in a number"},
                             Case{"99999999999999999999999", "ends in a number"}}) {
        INFO(each.text);
        const auto host = parse_host(each.text);
        REQUIRE_FALSE(host.ok());
        INFO(host.error().message);
        CHECK(holds(host.error().message, each.reason));
    }
}

TEST_CASE("the refusal of another spelling tells the address that it spells") {
    struct Case {
        const char* text;
        const char* meant;
    };
    for (const Case& each :
         {Case{"127.1", "127.0.0.1"}, Case{"2130706433", "127.0.0.1"}, Case{"0", "0.0.0.0"},
          Case{"0X7F.0.0.1", "127.0.0.1"}, Case{"0177.0.0.1", "127.0.0.1"},
          Case{"1.2.3.4.", "1.2.3.4"}, Case{"10.1.513", "10.1.2.1"},
          Case{"1.0xffffff", "1.255.255.255"}, Case{"00000000012.0.0.1", "10.0.0.1"},
          Case{"0xffffffff", "255.255.255.255"}}) {
        INFO(each.text);
        const auto host = parse_host(each.text);
        REQUIRE_FALSE(host.ok());
        CHECK(holds(host.error().message,
                    std::string("is another spelling of the address ") + each.meant));
    }
}
