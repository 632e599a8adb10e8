// Datagrams by the dozen, as recvmmsg(2) and sendmmsg(2) move them, with both of their ends. One of
// each serves all sockets of a loop, because its memory is used only within a turn.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "vsockio/ip_address.h"

namespace pf_proxy {

struct Datagram {
    vsockio::IpEndpoint source;
    // As the packet had it, where the socket tells (udp_sockets.h). Neither end is ever mapped.
    std::optional<vsockio::IpEndpoint> destination;
    std::span<const std::byte> payload;
};

class DatagramReceiver {
  public:
    static constexpr std::size_t kMaximum = 32;

    DatagramReceiver();

    struct Received {
        std::span<const Datagram> datagrams;  // valid until the next receive()
        // Why there are none: EAGAIN, or an error of an earlier datagram, which is told once.
        int errno_value = 0;
    };
    Received receive(int fd);

  private:
    static constexpr std::size_t kSlotBytes = 65'536;  // more than any datagram
    static constexpr std::size_t kControlBytes = 64;   // one address

    struct Slot {
        sockaddr_storage name;
        alignas(16) std::array<std::byte, kControlBytes> control;
        iovec part;
    };

    std::unique_ptr<std::byte[]> memory_;  // touched as far as datagrams are long
    std::array<Slot, kMaximum> slots_;
    std::array<mmsghdr, kMaximum> headers_;
    std::array<Datagram, kMaximum> datagrams_;
};

// Collects datagrams for one socket at a time; payloads are borrowed until flush().
class DatagramSender {
  public:
    static constexpr std::size_t kMaximum = 32;

    bool empty() const { return count_ == 0; }
    bool full() const { return count_ == kMaximum; }
    // `family` is the socket's. `from` chooses among this machine's addresses; its port is not
    // looked at. False when the socket cannot carry it.
    bool add(int family, const vsockio::IpEndpoint& to,
             const std::optional<vsockio::IpEndpoint>& from, std::span<const std::byte> payload);
    // Sends what was added and forgets it. `failed` hears of each datagram that was not sent.
    void flush(int fd,
               const std::function<void(const vsockio::IpEndpoint& to, int errno_value)>& failed);

  private:
    static constexpr std::size_t kControlBytes = 64;

    struct Slot {
        vsockio::IpEndpoint to;
        sockaddr_storage name;
        alignas(16) std::array<std::byte, kControlBytes> control;
        iovec part;
    };

    std::size_t count_ = 0;
    std::array<Slot, kMaximum> slots_;
    std::array<mmsghdr, kMaximum> headers_;
};

}  // namespace pf_proxy
