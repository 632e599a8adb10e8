// Blocking sockets of the relay's test programs, over every transport: each wait has a limit, and
// what must not happen ends the program with a line that says what it was. No part of any tool.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "vsockio/address.h"

namespace relay_test {

// For anything that must happen.
inline constexpr std::chrono::seconds kLimit{30};

// Prints "FAILED: why" and ends the program.
[[noreturn]] void fail(const std::string& why);

vsockio::Address address_of(std::string_view text);

struct SocketName {
    sockaddr_storage bytes{};
    socklen_t length = 0;

    const sockaddr* native() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};
SocketName name_of(const vsockio::Address& address);

// tcp with a numeric IPv4 host, unix, vsock, muxed.
base::Fd connect_to(const vsockio::Address& address);
// muxed listens on the path, as who multiplexes a guest's ports does.
base::Fd listen_on(const vsockio::Address& address);
// The port that tcp has got.
std::uint16_t port_of(int listener);
// An accepted socket of a muxed address is asked for its port first; the answer is to be sent
// together with the first bytes, which a reader of answers has to leave alone.
base::Fd accept_on(int listener, const vsockio::Address& address, std::string& say_first);

void send_all(int fd, std::span<const std::byte> bytes);
// How many bytes were taken before the socket took none for a fifth of a second.
std::size_t send_until_stuck(int fd, std::uint64_t seed, std::size_t most);
// Fewer than wanted at the end of the stream.
std::size_t receive(int fd, std::span<std::byte> bytes);
void receive_exactly(int fd, std::span<std::byte> bytes);
void end_sending(int fd);
// Whether the stream ends now by a reset instead of an end; bytes before that are a failure.
bool ends_by_reset(int fd);
// A reset, as far as the transport knows one: the kernel sends one for unread bytes, or is told to.
void reset(base::Fd fd);

// Bytes of a stream that has this number, from a position on: each position has its own.
void fill(std::span<std::byte> bytes, std::uint64_t seed, std::uint64_t position);
bool are_those(std::span<const std::byte> bytes, std::uint64_t seed, std::uint64_t position);
// Fails where they are not.
void check(std::span<const std::byte> bytes, std::uint64_t seed, std::uint64_t position);
// Reads and checks; how many bytes there were until the end, at most `most`.
std::uint64_t receive_stream(int fd, std::uint64_t seed, std::uint64_t position,
                             std::uint64_t most);

}  // namespace relay_test
