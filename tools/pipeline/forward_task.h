// The server's half of forwarding, as tasks of a session.
#pragma once

#include <memory>

#include "inbound.h"
#include "outbound.h"
#include "task.h"

namespace pipeline {

// Connects to an address and joins the stream to it.
class ForwardTask : public Task {
  public:
    ForwardTask(loop::Loop& loop, vsockio::Address address)
        : loop_(loop), address_(std::move(address)) {}

    void on_data(std::uint8_t, std::span<const std::byte> bytes) override;
    void on_end(std::uint8_t) override { outbound_->on_end(); }
    void on_room() override { outbound_->on_room(); }

  protected:
    base::Result<void> start() override;

  private:
    loop::Loop& loop_;
    vsockio::Address address_;
    std::unique_ptr<Outbound> outbound_;
};

// Listens on an address for as long as the stream lives; each connection is offered to the client
// as a stream of its own.
class ListenTask : public Task {
  public:
    ListenTask(loop::Loop& loop, Connection& connection, vsockio::Address address)
        : loop_(loop), connection_(connection), address_(std::move(address)) {}

  protected:
    base::Result<void> start() override;

  private:
    loop::Loop& loop_;
    Connection& connection_;
    vsockio::Address address_;
    std::unique_ptr<Inbound> inbound_;
};

}  // namespace pipeline
