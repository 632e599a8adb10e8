// Listening sockets of every family.
#include "vsockio/listen.h"

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/format.h"
#include "base/text.h"
#include "vsockio/dial.h"
#include "vsockio/ip_address.h"

namespace vsockio {

using base::Error;
using base::ExitCode;
using base::Fd;
using base::Result;

namespace {

// Removes a socket left behind by a dead owner, so that bind(2) can have its name.
Result<void> clear_stale_socket(const Address& address) {
    struct stat status {};
    if (address.path.starts_with('@') || ::lstat(address.path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode)) {
        return Error(ExitCode::no_input, fmt::format("cannot listen on {}: the path is no socket",
                                                     base::quote(to_string(address))));
    }
    const std::vector<SocketAddress> target = TRY(resolve(address));
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe.valid()) return Error::system("make a socket for", to_string(address));
    const auto* native = reinterpret_cast<const sockaddr*>(target.front().bytes);
    if (::connect(probe.get(), native, target.front().length) == 0 || errno != ECONNREFUSED) {
        return Error::system("listen on", to_string(address), EADDRINUSE);
    }
    if (::unlink(address.path.c_str()) != 0 && errno != ENOENT) {
        return Error::system("remove the stale socket", address.path);
    }
    return {};
}

// What a listener accepts inherits it. No error where it is no TCP.
void send_at_once(int fd) {
    const int on = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Result<Listener> adopt(const Address& address, Result<Listener> (*make)(Fd, const Address&)) {
    int listening = 0;
    socklen_t size = sizeof listening;
    if (::getsockopt(address.fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0) {
        return Error::system("use", to_string(address));
    }
    if (listening == 0) {
        return Error::usage(fmt::format("{} is not a listening socket", to_string(address)));
    }
    if (::fcntl(address.fd, F_SETFD, FD_CLOEXEC) != 0) {
        return Error::system("use", to_string(address));
    }
    Fd inherited(address.fd);
    TRY(base::set_nonblocking(inherited.get(), true));
    send_at_once(inherited.get());
    return make(std::move(inherited), address);
}

// The port the kernel chose, for tcp:HOST:0.
std::uint32_t bound_port(int fd, std::uint32_t asked) {
    sockaddr_storage own{};
    socklen_t size = sizeof own;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) != 0) return asked;
    const auto endpoint = from_socket_address(own);
    return endpoint.has_value() ? endpoint->port : asked;
}

Result<Fd> bind_and_listen(const SocketAddress& at, const Address& address, int backlog) {
    Fd fd(::socket(at.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return Error::system("make a socket for", to_string(address));
    if (at.family == AF_INET || at.family == AF_INET6) {
        const int on = 1;
        (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    // [::] is for IPv4 as well, whatever this machine has for a default.
    if (at.family == AF_INET6) {
        const int off = 0;
        (void)::setsockopt(fd.get(), SOL_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    send_at_once(fd.get());
    // The mode has to be right from birth: between bind and chmod anybody could connect.
    const mode_t mask = ::umask(0177);
    const int status = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(at.bytes), at.length);
    const int bind_errno = errno;
    ::umask(mask);
    if (status != 0) return Error::system("listen on", to_string(address), bind_errno);
    if (::listen(fd.get(), backlog) != 0) return Error::system("listen on", to_string(address));
    return fd;
}

}  // namespace

std::string peer_name(const SocketAddress& address) {
    if (const auto endpoint = ip_endpoint(address)) {
        return fmt::format("tcp:{}", to_string(*endpoint));
    }
    if (address.family == AF_VSOCK) {
        sockaddr_vm native{};
        std::memcpy(&native, address.bytes, sizeof native);
        return fmt::format("vsock:{}:{}", native.svm_cid, native.svm_port);
    }
    return "unix";
}

bool Connection::tcp() const {
    return from.family == AF_INET || from.family == AF_INET6;
}

Result<Listener> Listener::create(const Address& address, int backlog) {
    if (address.kind == Address::Kind::fd) {
        return adopt(address, [](Fd fd, const Address& bound) -> Result<Listener> {
            return Listener(std::move(fd), bound, "");
        });
    }
    if (address.kind == Address::Kind::muxed) {
        return Error::usage(
            fmt::format("cannot listen on {}: muxed addresses only connect", to_string(address)));
    }
    if (address.kind == Address::Kind::udp) {
        return Error::usage(
            fmt::format("cannot listen on {}: a stream is needed", to_string(address)));
    }
    Address bound = TRY(through_environment(address, Direction::listen));
    if (bound.kind == Address::Kind::local) TRY(clear_stale_socket(bound));
    const std::vector<SocketAddress> choices = TRY(resolve(bound));
    if (choices.empty()) return Error::system("listen on", to_string(bound), EADDRNOTAVAIL);
    Fd fd = TRY(bind_and_listen(choices.front(), bound, backlog));
    if (bound.kind == Address::Kind::tcp) bound.port = bound_port(fd.get(), bound.port);
    std::string path;
    if (bound.kind == Address::Kind::local && !bound.path.starts_with('@')) path = bound.path;
    return Listener(std::move(fd), std::move(bound), std::move(path));
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::move(other.fd_)),
      bound_(std::move(other.bound_)),
      path_(std::exchange(other.path_, {})) {}

Listener::~Listener() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

Result<std::optional<Connection>> Listener::accept() {
    SocketAddress from;
    from.length = sizeof from.bytes;
    Fd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(from.bytes), &from.length,
                    SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd.valid()) {
        switch (errno) {
            case EMFILE:
            case ENFILE:
            case ENOBUFS:
            case ENOMEM:
            case EBADF:
            case ENOTSOCK: return Error::system("accept on", to_string(bound_));
            default: return std::optional<Connection>();  // accept(2): network errors of the peer
        }
    }
    sa_family_t family = AF_UNSPEC;
    std::memcpy(&family, from.bytes, sizeof family);
    from.family = family;
    return std::optional<Connection>(Connection{std::move(fd), from});
}

}  // namespace vsockio
