// One way of a relay: moves bytes from one descriptor to another until input ends. No loop, no
// ownership; relay.cpp waits and closes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/fd.h"
#include "base/result.h"

namespace vsockio {

class RelayWay {
  public:
    enum class State {
        wants_input,   // step again when the input is readable
        wants_output,  // step again when the output is writable
        wants_turn,    // more could be moved, the budget is used up
        ended,         // input ended and all is written, or the receiver went away
    };

    // Both descriptors are borrowed and non-blocking (or always ready).
    RelayWay(int from, int to, std::size_t write_bytes, bool try_splice);

    // Moves about `budget_bytes` at most. An Error means that the input failed (a reset).
    base::Result<State> step(std::size_t budget_bytes);

    State state() const { return state_; }
    bool receiver_gone() const { return receiver_gone_; }
    std::uint64_t moved_bytes() const { return moved_bytes_; }

  private:
    enum class Moved { some, nothing_yet, end, receiver_gone, unsupported };

    base::Result<Moved> fill();
    base::Result<Moved> fill_by_splice();
    Moved drain();
    void release_buffers();

    int from_;
    int to_;
    std::size_t write_bytes_;
    bool splicing_;
    bool ever_moved_ = false;
    bool receiver_gone_ = false;
    State state_ = State::wants_input;
    std::uint64_t moved_bytes_ = 0;

    // What is between input and output lies in the pipe when splicing, else in the buffer; idle
    // ways hold neither.
    std::size_t pending_bytes_ = 0;
    std::size_t buffer_start_ = 0;
    std::unique_ptr<std::byte[]> buffer_;
    base::Pipe pipe_;
};

}  // namespace vsockio
