// Datagram sockets in the shapes that flows need, and what they tell besides datagrams. All are
// non-blocking. Who sends what over them: udp_far.h, udp_near.h.
//
// A socket's family is its own; an IPv6 socket of the near side also carries IPv4, as mapped
// addresses, which never leave this file and datagram_batch.cpp.
#pragma once

#include <sys/socket.h>

#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "vsockio/ip_address.h"

namespace pf_proxy {

// The far side's: any port of all addresses, and errors of the network are kept for next_error().
// Only the one family.
base::Result<base::Fd> make_flow_socket(bool v4);

// The near side's, which tells each datagram's destination. `transparent` also takes those that
// TPROXY sends its way, whatever their destination; the kernel wants CAP_NET_ADMIN for it.
base::Result<base::Fd> bind_datagrams(const vsockio::IpEndpoint& at, bool transparent);
// The same for a socket that was made elsewhere and is bound.
base::Result<void> prepare_datagrams(int fd, bool transparent);

// Sends only, from an address that need not be this machine's. Of the machine's own addresses
// none is taken (EADDRINUSE), as datagrams for whoever uses it could then arrive here.
base::Result<base::Fd> make_reply_socket(const vsockio::IpEndpoint& from);

// The endpoint as a socket of `family` wants it: mapped for IPv4 through AF_INET6. 0 when the
// socket cannot carry it.
unsigned native_address(const vsockio::IpEndpoint& endpoint, int family, sockaddr_storage& native);
// AF_INET or AF_INET6.
base::Result<int> family_of_socket(int fd);

// 0 when there is a way to the endpoint, or the errno that connect(2) has for it.
int route_errno(const vsockio::IpEndpoint& endpoint);

struct SocketError {
    vsockio::IpEndpoint destination;  // of the datagram that came to grief
    int errno_value = 0;
};
// What the network said of earlier datagrams; nothing when all has been told.
std::optional<SocketError> next_error(int fd);

}  // namespace pf_proxy
