// What the tests of policies share.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <string_view>

#include "policy/policy.h"

namespace policy_test {

inline vsockio::IpAddress address(std::string_view text) {
    return vsockio::parse_ip_address(text).value();
}

inline policy::Policy parsed(std::string_view text) {
    auto read = policy::Policy::parse(text, "p.yaml");
    INFO(text);
    INFO((read.ok() ? "" : read.error().message));
    REQUIRE(read.ok());
    return std::move(read).value();
}

inline bool holds(std::string_view text, std::string_view part) {
    return text.find(part) != text.npos;
}

}  // namespace policy_test
