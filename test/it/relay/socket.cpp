// Connecting, reading, writing, and the bytes that stand for data.
#include "socket.h"

#include <arpa/inet.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "base/format.h"

namespace relay_test {

using base::Fd;
using vsockio::Address;

namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} * 1024;

template <typename Native>
SocketName pack(const Native& native) {
    SocketName name;
    std::memcpy(&name.bytes, &native, sizeof native);
    name.length = sizeof native;
    return name;
}

void limit_waiting(int fd) {
    const timeval limit{kLimit.count(), 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    const int on = 1;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Fd make_socket(const SocketName& name) {
    Fd fd(::socket(name.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) fail(fmt::format("socket: {}", std::strerror(errno)));
    return fd;
}

std::string read_line(int fd) {
    std::string line;
    char letter = 0;
    while (line.size() < 64 && ::recv(fd, &letter, 1, 0) == 1) {
        line += letter;
        if (letter == '\n') break;
    }
    return line;
}

// splitmix64: neighbours have nothing in common.
std::uint64_t word_at(std::uint64_t seed, std::uint64_t index) {
    std::uint64_t word = seed * 0xd1342543de82ef95 + (index + 1) * 0x9e3779b97f4a7c15;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
    word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
    return word ^ (word >> 31);
}

}  // namespace

void fail(const std::string& why) {
    std::printf("FAILED: %s\n", why.c_str());
    std::fflush(stdout);
    std::_Exit(1);
}

Address address_of(std::string_view text) {
    auto address = vsockio::parse_address(text);
    if (!address.ok()) fail(address.error().message);
    return std::move(address).value();
}

SocketName name_of(const Address& address) {
    switch (address.kind) {
        case Address::Kind::tcp: {
            sockaddr_in native{};
            native.sin_family = AF_INET;
            native.sin_port = htons(static_cast<std::uint16_t>(address.port));
            if (::inet_pton(AF_INET, address.host.c_str(), &native.sin_addr) != 1) {
                fail(address.host + " is no IPv4 address");
            }
            return pack(native);
        }
        case Address::Kind::vsock: {
            sockaddr_vm native{};
            native.svm_family = AF_VSOCK;
            native.svm_cid = address.cid;
            native.svm_port = address.port;
            return pack(native);
        }
        case Address::Kind::local:
        case Address::Kind::muxed: {
            sockaddr_un native{};
            native.sun_family = AF_UNIX;
            if (address.path.size() >= sizeof native.sun_path) fail("a path that is too long");
            std::memcpy(native.sun_path, address.path.data(), address.path.size());
            return pack(native);
        }
        default: fail(to_string(address) + " is for no stream");
    }
}

Fd connect_to(const Address& address) {
    const SocketName name = name_of(address);
    Fd fd = make_socket(name);
    limit_waiting(fd.get());
    if (::connect(fd.get(), name.native(), name.length) != 0) {
        fail(fmt::format("connecting to {}: {}", to_string(address), std::strerror(errno)));
    }
    if (address.kind != Address::Kind::muxed) return fd;
    const std::string line = fmt::format("CONNECT {}\n", address.port);
    send_all(fd.get(), std::as_bytes(std::span(line)));
    const std::string answer = read_line(fd.get());
    if (!answer.starts_with("OK ")) fail(fmt::format("'{}' for {}", answer, to_string(address)));
    return fd;
}

Fd listen_on(const Address& address) {
    const SocketName name = name_of(address);
    Fd fd = make_socket(name);
    const int on = 1;
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(fd.get(), name.native(), name.length) != 0 || ::listen(fd.get(), 4096) != 0) {
        fail(fmt::format("listening on {}: {}", to_string(address), std::strerror(errno)));
    }
    return fd;
}

std::uint16_t port_of(int listener) {
    sockaddr_in own{};
    socklen_t size = sizeof own;
    if (::getsockname(listener, reinterpret_cast<sockaddr*>(&own), &size) != 0) return 0;
    return own.sin_family == AF_INET ? ntohs(own.sin_port) : std::uint16_t{0};
}

Fd accept_on(int listener, const Address& address, std::string& say_first) {
    Fd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) return fd;
    limit_waiting(fd.get());
    if (address.kind != Address::Kind::muxed) return fd;
    if (read_line(fd.get()) != fmt::format("CONNECT {}\n", address.port)) return Fd();
    say_first = "OK 1073741824\n";
    return fd;
}

