// Answers the boot heartbeat of an enclave: one byte 0xB7, echoed, and a line in the log.
// Source: what the Nitro hypervisor's side does on vsock port 9000.
#pragma once

#include <cstdint>
#include <list>
#include <optional>

#include "base/fd.h"
#include "base/result.h"
#include "loop/loop.h"

namespace vsockd {

class Heartbeat {
  public:
    explicit Heartbeat(loop::Loop& loop) : loop_(loop) {}

    // A connected socket whose other end is answered here.
    base::Result<base::Fd> open(std::uint32_t cid);

  private:
    struct Answer {
        std::uint32_t cid = 0;
        base::Fd socket;
        std::optional<loop::Poll> poll;
    };
    using Place = std::list<Answer>::iterator;
    void on_readable(Place place);

    loop::Loop& loop_;
    std::list<Answer> answers_;  // each lives as long as its connection, which is capped
};

}  // namespace vsockd
