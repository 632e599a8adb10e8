// A stream joined to a connection that this side makes for it: the serving end of forwarding, on
// the server, and on the client for connections that arrive there.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "bridge.h"
#include "vsockio/connector.h"

namespace pipeline {

class Outbound {
  public:
    // Called once; may destroy the object.
    using Finished = std::function<void(std::optional<base::Error>)>;

    // The stream is borrowed; its user passes on what it hears. `connected` is called when there
    // is a connection.
    static base::Result<std::unique_ptr<Outbound>> start(loop::Loop& loop,
                                                         const vsockio::Address& address,
                                                         Stream& stream,
                                                         std::function<void()> connected,
                                                         Finished finished);
    void on_data(std::span<const std::byte> bytes);
    void on_end();
    void on_room();
    // Carried in both directions.
    std::uint64_t bytes() const { return received_ + (bridge_ ? bridge_->bytes() : 0); }

  private:
    Outbound(loop::Loop& loop, Stream& stream, std::function<void()> connected, Finished finished)
        : loop_(loop),
          stream_(stream),
          connected_(std::move(connected)),
          finished_(std::move(finished)) {}
    base::Result<void> join(base::Fd socket);

    loop::Loop& loop_;
    Stream& stream_;
    std::function<void()> connected_;
    Finished finished_;
    std::unique_ptr<vsockio::Connector> connector_;
    std::unique_ptr<Bridge> bridge_;
    std::vector<std::byte> early_;  // came before there was a connection: at most a window
    bool early_end_ = false;
    std::uint64_t received_ = 0;
};

}  // namespace pipeline
