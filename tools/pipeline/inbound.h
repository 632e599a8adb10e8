// A listener whose connections become streams to the other side: the opening end of forwarding,
// on the client, and on the server for addresses that the client has it listen on.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "joined_socket.h"
#include "vsockio/listen.h"

namespace pipeline {

class Inbound {
  public:
    // Each connection opens a stream with `request`; `failed` hears of those that came to nothing.
    static base::Result<std::unique_ptr<Inbound>> create(
        loop::Loop& loop, Connection& connection, const vsockio::Address& address,
        proto::pipeline::Payload request, std::function<void(const base::Error&)> failed);

    // With the real port, where any was asked for.
    const vsockio::Address& bound() const { return listener_.bound(); }

  private:
    Inbound(loop::Loop& loop, Connection& connection, vsockio::Listener listener,
            proto::pipeline::Payload request, std::function<void(const base::Error&)> failed);
    base::Result<void> start();
    void accept_some();
    base::Result<void> join(base::Fd socket);

    loop::Loop& loop_;
    Connection& connection_;
    vsockio::Listener listener_;
    proto::pipeline::Payload request_;
    std::function<void(const base::Error&)> failed_;
    std::optional<loop::Poll> poll_;
    std::optional<loop::Timer> pause_;
    std::vector<std::unique_ptr<JoinedSocket>> joined_;
};

}  // namespace pipeline
