// One way of a relay: moves bytes from one descriptor to another until input ends, as far as they
// are ready. No waiting, no ownership; relay.cpp has both.
//
// It begins by copying through memory that all ways of a thread share, which is cheapest for what
// comes in small pieces. A way that is full again and again moves its bytes by splice(2) from then
// on, where the kernel does that for the two descriptors, and goes back when the pieces are small.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/fd.h"
#include "loop/edge.h"

namespace vsockio {

// Ways keep some empty pipes for the next; this closes them, for who is short of descriptors.
void drop_spare_pipes();

class RelayWay {
  public:
    enum class State {
        waits,       // until may_step()
        wants_turn,  // more could be moved, the budget is used up
        ended,       // input ended and all is written, or the receiver went away
        failed,      // reading failed (a reset); errno_value() says why
    };

    // Borrows both. `write_bytes` is the most in one write. `short_is_all`: a read that gets less
    // than it could has emptied the input, as with TCP.
    RelayWay(loop::Edge& from, loop::Edge& to, std::size_t write_bytes, bool short_is_all,
             bool try_splice);

    // There is something to try, as far as is known.
    bool may_step() const;
    // Moves about `budget_bytes` at most.
    State step(std::size_t budget_bytes);

    State state() const { return state_; }
    bool receiver_gone() const { return receiver_gone_; }
    int errno_value() const { return errno_value_; }
    std::uint64_t moved_bytes() const { return moved_bytes_; }

  private:
    enum class Moved { some, all_there_was, nothing_yet, end, failed, output_full, receiver_gone };

    Moved copy();
    Moved splice();
    Moved read_failed();
    Moved write_out(const std::byte* bytes, std::size_t size, std::size_t& written);
    Moved drain();
    Moved drain_pipe();
    void keep(const std::byte* bytes, std::size_t size);
    bool take_pipe();
    void give_pipe_back();
    void copy_from_now_on();
    State end(State state);

    loop::Edge& from_;
    loop::Edge& to_;
    std::size_t write_bytes_;
    bool short_is_all_;
    bool may_splice_;
    bool splicing_ = false;
    bool ever_spliced_ = false;
    bool receiver_gone_ = false;
    int errno_value_ = 0;
    unsigned streak_ = 0;  // of full pieces while copying, of small ones while splicing
    State state_ = State::waits;
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
