// Socket names and options.
#include "peer.h"

#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>

#include "base/format.h"

namespace pf_proxy {

using vsockio::IpEndpoint;

namespace {

// From the kernel's headers linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h, which do
// not go together with netinet/in.h.
constexpr int kOriginalDestination = 80;

std::optional<IpEndpoint> unmapped(const sockaddr_storage& native) {
    std::optional<IpEndpoint> endpoint = vsockio::from_socket_address(native);
    if (endpoint.has_value()) endpoint->address = endpoint->address.unmapped();
    return endpoint;
}

std::optional<IpEndpoint> ask(int fd, int level) {
    sockaddr_storage native{};
    socklen_t size = sizeof native;
    if (::getsockopt(fd, level, kOriginalDestination, &native, &size) != 0) return std::nullopt;
    return unmapped(native);
}

}  // namespace

std::string Peer::group() const {
    if (endpoint.has_value()) return to_string(endpoint->address);
    if (cid.has_value()) return fmt::format("vsock:{}", *cid);
    return "unix";
}

Peer peer_from(const vsockio::SocketAddress& address) {
    Peer peer;
    if (address.family == AF_VSOCK) {
        sockaddr_vm vsock{};
        std::memcpy(&vsock, address.bytes, sizeof vsock);
        peer.cid = vsock.svm_cid;
    } else {
        peer.endpoint = vsockio::ip_endpoint(address);
        if (peer.endpoint.has_value()) peer.endpoint->address = peer.endpoint->address.unmapped();
    }
    return peer;
}

std::optional<IpEndpoint> local_endpoint(int fd) {
    sockaddr_storage native{};
    socklen_t size = sizeof native;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&native), &size) != 0) return std::nullopt;
    return unmapped(native);
}

std::optional<std::uint16_t> vsock_port(int fd) {
    sockaddr_vm native{};
    socklen_t size = sizeof native;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&native), &size) != 0 ||
        native.svm_family != AF_VSOCK || native.svm_port == 0 || native.svm_port > 0xFFFF) {
        return std::nullopt;
    }
    return static_cast<std::uint16_t>(native.svm_port);
}

std::optional<IpEndpoint> redirected_from(int fd, const IpEndpoint& own) {
    const std::optional<IpEndpoint> original =
        own.address.is_v4 ? ask(fd, SOL_IP) : ask(fd, SOL_IPV6);
    return original == own ? std::nullopt : original;
}

int original_destination_errno(int fd, int level) {
    sockaddr_storage native{};
    socklen_t size = sizeof native;
    return ::getsockopt(fd, level, kOriginalDestination, &native, &size) == 0 ? 0 : errno;
}

base::Result<void> allow_foreign_addresses(int fd) {
    int family = 0;
    socklen_t size = sizeof family;
    (void)::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
    const int on = 1;
    const int status = family == AF_INET6
                           ? ::setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof on)
                           : ::setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof on);
    if (status != 0) return base::Error::system("listen for foreign addresses", "");
    return {};
}

void keep_alive(int fd) {
    // Ten minutes of silence, then ten questions a minute apart. No error where it is no TCP.
    const int on = 1;
    const int after_seconds = 600;
    const int apart_seconds = 60;
    if (::setsockopt(fd, SOL_TCP, TCP_KEEPIDLE, &after_seconds, sizeof after_seconds) != 0) return;
    (void)::setsockopt(fd, SOL_TCP, TCP_KEEPINTVL, &apart_seconds, sizeof apart_seconds);
    (void)::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

void reset_on_close(int fd) {
    const linger at_once{1, 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace pf_proxy
