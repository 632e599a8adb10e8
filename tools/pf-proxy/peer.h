// Who is at the other end of a socket, and where a redirected connection was going: facts of the
// kernel about one descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "vsockio/dial.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

// One of the two, or neither on a Unix socket. Neither is an identity.
struct Peer {
    std::optional<vsockio::IpEndpoint> endpoint;  // unmapped
    std::optional<std::uint32_t> cid;

    // Whose connections are counted together: the address without its port, or the CID.
    std::string group() const;
};

Peer peer_from(const vsockio::SocketAddress& address);
// Unmapped; nothing on what is no IP socket.
std::optional<vsockio::IpEndpoint> local_endpoint(int fd);
// The port of a vsock that has one as IP has them: 1 to 65535.
std::optional<std::uint16_t> vsock_port(int fd);

// Where a connection to our `own` address was going before the kernel redirected it
// (SO_ORIGINAL_DST and its twin for IPv6). Nothing when it was not, or nobody in the kernel keeps
// account of it.
std::optional<vsockio::IpEndpoint> redirected_from(int fd, const vsockio::IpEndpoint& own);

// 0 when the kernel keeps account of the accepted connection, else why not; `level` is SOL_IP or
// SOL_IPV6.
int original_destination_errno(int fd, int level);

// Lets the listening socket have connections for addresses that are not ours (TPROXY).
base::Result<void> allow_foreign_addresses(int fd);

// Finds out in hours, and not never, that the other machine is gone.
void keep_alive(int fd);

// What is sent when the descriptor is closed is a reset, where there is such a thing.
void reset_on_close(int fd);

}  // namespace pf_proxy
