// A hostile guest over random bytes: a vhost-user message is decoded, then a queue is built in a
// copy of the bytes as guest memory, its chains are walked, their packets drive a connection, and
// the chains are given back. Nothing outside the memory may be touched.
//
//   offset size
//        0    1 bits: 1 event index, 2 indirect descriptors, 4 two regions
//        1    1 next available entry
//        2    1 bytes of the message that follow
//        3    n message; then the guest's memory
#include <cstdlib>
#include <cstring>
#include <vector>

#include "connect_line.h"
#include "connection.h"
#include "memory_table.h"
#include "packet.h"
#include "vhost_message.h"
#include "virtqueue.h"

namespace {

using namespace vsockd;

constexpr std::size_t kMemoryBytes = 8192;
constexpr RingLayout kLayout{16, 0, 0x100, 0x140};
constexpr std::uint32_t kBuffer = 4096;

void require(bool condition) {
    if (!condition) std::abort();
}

void decode_message(std::span<const std::byte> bytes) {
    if (bytes.size() < kMessageHeaderBytes) return;
    const auto header = decode_message_header(bytes.first<kMessageHeaderBytes>());
    if (!header.ok()) return;
    const auto rest = bytes.subspan(kMessageHeaderBytes);
    for (std::size_t descriptors = 0; descriptors <= kMaximumDescriptors; ++descriptors) {
        const auto payload = decode_payload(header.value(), rest, descriptors);
        if (!payload.ok()) continue;
        if (const auto* access = std::get_if<ConfigAccess>(&payload.value())) {
            const std::byte config[8] = {};
            require(encode_config_reply(*access, config).size() <= 12 + 12 + 8);
        }
        if (const auto* memory = std::get_if<MemoryDescription>(&payload.value())) {
            require(memory->regions.size() == descriptors);
        }
    }
}

// Every piece lies in the memory; reading and writing all of it shows whether it does.
std::uint64_t touch(const std::vector<iovec>& pieces) {
    std::uint64_t bytes = 0;
    for (const iovec& piece : pieces) {
        volatile auto* at = static_cast<std::uint8_t*>(piece.iov_base);
        if (piece.iov_len > 0) {
            at[0] = at[piece.iov_len - 1];
        }
        bytes += piece.iov_len;
    }
    return bytes;
}

class Peer {
  public:
    void take(const Chain& chain) {
        std::vector<std::byte> bytes;
        for (const iovec& piece : chain.readable) {
            const auto* start = static_cast<const std::byte*>(piece.iov_base);
            if (bytes.size() < kHeaderBytes)
                bytes.insert(bytes.end(), start, start + piece.iov_len);
        }
        if (bytes.size() < kHeaderBytes) return;
        const Header packet = decode_header(std::span(bytes).first<kHeaderBytes>());
        if (connection_.state() == Connection::State::closed) {
            require(reset_for(packet).length == 0);
            connection_ = Connection::from_guest(packet, kBuffer);
            if (packet.flags % 2 == 0) connection_.host_connected();
            held_ = 0;
            return;
        }
        event(packet.flags >> 8);
        const Actions actions = connection_.receive(packet, chain.readable_bytes - kHeaderBytes);
        if (actions.forward) held_ += packet.length;
        require(held_ <= kBuffer);
        require(actions.close == (connection_.state() == Connection::State::closed));
        if (connection_.has_packet()) require(connection_.take_packet().buffer_bytes == kBuffer);
    }

  private:
    // What the host might do meanwhile.
    void event(std::uint32_t choice) {
        switch (choice % 6) {
            case 0: connection_.host_connected(); break;
            case 1: connection_.host_ended((choice & 64) != 0); break;
            case 2: connection_.host_stopped_reading(); break;
            case 3: {
                const std::uint32_t bytes = connection_.credit();
                connection_.sent(bytes);
                require(connection_.credit() == 0);
                break;
            }
            case 4:
                connection_.forwarded(held_);
                held_ = 0;
                break;
            default: connection_.ask_for_credit(); break;
        }
        // What nobody reads any more is no longer held.
        if (connection_.lingers() || choice % 6 == 2) held_ = 0;
    }

    Connection connection_;
    std::uint64_t held_ = 0;
};

void drive_queue(std::span<const std::byte> input, unsigned bits, std::uint16_t base) {
    // Of exactly the guest's size, so that a byte beyond it is seen.
    std::vector<std::byte> memory(kMemoryBytes);
    std::memcpy(memory.data(), input.data(), std::min(input.size(), memory.size()));
    const std::span<std::byte> all(memory);
    std::vector<Region> regions;
    if ((bits & 4) != 0) {
        regions = {{0, 0, all.first(4096)}, {4096, 0x10000, all.subspan(4096)}};
    } else {
        regions = {{0, 0, all}};
    }
    const MemoryTable table = MemoryTable::create(std::move(regions)).value();
    auto queue = Virtqueue::create(table, kLayout, base, {(bits & 1) != 0, (bits & 2) != 0});
    require(queue.ok());
    Peer peer;
    Chain chain;
    for (int count = 0; count < 64 && queue->take(chain); ++count) {
        require(chain.head < kLayout.size);
        require(chain.readable.size() + chain.writable.size() <= kMaximumPieces);
        require(touch(chain.readable) == chain.readable_bytes);
        require(touch(chain.writable) == chain.writable_bytes);
        peer.take(chain);
        queue->give_back(chain.head, 0);
    }
    queue->publish();
    queue->stop_kicks();
    (void)queue->ask_for_kicks();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span<const std::byte> input(reinterpret_cast<const std::byte*>(data), size);
    (void)parse_connect_line({reinterpret_cast<const char*>(data), size});
    if (size < 3) return 0;
    const std::size_t message_bytes = std::min<std::size_t>(data[2], size - 3);
    decode_message(input.subspan(3, message_bytes));
    drive_queue(input.subspan(3 + message_bytes), data[0], data[1]);
    return 0;
}
