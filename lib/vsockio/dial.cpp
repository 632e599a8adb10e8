// Connection attempts and their repetition.
#include "vsockio/dial.h"

#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/format.h"
#include "base/text.h"

namespace vsockio {

using base::Error;
using base::ExitCode;
using base::Fd;
using base::Result;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

namespace {

template <typename T>
SocketAddress pack(const T& native, std::size_t length, int family) {
    static_assert(sizeof(T) <= sizeof(SocketAddress::bytes));
    SocketAddress packed;
    std::memcpy(packed.bytes, &native, sizeof native);
    packed.length = static_cast<unsigned>(length);
    packed.family = family;
    return packed;
}

SocketAddress pack_local(const std::string& path) {
    sockaddr_un native{};
    native.sun_family = AF_UNIX;
    path.copy(native.sun_path, sizeof native.sun_path - 1);
    std::size_t length = offsetof(sockaddr_un, sun_path) + path.size();
    if (path.starts_with('@')) {
        native.sun_path[0] = '\0';
    } else {
        ++length;
    }
    return pack(native, length, AF_UNIX);
}

Result<std::vector<SocketAddress>> look_up(const Address& address) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = address.kind == Address::Kind::udp ? SOCK_DGRAM : SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(address.port);
    const int status = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &found);
    if (status != 0) {
        const ExitCode code = status == EAI_AGAIN ? ExitCode::temporary : ExitCode::unavailable;
        return Error(code, fmt::format("cannot resolve {}: {}", base::quote(address.host),
                                       status == EAI_SYSTEM ? std::strerror(errno)
                                                            : ::gai_strerror(status)));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    std::vector<SocketAddress> addresses;
    for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
        if (entry->ai_addrlen > sizeof(SocketAddress::bytes)) continue;
        SocketAddress packed;
        std::memcpy(packed.bytes, entry->ai_addr, entry->ai_addrlen);
        packed.length = entry->ai_addrlen;
        packed.family = entry->ai_family;
        addresses.push_back(packed);
    }
    return addresses;
}

// What may pass by itself: the peer has not started, or its queue is full for the moment.
bool worth_repeating(const Error& error) {
    switch (error.errno_value) {
        case ECONNREFUSED:
        case ECONNRESET:
        case ENOENT:
        case EAGAIN:
        case ETIMEDOUT:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EINTR: return true;
        default: return error.code == ExitCode::temporary;
    }
}

// Half to one and a half times `delay`, so that many waiting peers do not come back at once.
milliseconds jittered(milliseconds delay) {
    std::uint16_t random = 0;
    if (::getrandom(&random, sizeof random, GRND_NONBLOCK) < 0) return delay;
    return delay / 2 + delay * random / 65536;
}

Result<Fd> attempt(const SocketAddress& to, const Address& address, Clock::time_point deadline) {
    std::optional<std::uint32_t> muxed_port;
    if (address.kind == Address::Kind::muxed) muxed_port = address.port;
    const std::string name = to_string(address);
    Fd fd = TRY(begin_to_connect(to, name));
    Dialer dialer(fd.get(), name, muxed_port);
    while (true) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return Error::system("connect to", name, ETIMEDOUT);
        pollfd ready{fd.get(), dialer.wants(), 0};
        if (::poll(&ready, 1, static_cast<int>(left.count())) < 0) {
            if (errno == EINTR) continue;
            return Error::system("wait for", name);
        }
        if (TRY(dialer.advance(ready.revents))) return fd;
    }
}

Result<Fd> attempt_all(const Address& address, Clock::time_point deadline) {
    const std::vector<SocketAddress> targets = TRY(resolve(address));
    std::optional<Error> last;
    for (const SocketAddress& target : targets) {
        Result<Fd> connected = attempt(target, address, deadline);
        if (connected.ok()) return connected;
        last = std::move(connected).error();
    }
    if (last.has_value()) return std::move(*last);
    return Error(ExitCode::unavailable,
                 fmt::format("cannot resolve {}: no address", base::quote(address.host)));
}

}  // namespace

Result<Address> through_environment(const Address& address, Direction direction) {
    const char* folder = std::getenv("ENCLAVEBOX_VSOCK_DIR");
    return through_folder(address, direction, folder == nullptr ? "" : folder);
}

Result<std::vector<SocketAddress>> resolve(const Address& address) {
    switch (address.kind) {
        case Address::Kind::tcp:
        case Address::Kind::udp: return look_up(address);
        case Address::Kind::vsock: {
            sockaddr_vm native{};
            native.svm_family = AF_VSOCK;
            native.svm_cid = address.cid;
            native.svm_port = address.port;
            return std::vector{pack(native, sizeof native, AF_VSOCK)};
        }
        case Address::Kind::local:
        case Address::Kind::muxed: return std::vector{pack_local(address.path)};
        case Address::Kind::fd: break;
    }
    return Error(ExitCode::internal, "an inherited descriptor has no socket address");
}

SocketAddress socket_address(const IpEndpoint& endpoint) {
    sockaddr_storage native{};
    const unsigned length = to_socket_address(endpoint, native);
    return pack(native, length, native.ss_family);
}

std::optional<IpEndpoint> ip_endpoint(const SocketAddress& address) {
    sockaddr_storage native{};
    std::memcpy(&native, address.bytes, sizeof native);
    return from_socket_address(native);
}

