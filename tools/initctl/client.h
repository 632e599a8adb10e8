// One connection to initd: a request out, frames in, every wait bounded. Protocol:
// initd-control(5).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "proto/control.h"
#include "remote.h"

namespace initctl {

class Client {
  public:
    using Kind = proto::control::Kind;
    using Fill = std::function<void(proto::control::FrameWriter&)>;
    using Visit = std::function<base::Result<void>(const proto::control::Frame&)>;

    // Connects and agrees on a version. Nobody there is an Error (unavailable).
    static base::Result<Client> connect(const std::string& path, std::chrono::milliseconds timeout);

    // The same to an enclave, over pipeline. When that fails the Error has pipeline's exit code and
    // no message, because pipeline has given one.
    static base::Result<Client> connect(const Remote::Call& call,
                                        std::chrono::milliseconds timeout);

    // Sends one request and calls `visit` for every frame of the answer before `done`. What initd
    // refuses is an Error with initd's code. Waits at most the time-out for each frame; with
    // `endless` as long as it takes, and the end of the connection is no Error then.
    // `done_text`, if there is one, gets what initd says at the end.
    base::Result<void> ask(Kind kind, const Fill& fill, const Visit& visit, bool endless = false,
                           std::string* done_text = nullptr);

  private:
    Client(base::Fd fd, std::chrono::milliseconds timeout)
        : fd_(std::move(fd)), timeout_(timeout) {}

    Client(Remote remote, std::chrono::milliseconds timeout)
        : remote_(std::move(remote)), timeout_(timeout) {}

    int socket() const { return remote_.has_value() ? remote_->socket() : fd_.get(); }
    base::Result<void> greet();
    // Why there is no connection any more.
    base::Error closed();
    base::Result<void> send(Kind kind, const Fill& fill);
    // False at the end of the connection.
    base::Result<bool> receive(bool endless);
    base::Result<proto::control::Decoded> next(bool endless);

    base::Fd fd_;  // without remote_
    std::optional<Remote> remote_;
    bool greeted_ = false;
    std::chrono::milliseconds timeout_;
    std::vector<std::byte> received_;
    std::size_t used_ = 0;  // bytes at the front of received_ that were dealt with
};

}  // namespace initctl