void send_all(int fd, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0) fail(fmt::format("send: {}", std::strerror(errno)));
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

std::size_t send_until_stuck(int fd, std::uint64_t seed, std::size_t most) {
    std::vector<std::byte> piece(65536);
    std::size_t sent = 0;
    pollfd ready{fd, POLLOUT, 0};
    while (sent < most && ::poll(&ready, 1, 200) == 1) {
        fill(piece, seed, sent);
        const ssize_t count = ::send(fd, piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno == EAGAIN) continue;
        if (count < 0) fail(fmt::format("send: {}", std::strerror(errno)));
        sent += static_cast<std::size_t>(count);
    }
    return sent;
}

std::size_t receive(int fd, std::span<std::byte> bytes) {
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t count = ::recv(fd, bytes.data() + have, bytes.size() - have, 0);
        if (count < 0) fail(fmt::format("recv after {} bytes: {}", have, std::strerror(errno)));
        if (count == 0) break;
        have += static_cast<std::size_t>(count);
    }
    return have;
}

void receive_exactly(int fd, std::span<std::byte> bytes) {
    const std::size_t have = receive(fd, bytes);
    if (have != bytes.size()) fail(fmt::format("an end after {} of {} bytes", have, bytes.size()));
}

void end_sending(int fd) {
    if (::shutdown(fd, SHUT_WR) != 0) fail(fmt::format("shutdown: {}", std::strerror(errno)));
}

bool ends_by_reset(int fd) {
    std::byte byte{};
    const ssize_t count = ::recv(fd, &byte, 1, 0);
    if (count > 0) fail("bytes instead of an end");
    if (count < 0 && errno != ECONNRESET) fail(fmt::format("no end: {}", std::strerror(errno)));
    return count < 0;
}

void reset(Fd fd) {
    const linger at_once{1, 0};
    int domain = 0;
    socklen_t size = sizeof domain;
    (void)::getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size);
    // To a vsock, it is how long to wait.
    if (domain == AF_INET) {
        (void)::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
}

void fill(std::span<std::byte> bytes, std::uint64_t seed, std::uint64_t position) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        std::uint64_t word = word_at(seed, (position + at) / 8);
        const std::size_t skipped = (position + at) % 8;
        const std::size_t count = std::min(bytes.size() - at, 8 - skipped);
        std::memcpy(bytes.data() + at, reinterpret_cast<const char*>(&word) + skipped, count);
        at += count;
    }
}

bool are_those(std::span<const std::byte> bytes, std::uint64_t seed, std::uint64_t position) {
    std::array<std::byte, 4096> wanted;
    while (!bytes.empty()) {
        const auto part = std::span(wanted).first(std::min(bytes.size(), wanted.size()));
        fill(part, seed, position);
        if (std::memcmp(bytes.data(), part.data(), part.size()) != 0) return false;
        bytes = bytes.subspan(part.size());
        position += part.size();
    }
    return true;
}

void check(std::span<const std::byte> bytes, std::uint64_t seed, std::uint64_t position) {
    if (are_those(bytes, seed, position)) return;
    fail(fmt::format("a wrong byte after {} right ones", position));
}

std::uint64_t receive_stream(int fd, std::uint64_t seed, std::uint64_t position,
                             std::uint64_t most) {
    std::vector<std::byte> piece(kPieceBytes);
    std::uint64_t have = 0;
    while (have < most) {
        const std::size_t wanted = std::min<std::uint64_t>(piece.size(), most - have);
        const ssize_t count = ::recv(fd, piece.data(), wanted, 0);
        if (count < 0) fail(fmt::format("recv after {} bytes: {}", have, std::strerror(errno)));
        if (count == 0) break;
        check(std::span(piece).first(static_cast<std::size_t>(count)), seed, position + have);
        have += static_cast<std::uint64_t>(count);
    }
    return have;
}

}  // namespace relay_test
