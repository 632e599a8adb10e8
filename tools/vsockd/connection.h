// One vsock connection as a state machine. Pure: events go in, actions come out, packets for the
// guest are taken when there is room for them. It holds no socket, no buffer and no clock.
//
//   dialing     the guest asked; the host's side is being connected
//   requesting  the host asked; the guest has not answered yet
//   open        data goes both ways until one side or both have shut down
//   closed      nothing more will come; forget the connection
//
// Credit: each side tells how many bytes it can hold (buf_alloc) and how many it has passed on
// (fwd_cnt); a sender keeps sent - fwd_cnt at or below buf_alloc. Counters are modulo 2^32.
// Source: virtio 1.2, section 5.10.6.
#pragma once

#include <cstdint>
#include <string_view>

#include "packet.h"

namespace vsockd {

struct ConnectionKey {
    std::uint32_t peer_cid = 0;   // 2 or 3 for the parent, else a sibling
    std::uint32_t peer_port = 0;  // of the host's side
    std::uint32_t guest_port = 0;

    bool operator==(const ConnectionKey&) const = default;
};

// What the caller has to do after a packet of the guest. Several may be set.
struct Actions {
    bool established = false;    // tell the host that the guest accepted
    bool forward = false;        // write the payload to the host
    bool credit_came = false;    // reading from the host may go on
    bool end_writing = false;    // when all is written, shut the host's socket for writing
    bool end_reading = false;    // shut the host's socket for reading
    bool reset = false;          // send the guest a reset
    bool close = false;          // when all is written, close the host's socket; state is closed
    std::string_view violation;  // a rule the guest broke, for the log
};

class Connection {
  public:
    enum class State { dialing, requesting, open, closed };

    // `buffer_bytes` is what the caller is ready to hold for the host.
    static Connection from_guest(const Header& request, std::uint32_t buffer_bytes);
    static Connection from_host(std::uint32_t guest_cid, ConnectionKey key,
                                std::uint32_t buffer_bytes);

    // A packet of the guest with this connection's addresses, and how many bytes follow its
    // header in the buffer.
    Actions receive(const Header& packet, std::uint64_t payload_bytes);

    // The host's side is connected: the guest gets a response.
    void host_connected();
    // The host will send no more; with `both` it will not receive either.
    void host_ended(bool both);
    // Writing to the host failed for good. What the guest still sends is thrown away.
    void host_stopped_reading();
    // So many bytes of the guest's have left our hands.
    void forwarded(std::uint64_t bytes);

    // Bytes that may be sent to the guest now, and that they were sent.
    std::uint32_t credit() const;
    void sent(std::uint32_t bytes);
    // The guest shall say how much it has passed on.
    void ask_for_credit() { pending_ |= kCreditRequest; }

    // Whether bytes of the host are still of use to the guest.
    bool reads_host() const;
    // Whether the host has been ended in both directions; only the guest's last word is awaited.
    bool lingers() const { return state_ == State::open && host_done_ == kShutdownBoth; }

    // Whether the request of the host is still to be sent.
    bool unheard_of() const { return (pending_ & kRequest) != 0; }

    bool has_packet() const { return pending_ != 0; }
    // The next control packet; only when there is one. Several credit updates become one.
    Header take_packet();
    Header data_packet(std::uint32_t length);
    Header reset_packet() const;

    State state() const { return state_; }
    void close() { state_ = State::closed; }
    const ConnectionKey& key() const { return key_; }

  private:
    enum Pending : unsigned {
        kRequest = 1,
        kResponse = 2,
        kCreditRequest = 4,
        kCreditUpdate = 8,
        kShutdown = 16,
    };

    Actions fail(std::string_view violation);
    Actions receive_shutdown(std::uint32_t flags);
    Actions receive_data(std::uint32_t length, std::uint64_t payload_bytes);
    void learn_credit(const Header& packet);
    Header packet(Operation operation);

    State state_ = State::closed;
    ConnectionKey key_;
    std::uint64_t guest_cid_ = 0;
    unsigned pending_ = 0;
    std::uint32_t guest_done_ = 0;  // shutdown flags the guest has sent
    std::uint32_t host_done_ = 0;   // shutdown flags the guest is told

    std::uint32_t buffer_bytes_ = 0;
    std::uint32_t received_ = 0;   // from the guest
    std::uint32_t forwarded_ = 0;  // to the host
    std::uint32_t told_ = 0;       // forwarded_ as the guest knows it

    std::uint32_t sent_ = 0;  // to the guest
    std::uint32_t guest_buffer_bytes_ = 0;
    std::uint32_t guest_forwarded_ = 0;
};

}  // namespace vsockd
