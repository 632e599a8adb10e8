// One front end on a guest's vhost-user socket: its messages set up memory and rings, its kicks
// wake the device. Ends by telling its owner, who then destroys it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "device.h"
#include "drain.h"
#include "guest_memory.h"
#include "loop/loop.h"
#include "router.h"
#include "settings.h"
#include "vhost_channel.h"
#include "virtqueue.h"

namespace vsockd {

class Session {
  public:
    // Called once, when the front end is gone or broke the protocol. The owner destroys the
    // session later, not from within the call.
    using Ended = std::function<void(std::string reason, bool violation)>;

    static base::Result<std::unique_ptr<Session>> create(loop::Loop& loop, const Settings& settings,
                                                         Router& router, Drains& drains,
                                                         std::uint32_t cid, base::Fd socket,
                                                         Ended ended);
    ~Session();

    int socket() const { return channel_.fd(); }

  private:
    struct Ring {
        RingLayout layout;
        std::uint16_t base = 0;  // next available entry, as last known
        bool addressed = false;
        bool enabled = false;
        bool running = false;
        base::Fd kick;
        std::optional<loop::Poll> kick_poll;
    };

    Session(loop::Loop& loop, const Settings& settings, Router& router, Drains& drains,
            std::uint32_t cid, base::Fd socket, Ended ended);
    void end(std::string reason, bool violation);
    void on_readable();
    base::Result<void> handle(Message message);
    base::Result<void> answer_query(const Message& message);
    base::Result<void> apply(Message& message);
    base::Result<void> set_features(std::uint64_t features);
    base::Result<void> set_memory(const MemoryDescription& description,
                                  std::vector<base::Fd> files);
    base::Result<void> set_kick(Message& message);
    base::Result<void> set_call(Message& message);
    void on_kick(std::uint32_t index);
    base::Result<void> start(std::uint32_t index);
    base::Result<void> start_all();
    void stop(std::uint32_t index);
    void reset_device();

    loop::Loop& loop_;
    const std::uint32_t cid_;
    Ended on_ended_;
    bool ended_ = false;
    VhostChannel channel_;
    std::optional<loop::Poll> poll_;
    std::uint64_t features_ = 0;
    GuestMemory memory_;
    Device device_;  // its queues borrow from memory_
    Ring rings_[kQueueCount];
};

}  // namespace vsockd
