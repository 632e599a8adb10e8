// Both directions of a stream that carries datagrams in frames (pf-proxy-wire(5)): whole frames out
// of whatever pieces arrive, and whole frames or none into it. Borrows the descriptor, waits for
// nothing: who owns the stream also has its Poll.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "held_bytes.h"
#include "proto/pf_proxy.h"

namespace pf_proxy {

class FrameReader {
  public:
    enum class Outcome {
        more,         // there may be more to read
        would_block,  // all that came has been taken
        ended,        // between two frames
        cut_off,      // within a frame, or by a failure
        bad,          // not a frame
        no_room,      // the limit of held bytes
    };
    using Take = std::function<void(const proto::pf_proxy::Frame&)>;

    // An idle reader holds no memory. `held` outlives it.
    FrameReader(proto::pf_proxy::Way way, HeldBytes& held) : way_(way), held_(held) {}
    ~FrameReader() { forget_part(); }
    FrameReader(const FrameReader&) = delete;
    FrameReader& operator=(const FrameReader&) = delete;

    // One read of the descriptor. `take` gets each frame that is whole; its payload lies in
    // `scratch`, which is longer than two frames.
    Outcome read(int fd, std::span<std::byte> scratch, const Take& take);

  private:
    // Completes the frame of which a part is held, in `memory`; false when that needs more than
    // `input` has, or `outcome` says what is wrong.
    bool complete_part(std::span<const std::byte>& input, std::span<std::byte> memory,
                       const Take& take, Outcome& outcome);
    void forget_part();

    proto::pf_proxy::Way way_;
    HeldBytes& held_;
    std::vector<std::byte> part_;  // of the frame that has not come whole
};

// The frames of one turn for one stream. Payloads are borrowed until they are written.
class FrameGather {
  public:
    static constexpr std::size_t kMaximum = 32;

    bool empty() const { return count_ == 0; }
    bool full() const { return count_ == kMaximum; }
    // False for what has no frame: a port of 0, too long a payload.
    bool add_datagram(const std::optional<vsockio::IpEndpoint>& endpoint,
                      std::span<const std::byte> payload);
    bool add_error(const std::optional<vsockio::IpEndpoint>& endpoint, int errno_value);

  private:
    friend class FrameWriter;
    struct Entry {
        std::array<std::byte, proto::pf_proxy::kMaximumErrorBytes> header;
        std::size_t header_bytes;
        std::span<const std::byte> payload;

        std::size_t bytes() const { return header_bytes + payload.size(); }
    };

    std::size_t count_ = 0;
    std::array<Entry, kMaximum> entries_;
};

class FrameWriter {
  public:
    // Keeps at most `limit` bytes that the stream does not take at once, which is at least one
    // frame. `held` outlives it.
    FrameWriter(HeldBytes& held, std::size_t limit) : held_(held), limit_(limit) {}
    ~FrameWriter() { held_.give_back(rest_.size()); }
    FrameWriter(const FrameWriter&) = delete;
    FrameWriter& operator=(const FrameWriter&) = delete;

    enum class Outcome {
        written,  // or kept, or dropped
        no_room,  // a frame was cut and the rest could not be kept: the stream is of no more use
        gone,     // the stream has failed
    };
    // Empties `gather`.
    Outcome write(int fd, FrameGather& gather);
    // Bytes that are no frame, before the first one.
    Outcome write_bytes(int fd, std::span<const std::byte> bytes);
    // Writes what was kept, when the stream is writable again.
    Outcome resume(int fd);

    // Something is kept: there is no point in bringing more.
    bool full() const { return !rest_.empty(); }
    std::uint64_t dropped() const { return dropped_; }  // frames

  private:
    bool keep(std::span<const std::byte> bytes);
    Outcome keep_from(FrameGather& gather, std::size_t written);

    HeldBytes& held_;
    std::size_t limit_;
    std::vector<std::byte> rest_;
    std::uint64_t dropped_ = 0;
};

}  // namespace pf_proxy
