// A guest's vsock driver and its front end in one, for tests: shares memory with a vsockd over a
// real vhost-user socket, builds rings and chains of any shape, and breaks rules on request.
// Everything blocks, with short deadlines; a failure throws std::runtime_error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "packet.h"

namespace test {

struct DriverOptions {
    std::uint16_t ring_size = 128;
    std::uint16_t receive_buffers = 64;
    std::uint32_t receive_buffer_bytes = 3776;  // what Linux 6.12 posts
    bool event_index = true;
    bool indirect = true;
    bool split_receive_buffers = false;  // header and payload in three pieces
    bool two_regions = false;            // the memory in halves next to each other
};

struct Packet {
    vsockd::Header header;
    std::string payload;
};

class GuestDriver {
  public:
    explicit GuestDriver(const std::string& vhost_path, DriverOptions options = {});
    GuestDriver(const GuestDriver&) = delete;
    GuestDriver& operator=(const GuestDriver&) = delete;
    ~GuestDriver();

    // What GET_CONFIG answered.
    std::uint64_t cid() const { return cid_; }

    // Puts a packet into the tx ring, cut into descriptors of the given sizes (the last takes
    // the rest), and waits until it is used.
    void send(const vsockd::Header& header, std::string_view payload,
              std::vector<std::size_t> cuts = {}, bool indirect = false);
    // The same without waiting; reap() waits for all of them.
    void post(const vsockd::Header& header, std::string_view payload,
              std::vector<std::size_t> cuts = {}, bool indirect = false);
    void reap();

    // The next packet of the device, or nothing.
    std::optional<Packet> receive(std::chrono::milliseconds patience);

    // Whether the device still holds the vhost-user socket open.
    bool attached(std::chrono::milliseconds patience);

    // For breaking rules.
    void kick(std::uint32_t queue);
    void set_available_index(std::uint32_t queue, std::uint16_t index);
    void offer(std::uint32_t queue, std::uint16_t head);
    void write_descriptor(std::uint32_t queue, std::uint16_t index, std::uint64_t address,
                          std::uint32_t length, std::uint16_t flags, std::uint16_t next);
    void shrink_memory();
    std::uint64_t buffer_address() const;

    // Stops both rings as a reset or a pause does, and starts them from `base` or where they were.
    void stop();
    void restart(bool fresh);

    // Sends raw bytes on the vhost-user socket, with descriptors.
    void send_raw(std::span<const std::byte> bytes, std::span<const int> descriptors = {});
    std::string read_reply();

  private:
    static constexpr std::uint64_t kMemoryBytes = 8 << 20;
    static constexpr std::uint64_t kGuestBase = 0x100000;
    static constexpr std::uint64_t kUserBase = 0x7F0000000000;

    struct Ring {
        std::uint64_t descriptors = 0;  // offsets in the memory
        std::uint64_t available = 0;
        std::uint64_t used = 0;
        std::uint16_t next_available = 0;
        std::uint16_t seen_used = 0;
        std::uint16_t base = 0;
        base::Fd kick;
        base::Fd call;
    };

    void request(std::uint32_t number, std::span<const std::byte> payload,
                 std::span<const int> descriptors = {});
    std::uint64_t query(std::uint32_t number);
    void lay_out();
    void set_up_ring(std::uint32_t queue);
    void post_receive_buffer(std::uint16_t place);
    void notify(std::uint32_t queue, std::uint16_t before);
    bool wait_for_used(std::uint32_t queue, std::chrono::milliseconds patience);
    template <typename T>
    T load(std::uint64_t offset) const;
    template <typename T>
    void store(std::uint64_t offset, T value);

    DriverOptions options_;
    base::Fd socket_;
    base::Fd memory_file_;
    std::byte* memory_ = nullptr;
    std::uint64_t cid_ = 0;
    Ring rings_[2];
    std::uint64_t receive_area_ = 0;
    std::uint64_t transmit_area_ = 0;
    std::uint64_t transmit_used_bytes_ = 0;
    std::uint16_t next_descriptor_ = 0;  // of the tx ring; all are free when nothing is posted
    std::uint16_t posted_ = 0;
};

}  // namespace test
