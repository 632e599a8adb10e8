// Host sockets whose guest is done with them while the host has not read everything yet: what is
// left is written as the host reads, then the socket is closed. Outlives the guest.
#pragma once

#include <list>
#include <optional>

#include "base/fd.h"
#include "byte_queue.h"
#include "loop/loop.h"

namespace vsockd {

class Drains {
  public:
    explicit Drains(loop::Loop& loop) : loop_(loop) {}

    // Takes over a non-blocking socket and the bytes still to be written to it.
    void add(base::Fd socket, ByteQueue backlog);
    std::size_t size() const { return drains_.size(); }

  private:
    struct Drain {
        base::Fd socket;
        ByteQueue backlog;
        std::optional<loop::Poll> poll;
        std::optional<loop::Timer> timer;  // ends a reader that does not read
    };
    using Place = std::list<Drain>::iterator;
    void on_writable(Place place);
    void remove(Place place);

    loop::Loop& loop_;
    std::list<Drain> drains_;
};

}  // namespace vsockd