namespace {

Result<void> bind_to_source(int fd, const IpEndpoint& source, int family) {
    const SocketAddress own = socket_address(source);
    if (own.family != family) {
        return Error::system("connect from", to_string(source), EAFNOSUPPORT);
    }
    const int on = 1;
    const int status = family == AF_INET
                           ? ::setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof on)
                           : ::setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof on);
    if (status != 0) return Error::system("connect from", to_string(source));
    // The same client may have connected from the same port a moment ago.
    (void)::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // A port that is chosen when it is known what to connect to may be one that waits elsewhere, so
    // a busy client does not run out of them.
    if (source.port == 0) (void)::setsockopt(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(own.bytes), own.length) != 0) {
        return Error::system("connect from", to_string(source));
    }
    return {};
}

}  // namespace

Result<Fd> begin_to_connect(const SocketAddress& to, const std::string& name,
                            const std::optional<IpEndpoint>& source, bool acknowledge_late) {
    Fd fd(::socket(to.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd.valid()) return Error::system("make a socket for", name);
    if (to.family == AF_INET || to.family == AF_INET6) {
        const int on = 1;
        (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const int off = 0;
        if (acknowledge_late)
            (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_QUICKACK, &off, sizeof off);
    }
    if (source.has_value()) TRY(bind_to_source(fd.get(), *source, to.family));
    const auto* native = reinterpret_cast<const sockaddr*>(to.bytes);
    if (::connect(fd.get(), native, to.length) != 0 && errno != EINPROGRESS && errno != EINTR) {
        return Error::system("connect to", name);
    }
    return fd;
}

void acknowledge_at_once(int fd) {
    const int on = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

short Dialer::wants() const {
    return state_ == State::hearing ? POLLIN : POLLOUT;
}

Result<bool> Dialer::advance(short seen) {
    if (state_ == State::connecting) {
        if ((seen & (POLLOUT | POLLERR | POLLHUP)) == 0) return false;
        if ((seen & (POLLERR | POLLHUP)) != 0) {
            int failure = 0;
            socklen_t size = sizeof failure;
            if (::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &failure, &size) != 0) failure = errno;
            if (failure != 0) return Error::system("connect to", name_, failure);
        }
        state_ = muxed_port_.has_value() ? State::asking : State::connected;
    }
    if (state_ == State::asking) {
        const std::string line = fmt::format("CONNECT {}\n", muxed_port_.value());
        const ssize_t sent = ::send(fd_, line.data(), line.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return false;
        // A fresh socket takes these few bytes whole or not at all.
        if (sent != static_cast<ssize_t>(line.size())) return Error::system("connect to", name_);
        state_ = State::hearing;
    }
    if (state_ == State::hearing) return hear();
    return true;
}

// The answer is looked at before it is taken, so that bytes behind its line stay in the socket.
Result<bool> Dialer::hear() {
    constexpr std::size_t kLongestAnswer = 32;  // "OK 4294967295\n" is 14
    char seen[kLongestAnswer];
    const ssize_t count = ::recv(fd_, seen, sizeof seen, MSG_PEEK | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (count < 0) return Error::system("connect to", name_);
    if (count == 0) return Error::system("connect to", name_, ECONNREFUSED);
    const std::string_view text(seen, static_cast<std::size_t>(count));
    const std::size_t end = text.find('\n');
    const std::string_view part = text.substr(0, end == text.npos ? text.npos : end + 1);
    (void)::recv(fd_, seen, part.size(), MSG_DONTWAIT);
    answer_ += part;
    const bool whole = end != std::string_view::npos;
    if (!whole && answer_.size() < kLongestAnswer) return false;
    if (!whole || !answer_.starts_with("OK ")) {
        return Error(ExitCode::protocol,
                     fmt::format("{} answered {} to CONNECT", name_, base::quote(answer_)));
    }
    state_ = State::connected;
    return true;
}

Result<Fd> dial(const Address& address, milliseconds timeout) {
    if (address.kind == Address::Kind::fd) {
        if (::fcntl(address.fd, F_SETFD, FD_CLOEXEC) != 0) {
            return Error::system("use", to_string(address));
        }
        Fd inherited(address.fd);
        TRY(base::set_nonblocking(inherited.get(), true));
        return inherited;
    }
    const Address target = TRY(through_environment(address, Direction::connect));
    constexpr milliseconds kFirstDelay{20};
    constexpr milliseconds kLongestDelay{1000};
    // A single attempt still may not wait for ever.
    const auto deadline = Clock::now() + (timeout.count() > 0 ? timeout : kDefaultConnectTimeout);
    for (milliseconds delay = kFirstDelay;; delay = std::min(delay * 2, kLongestDelay)) {
        Result<Fd> connected = attempt_all(target, deadline);
        if (connected.ok()) return connected;
        Error error = std::move(connected).error();
        // A socket file that is not there is an absent peer, not a missing input.
        if (error.code == ExitCode::no_input) error.code = ExitCode::unavailable;
        const auto left = std::chrono::floor<milliseconds>(deadline - Clock::now());
        if (timeout.count() == 0 || !worth_repeating(error) || left.count() <= 0) return error;
        const milliseconds pause = std::min(jittered(delay), left);
        (void)::poll(nullptr, 0, static_cast<int>(pause.count()));
    }
}

}  // namespace vsockio
