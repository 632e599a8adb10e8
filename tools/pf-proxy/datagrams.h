// Datagrams in a process that otherwise carries connections: what its flows share, its bound
// sockets, and how their flows get streams. The flows themselves are in udp_near.h and udp_far.h.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "loop/loop.h"
#include "service.h"
#include "stream_opener.h"
#include "udp_near.h"
#include "udp_workspace.h"

namespace pf_proxy {

// Made when there is the first flow or socket: who carries no datagrams pays nothing.
struct DatagramRoom {
    UdpWorkspace workspace;
    std::optional<loop::Timer> counting;  // brings the workspace's counters to the metrics

    static base::Result<std::unique_ptr<DatagramRoom>> create(Service& service);
};

// Sockets for the udp: listeners of the settings, bound.
base::Result<std::vector<base::Fd>> bind_datagram_listeners(const Settings& settings);

// The near side of datagrams on such sockets: flows get a stream each by the mode's outlet.
class DatagramListeners {
  public:
    static base::Result<std::unique_ptr<DatagramListeners>> create(Service& service,
                                                                   std::vector<base::Fd> sockets);
    ~DatagramListeners();

    void set_policy(const std::shared_ptr<const policy::Policy>& policy);
    // No new flows; `done` is called from the loop once those that are there have ended.
    void drain(std::function<void()> done);

  private:
    explicit DatagramListeners(std::unique_ptr<StreamOpener> opener) : opener_(std::move(opener)) {}

    std::unique_ptr<StreamOpener> opener_;
    std::vector<std::unique_ptr<UdpNear>> sides_;
    std::size_t draining_ = 0;
};

}  // namespace pf_proxy
