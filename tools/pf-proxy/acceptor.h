// Taking connections from one listening socket, many in a turn of the loop but not without end, and
// pausing when there can be no more for now.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "loop/loop.h"
#include "vsockio/listen.h"

namespace pf_proxy {

class Acceptor {
  public:
    // How long to wait before the next is accepted; 0 to go on.
    using MayAccept = std::function<std::chrono::milliseconds()>;
    using Accepted = std::function<void(vsockio::Connection)>;
    using Paused = std::function<void(const std::string& why)>;

    static base::Result<std::unique_ptr<Acceptor>> create(loop::Loop& loop,
                                                          vsockio::Listener listener,
                                                          MayAccept may_accept, Accepted accepted,
                                                          Paused paused);
    // Goes on at once after a pause: something has become free.
    void resume();

  private:
    explicit Acceptor(vsockio::Listener listener) : listener_(std::move(listener)) {}
    void accept();
    void pause(std::chrono::milliseconds time);

    vsockio::Listener listener_;
    MayAccept may_accept_;
    Accepted accepted_;
    Paused paused_;
    std::optional<loop::Poll> poll_;
    std::optional<loop::Timer> timer_;
    bool pausing_ = false;
};

}  // namespace pf_proxy
