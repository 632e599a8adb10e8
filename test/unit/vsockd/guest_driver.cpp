// The simulated driver: rings, buffers and packets. Its front end is guest_front_end.cpp.
#include "guest_driver.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>

#include "base/bytes.h"

namespace test {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kPatience{5000};
constexpr std::uint16_t kNext = 1;
constexpr std::uint16_t kWrite = 2;
constexpr std::uint16_t kIndirect = 4;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error("guest driver: " + what);
}

}  // namespace

// Rings, then receive buffers, then an area for packets; in the middle of the memory, so that
// packets cross the border of two regions.
void GuestDriver::lay_out() {
    std::uint64_t at = 4096;
    for (Ring& ring : rings_) {
        ring.descriptors = at;
        ring.available = ring.descriptors + 16u * options_.ring_size;
        ring.used = (ring.available + 6 + 2u * options_.ring_size + 7) / 8 * 8;
        at = (ring.used + 6 + 8u * options_.ring_size + 4095) / 4096 * 4096;
    }
    receive_area_ = at;
    transmit_area_ = kMemoryBytes / 2 - 64 * 1024;
}

template <typename T>
T GuestDriver::load(std::uint64_t offset) const {
    return std::atomic_ref<T>(*reinterpret_cast<T*>(memory_ + offset)).load();
}

template <typename T>
void GuestDriver::store(std::uint64_t offset, T value) {
    std::atomic_ref<T>(*reinterpret_cast<T*>(memory_ + offset)).store(value);
}

void GuestDriver::write_descriptor(std::uint32_t queue, std::uint16_t index, std::uint64_t address,
                                   std::uint32_t length, std::uint16_t flags, std::uint16_t next) {
    const std::uint64_t at = rings_[queue].descriptors + 16u * index;
    store<std::uint64_t>(at, address);
    store<std::uint32_t>(at + 8, length);
    store<std::uint16_t>(at + 12, flags);
    store<std::uint16_t>(at + 14, next);
}

std::uint64_t GuestDriver::buffer_address() const {
    return kGuestBase + transmit_area_;
}

void GuestDriver::offer(std::uint32_t queue, std::uint16_t head) {
    Ring& ring = rings_[queue];
    store<std::uint16_t>(ring.available + 4 + 2u * (ring.next_available % options_.ring_size),
                         head);
    ++ring.next_available;
    store<std::uint16_t>(ring.available + 2, ring.next_available);
}

void GuestDriver::set_available_index(std::uint32_t queue, std::uint16_t index) {
    store<std::uint16_t>(rings_[queue].available + 2, index);
}

void GuestDriver::kick(std::uint32_t queue) {
    const std::uint64_t one = 1;
    if (::write(rings_[queue].kick.get(), &one, sizeof one) != sizeof one) fail("kick");
}

// Kicks only when the device asked for it, so that a device that forgets to ask is found out.
void GuestDriver::notify(std::uint32_t queue, std::uint16_t before) {
    Ring& ring = rings_[queue];
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (options_.event_index) {
        const auto wished = load<std::uint16_t>(ring.used + 4 + 8u * options_.ring_size);
        const auto passed = static_cast<std::uint16_t>(ring.next_available - wished - 1);
        if (passed < static_cast<std::uint16_t>(ring.next_available - before)) kick(queue);
    } else if ((load<std::uint16_t>(ring.used) & 1) == 0) {
        kick(queue);
    }
}

void GuestDriver::post_receive_buffer(std::uint16_t place) {
    const std::uint64_t address =
        kGuestBase + receive_area_ + std::uint64_t{place} * options_.receive_buffer_bytes;
    const std::uint32_t size = options_.receive_buffer_bytes;
    if (options_.split_receive_buffers) {
        const auto first = static_cast<std::uint16_t>(place * 3);
        write_descriptor(0, first, address, 10, kNext | kWrite,
                         static_cast<std::uint16_t>(first + 1));
        write_descriptor(0, static_cast<std::uint16_t>(first + 1), address + 10, 100,
                         kNext | kWrite, static_cast<std::uint16_t>(first + 2));
        write_descriptor(0, static_cast<std::uint16_t>(first + 2), address + 110, size - 110,
                         kWrite, 0);
        offer(0, first);
    } else {
        write_descriptor(0, place, address, size, kWrite, 0);
        offer(0, place);
    }
}

