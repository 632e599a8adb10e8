// When to try whether a service is ready, and what to try: the pure half of `ready:` with tcp,
// unix and file. The half that connects is prober.h.
//
// The first attempt comes at once, the next after a delay that doubles up to kLongestDelay, so a
// quick service is seen quickly and a slow one costs little. Nothing is tried, and no timer runs,
// unless a service is starting.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <optional>
#include <string_view>

#include "service.h"

namespace initd {

// ADDRESS:PORT or [ADDRESS]:PORT with a numeric address, or localhost:PORT, which is 127.0.0.1:
// PID 1 asks no name server.
struct SocketAddress {
    struct sockaddr_storage storage {};
    socklen_t length = 0;
};
std::optional<SocketAddress> parse_tcp_target(std::string_view target);
std::optional<SocketAddress> unix_address(std::string_view path);

class ProbeSchedule {
  public:
    static constexpr milliseconds kFirstDelay{10};
    static constexpr milliseconds kLongestDelay{500};
    static constexpr milliseconds kAttemptPatience{1'000};  // for one connection

    // Begins to try; the first attempt is due now.
    void begin(Time now);
    void end();
    bool active() const { return active_; }
    bool trying() const { return trying_; }

    // When to act next: try, or give an attempt up.
    std::optional<Time> due() const;
    // To be called when it is due: true to make an attempt, false to give up the one under way.
    bool on_due(Time now);
    // The attempt has failed; the next one is due after the delay.
    void on_failed(Time now);

  private:
    bool active_ = false;
    bool trying_ = false;
    Time at_{};
    milliseconds delay_{kFirstDelay};
};

}  // namespace initd
