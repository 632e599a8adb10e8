// How a destination is written, for people and on the wire.
#include "destination.h"

#include "base/format.h"

namespace pf_proxy {

std::string to_string(const Destination& destination) {
    if (const auto* address = std::get_if<vsockio::IpAddress>(&destination.host)) {
        return to_string(vsockio::IpEndpoint{*address, destination.port});
    }
    return fmt::format("{}:{}", std::get<std::string>(destination.host), destination.port);
}

proto::pf_proxy::Request to_request(const Destination& destination) {
    proto::pf_proxy::Request request;
    request.transport = destination.transport;
    request.port = destination.port;
    if (const auto* address = std::get_if<vsockio::IpAddress>(&destination.host)) {
        request.host = *address;
    } else {
        request.host = std::string_view(std::get<std::string>(destination.host));
    }
    request.names.assign(destination.names.begin(), destination.names.end());
    return request;
}

Destination from_request(const proto::pf_proxy::Request& request) {
    Destination destination;
    destination.transport = request.transport;
    destination.port = request.port;
    if (const auto* address = std::get_if<vsockio::IpAddress>(&request.host)) {
        destination.host = *address;
    } else {
        destination.host = std::string(std::get<std::string_view>(request.host));
    }
    destination.names.assign(request.names.begin(), request.names.end());
    return destination;
}

}  // namespace pf_proxy
