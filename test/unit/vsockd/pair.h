// One guest with one connection to the parent, both ends at hand.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "daemon.h"
#include "guest_stack.h"

namespace test {

// Bytes that do not repeat soon.
inline std::string pattern(std::size_t bytes) {
    std::string text(bytes, '\0');
    std::uint32_t state = 1;
    for (char& character : text) {
        state = state * 1664525 + 1013904223;
        character = static_cast<char>(state >> 24);
    }
    return text;
}

struct Pair {
    explicit Pair(DriverOptions options = {}, std::vector<std::string> arguments = {"--guest=16"})
        : daemon(std::move(arguments)),
          listener(listen_on(daemon.path("parent_5000"))),
          driver(daemon.path("16.vhost"), options),
          stack(driver),
          guest(stack.start_connect(3, 5000)) {
        REQUIRE(stack.connect(guest));
        host = accept_from(listener);
    }

    Daemon daemon;
    base::Fd listener;
    GuestDriver driver;
    GuestStack stack;
    GuestSocket& guest;
    base::Fd host;
};

}  // namespace test
