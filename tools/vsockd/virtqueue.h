// A split virtqueue seen from the device: takes chains of descriptors, gives them back as used.
//
// Pure over the memory table: no descriptor of ours, no wake-up. The rings are shared with a
// hostile driver that writes at any time, so each field is loaded once, into a local, and only
// the local is checked and used. The first rule broken ends the queue: `broken()` says which.
// Source: virtio 1.2, section 2.7.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "memory_table.h"

namespace vsockd {

// QEMU's vsock device has 128; a chain of the largest queue still fits one readv(2).
inline constexpr std::uint32_t kMaximumQueueSize = 1024;
// Of one chain; what a single readv(2) or writev(2) takes (IOV_MAX).
inline constexpr std::size_t kMaximumPieces = 1024;

struct RingLayout {
    std::uint32_t size = 0;
    std::uint64_t descriptors = 0;  // addresses in the front end's space
    std::uint64_t available = 0;
    std::uint64_t used = 0;
};

struct RingFeatures {
    bool event_index = false;  // VIRTIO_F_EVENT_IDX was negotiated
    bool indirect = false;     // VIRTIO_F_INDIRECT_DESC was negotiated
};

// One buffer of the driver: what the device may read, then what it may write. No byte of it is
// used by two pieces unless the driver's own descriptors overlap, which harms only the driver.
struct Chain {
    std::uint16_t head = 0;
    std::vector<iovec> readable;
    std::vector<iovec> writable;
    std::uint64_t readable_bytes = 0;
    std::uint64_t writable_bytes = 0;
};

class Virtqueue {
  public:
    // `base` is the next entry of the available ring to take. Error (protocol) for a bad size, a
    // misaligned ring, or one outside the table. The table and what it borrows must outlive this.
    static base::Result<Virtqueue> create(const MemoryTable& memory, const RingLayout& layout,
                                          std::uint16_t base, RingFeatures features);

    // Takes the next chain; `chain` is reused storage. False when there is none, or when the
    // queue is broken.
    bool take(Chain& chain);

    // Gives a chain back with the number of bytes written to it; the driver sees it after
    // publish().
    void give_back(std::uint16_t head, std::uint32_t written_bytes);
    // Shows the driver what was given back. True when it asked to be interrupted for it.
    bool publish();

    // Asks the driver to stay quiet, or to kick when it adds a chain. ask_for_kicks() is true
    // when a chain came in the meantime, for which there may be no kick.
    void stop_kicks();
    bool ask_for_kicks();

    std::uint16_t next_available() const { return next_available_; }
    std::uint32_t size() const { return size_; }
    // Empty while the driver keeps the rules.
    std::string_view broken() const { return broken_; }

  private:
    struct Descriptor {
        std::uint64_t address;
        std::uint32_t length;
        std::uint16_t flags;
        std::uint16_t next;
    };

    static Descriptor load(std::span<const std::byte> table, std::uint32_t index);
    bool walk(std::span<const std::byte> table, std::uint32_t table_size, std::uint32_t index,
              bool in_indirect, Chain& chain);
    bool walk_indirect(const Descriptor& descriptor, Chain& chain);
    bool append(const Descriptor& descriptor, Chain& chain);
    bool fail(std::string_view reason);
    std::uint16_t available_index() const;

    const MemoryTable* memory_ = nullptr;
    std::span<std::byte> descriptors_;
    std::span<std::byte> available_;
    std::span<std::byte> used_;
    std::uint32_t size_ = 0;
    RingFeatures features_;
    std::uint16_t next_available_ = 0;
    std::uint16_t known_available_ = 0;  // the driver's index when last looked at
    std::uint16_t next_used_ = 0;
    std::uint16_t published_used_ = 0;
    std::string_view broken_;
};

}  // namespace vsockd
