// Connecting from within a loop: one attempt at each of several socket addresses, under one
// deadline. What a far-off address leaves unanswered takes only its share of the time. What this
// machine is short of for a moment (descriptors, memory, the place in a Unix socket's queue) is
// waited for.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "loop/edge.h"
#include "loop/loop.h"
#include "vsockio/address.h"
#include "vsockio/dial.h"

namespace vsockio {

// Where to connect, looked up already.
struct ConnectPlan {
    std::string name;                         // for Errors
    std::vector<SocketAddress> targets;       // tried in this order
    std::optional<std::uint32_t> muxed_port;  // of muxed: addresses
    // To connect from, the one of the target's family, as begin_to_connect() takes it; a
    // target without one fails. Empty: the kernel chooses.
    std::vector<IpEndpoint> sources;
    bool acknowledge_late = false;  // as begin_to_connect() takes it
};

// vsock addresses go through ENCLAVEBOX_VSOCK_DIR when it is set. A name is looked up at once,
// which may block for as long as the resolver takes. Not for fd:.
base::Result<ConnectPlan> plan_to(const Address& address);

class Connector {
  public:
    // Called once, from the loop, with an Edge that tells nobody; may destroy the Connector.
    using Done = std::function<void(base::Result<std::unique_ptr<loop::Edge>>)>;
    static base::Result<std::unique_ptr<Connector>> start(loop::Loop& loop, ConnectPlan plan,
                                                          std::chrono::milliseconds timeout,
                                                          Done done);
    // The same with plan_to().
    static base::Result<std::unique_ptr<Connector>> start(loop::Loop& loop, const Address& address,
                                                          std::chrono::milliseconds timeout,
                                                          Done done);

    // The address that was connected to, or tried last; nothing before the first attempt.
    const SocketAddress* last_tried() const;

  private:
    Connector(loop::Loop& loop, ConnectPlan plan, std::chrono::milliseconds timeout, Done done);
    std::optional<IpEndpoint> source_for(const SocketAddress& target) const;
    void next();
    base::Result<void> attempt(const SocketAddress& target);
    bool wait_a_moment();
    void advance();
    void on_time();
    void finish(base::Result<std::unique_ptr<loop::Edge>> result);

    loop::Loop& loop_;
    ConnectPlan plan_;
    std::size_t tried_ = 0;
    Done done_;
    loop::Turn turn_;
    std::unique_ptr<loop::Edge> edge_;  // of the attempt, when there is one
    std::optional<Dialer> dialer_;
    std::chrono::milliseconds deadline_{};  // of the loop's clock
    std::optional<loop::Timer> timer_;      // the end of an attempt or of a moment
    std::optional<base::Error> last_;       // nothing: there was nothing to try
    bool given_up_ = false;                 // only the end is left to be told
};

}  // namespace vsockio
