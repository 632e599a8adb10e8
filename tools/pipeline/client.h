// The calling side of a connection: dials, proves the user's key, demands evidence, and judges it
// before anything is asked of the server.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/result.h"
#include "connection.h"
#include "greeting.h"
#include "judge.h"
#include "loop/loop.h"
#include "vsockio/address.h"

namespace pipeline {

struct ClientSettings {
    vsockio::Address address;
    std::string key_file;
    JudgeSettings judge;
    std::chrono::milliseconds connect_timeout{};
};

// The settings of a command line, and its operands without the ADDRESS.
struct ClientCall {
    ClientSettings settings;
    std::vector<std::string> operands;
};
base::Result<ClientCall> client_call(const base::Arguments& arguments);

class Client : public ConnectionOwner {
  public:
    // Runs the loop until there is a channel to an enclave that was accepted. A connection that is
    // cut before the greeting is over is tried again within the time limit.
    static base::Result<std::unique_ptr<Client>> connect(loop::Loop& loop,
                                                         const ClientSettings& settings);
    ~Client() override;

    loop::Loop& loop() { return loop_; }
    Connection& connection() { return *connection_; }
    const Accepted& accepted() const { return accepted_; }
    const std::string& software() const { return software_; }

    // Serves streams that the server opens; none are expected otherwise.
    std::function<void(std::uint16_t, const proto::pipeline::Fields&)> opened;
    // Runs the loop until stop(), or until the connection is lost, which is an Error.
    base::Result<void> run();
    void stop();
    // Ends the connection in order.
    void close();

    void on_secure() override;
    void on_greeting(const proto::pipeline::Fields& fields) override;
    void on_open(std::uint16_t id, const proto::pipeline::Fields& fields) override;
    void on_lost(const base::Error& error) override;

  private:
    Client(loop::Loop& loop, const ClientSettings& settings) : loop_(loop), settings_(settings) {}
    base::Result<void> attempt(const crypto::Identity& identity,
                               std::chrono::milliseconds time_left);
    base::Result<void> greet();
    base::Result<void> take_welcome(const proto::pipeline::Fields& fields);

    loop::Loop& loop_;
    ClientSettings settings_;
    std::unique_ptr<Connection> connection_;
    std::vector<std::byte> nonce_;
    Accepted accepted_;
    std::string software_;
    bool welcomed_ = false;
    std::optional<base::Error> failure_;
};

}  // namespace pipeline
