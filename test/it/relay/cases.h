// What a relay has to keep to, whatever transports it stands between: a list of cases, each over
// connections of its own to the server of server.h.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string>

#include "vsockio/address.h"

namespace relay_test {

struct Path {
    vsockio::Address address;  // of the relay
    // A reset at one end is a reset at the other, and not just an end.
    bool resets_from_server = false;
    bool resets_from_client = false;
    std::optional<pid_t> relay;  // whose memory is looked at
    std::uint64_t bytes = 0;     // of what is called much
};

// Runs all of them, or the one of this name; prints "ok - NAME" for each that holds.
void run_cases(const Path& path, const std::string& only);

}  // namespace relay_test
