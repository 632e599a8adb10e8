// The simulated driver.
#include "guest_driver.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "base/bytes.h"

namespace test {

using std::chrono::milliseconds;

namespace {

constexpr std::uint64_t kMemoryBytes = 8 << 20;
constexpr std::uint64_t kGuestBase = 0x100000;
constexpr std::uint64_t kUserBase = 0x7F0000000000;
constexpr milliseconds kPatience{5000};
constexpr std::uint16_t kNext = 1;
constexpr std::uint16_t kWrite = 2;
constexpr std::uint16_t kIndirect = 4;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error("guest driver: " + what);
}

std::string words(std::initializer_list<std::uint64_t> values, std::size_t width) {
    std::string out;
    for (const std::uint64_t value : values) {
        out.append(reinterpret_cast<const char*>(&value), width);
    }
    return out;
}

std::span<const std::byte> bytes_of(const std::string& text) {
    return std::as_bytes(std::span(text));
}

}  // namespace

GuestDriver::GuestDriver(const std::string& vhost_path, DriverOptions options) : options_(options) {
    socket_ = base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    vhost_path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        fail("cannot connect to " + vhost_path);
    }
    memory_file_ = base::Fd(::memfd_create("guest", MFD_CLOEXEC));
    if (::ftruncate(memory_file_.get(), kMemoryBytes) != 0) fail("ftruncate");
    void* mapped =
        ::mmap(nullptr, kMemoryBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_file_.get(), 0);
    if (mapped == MAP_FAILED) fail("mmap");
    memory_ = static_cast<std::byte*>(mapped);
    lay_out();

    // The order in which QEMU speaks.
    const std::uint64_t offered = query(1);
    if (query(15) == 0) fail("no protocol features");
    request(16, bytes_of(words({(1u << 0) | (1u << 3) | (1u << 9) | (1u << 13)}, 8)));
    if (query(17) != 2) fail("not two queues");
    request(3, {});
    request(24, bytes_of(words({0, 8, 0}, 4) + std::string(8, '\0')));
    const std::string config = read_reply();
    if (config.size() != 20) fail("configuration of the wrong size");
    std::memcpy(&cid_, config.data() + 12, 8);
    std::uint64_t features = offered & ((std::uint64_t{1} << 32) | (1u << 30));
    if (options_.event_index) features |= 1u << 29;
    if (options_.indirect) features |= 1u << 28;
    request(2, bytes_of(words({features}, 8)));
    if (options_.two_regions) {
        const std::uint64_t half = kMemoryBytes / 2;
        const int files[] = {memory_file_.get(), memory_file_.get()};
        request(5,
                bytes_of(words({2, kGuestBase, half, kUserBase, 0, kGuestBase + half, half,
                                kUserBase + 2 * kMemoryBytes, half},
                               8)),
                files);
    } else {
        const int file = memory_file_.get();
        request(5, bytes_of(words({1, kGuestBase, kMemoryBytes, kUserBase, 0}, 8)),
                std::span(&file, 1));
    }
    for (std::uint32_t queue = 0; queue < 2; ++queue)
        set_up_ring(queue);
    for (std::uint16_t place = 0; place < options_.receive_buffers; ++place) {
        post_receive_buffer(place);
    }
    kick(0);
}

GuestDriver::~GuestDriver() {
    if (memory_ != nullptr) ::munmap(memory_, kMemoryBytes);
}

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

void GuestDriver::set_up_ring(std::uint32_t queue) {
    Ring& ring = rings_[queue];
    request(8, bytes_of(words({queue, options_.ring_size}, 4)));
    request(10, bytes_of(words({queue, ring.base}, 4)));
    request(9, bytes_of(words({queue, 0}, 4) +
                        words({kUserBase + ring.descriptors, kUserBase + ring.used,
                               kUserBase + ring.available, 0},
                              8)));
    ring.kick = base::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    ring.call = base::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    const int kick_fd = ring.kick.get();
    const int call_fd = ring.call.get();
    request(12, bytes_of(words({queue}, 8)), std::span(&kick_fd, 1));
    request(13, bytes_of(words({queue}, 8)), std::span(&call_fd, 1));
    request(18, bytes_of(words({queue, 1}, 4)));
}

void GuestDriver::request(std::uint32_t number, std::span<const std::byte> payload,
                          std::span<const int> descriptors) {
    std::string message = words({number, 1, payload.size()}, 4);
    message.append(reinterpret_cast<const char*>(payload.data()), payload.size());
    send_raw(bytes_of(message), descriptors);
}

std::uint64_t GuestDriver::query(std::uint32_t number) {
    request(number, {});
    const std::string answer = read_reply();
    if (answer.size() != 8) fail("a reply of the wrong size");
    std::uint64_t value = 0;
    std::memcpy(&value, answer.data(), 8);
    return value;
}

void GuestDriver::send_raw(std::span<const std::byte> bytes, std::span<const int> descriptors) {
    iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 32)] = {};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
    }
    if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) fail("sendmsg");
}

std::string GuestDriver::read_reply() {
    std::uint32_t header[3] = {};
    if (::recv(socket_.get(), header, sizeof header, MSG_WAITALL) != sizeof header) {
        fail("no reply");
    }
    if (header[1] != 5) fail("a reply without its flags");
    std::string payload(header[2], '\0');
    if (!payload.empty() &&
        ::recv(socket_.get(), payload.data(), payload.size(), MSG_WAITALL) < 0) {
        fail("half a reply");
    }
    return payload;
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

bool GuestDriver::attached(milliseconds patience) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(patience.count())) == 0) return true;
    char byte = 0;
    return ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void GuestDriver::shrink_memory() {
    if (::ftruncate(memory_file_.get(), 0) != 0) fail("ftruncate");
}

void GuestDriver::stop() {
    for (std::uint32_t queue = 0; queue < 2; ++queue) {
        request(11, bytes_of(words({queue, 0}, 4)));
        const std::string answer = read_reply();
        std::uint32_t base = 0;
        std::memcpy(&base, answer.data() + 4, 4);
        rings_[queue].base = static_cast<std::uint16_t>(base);
    }
}

void GuestDriver::restart(bool fresh) {
    for (std::uint32_t queue = 0; queue < 2; ++queue) {
        Ring& ring = rings_[queue];
        if (fresh) {
            std::memset(memory_ + ring.available, 0, 6 + 2u * options_.ring_size);
            std::memset(memory_ + ring.used, 0, 6 + 8u * options_.ring_size);
            ring.base = 0;
            ring.next_available = 0;
            ring.seen_used = 0;
        }
        set_up_ring(queue);
    }
    if (fresh) {
        for (std::uint16_t place = 0; place < options_.receive_buffers; ++place) {
            post_receive_buffer(place);
        }
        kick(0);
    }
}

}  // namespace test
