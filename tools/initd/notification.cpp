// Lines to fields.
#include "notification.h"

#include <algorithm>

namespace initd {

namespace {

constexpr std::uint64_t kLastProcess = 1U << 22;
// Longer than any machine runs, and short enough to be added to a clock.
constexpr std::uint64_t kLongestTime_us = 366ULL * 24 * 3600 * 1'000'000;

std::optional<std::uint64_t> number_of(std::string_view text) {
    constexpr std::size_t kMostDigits = 19;
    if (text.empty() || text.size() > kMostDigits) return std::nullopt;
    std::uint64_t number = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9') return std::nullopt;
        number = number * 10 + static_cast<unsigned>(digit - '0');
    }
    return number;
}

// Rounded up: a millisecond early would be a false alarm.
std::optional<std::chrono::milliseconds> time_of(std::string_view text) {
    const std::optional<std::uint64_t> us = number_of(text);
    if (!us) return std::nullopt;
    return std::chrono::milliseconds((std::min(*us, kLongestTime_us) + 999) / 1000);
}

// False when the value is wrong; `bad_because` then is the reason.
bool take(std::string_view key, std::string_view value, Notification& to,
          std::string_view& bad_because) {
    const auto wrong = [&](std::string_view why) {
        bad_because = why;
        return false;
    };
    if (key == "READY" || key == "STOPPING" || key == "RELOADING") {
        if (value != "1") return wrong("READY, STOPPING or RELOADING is not 1");
        to.ready = to.ready || key == "READY";
        to.stopping = to.stopping || key == "STOPPING";
    } else if (key == "STATUS") {
        to.status = value.substr(0, kLongestStatus);
    } else if (key == "MAINPID") {
        const std::optional<std::uint64_t> pid = number_of(value);
        if (!pid || *pid < 2 || *pid > kLastProcess) return wrong("MAINPID is no process id");
        to.main_pid = static_cast<int>(*pid);
    } else if (key == "WATCHDOG") {
        if (value != "1" && value != "trigger") return wrong("WATCHDOG is neither 1 nor trigger");
        (value == "1" ? to.alive : to.lapsed) = true;
    } else if (key == "WATCHDOG_USEC") {
        to.watchdog = time_of(value);
        if (!to.watchdog) return wrong("WATCHDOG_USEC is no number");
    } else if (key == "EXTEND_TIMEOUT_USEC") {
        to.extend = time_of(value);
        if (!to.extend) return wrong("EXTEND_TIMEOUT_USEC is no number");
    }
    return true;
}

}  // namespace

std::optional<Notification> parse_notification(std::string_view datagram,
                                               std::string_view& bad_because) {
    const auto wrong = [&](std::string_view why) {
        bad_because = why;
        return std::nullopt;
    };
    if (datagram.size() > kLongestNotification) return wrong("it is too long");
    if (datagram.find('\0') != std::string_view::npos) return wrong("it has a NUL byte");
    Notification notification;
    while (!datagram.empty()) {
        const std::size_t newline = std::min(datagram.find('\n'), datagram.size());
        const std::string_view line = datagram.substr(0, newline);
        datagram.remove_prefix(std::min(newline + 1, datagram.size()));
        if (line.empty()) continue;
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || equals == 0) return wrong("a line has no KEY=");
        if (!take(line.substr(0, equals), line.substr(equals + 1), notification, bad_because)) {
            return std::nullopt;
        }
    }
    return notification;
}

}  // namespace initd
