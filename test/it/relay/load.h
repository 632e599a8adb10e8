// Very many connections through a relay: a client that opens them at a rate and holds others idle,
// and the server behind. Each connection has bytes of its own both ways, and all are checked.
//
//   question   8 number, 4 size, then size bytes of the stream with this number
//   answer     size bytes of the stream with the number's complement
//
// A connection carries one question, or one at its beginning and one at its end when it was idle
// in between. The client ends its direction behind the last one, and then the server its own.
#pragma once

#include <chrono>
#include <cstdint>

#include "vsockio/address.h"

namespace relay_test {

inline constexpr std::size_t kQuestionBytes = 12;

struct Load {
    vsockio::Address address;
    std::uint64_t idle = 0;               // connections that are held from beginning to end
    std::uint64_t rate = 100;             // new ones in a second
    std::chrono::seconds length{10};      // for which they come
    std::uint64_t most = 4000;            // at once, besides the idle ones
    std::chrono::milliseconds linger{0};  // from an answer to the client's end
    std::chrono::milliseconds pause{0};   // between telling how it goes
};

// Returns 0 when nothing was lost, wrong or stuck, and says what was.
int run_load(const Load& load);

// Prints "port N" when it listens, and does not return. One thread for all connections.
[[noreturn]] void serve_load(const vsockio::Address& address);

}  // namespace relay_test
