// Reads what stands before a connection's bytes (a request, a status, a PROXY header) and not one
// byte of what follows it. Knows no format: a decoder says how much more it wants.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "loop/edge.h"
#include "loop/loop.h"
#include "proto/decoded.h"

namespace pf_proxy {

class HeaderReader {
  public:
    // What a decoder makes of the bytes so far, as proto::Decoded has it.
    struct Look {
        proto::Outcome outcome = proto::Outcome::need_more;
        std::size_t wanted_bytes = 0;
    };
    using Decode = std::function<Look(std::span<const std::byte>)>;

    enum class Ending {
        whole,
        bad,    // the decoder said so
        ended,  // the stream ended or was reset before
        late,
    };
    // Called once, from the loop, with what was read; may destroy the reader.
    using Done = std::function<void(Ending, std::span<const std::byte>)>;

    struct Times {
        std::chrono::milliseconds first_byte;
        std::chrono::milliseconds rest;  // from the first byte to the last
    };

    // `stream` is borrowed, and tells nobody once `done` is called or the reader is destroyed.
    // Decoders are total and end, so nothing else limits memory.
    static base::Result<std::unique_ptr<HeaderReader>> start(loop::Loop& loop, loop::Edge& stream,
                                                             Times times, Decode decode, Done done);
    ~HeaderReader();
    HeaderReader(const HeaderReader&) = delete;
    HeaderReader& operator=(const HeaderReader&) = delete;

    bool has_begun() const { return used_ > 0; }

  private:
    HeaderReader(loop::Loop& loop, loop::Edge& stream, Times times, Decode decode, Done done)
        : stream_(&stream),
          turn_(loop, [this] { read(); }),
          times_(times),
          decode_(std::move(decode)),
          done_(std::move(done)) {}
    void read();
    void finish(Ending ending);

    loop::Edge* stream_;  // nullptr when finished
    loop::Turn turn_;
    Times times_;
    Decode decode_;
    Done done_;
    std::vector<std::byte> bytes_;  // sized to what is wanted
    std::size_t used_ = 0;
    std::optional<loop::Timer> timer_;
};

// The decoder of a format as a HeaderReader takes it.
template <typename T>
HeaderReader::Look look(const proto::Decoded<T>& decoded) {
    return {decoded.outcome, decoded.wanted_bytes};
}

}  // namespace pf_proxy
