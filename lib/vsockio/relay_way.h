// One way of a relay: moves bytes from one descriptor to another until input ends. No loop, no
// ownership; relay.cpp waits and closes.
//
// It begins by copying through memory that all ways of a thread share, which is cheapest for what
// comes in small pieces. A way that is full again and again moves its bytes by splice(2) from then
// on, where the kernel does that for the two descriptors, and goes back when the pieces are small.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/fd.h"
#include "base/result.h"

namespace vsockio {

// Ways keep some empty pipes for the next; this closes them, for who is short of descriptors.
void drop_spare_pipes();

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
    enum class Moved { some, all_there_was, nothing_yet, end, output_full, receiver_gone };

    base::Result<Moved> copy();
    base::Result<Moved> splice();
    Moved write_out(const std::byte* bytes, std::size_t size, std::size_t& written);
    Moved drain();
    Moved drain_pipe();
    void keep(const std::byte* bytes, std::size_t size);
    bool take_pipe();
    void give_pipe_back();
    void copy_from_now_on();
    State end();

    int from_;
    int to_;
    std::size_t write_bytes_;
    bool may_splice_;
    bool splicing_ = false;
    bool ever_spliced_ = false;
    bool receiver_gone_ = false;
    unsigned streak_ = 0;  // of full pieces while copying, of small ones while splicing
    State state_ = State::wants_input;
    std::uint64_t moved_bytes_ = 0;

    // What is between input and output lies in the pipe when splicing, else in `held_`; a way that
    // waits for input holds neither.
    std::size_t pending_bytes_ = 0;
    std::size_t held_start_ = 0;
    std::unique_ptr<std::byte[]> held_;
    base::Pipe pipe_;
    std::size_t pipe_bytes_ = 0;
};

}  // namespace vsockio
