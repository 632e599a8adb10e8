// Listening on an address.
#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "vsockio/address.h"
#include "vsockio/dial.h"

namespace vsockio {

// An address for logs; of Unix sockets only that it is one.
std::string peer_name(const SocketAddress& address);

struct Connection {
    base::Fd fd;         // non-blocking
    SocketAddress from;  // a CID or address is no identity

    bool tcp() const;
    std::string peer() const { return peer_name(from); }
};

// A listening socket. A unix: path is made with mode 0600, replaces a socket that nobody serves
// any more, and goes away with the Listener; one that is served is an Error (temporary).
class Listener {
  public:
    // vsock addresses go through ENCLAVEBOX_VSOCK_DIR when it is set.
    static base::Result<Listener> create(const Address& address, int backlog = 1024);
    Listener(Listener&& other) noexcept;
    Listener& operator=(Listener&&) = delete;
    ~Listener();

    int fd() const { return fd_.get(); }  // non-blocking, readable when a connection waits
    // The address listened on, with the real port where any was asked for.
    const Address& bound() const { return bound_; }
    // Nothing when no connection waits or the waiting one has gone. Errors: out of descriptors or
    // memory, after which the caller should pause.
    base::Result<std::optional<Connection>> accept();

  private:
    Listener(base::Fd fd, Address bound, std::string path)
        : fd_(std::move(fd)), bound_(std::move(bound)), path_(std::move(path)) {}

    base::Fd fd_;
    Address bound_;
    std::string path_;  // to unlink; empty when there is none
};

}  // namespace vsockio
