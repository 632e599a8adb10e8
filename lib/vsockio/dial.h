// Connecting to an address: one attempt without blocking, or a blocking call with retries.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "vsockio/address.h"
#include "vsockio/ip_address.h"

namespace vsockio {

// A socket address ready for connect(2) or bind(2): 128 bytes as in sockaddr_storage.
struct SocketAddress {
    alignas(8) std::byte bytes[128] = {};
    unsigned length = 0;
    int family = 0;
};

SocketAddress socket_address(const IpEndpoint& endpoint);
// Nothing for another family.
std::optional<IpEndpoint> ip_endpoint(const SocketAddress& address);

// through_folder() with the folder that ENCLAVEBOX_VSOCK_DIR names, if it is set.
base::Result<Address> through_environment(const Address& address, Direction direction);

// The socket addresses that `address` stands for, best first; names are looked up, which may
// block. Not for fd:.
base::Result<std::vector<SocketAddress>> resolve(const Address& address);

// Begins to connect a new non-blocking socket; a Dialer sees it through. `source` is an IP address
// to connect from, which may be another machine's (IP_TRANSPARENT, needs CAP_NET_ADMIN). With
// `acknowledge_late` TCP's handshake waits with its last step for bytes to go along with it, 40 ms
// at most or until acknowledge_at_once() is called, as it has to be.
base::Result<base::Fd> begin_to_connect(const SocketAddress& to, const std::string& name,
                                        const std::optional<IpEndpoint>& source = {},
                                        bool acknowledge_late = false);

// To be called again when the first bytes have been sent, if that was later: a peer may wait for
// our acknowledgement with its second write (Nagle), and TCP waits for more of ours with it.
void acknowledge_at_once(int fd);

// One connection attempt as a small state machine over a socket of begin_to_connect(), which it
// borrows. Deadlines are the caller's.
class Dialer {
  public:
    // `muxed_port` adds the CONNECT exchange of muxed: addresses.
    Dialer(int fd, std::string name, std::optional<std::uint32_t> muxed_port)
        : fd_(fd), name_(std::move(name)), muxed_port_(muxed_port) {}

    short wants() const;  // POLLIN or POLLOUT
    // `seen` is what poll(2) tells of the socket. True once it carries data. When it is false, all
    // that was ready has been used. An Error ends the attempt.
    base::Result<bool> advance(short seen);

  private:
    enum class State { connecting, asking, hearing, connected };
    base::Result<bool> hear();

    int fd_;
    std::string name_;
    std::optional<std::uint32_t> muxed_port_;
    std::string answer_;  // what has been heard of the muxed answer's line
    State state_ = State::connecting;
};

inline constexpr std::chrono::milliseconds kDefaultConnectTimeout{10'000};

// Connects, trying again with jittered exponential back-off (20 ms, doubling to 1 s) while the
// peer is not there yet, at most `timeout` in all; with a timeout of 0 only once. vsock addresses
// go through ENCLAVEBOX_VSOCK_DIR when it is set. The descriptor is non-blocking. fd:N takes the
// inherited descriptor over.
base::Result<base::Fd> dial(const Address& address,
                            std::chrono::milliseconds timeout = kDefaultConnectTimeout);

}  // namespace vsockio
