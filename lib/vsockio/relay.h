// The relay: carries bytes both ways between two ends until both ways have ended.
//
// Half-close is carried: the end of one way becomes a shutdown of the far side's sending half,
// and the other way goes on. A slow receiver stops the reading of its sender. Bytes move by
// splice(2) where much is to be moved and the kernel does that for the two descriptors, else
// through memory. A reset is passed on as a reset where the far side is TCP.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "loop/edge.h"
#include "loop/loop.h"
#include "vsockio/relay_way.h"

namespace vsockio {

// One end: a socket, or a pair of descriptors such as standard input and output, watched already or
// not. Descriptors are non-blocking, or always ready (regular files).
struct RelayEnd {
    std::unique_ptr<loop::Edge> edge;  // of a socket, else `input`
    base::Fd input;
    base::Fd output;                 // not valid: a socket does both
    bool tcp = false;                // known to be TCP
    bool acknowledges_late = false;  // of the second end: as begin_to_connect() made it

    static RelayEnd socket(base::Fd fd);
    static RelayEnd socket(std::unique_ptr<loop::Edge> edge, bool tcp);
    static RelayEnd pair(base::Fd in, base::Fd out);
};

struct RelayOptions {
    std::size_t write_bytes = 64 * 1024;     // most in one write; TCP takes what it can
    std::chrono::milliseconds idle_limit{};  // 0: none
    bool splice = true;
    // Streams other than TCP have no reset. One that ends both ways at once before its first byte
    // was refused by whoever is behind it, and the first end hears a reset.
    bool second_may_refuse = false;
};

enum class RelayReason { ended, idle, failed };

struct RelayReport {
    RelayReason reason = RelayReason::ended;
    std::uint64_t first_to_second_bytes = 0;
    std::uint64_t second_to_first_bytes = 0;
    int errno_value = 0;  // why reading failed, when it did
};

class Relay {
  public:
    // `finished` is called once, from the loop, never from create(); it may destroy the Relay.
    using Finished = std::function<void(const RelayReport&)>;
    static base::Result<std::unique_ptr<Relay>> create(loop::Loop& loop, RelayEnd first,
                                                       RelayEnd second, RelayOptions options,
                                                       Finished finished);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

  private:
    struct Direction {
        RelayWay way;
        loop::Edge* from;
        loop::Edge* to;
        bool closed = false;  // its end has been passed on
    };

    Relay(loop::Loop& loop, RelayOptions options, Finished finished);
    loop::Edge* add(std::unique_ptr<loop::Edge> edge);
    base::Result<loop::Edge*> add(base::Fd fd);
    base::Result<void> start(RelayEnd first, RelayEnd second);
    void on_turn();
    // Steps one direction; false when the relay has finished and may be gone.
    bool advance(Direction& direction);
    bool refused(const Direction& direction) const;
    void close_output(Direction& direction);
    void acknowledge();
    void check_idle();
    void finish(RelayReason reason, int errno_value = 0);

    loop::Loop& loop_;
    RelayOptions options_;
    Finished finished_;
    loop::Turn turn_;
    std::vector<std::unique_ptr<loop::Edge>> edges_;
    std::vector<Direction> directions_;  // first to second, second to first
    std::optional<loop::Timer> idle_timer_;
    std::chrono::milliseconds last_activity_{};
    bool acknowledges_late_ = false;
};

}  // namespace vsockio
