// Stream sockets over the simulated driver: what a guest's kernel would make of the packets.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "guest_driver.h"

namespace test {

struct GuestSocket {
    std::uint32_t peer_cid = 3;
    std::uint32_t peer_port = 0;
    std::uint32_t guest_port = 0;
    bool open = false;
    bool reset = false;
    std::uint32_t peer_done = 0;  // shutdown flags received
    std::string received;
    std::uint32_t sent = 0;
    std::uint32_t received_count = 0;
    std::uint32_t forwarded = 0;
    std::uint32_t peer_forwarded = 0;
    std::uint32_t peer_buffer = 0;
    std::uint32_t buffer = 256 * 1024;
    std::uint32_t highest_in_flight = 0;  // of what the device sent us
};

class GuestStack {
  public:
    explicit GuestStack(GuestDriver& driver) : driver_(driver) {}

    // Ports that answer requests of the host.
    void listen(std::uint32_t port) { listening_.insert(port); }
    GuestSocket& start_connect(std::uint32_t cid, std::uint32_t port);
    // True when the connection was accepted, false when reset.
    bool connect(GuestSocket& socket);
    // The next connection that the host made to a listening port.
    GuestSocket& accept();

    // Sends all of it, waiting for credit; packets carry at most `piece` bytes.
    void write(GuestSocket& socket, std::string_view data, std::size_t piece = 64 * 1024,
               std::vector<std::size_t> cuts = {}, bool indirect = false);
    // Waits until so many bytes have come, the peer has ended, or there was a reset.
    std::string read(GuestSocket& socket, std::size_t bytes);
    void shutdown(GuestSocket& socket, std::uint32_t flags);
    void send(GuestSocket& socket, vsockd::Operation operation, std::uint32_t flags = 0);

    // Handles one packet of the device; false when none came in time.
    bool pump(std::chrono::milliseconds patience = std::chrono::milliseconds(5000));
    vsockd::Header header(GuestSocket& socket, vsockd::Operation operation);
    // Whether to answer with credit updates on its own.
    void give_credit(bool give) { gives_credit_ = give; }

  private:
    using Key = std::pair<std::uint64_t, std::uint64_t>;
    void take(const Packet& packet, GuestSocket& socket);

    GuestDriver& driver_;
    std::set<std::uint32_t> listening_;
    std::map<Key, GuestSocket> sockets_;
    std::vector<GuestSocket*> accepted_;
    std::uint32_t next_port_ = 1024;
    bool gives_credit_ = true;
};

}  // namespace test
