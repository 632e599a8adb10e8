// Names of addresses, each with its own end.
#include "pins.h"

#include <algorithm>

namespace pf_proxy {

using vsockio::IpAddress;

Pins::Time Pins::pin(std::string_view name, const IpAddress& address, std::chrono::seconds ttl,
                     Time now) {
    const IpAddress key = address.unmapped();
    Pin pin{std::string(name), now + std::clamp(ttl, kShortestPin, kLongestPin)};
    std::vector<Pin> names;
    Time last = pin.until;
    if (auto* entry = addresses_.find(key, now)) {
        names = std::move(entry->value);
        last = std::max(last, entry->until);
    }
    const auto same = std::ranges::find(names, name, &Pin::name);
    if (same != names.end()) {
        pin.until = std::max(pin.until, same->until);
        names.erase(same);
    }
    std::erase_if(names, [now](const Pin& each) { return each.until <= now; });
    if (names.size() >= kMaximumNamesOfPin) names.pop_back();
    const Time until = pin.until;
    names.insert(names.begin(), std::move(pin));
    addresses_.put(key, std::move(names), last);
    return until;
}

std::vector<std::string> Pins::names_of(const IpAddress& address, Time now) {
    std::vector<std::string> names;
    const auto* entry = addresses_.find(address.unmapped(), now);
    if (entry == nullptr) return names;
    for (const Pin& pin : entry->value) {
        if (pin.until > now) names.push_back(pin.name);
    }
    return names;
}

}  // namespace pf_proxy
