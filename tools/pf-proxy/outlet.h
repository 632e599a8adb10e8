// How a connection gets to its other side: to fixed targets, to what a near side asked for, or by
// asking a far side. Destroying an outlet gives up.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "destination.h"
#include "loop/edge.h"
#include "loop/loop.h"
#include "peer.h"
#include "proto/pf_proxy.h"
#include "service.h"

namespace pf_proxy {

struct OutletResult {
    std::unique_ptr<loop::Edge> stream;  // when connected; tells nobody
    bool tcp = false;                    // that it is
    bool acknowledges_late = false;      // until acknowledge_at_once() is called
    proto::pf_proxy::Status status;      // what a near side is told
    std::string reason;                  // of a failure, for logs
    std::optional<std::size_t> target;   // of fixed ones, counted as open until closed() is told
};

class Outlet {
  public:
    // Called once, from the loop, never from a start function; may destroy the outlet.
    using Done = std::function<void(OutletResult)>;
    virtual ~Outlet() = default;
};

// For whom a connection is made.
struct Client {
    std::optional<vsockio::IpEndpoint> source;
    std::optional<vsockio::IpEndpoint> destination;  // as the client sees it
    vsockio::Transport transport = vsockio::Transport::tcp;
    // For a target of the other family, where there is such an address.
    std::optional<vsockio::IpAddress> stand_in;
};

// The targets of the settings, healthy ones in turn until one takes the connection; then the PROXY
// header. `port` chooses among the ports of a PortTarget.
base::Result<std::unique_ptr<Outlet>> start_fixed_outlet(Service& service, const Client& client,
                                                         std::uint16_t port, Outlet::Done done);

// What policy allows of the destination, resolved, judged and connected to.
base::Result<std::unique_ptr<Outlet>> start_judged_outlet(Service& service,
                                                          const Destination& destination,
                                                          Outlet::Done done);

// A stream to the far side on which it has answered the request for the destination.
base::Result<std::unique_ptr<Outlet>> start_asking_outlet(Service& service,
                                                          const Destination& destination,
                                                          Outlet::Done done);

// Of a connection that was not made, which it counts.
OutletResult not_connected(Service& service, int errno_value, std::string why,
                           const std::optional<vsockio::IpEndpoint>& tried = {});

}  // namespace pf_proxy
