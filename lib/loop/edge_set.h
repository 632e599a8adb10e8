// The edge-triggered set of a loop and the turns that are due. Used by loop.cpp alone.
#pragma once

#include <cstdint>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "loop/edge.h"

namespace loop::detail {

class EdgeSet {
  public:
    // `other` is an epoll descriptor that is waited for as well, level-triggered.
    static base::Result<std::unique_ptr<EdgeSet>> create(int other);

    // Something is registered or due.
    bool alive() const { return used_ > 0 || turns_due(); }
    bool turns_due() const { return !due_.alone(); }

    // Waits for changes and notes them; -1 waits for ever. True when `other` is ready.
    bool wait(int timeout_milliseconds);
    // Runs what is due now; what becomes due meanwhile waits for the next call.
    void run_turns();

    void schedule(TurnLink& turn) {
        if (turn.alone()) turn.join_last(due_);
    }
    base::Result<void> add(Edge& edge);
    // Closing its descriptor takes it out of the kernel's set; forget() one that stays open.
    void remove(Edge& edge);
    void forget(int fd);

  private:
    // A descriptor that is closed leaves the kernel's set only with its last copy, which may be
    // another process's, so an event has to prove that it is meant for who has the place now.
    struct Place {
        Edge* edge = nullptr;
        std::uint32_t generation = 1;
    };

    explicit EdgeSet(base::Fd epoll) : epoll_(std::move(epoll)) {}

    base::Fd epoll_;
    std::vector<Place> places_;
    std::vector<std::uint32_t> free_;
    std::size_t used_ = 0;
    TurnLink due_;
};

}  // namespace loop::detail
