// The device's edge as far as it can be tried without an NSM.
#include "nsm/exchange.h"

#include <catch2/catch_test_macros.hpp>

#include "base/text.h"
#include "nsm/device.h"

TEST_CASE("a missing device is told with a hint, and without a crash") {
    const auto device = nsm::open_device("/nowhere/nsm");
    REQUIRE_FALSE(device.ok());
    CHECK(device.error().code == base::ExitCode::no_input);
    CHECK(device.error().message == "cannot open '/nowhere/nsm': No such file or directory");
    CHECK_FALSE(device.error().hint.empty());
}

TEST_CASE("a file that is no NSM is told from a module that fails") {
    const auto device = nsm::open_device("/dev/null");
    REQUIRE(device.ok());
    const auto description = device.value()->describe();
    REQUIRE_FALSE(description.ok());
    CHECK(description.error().code == base::ExitCode::usage);
    CHECK(description.error().message == "the device is no Nitro Secure Module");
}

TEST_CASE("a request over its limit is refused before the device is asked") {
    const auto device = nsm::open_device("/dev/null");
    REQUIRE(device.ok());
    const auto document = device.value()->attest({.nonce = std::vector<std::byte>(4096)});
    REQUIRE_FALSE(document.ok());
    CHECK(document.error().message.find("nonce") != std::string::npos);
}
