// The simulated driver's front end: what QEMU says on the vhost-user socket.
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

#include "guest_driver.h"

namespace test {

using std::chrono::milliseconds;

namespace {

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
