// What all flows of datagrams in one loop share: memory that is used only within a turn, the limit
// of what they hold between turns, and counters. The process makes one and lends it to its flows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "datagram_batch.h"
#include "frame_stream.h"
#include "held_bytes.h"

namespace pf_proxy {

// Numbers only grow. Outward is from the application.
struct UdpCounters {
    std::uint64_t flows_opened = 0;
    std::uint64_t flows_refused = 0;  // by the policy or by the other side
    std::uint64_t flows_evicted = 0;  // to make room for another
    std::uint64_t outward_datagrams = 0;
    std::uint64_t outward_bytes = 0;
    std::uint64_t inward_datagrams = 0;
    std::uint64_t inward_bytes = 0;
    std::uint64_t dropped_no_room = 0;  // a full stream, a full queue, a limit
    std::uint64_t dropped_refused = 0;  // by the policy, or within the second after a refusal
    std::uint64_t dropped_invalid = 0;  // no frame, no socket or no source for it
    std::uint64_t errors = 0;           // error frames: sent by a far side, received by a near one
};

class UdpWorkspace {
  public:
    // Of a loop's flows together: room for the bursts of hundreds, and no more than a small
    // machine can spare when the other side is hostile.
    static constexpr std::size_t kHeldLimit = 16 * 1024 * 1024;

    explicit UdpWorkspace(std::size_t held_limit = kHeldLimit)
        : held(held_limit), scratch_(std::make_unique_for_overwrite<std::byte[]>(kScratchBytes)) {}

    std::span<std::byte> scratch() { return {scratch_.get(), kScratchBytes}; }

    HeldBytes held;
    DatagramReceiver receiver;
    DatagramSender sender;
    FrameGather gather;
    UdpCounters counters;

  private:
    static constexpr std::size_t kScratchBytes = 256 * 1024;
    std::unique_ptr<std::byte[]> scratch_;
};

// What one flow may keep for a stream that does not take it at once.
inline constexpr std::size_t kFlowOutputLimit = 128 * 1024;
static_assert(kFlowOutputLimit >= proto::pf_proxy::kMaximumFrameBytes);

}  // namespace pf_proxy