bool GuestDriver::wait_for_used(std::uint32_t queue, milliseconds patience) {
    Ring& ring = rings_[queue];
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (load<std::uint16_t>(ring.used + 2) == ring.seen_used) {
        // Asks to be interrupted at the next one, looks again, then sleeps.
        store<std::uint16_t>(ring.available + 4 + 2u * options_.ring_size, ring.seen_used);
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (load<std::uint16_t>(ring.used + 2) != ring.seen_used) break;
        const auto left =
            std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd waiting{ring.call.get(), POLLIN, 0};
        (void)::poll(&waiting, 1, static_cast<int>(left.count()));
        std::uint64_t calls = 0;
        (void)!::read(ring.call.get(), &calls, sizeof calls);
    }
    return true;
}

void GuestDriver::send(const vsockd::Header& header, std::string_view payload,
                       std::vector<std::size_t> cuts, bool indirect) {
    post(header, payload, std::move(cuts), indirect);
    reap();
}

void GuestDriver::post(const vsockd::Header& header, std::string_view payload,
                       std::vector<std::size_t> cuts, bool indirect) {
    const std::size_t total = vsockd::kHeaderBytes + payload.size();
    const std::size_t needed = indirect ? 1 : cuts.size() + 1;
    const std::size_t table_bytes = indirect ? 16 * (cuts.size() + 1) : 0;
    if (next_descriptor_ + needed > options_.ring_size ||
        transmit_used_bytes_ + total + table_bytes + 16 > kMemoryBytes - transmit_area_) {
        reap();
    }
    const std::uint64_t offset = transmit_area_ + transmit_used_bytes_;
    vsockd::encode_header(
        header, std::span<std::byte, vsockd::kHeaderBytes>(memory_ + offset, vsockd::kHeaderBytes));
    std::memcpy(memory_ + offset + vsockd::kHeaderBytes, payload.data(), payload.size());
    const std::uint64_t table = (offset + total + 15) / 16 * 16;
    const std::uint16_t head = next_descriptor_;
    std::size_t done = 0;
    for (std::size_t index = 0; index <= cuts.size(); ++index) {
        const bool last = index == cuts.size();
        const std::size_t length = last ? total - done : std::min(cuts[index], total - done);
        const auto next = static_cast<std::uint16_t>((indirect ? 0 : head) + index + 1);
        const std::uint16_t flags = last ? 0 : kNext;
        if (indirect) {
            const std::uint64_t at = table + 16 * index;
            store<std::uint64_t>(at, kGuestBase + offset + done);
            store<std::uint32_t>(at + 8, static_cast<std::uint32_t>(length));
            store<std::uint16_t>(at + 12, flags);
            store<std::uint16_t>(at + 14, next);
        } else {
            write_descriptor(1, static_cast<std::uint16_t>(head + index),
                             kGuestBase + offset + done, static_cast<std::uint32_t>(length), flags,
                             next);
        }
        done += length;
    }
    if (indirect) {
        write_descriptor(1, head, kGuestBase + table,
                         static_cast<std::uint32_t>(16 * (cuts.size() + 1)), kIndirect, 0);
    }
    transmit_used_bytes_ = table + table_bytes - transmit_area_;
    next_descriptor_ = static_cast<std::uint16_t>(next_descriptor_ + needed);
    const std::uint16_t before = rings_[1].next_available;
    offer(1, head);
    ++posted_;
    notify(1, before);
}

void GuestDriver::reap() {
    Ring& ring = rings_[1];
    while (posted_ > 0) {
        if (!wait_for_used(1, kPatience)) fail("a packet was not taken");
        ++ring.seen_used;
        --posted_;
    }
    next_descriptor_ = 0;
    transmit_used_bytes_ = 0;
}

std::optional<Packet> GuestDriver::receive(milliseconds patience) {
    Ring& ring = rings_[0];
    if (!wait_for_used(0, patience)) return std::nullopt;
    const std::uint64_t entry = ring.used + 4 + 8u * (ring.seen_used % options_.ring_size);
    const auto head = load<std::uint32_t>(entry);
    const auto written = load<std::uint32_t>(entry + 4);
    ++ring.seen_used;
    const auto place = static_cast<std::uint16_t>(options_.split_receive_buffers ? head / 3 : head);
    const std::byte* start =
        memory_ + receive_area_ + std::uint64_t{place} * options_.receive_buffer_bytes;
    Packet packet;
    packet.header = vsockd::decode_header(
        std::span<const std::byte, vsockd::kHeaderBytes>(start, vsockd::kHeaderBytes));
    if (written != vsockd::kHeaderBytes + packet.header.length) fail("a used length that is wrong");
    packet.payload.assign(reinterpret_cast<const char*>(start) + vsockd::kHeaderBytes,
                          packet.header.length);
    const std::uint16_t before = ring.next_available;
    post_receive_buffer(place);
    notify(0, before);
    return packet;
}

}  // namespace test
