// Streams to the far side for connections that are not there yet: the far side was asked while the
// connection's first packet was held, and the stream waits here until the connection is accepted.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <utility>

#include "loop/edge.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

class PreparedStreams {
  public:
    using Time = std::chrono::milliseconds;  // on loop::Loop's clock

    // A connection follows its first packet within moments, or never.
    static constexpr std::chrono::seconds kLongestWait{30};
    static constexpr std::size_t kMost = 4096;

    // `source` is the application's end, `destination` where it was going. What was there for the
    // same two is closed, and the stream itself when there are too many.
    void put(const vsockio::IpEndpoint& source, const vsockio::IpEndpoint& destination,
             std::unique_ptr<loop::Edge> stream, Time now);
    // Nothing when there is none.
    std::unique_ptr<loop::Edge> take(const vsockio::IpEndpoint& source,
                                     const vsockio::IpEndpoint& destination);
    std::size_t size() const { return streams_.size(); }

  private:
    using Ends = std::pair<vsockio::IpEndpoint, vsockio::IpEndpoint>;
    struct Waiting {
        std::unique_ptr<loop::Edge> stream;
        Time since;
    };
    std::map<Ends, Waiting> streams_;
};

}  // namespace pf_proxy
