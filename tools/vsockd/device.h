// The vsock device of one guest: two rings on one side, host sockets on the other.
//
// Guest to host (transmit.cpp): packets are taken from the tx ring as long as there are any; a
// payload goes from guest memory straight into the host's socket, and what a full socket does not
// take is kept, so that one slow reader stops nobody. Credit bounds what is kept.
// Host to guest (receive.cpp): sockets are read straight into the guest's receive buffers, as far
// as its credit goes. Control packets go first. Who finds no buffer waits in line.
//
// Every entry from outside is a Turn; at its end used buffers are shown to the guest at once and
// the guest is interrupted at most once for each ring.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "drain.h"
#include "guest_memory.h"
#include "loop/loop.h"
#include "rate_limit.h"
#include "router.h"
#include "stream.h"
#include "virtqueue.h"

namespace vsockd {

inline constexpr std::uint32_t kReceiveQueue = 0;
inline constexpr std::uint32_t kTransmitQueue = 1;

class Device {
  public:
    // Called at the end of a turn in which the guest broke a rule of its rings or lost its
    // memory; the device does no more and waits to be destroyed, but not from within the call.
    using Broken = std::function<void(std::string_view reason)>;

    Device(loop::Loop& loop, const Settings& settings, Router& router, Drains& drains,
           std::uint32_t cid, Broken broken);
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    // Hosts get what the guest had sent, then the end.
    ~Device();

    // Watched for loss; outlives the queues made from it.
    void set_memory(const GuestMemory* memory) { memory_ = memory; }
    void start_queue(std::uint32_t index, Virtqueue queue);
    // What the guest has sent is taken first. Returns the next available entry.
    std::uint16_t stop_queue(std::uint32_t index);
    void set_call(std::uint32_t index, base::Fd call);
    void kicked(std::uint32_t index);
    // The guest starts anew: hosts see the end, the guest hears nothing.
    void forget_connections();

    // A connection to the guest's port. On acceptance the socket gets the line "OK PORT"; when
    // refused it is closed. False when there are too many, or the key is in use.
    bool connect(base::Fd socket, ConnectionKey key);
    // The same from the parent, from a port of our choice.
    bool connect_from_parent(base::Fd socket, std::uint32_t guest_port);

  private:
    class Turn;
    struct Ring {
        std::optional<Virtqueue> queue;
        base::Fd call;
    };
    struct KeyHash {
        std::size_t operator()(const ConnectionKey& key) const;
    };
    // Payloads of one connection that go into one write.
    struct Gathered {
        Stream* stream = nullptr;
        std::vector<iovec> pieces;
    };

    // device.cpp: turns and the table.
    void end_turn();
    void publish(Ring& ring);
    void fail(std::string_view reason);
    bool room_for_one_more() const;
    Stream* find(const ConnectionKey& key);
    Stream& insert(Connection connection);
    void remove(Stream& stream);
    void report(std::string_view message, const Header& packet, std::string_view reason);
    void trace(std::string_view direction, const Header& packet);

    // lifecycle.cpp: one connection from its beginning to its end.
    void accept_request(const Header& request);
    void dial(Stream& stream, const Header& request);
    void dialed(Stream& stream);
    void refuse(Stream& stream, const Header& request, std::string_view reason);
    void await_line(Stream& stream, const Header& request);
    void established(Stream& stream);
    void host_ended(Stream& stream, bool both);
    void linger(Stream& stream);
    void close(Stream& stream);
    void reset(Stream& stream);
    bool watch_socket(Stream& stream);
    void update_watch(Stream& stream);
    bool start_timer(Stream& stream, std::chrono::milliseconds delay, std::function<void()> fired);

    // transmit.cpp: guest to host.
    void process_transmit(std::uint32_t budget);
    void continue_transmit();
    void handle_packet(const Chain& chain);
    void act(Stream& stream, const Header& packet, const Chain& chain);
    void forward(Stream& stream, const Chain& chain, std::uint32_t length);
    void flush_gathered();
    void keep(Stream& stream, std::size_t skipped_bytes);
    void on_writable(Stream& stream);
    void backlog_is_empty(Stream& stream);
    void writing_failed(Stream& stream);
    bool replies_pile_up() const;

    // receive.cpp: host to guest.
    void process_receive();
    void queue_control(Stream& stream);
    void queue_reset(const Header& reset) { resets_.push_back(reset); }
    void deliver_control();
    bool deliver(const Header& packet);
    bool prefetch(std::size_t count);
    void read_host(Stream& stream);
    void starve(Stream& stream);
    void await_credit(Stream& stream);
    std::size_t offer_buffers(std::size_t wanted_bytes);
    void hand_over(Stream& stream, std::size_t bytes);
    void on_event(Stream& stream, int events);

    loop::Loop& loop_;
    const Settings& settings_;
    Router& router_;
    Drains& drains_;
    const std::uint32_t cid_;
    Broken on_broken_;
    const GuestMemory* memory_ = nullptr;
    Ring rings_[kQueueCount];

    std::unordered_map<ConnectionKey, std::unique_ptr<Stream>, KeyHash> streams_;
    std::vector<std::unique_ptr<Stream>> removed_;  // destroyed at the end of the turn
    std::uint32_t next_host_port_;

    Chain packet_;  // storage for the packet being handled
    Gathered gathered_;
    std::deque<Stream*> control_;   // have control packets for the guest
    std::deque<Header> resets_;     // for no connection of the table
    std::deque<Stream*> starved_;   // wait for receive buffers
    std::deque<Chain> prefetched_;  // receive buffers taken from the ring, in order
    std::vector<Chain> spare_chains_;
    std::vector<iovec> pieces_;  // of the read being made

    std::optional<loop::Idle> continue_;  // more packets than one turn's share are waiting
    RateLimit report_limit_;
    unsigned turns_ = 0;  // nested
    std::string_view broken_;
    bool told_broken_ = false;
};

// Everything that can change a device is done inside one.
class Device::Turn {
  public:
    explicit Turn(Device& device) : device_(device) { ++device_.turns_; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
        if (--device_.turns_ == 0) device_.end_turn();
    }

  private:
    Device& device_;
};

}  // namespace vsockd
