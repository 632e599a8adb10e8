// One connection with its host side: the state machine, the socket, and what the host has not
// taken yet. Owned by the Device; it makes no decision of its own.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "base/fd.h"
#include "byte_queue.h"
#include "connection.h"
#include "loop/loop.h"

namespace vsockd {

struct Stream {
    explicit Stream(Connection made) : connection(std::move(made)) {}

    Connection connection;
    base::Fd socket;
    std::optional<loop::Poll> poll;    // destroyed before the socket
    std::optional<loop::Timer> timer;  // of dialing, of asking the guest, or of lingering
    std::chrono::milliseconds deadline{0};

    ByteQueue backlog;               // for the host; no more than the credit given to the guest
    bool end_after_backlog = false;  // then shut the socket for writing
    bool answers_line = false;       // tell the host "OK PORT" when the guest accepts
    bool awaits_line = false;        // a sibling's "OK PORT" has to come before data
    bool in_control_queue = false;
    bool starved = false;                    // waits for the guest's receive buffers
    std::size_t read_hint_bytes = 8 * 1024;  // grows while the host fills what is offered

    enum class Wrote { all, part, failed };
    struct Write {
        Wrote status = Wrote::all;
        std::size_t bytes = 0;
    };
    // Writes what the socket takes; EFAULT counts as failed with `memory_lost` set.
    Write write(std::span<const iovec> pieces);
    // Writes from the backlog.
    Write write_backlog();
    bool memory_lost = false;

    // Closes the host's side. The poll goes first.
    void close();
};

}  // namespace vsockd
