// The server behind a relay in the cases of its contract: see conversation.h.
#pragma once

#include "vsockio/address.h"

namespace relay_test {

// Prints "port N" when it listens, and does not return. A thread for each connection.
[[noreturn]] void serve(const vsockio::Address& address);

}  // namespace relay_test
