// Ring accesses and the chain walk.
#include "virtqueue.h"

#include <atomic>
#include <bit>

#include "base/format.h"

namespace vsockd {

using base::Error;
using base::ExitCode;
using base::Result;

static_assert(std::endian::native == std::endian::little,
              "the rings are little-endian and read in place");

namespace {

constexpr std::uint16_t kDescriptorNext = 1;
constexpr std::uint16_t kDescriptorWrite = 2;
constexpr std::uint16_t kDescriptorIndirect = 4;
constexpr std::uint16_t kAvailableNoInterrupt = 1;
constexpr std::uint16_t kUsedNoNotify = 1;
constexpr std::size_t kDescriptorBytes = 16;
constexpr std::size_t kUsedElementBytes = 8;
// flags, idx, entries, and the event field that follows them.
constexpr std::size_t ring_bytes(std::uint32_t size, std::size_t entry_bytes) {
    return 4 + size * entry_bytes + 2;
}

// The one way shared memory is read and written: whole fields, exactly once per call.
template <typename T>
T load_shared(std::span<const std::byte> ring, std::size_t offset,
              std::memory_order order = std::memory_order_relaxed) {
    auto* field = const_cast<T*>(reinterpret_cast<const T*>(ring.data() + offset));
    return std::atomic_ref<T>(*field).load(order);
}

template <typename T>
void store_shared(std::span<std::byte> ring, std::size_t offset, T value,
                  std::memory_order order = std::memory_order_relaxed) {
    std::atomic_ref<T>(*reinterpret_cast<T*>(ring.data() + offset)).store(value, order);
}

bool aligned(std::span<const std::byte> ring, std::size_t alignment) {
    return reinterpret_cast<std::uintptr_t>(ring.data()) % alignment == 0;
}

}  // namespace

Result<Virtqueue> Virtqueue::create(const MemoryTable& memory, const RingLayout& layout,
                                    std::uint16_t base, RingFeatures features) {
    if (!std::has_single_bit(layout.size) || layout.size > kMaximumQueueSize) {
        return Error(ExitCode::protocol, fmt::format("a queue size of {}", layout.size));
    }
    Virtqueue queue;
    queue.memory_ = &memory;
    queue.size_ = layout.size;
    queue.features_ = features;
    queue.descriptors_ = memory.user_range(layout.descriptors, layout.size * kDescriptorBytes);
    queue.available_ = memory.user_range(layout.available, ring_bytes(layout.size, 2));
    queue.used_ = memory.user_range(layout.used, ring_bytes(layout.size, kUsedElementBytes));
    if (queue.descriptors_.empty() || queue.available_.empty() || queue.used_.empty()) {
        return Error(ExitCode::protocol, "a ring outside the guest's memory");
    }
    if (!aligned(queue.descriptors_, 16) || !aligned(queue.available_, 2) ||
        !aligned(queue.used_, 4)) {
        return Error(ExitCode::protocol, "a misaligned ring");
    }
    queue.next_available_ = base;
    queue.known_available_ = base;
    queue.next_used_ = load_shared<std::uint16_t>(queue.used_, 2);
    queue.published_used_ = queue.next_used_;
    return queue;
}

bool Virtqueue::fail(std::string_view reason) {
    if (broken_.empty()) broken_ = reason;
    return false;
}

std::uint16_t Virtqueue::available_index() const {
    return load_shared<std::uint16_t>(available_, 2, std::memory_order_acquire);
}

bool Virtqueue::take(Chain& chain) {
    if (!broken_.empty()) return false;
    if (next_available_ == known_available_) {
        const std::uint16_t index = available_index();
        if (static_cast<std::uint16_t>(index - next_available_) > size_) {
            return fail("the available index jumped");
        }
        known_available_ = index;
        if (next_available_ == index) return false;
    }
    const std::size_t slot = next_available_ % size_;
    const auto head = load_shared<std::uint16_t>(available_, 4 + 2 * slot);
    if (head >= size_) return fail("a descriptor index outside the queue");
    chain.head = head;
    chain.readable.clear();
    chain.writable.clear();
    chain.readable_bytes = 0;
    chain.writable_bytes = 0;
    if (!walk(descriptors_, size_, head, false, chain)) return false;
    ++next_available_;
    return true;
}

Virtqueue::Descriptor Virtqueue::load(std::span<const std::byte> table, std::uint32_t index) {
    const std::size_t offset = index * kDescriptorBytes;
    return {load_shared<std::uint64_t>(table, offset),
            load_shared<std::uint32_t>(table, offset + 8),
            load_shared<std::uint16_t>(table, offset + 12),
            load_shared<std::uint16_t>(table, offset + 14)};
}

bool Virtqueue::walk(std::span<const std::byte> table, std::uint32_t table_size,
                     std::uint32_t index, bool in_indirect, Chain& chain) {
    // A chain cannot visit more descriptors than there are without going round in a circle.
    for (std::uint32_t visited = 0; visited < table_size; ++visited) {
        const Descriptor descriptor = load(table, index);
        if ((descriptor.flags & kDescriptorIndirect) != 0) {
            if (in_indirect) return fail("an indirect descriptor in an indirect table");
            if ((descriptor.flags & kDescriptorNext) != 0) {
                return fail("an indirect descriptor with a successor");
            }
            return walk_indirect(descriptor, chain);
        }
        if (!append(descriptor, chain)) return false;
        if ((descriptor.flags & kDescriptorNext) == 0) return true;
        if (descriptor.next >= table_size) return fail("a successor outside the table");
        index = descriptor.next;
    }
    return fail("a chain that loops");
}

bool Virtqueue::walk_indirect(const Descriptor& descriptor, Chain& chain) {
    if (!features_.indirect) return fail("an indirect descriptor that was not negotiated");
    const std::uint32_t count = descriptor.length / kDescriptorBytes;
    if (descriptor.length % kDescriptorBytes != 0 || count == 0 || count > kMaximumQueueSize) {
        return fail("an indirect table of bad length");
    }
    const std::span<std::byte> table = memory_->guest_range(descriptor.address, descriptor.length);
    if (table.empty()) return fail("an indirect table outside the guest's memory");
    if (!aligned(table, 8)) return fail("a misaligned indirect table");
    return walk(table, count, 0, true, chain);
}

bool Virtqueue::append(const Descriptor& descriptor, Chain& chain) {
    const bool writable = (descriptor.flags & kDescriptorWrite) != 0;
    if (!writable && !chain.writable.empty()) return fail("a readable part after a writable one");
    std::vector<iovec>& pieces = writable ? chain.writable : chain.readable;
    if (!memory_->append_guest_range(descriptor.address, descriptor.length, pieces)) {
        return fail("a buffer outside the guest's memory");
    }
    if (chain.readable.size() + chain.writable.size() > kMaximumPieces) {
        return fail("a chain of too many pieces");
    }
    // At most 1,024 lengths of 32 bits each: no overflow.
    (writable ? chain.writable_bytes : chain.readable_bytes) += descriptor.length;
    return true;
}

void Virtqueue::give_back(std::uint16_t head, std::uint32_t written_bytes) {
    const std::size_t offset = 4 + kUsedElementBytes * (next_used_ % size_);
    store_shared<std::uint32_t>(used_, offset, head);
    store_shared<std::uint32_t>(used_, offset + 4, written_bytes);
    ++next_used_;
}

bool Virtqueue::publish() {
    if (next_used_ == published_used_) return false;
    const std::uint16_t before = published_used_;
    store_shared(used_, 2, next_used_, std::memory_order_release);
    published_used_ = next_used_;
    // The driver writes its wish and then looks at our index; we do it the other way round.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!features_.event_index) {
        return (load_shared<std::uint16_t>(available_, 0) & kAvailableNoInterrupt) == 0;
    }
    const auto wished = load_shared<std::uint16_t>(available_, 4 + 2 * std::size_t{size_});
    return static_cast<std::uint16_t>(next_used_ - wished - 1) <
           static_cast<std::uint16_t>(next_used_ - before);
}

void Virtqueue::stop_kicks() {
    // With an event index, not moving it is enough: the driver kicks only when it passes it.
    if (!features_.event_index) store_shared<std::uint16_t>(used_, 0, kUsedNoNotify);
}

bool Virtqueue::ask_for_kicks() {
    if (!broken_.empty()) return false;
    if (features_.event_index) {
        store_shared(used_, 4 + kUsedElementBytes * size_, next_available_);
    } else {
        store_shared<std::uint16_t>(used_, 0, 0);
    }
    std::atomic_thread_fence(std::memory_order_seq_cst);
    return available_index() != next_available_;
}

}  // namespace vsockd
