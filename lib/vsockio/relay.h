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
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"
#include "vsockio/relay_way.h"

namespace vsockio {

// One end: a socket, or a pair of descriptors such as standard input and output. Descriptors are
// non-blocking, or always ready (regular files).
struct RelayEnd {
    base::Fd input;
    base::Fd output;  // not valid: `input` is a socket that does both

    static RelayEnd socket(base::Fd fd) { return RelayEnd{std::move(fd), base::Fd()}; }
    static RelayEnd pair(base::Fd in, base::Fd out) {
        return RelayEnd{std::move(in), std::move(out)};
    }
};

struct RelayOptions {
    std::size_t write_bytes = 64 * 1024;     // most bytes in one write
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
    std::string failure;  // set when failed: what and errno's text
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
    struct Watch {
        base::Fd fd;
        std::optional<loop::Poll> poll;  // empty: always ready
    };
    struct Direction {
        RelayWay way;
        Watch* from;
        Watch* to;
        bool closed = false;  // its end has been passed on
    };

    Relay(loop::Loop& loop, RelayOptions options, Finished finished);
    base::Result<Watch*> watch(base::Fd fd);
    base::Result<void> start(RelayEnd first, RelayEnd second);
    bool waits_for(const Direction& direction, const Watch& watch, int events) const;
    void on_ready(Watch& watch, int events);
    void on_turn();
    // Steps one direction; false when the relay has finished and may be gone.
    bool advance(Direction& direction);
    bool refused(const Direction& direction) const;
    void close_output(Direction& direction);
    void update_interest();
    void check_idle();
    void finish(RelayReason reason, std::string failure = {});

    loop::Loop& loop_;
    RelayOptions options_;
    Finished finished_;
    std::vector<std::unique_ptr<Watch>> watches_;
    std::vector<Direction> directions_;  // first to second, second to first
    std::optional<loop::Idle> turn_;     // for what is always ready or has used up its budget
    std::optional<loop::Timer> idle_timer_;
    std::chrono::milliseconds last_activity_{};
};

}  // namespace vsockio
