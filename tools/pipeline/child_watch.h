// A Child in the loop: tells of its end once, and sees to it that it comes in time.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "child.h"
#include "loop/loop.h"

namespace pipeline {

class ChildWatch {
  public:
    // From SIGTERM to SIGKILL.
    static constexpr std::chrono::milliseconds kGrace{5000};
    // `timed_out`: its time was over before it ended. By then all that it left behind is killed, so
    // that its outputs come to their end; what is in them can still be read.
    using Ended = std::function<void(ChildEnd end, bool timed_out)>;

    // `child` is borrowed and must outlive the watch. `limit`: when it is asked to end.
    static base::Result<ChildWatch> create(loop::Loop& loop, Child& child,
                                           std::optional<std::chrono::milliseconds> limit,
                                           Ended ended);
    ChildWatch(ChildWatch&&) noexcept;
    ~ChildWatch();

    // Asks it to end now, by `signal`, and kills it after kGrace: for a peer that went away.
    void stop(int signal);

  private:
    struct State;
    explicit ChildWatch(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace pipeline
