// Connections that have not said yet what is worth a process: they wait here, as a descriptor and
// nothing else, until their first TLS record (RFC 8446 5.1) is there as a whole. So whoever stalls,
// sends a byte a second, lies about a length or sends something else costs no process and no time
// of those that do. Nothing is taken from the sockets: bytes are only looked at.
#pragma once

#include <poll.h>

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "vsockio/listen.h"

namespace pipeline {

// What the first bytes of a connection are. Pure. `bytes` are its first ones.
struct FirstRecord {
    enum class Is { incomplete, complete, other } is = Is::incomplete;
    std::size_t needed = 0;  // bytes, when incomplete
};
FirstRecord first_record(std::span<const std::byte> bytes);

class WaitingRoom {
  public:
    using Clock = std::chrono::steady_clock;

    // Holds `maximum` connections, each for `limit`; one more ends the one that waited longest.
    WaitingRoom(std::size_t maximum, std::chrono::milliseconds limit)
        : maximum_(maximum), limit_(limit) {}

    void add(vsockio::Connection connection, Clock::time_point now);
    // What to poll, one entry each, appended.
    void watch(std::vector<pollfd>& watched, Clock::time_point now) const;
    // The entries of watch(), after poll(); ends those that are over, and gives those that are
    // ready to be served.
    std::vector<vsockio::Connection> look(std::span<const pollfd> watched, Clock::time_point now);
    // Out of descriptors: whoever has waited longest makes room.
    void end_oldest();
    // When look() is due though nothing is readable.
    std::optional<Clock::time_point> next() const;

  private:
    struct Waiting {
        vsockio::Connection connection;
        Clock::time_point until{};
        // An incomplete record stays readable, and would keep poll() from waiting.
        Clock::time_point look_again{};
        std::chrono::milliseconds pause{};
    };
    std::size_t maximum_;
    std::chrono::milliseconds limit_;
    std::vector<Waiting> waiting_;  // oldest first
};

}  // namespace pipeline
