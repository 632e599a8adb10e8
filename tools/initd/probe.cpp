// Addresses, and the schedule of attempts.
#include "probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "base/text.h"

namespace initd {

std::optional<SocketAddress> parse_tcp_target(std::string_view target) {
    const std::size_t colon = target.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = base::parse_number(target.substr(colon + 1), 1, 65'535);
    if (!port.ok()) return std::nullopt;
    const std::uint16_t network_port = htons(static_cast<std::uint16_t>(port.value()));
    std::string host(target.substr(0, colon));
    if (host == "localhost") host = "127.0.0.1";
    SocketAddress address;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        struct sockaddr_in6 in6 {};
        in6.sin6_family = AF_INET6;
        in6.sin6_port = network_port;
        const std::string inner = host.substr(1, host.size() - 2);
        if (::inet_pton(AF_INET6, inner.c_str(), &in6.sin6_addr) != 1) return std::nullopt;
        std::memcpy(&address.storage, &in6, sizeof in6);
        address.length = sizeof in6;
        return address;
    }
    struct sockaddr_in in4 {};
    in4.sin_family = AF_INET;
    in4.sin_port = network_port;
    if (::inet_pton(AF_INET, host.c_str(), &in4.sin_addr) != 1) return std::nullopt;
    std::memcpy(&address.storage, &in4, sizeof in4);
    address.length = sizeof in4;
    return address;
}

std::optional<SocketAddress> unix_address(std::string_view path) {
    struct sockaddr_un local {};
    local.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof local.sun_path) return std::nullopt;
    path.copy(local.sun_path, sizeof local.sun_path - 1);
    SocketAddress address;
    std::memcpy(&address.storage, &local, sizeof local);
    address.length = sizeof local;
    return address;
}

void ProbeSchedule::begin(Time now) {
    active_ = true;
    trying_ = false;
    at_ = now;
    delay_ = kFirstDelay;
}

void ProbeSchedule::end() {
    active_ = trying_ = false;
}

std::optional<Time> ProbeSchedule::due() const {
    if (!active_) return std::nullopt;
    return at_;
}

bool ProbeSchedule::on_due(Time now) {
    if (trying_) return false;
    trying_ = true;
    at_ = now + kAttemptPatience;
    return true;
}

void ProbeSchedule::on_failed(Time now) {
    if (!active_) return;
    trying_ = false;
    at_ = now + delay_;
    delay_ = std::min(kLongestDelay, delay_ * 2);
}

}  // namespace initd
