// Connecting from within a loop: one attempt at each address that a name stands for, under one
// deadline. Names are looked up at once, which may block for as long as the resolver takes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"
#include "vsockio/address.h"
#include "vsockio/dial.h"

namespace vsockio {

class Connector {
  public:
    // Called once, from the loop, with a non-blocking descriptor; may destroy the Connector.
    using Done = std::function<void(base::Result<base::Fd>)>;
    // vsock addresses go through ENCLAVEBOX_VSOCK_DIR when it is set. Not for fd:.
    static base::Result<std::unique_ptr<Connector>> start(loop::Loop& loop, const Address& address,
                                                          std::chrono::milliseconds timeout,
                                                          Done done);

  private:
    Connector(loop::Loop& loop, Address address, std::vector<SocketAddress> targets, Done done);
    base::Result<void> begin(std::chrono::milliseconds timeout);
    void next();
    void advance();
    void finish(base::Result<base::Fd> result);

    loop::Loop& loop_;
    Address address_;
    std::vector<SocketAddress> targets_;
    std::size_t tried_ = 0;
    Done done_;
    std::optional<Dialer> dialer_;
    std::optional<loop::Poll> poll_;
    std::optional<loop::Timer> deadline_;
    std::optional<loop::Timer> first_;  // the first attempt is made from the loop
    base::Error last_;
};

}  // namespace vsockio
