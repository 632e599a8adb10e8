// How the near side of datagrams gets a stream to the far side. An interface, because what a stream
// goes over, and what stands before the request on it, is the proxy's mode and not the flow's.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

struct FlowEnds {
    vsockio::IpEndpoint source;  // the application's
    // Where its first datagram was sent: the original destination of a transparent near side, of
    // another its own address.
    vsockio::IpEndpoint destination;
};

class StreamOpener {
  public:
    // Waiting for a stream; destroying it cancels.
    class Opening {
      public:
        virtual ~Opening() = default;
    };
    // A connected, non-blocking descriptor that carries nothing of this protocol yet; a PROXY
    // header, where one is told to stand there, has been written.
    using Done = std::function<void(base::Result<base::Fd>)>;

    virtual ~StreamOpener() = default;
    // `done` is called once, from the loop and never from here; it may destroy the Opening.
    virtual std::unique_ptr<Opening> open(const FlowEnds& ends, Done done) = 0;
};

}  // namespace pf_proxy
