// Which names an address was asked for by, so that a connection to the address can be judged as
// one to the names. Pure; remembers what a resolver of the application's side was answered.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "expiring_cache.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

// An application connects for as long as it keeps an answer, which is longer than it should.
inline constexpr std::chrono::seconds kShortestPin{60};
inline constexpr std::chrono::seconds kLongestPin{3600};
inline constexpr std::size_t kMaximumPins = 16'384;    // addresses
inline constexpr std::size_t kMaximumNamesOfPin = 32;  // of an address; the latest stay

class Pins {
  public:
    using Time = std::chrono::milliseconds;  // on loop::Loop's clock

    explicit Pins(std::size_t maximum = kMaximumPins) : addresses_(maximum) {}

    // Notes that `name` (as policy::parse_host() spells it) was answered with the address, and
    // returns until when: `ttl` within the limits above, or later if it was noted for longer.
    Time pin(std::string_view name, const vsockio::IpAddress& address, std::chrono::seconds ttl,
             Time now);

    // The latest first. Empty for an address that nobody was told, or too long ago.
    std::vector<std::string> names_of(const vsockio::IpAddress& address, Time now);

    std::size_t size() const { return addresses_.size(); }

  private:
    struct Pin {
        std::string name;
        Time until{};
    };
    ExpiringCache<vsockio::IpAddress, std::vector<Pin>> addresses_;
};

}  // namespace pf_proxy
