// Holds the first packet of each connection of an application, in a queue of the kernel, until it
// is known what the far side makes of the destination. Then connect() succeeds, or fails with the
// errno that it would have had. Only the proxy's rules (rules.h) bring packets here. Not what asks
// the far side, and not what takes the connection that follows an accepted packet.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/result.h"
#include "loop/loop.h"
#include "marks.h"
#include "netlink.h"
#include "packet_queue.h"

namespace pf_proxy {

class SynQueue {
  public:
    struct Settings {
        std::uint16_t queue = kQueueNumber;
        // Packets over the limit are dropped; their senders try again after a second.
        std::size_t most_held = 1024;
        // Longer than the wait for the far side's status, which comes with an answer of its own.
        std::chrono::milliseconds hold_limit = std::chrono::seconds(20);
    };
    struct Syn {
        std::uint64_t id = 0;  // never used again
        SynEndpoints endpoints;
    };
    // May answer at once. Neither function may destroy the queue.
    using Asked = std::function<void(const Syn& syn)>;
    // The limit has passed and the packet is gone: no answer is waited for any more.
    using Expired = std::function<void(std::uint64_t id)>;
    // Netlink fails, and nothing is held from now on.
    using Failed = std::function<void(base::Error error)>;

    struct Handlers {
        Asked asked;
        Expired expired;
        Failed failed;
    };

    // Needs CAP_NET_ADMIN; Error (os) if another process has the queue.
    static base::Result<std::unique_ptr<SynQueue>> create(loop::Loop& loop, Settings settings,
                                                          Handlers handlers);
    ~SynQueue();

    // An id that is not held any more is ignored.
    void accept(std::uint64_t id);
    // ETIMEDOUT and EAGAIN leave the application to its own patience: its kernel sends the packet
    // again, and it is asked anew. For others see mark_for().
    void refuse(std::uint64_t id, int errno_value);

    std::size_t held() const { return held_.size(); }
    // Packets that were dropped because most_held were there.
    std::uint64_t overflows() const { return overflows_; }

  private:
    struct Held {
        SynEndpoints endpoints;
        std::uint32_t packet;
        std::chrono::milliseconds deadline;
    };

    SynQueue(loop::Loop& loop, NetlinkSocket socket, Settings settings, Handlers handlers)
        : loop_(loop),
          socket_(std::move(socket)),
          settings_(settings),
          handlers_(std::move(handlers)) {}
    base::Result<void> start();
    void on_readable();
    void on_packet(const QueuedPacket& packet);
    void on_timer();
    std::optional<std::uint32_t> take(std::uint64_t id);
    void tell(NetlinkMessage message);
    void fail(base::Error error);

    loop::Loop& loop_;
    NetlinkSocket socket_;
    Settings settings_;
    Handlers handlers_;
    std::optional<loop::Poll> poll_;
    std::optional<loop::Timer> timer_;
    std::uint64_t next_id_ = 1;
    std::uint64_t overflows_ = 0;
    std::map<std::uint64_t, Held> held_;  // by id, so by deadline too
    std::map<SynEndpoints, std::uint64_t> waiting_;
};

// The mark by which the rules answer a refused packet; nothing where it is dropped.
std::optional<std::uint32_t> mark_for(int errno_value);

}  // namespace pf_proxy
