// The way to the initd of an enclave from outside: pipeline(1) as a child, with a socket to it as
// its standard input and output. Keys, evidence and encryption are its matter; initctl links none
// of them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"

namespace initctl {

class Remote {
  public:
    struct Call {
        std::string address;               // of pipeline serve
        std::vector<std::string> options;  // long options of pipeline forward, without the dashes
        std::chrono::milliseconds connect_timeout{};
    };

    // Starts pipeline, which is looked for beside this program and then on the PATH. What goes
    // wrong later is told by pipeline itself on standard error, and by its exit status.
    static base::Result<Remote> start(const Call& call);

    Remote(Remote&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)), socket_(std::move(other.socket_)) {}
    Remote& operator=(Remote&&) = delete;
    // Lets the child end in order, for a moment, and then by force.
    ~Remote();

    // Not blocking; valid for as long as this.
    int socket() const { return socket_.get(); }

    // How the child ended, as a shell would tell it; waits a moment for that and then kills it.
    int wait();

  private:
    Remote(pid_t pid, base::Fd socket) : pid_(pid), socket_(std::move(socket)) {}

    pid_t pid_ = -1;  // until it was waited for
    int status_ = 0;
    base::Fd socket_;
};

}  // namespace initctl
