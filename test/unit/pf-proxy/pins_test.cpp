// Names that addresses were asked for by.
#include "pins.h"

#include <catch2/catch_test_macros.hpp>

using namespace std::chrono_literals;
using pf_proxy::Pins;
using vsockio::IpAddress;

namespace {

using Names = std::vector<std::string>;
const IpAddress kAddress = IpAddress::v4(198, 35, 26, 96);

}  // namespace

TEST_CASE("an address has the names that it was answered for, the latest first") {
    Pins pins;
    CHECK(pins.names_of(kAddress, 0s).empty());
    CHECK(pins.pin("a.example", kAddress, 100s, 0s) == 100s);
    CHECK(pins.pin("b.example", kAddress, 200s, 0s) == 200s);
    CHECK(pins.names_of(kAddress, 1s) == Names{"b.example", "a.example"});
    pins.pin("a.example", kAddress, 100s, 1s);
    CHECK(pins.names_of(kAddress, 1s) == Names{"a.example", "b.example"});
    CHECK(pins.names_of(IpAddress::v4(198, 35, 26, 97), 1s).empty());
}

TEST_CASE("a pin holds for a minute at least and an hour at most") {
    Pins pins;
    CHECK(pins.pin("short.example", kAddress, 1s, 0s) == 60s);
    CHECK(pins.pin("long.example", kAddress, 100'000s, 0s) == 3600s);
    CHECK(pins.names_of(kAddress, 59s).size() == 2);
    CHECK(pins.names_of(kAddress, 60s) == Names{"long.example"});
    CHECK(pins.names_of(kAddress, 3600s).empty());
}

TEST_CASE("a pin is never made shorter by another answer") {
    Pins pins;
    pins.pin("a.example", kAddress, 1000s, 0s);
    CHECK(pins.pin("a.example", kAddress, 60s, 10s) == 1000s);
    pins.pin("b.example", kAddress, 60s, 10s);
    CHECK(pins.names_of(kAddress, 999s) == Names{"a.example"});
}

TEST_CASE("a mapped address has the names of the IPv4 address that it is") {
    Pins pins;
    const auto mapped = IpAddress::v6({0, 0, 0, 0, 0, 0xffff, 0xc623, 0x1a60});
    pins.pin("a.example", mapped, 60s, 0s);
    CHECK(pins.names_of(kAddress, 0s) == Names{"a.example"});
    CHECK(pins.names_of(mapped, 0s) == Names{"a.example"});
}

TEST_CASE("pins have a limit, in addresses and in names of one") {
    Pins pins(2);
    pins.pin("a.example", IpAddress::v4(1, 1, 1, 1), 60s, 0s);
    pins.pin("a.example", IpAddress::v4(2, 2, 2, 2), 60s, 0s);
    CHECK(pins.names_of(IpAddress::v4(1, 1, 1, 1), 1s).size() == 1);
    pins.pin("a.example", IpAddress::v4(3, 3, 3, 3), 60s, 1s);
    CHECK(pins.size() == 2);
    CHECK(pins.names_of(IpAddress::v4(2, 2, 2, 2), 1s).empty());
    CHECK(pins.names_of(IpAddress::v4(1, 1, 1, 1), 1s).size() == 1);

    for (int count = 0; count < 100; ++count) {
        pins.pin("n" + std::to_string(count) + ".example", kAddress, 60s, 2s);
    }
    const Names names = pins.names_of(kAddress, 2s);
    CHECK(names.size() == pf_proxy::kMaximumNamesOfPin);
    CHECK(names.front() == "n99.example");
}
