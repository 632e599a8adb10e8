// One datagram of the sd_notify protocol: KEY=VALUE lines that a service sends about itself. Pure.
//
//   READY=1  STOPPING=1  RELOADING=1  STATUS=text  MAINPID=n  WATCHDOG=1|trigger
//   WATCHDOG_USEC=n  EXTEND_TIMEOUT_USEC=n
//
// Keys that are not known are passed over. Specification: sd_notify(3) of systemd, and what of it
// counts here in service.yaml(5).
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace initd {

inline constexpr std::size_t kLongestNotification = 4096;
inline constexpr std::size_t kLongestStatus = 256;  // bytes kept of STATUS

struct Notification {
    bool ready = false;
    bool stopping = false;
    bool alive = false;   // WATCHDOG=1
    bool lapsed = false;  // WATCHDOG=trigger
    std::optional<std::string_view> status;
    std::optional<int> main_pid;
    std::optional<std::chrono::milliseconds> watchdog;  // 0: none
    std::optional<std::chrono::milliseconds> extend;
};

// Borrows from `datagram`. `bad_because` says what is wrong when nothing is returned.
std::optional<Notification> parse_notification(std::string_view datagram,
                                               std::string_view& bad_because);

}  // namespace initd
