// Datagram sockets: options, errors of the network.
#include "udp_sockets.h"

#include <linux/errqueue.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstring>

namespace pf_proxy {

using base::Error;
using base::Fd;
using base::Result;
using vsockio::IpAddress;
using vsockio::IpEndpoint;

namespace {

Result<void> set_option(int fd, int level, int name, const char* what) {
    const int on = 1;
    if (::setsockopt(fd, level, name, &on, sizeof on) != 0) {
        return Error::system("set a socket's option", what);
    }
    return {};
}

Result<Fd> make_socket(int family) {
    Fd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return Error::system("make a socket for", "udp");
    return fd;
}

int bind_socket(int fd, const IpEndpoint& at) {
    sockaddr_storage native;
    const unsigned length = vsockio::to_socket_address(at, native);
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&native), length) == 0 ? 0 : errno;
}

Result<void> allow_any_source(int fd, int family) {
    return family == AF_INET ? set_option(fd, SOL_IP, IP_TRANSPARENT, "IP_TRANSPARENT")
                             : set_option(fd, SOL_IPV6, IPV6_TRANSPARENT, "IPV6_TRANSPARENT");
}

int family_for(const IpAddress& address) {
    return address.is_v4 ? AF_INET : AF_INET6;
}

// IPv4's and IPv6's errors differ only in the numbers of the option.
std::optional<int> reported_errno(const cmsghdr& control) {
    const bool v4 = control.cmsg_level == SOL_IP && control.cmsg_type == IP_RECVERR;
    const bool v6 = control.cmsg_level == SOL_IPV6 && control.cmsg_type == IPV6_RECVERR;
    if (!v4 && !v6) return std::nullopt;
    sock_extended_err reported{};
    std::memcpy(&reported, CMSG_DATA(&control), sizeof reported);
    // What this machine itself refuses is already the errno of sending.
    if (reported.ee_origin == SO_EE_ORIGIN_LOCAL) return std::nullopt;
    return static_cast<int>(reported.ee_errno);
}

}  // namespace

Result<Fd> make_flow_socket(bool v4) {
    Fd fd = TRY(make_socket(v4 ? AF_INET : AF_INET6));
    IpEndpoint any;
    any.address.is_v4 = v4;
    if (v4) {
        TRY(set_option(fd.get(), SOL_IP, IP_RECVERR, "IP_RECVERR"));
    } else {
        TRY(set_option(fd.get(), SOL_IPV6, IPV6_V6ONLY, "IPV6_V6ONLY"));
        TRY(set_option(fd.get(), SOL_IPV6, IPV6_RECVERR, "IPV6_RECVERR"));
    }
    const int failure = bind_socket(fd.get(), any);
    if (failure != 0) return Error::system("bind a socket for", "udp", failure);
    return fd;
}

Result<void> prepare_datagrams(int fd, bool transparent) {
    TRY(base::set_nonblocking(fd, true));
    const int family = TRY(family_of_socket(fd));
    TRY(set_option(fd, SOL_IP, IP_RECVORIGDSTADDR, "IP_RECVORIGDSTADDR"));
    if (family == AF_INET6) {
        TRY(set_option(fd, SOL_IPV6, IPV6_RECVORIGDSTADDR, "IPV6_RECVORIGDSTADDR"));
    }
    if (!transparent) return {};
    // An IPv6 socket takes IPv4's datagrams by the same flag.
    return allow_any_source(fd, family);
}

Result<Fd> bind_datagrams(const IpEndpoint& at, bool transparent) {
    Fd fd = TRY(make_socket(family_for(at.address)));
    TRY(prepare_datagrams(fd.get(), transparent));
    const int failure = bind_socket(fd.get(), at);
    if (failure != 0) return Error::system("listen on", "udp:" + to_string(at), failure);
    return fd;
}

Result<Fd> make_reply_socket(const IpEndpoint& from) {
    const int family = family_for(from.address);
    // Without the option only the machine's own addresses can be bound.
    IpEndpoint any_port = from;
    any_port.port = 0;
    {
        const Fd probe = TRY(make_socket(family));
        if (bind_socket(probe.get(), any_port) != EADDRNOTAVAIL) {
            return Error::system("answer from", to_string(from), EADDRINUSE);
        }
    }
    Fd fd = TRY(make_socket(family));
    TRY(allow_any_source(fd.get(), family));
    TRY(set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"));
    // Nobody reads from it, so nothing should wait in it.
    const int least = 1;
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    const int failure = bind_socket(fd.get(), from);
    if (failure != 0) return Error::system("answer from", to_string(from), failure);
    return fd;
}

unsigned native_address(const IpEndpoint& endpoint, int family, sockaddr_storage& native) {
    if (family == family_for(endpoint.address)) {
        return vsockio::to_socket_address(endpoint, native);
    }
    if (family != AF_INET6) return 0;
    IpEndpoint mapped;
    mapped.port = endpoint.port;
    mapped.address.bytes[10] = mapped.address.bytes[11] = std::byte{0xFF};
    std::memcpy(mapped.address.bytes.data() + 12, endpoint.address.bytes.data(), 4);
    return vsockio::to_socket_address(mapped, native);
}

Result<int> family_of_socket(int fd) {
    int family = 0;
    socklen_t size = sizeof family;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) {
        return Error::system("look at", "a socket");
    }
    if (family != AF_INET && family != AF_INET6) {
        return Error::system("use as a datagram socket", "another kind", EAFNOSUPPORT);
    }
    return family;
}

int route_errno(const IpEndpoint& endpoint) {
    const Result<Fd> probe = make_socket(family_for(endpoint.address));
    if (!probe.ok()) return probe.error().errno_value;
    sockaddr_storage native;
    const unsigned length = vsockio::to_socket_address(endpoint, native);
    const auto* address = reinterpret_cast<const sockaddr*>(&native);
    return ::connect(probe.value().get(), address, length) == 0 ? 0 : errno;
}

std::optional<SocketError> next_error(int fd) {
    while (true) {
        sockaddr_storage name{};
        alignas(cmsghdr) std::byte control[512];
        std::byte payload[1];
        iovec part{payload, sizeof payload};
        msghdr message{};
        message.msg_name = &name;
        message.msg_namelen = sizeof name;
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        if (::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
        const auto destination = vsockio::from_socket_address(name);
        if (!destination.has_value()) continue;
        for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
             each = CMSG_NXTHDR(&message, each)) {
            const std::optional<int> reported = reported_errno(*each);
            if (reported.has_value()) return SocketError{*destination, *reported};
        }
    }
}

}  // namespace pf_proxy
