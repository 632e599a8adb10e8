// How a destination is written.
#include "destination.h"

#include "base/format.h"

namespace pf_proxy {

std::string to_string(const Destination& destination) {
    if (const auto* address = std::get_if<vsockio::IpAddress>(&destination.host)) {
        return to_string(vsockio::IpEndpoint{*address, destination.port});
    }
    return fmt::format("{}:{}", std::get<std::string>(destination.host), destination.port);
}

}  // namespace pf_proxy
