// Readiness of many descriptors for little: each is registered once, and the kernel tells only
// changes (edge-triggered epoll). What was told is remembered here until a try finds nothing.
// loop.h's Poll is for the few descriptors that are rather watched for what is wanted just now.
//
// A change calls nobody: it marks the descriptor and schedules the Turn of who has it. All turns
// that are due run after one another, so an object may end in its own turn or in another's, and one
// that has more to do than its share schedules itself again and waits for everybody else.
//
// A connection is one Edge from its beginning to its end, which those who do something with it hand
// on: what reads its header, what waits for its far side, the relay.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"

namespace loop {

namespace detail {
class EdgeSet;
// A list that its members can leave by themselves.
struct TurnLink {
    TurnLink* before = this;
    TurnLink* behind = this;

    bool alone() const { return behind == this; }
    void leave();
    void join_last(TurnLink& list);
};
}  // namespace detail

// A call that is due once the loop has seen what is ready. It never comes from within schedule().
class Turn : private detail::TurnLink {
  public:
    // `due` may destroy the Turn.
    Turn(Loop& loop, std::function<void()> due);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    // Once, however often it is asked for before it comes.
    void schedule();

  private:
    friend class detail::EdgeSet;
    void run();

    detail::EdgeSet& set_;
    std::function<void()> due_;
    bool* gone_ = nullptr;  // to be told within run()
};

// What may be tried. Whoever tries and finds nothing clears it; the set marks it again.
struct Readiness {
    bool readable = false;
    bool writable = false;
    bool ended = false;  // the peer sends no more, or there was an error: reading finds it
};

class Edge {
  public:
    // Takes a non-blocking descriptor over and closes it when destroyed. Nobody is told of changes
    // yet; the first comes by itself. What epoll does not take because it never blocks (regular
    // files) is ready for ever.
    static base::Result<std::unique_ptr<Edge>> create(Loop& loop, base::Fd fd);
    ~Edge();
    Edge(const Edge&) = delete;
    Edge& operator=(const Edge&) = delete;

    // Changes schedule `turn` from now on, and what is known already does so at once. Who has the
    // turn takes it back (nullptr) before it is destroyed.
    void tell(Turn* turn);

    int fd() const { return fd_.get(); }
    Readiness& ready() { return ready_; }
    // Gives the descriptor back, which is not watched any more.
    base::Fd release();

  private:
    friend class detail::EdgeSet;
    Edge(detail::EdgeSet& set, base::Fd fd) : set_(set), fd_(std::move(fd)) {}

    detail::EdgeSet& set_;
    Turn* turn_ = nullptr;
    base::Fd fd_;
    std::uint32_t place_ = 0;  // in the set, when it is there
    bool in_set_ = false;
    Readiness ready_;
};

}  // namespace loop
