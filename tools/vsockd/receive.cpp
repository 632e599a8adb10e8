// Host to guest: the rx ring's buffers.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "device.h"
#include "vhost_channel.h"

namespace vsockd {

namespace {

// What one connection may take of a turn.
constexpr std::size_t kLeastReadBytes = 8 * 1024;
constexpr std::size_t kMostReadBytes = 256 * 1024;
constexpr std::size_t kMostBuffersPerRead = 128;
constexpr std::chrono::milliseconds kCreditPatience{1'000};

void copy_to(std::span<const iovec> pieces, std::span<const std::byte> from) {
    for (const iovec& piece : pieces) {
        const std::size_t count = std::min(piece.iov_len, from.size());
        std::memcpy(piece.iov_base, from.data(), count);
        from = from.subspan(count);
        if (from.empty()) return;
    }
}

}  // namespace

void Device::process_receive() {
    if (!rings_[kReceiveQueue].queue || !broken_.empty()) return;
    const bool blocked = replies_pile_up();
    while (true) {
        deliver_control();
        // As many as were in line; who gets something goes to the end of it.
        for (std::size_t count = starved_.size(); count > 0 && prefetch(1); --count) {
            Stream& stream = *starved_.front();
            starved_.pop_front();
            stream.starved = false;
            read_host(stream);
        }
        if (!broken_.empty()) return;
        const bool waiting = !control_.empty() || !resets_.empty() || !starved_.empty();
        std::optional<Virtqueue>& queue = rings_[kReceiveQueue].queue;
        if (!waiting) {
            queue->stop_kicks();
            break;
        }
        if (!prefetch(1) && !queue->ask_for_kicks()) break;
    }
    if (blocked && !replies_pile_up()) continue_transmit();
}

void Device::queue_control(Stream& stream) {
    if (stream.in_control_queue || !stream.connection.has_packet()) return;
    stream.in_control_queue = true;
    control_.push_back(&stream);
}

void Device::deliver_control() {
    while (!resets_.empty() && deliver(resets_.front()))
        resets_.pop_front();
    while (resets_.empty() && !control_.empty() && prefetch(1)) {
        Stream& stream = *control_.front();
        // A packet that went out meanwhile may have carried what this one was to say.
        if (!stream.connection.has_packet() || !deliver(stream.connection.take_packet()) ||
            !stream.connection.has_packet()) {
            stream.in_control_queue = false;
            control_.pop_front();
        }
    }
}

// A packet without payload. False when there is no buffer.
bool Device::deliver(const Header& packet) {
    if (!prefetch(1)) return false;
    std::byte bytes[kHeaderBytes];
    encode_header(packet, bytes);
    copy_to(prefetched_.front().writable, bytes);
    rings_[kReceiveQueue].queue->give_back(prefetched_.front().head, kHeaderBytes);
    spare_chains_.push_back(std::move(prefetched_.front()));
    prefetched_.pop_front();
    trace("to-guest", packet);
    return true;
}

// Sees to it that `count` buffers are at hand. False when the guest has not so many.
bool Device::prefetch(std::size_t count) {
    std::optional<Virtqueue>& queue = rings_[kReceiveQueue].queue;
    if (!queue || !broken_.empty()) return false;
    while (prefetched_.size() < count) {
        Chain chain;
        if (!spare_chains_.empty()) {
            chain = std::move(spare_chains_.back());
            spare_chains_.pop_back();
        }
        if (!queue->take(chain)) return false;
        if (!chain.readable.empty() || chain.writable_bytes <= kHeaderBytes) {
            fail("a useless buffer in the rx ring");
            return false;
        }
        prefetched_.push_back(std::move(chain));
    }
    return true;
}

void Device::read_host(Stream& stream) {
    Connection& connection = stream.connection;
    if (!connection.reads_host() || !broken_.empty()) return;
    const std::size_t credit = connection.credit();
    if (credit == 0) {
        await_credit(stream);
        return;
    }
    // The response has to reach the guest before the first byte.
    deliver_control();
    const std::size_t offered = connection.has_packet() && stream.in_control_queue
                                    ? 0
                                    : offer_buffers(std::min(credit, stream.read_hint_bytes));
    if (offered == 0) {
        starve(stream);
        return;
    }
    const ssize_t count =
        ::readv(stream.socket.get(), pieces_.data(), static_cast<int>(pieces_.size()));
    if (count > 0) {
        hand_over(stream, static_cast<std::size_t>(count));
        const auto bytes = static_cast<std::size_t>(count);
        stream.read_hint_bytes = std::clamp(bytes * 2, kLeastReadBytes, kMostReadBytes);
        if (connection.credit() == 0) {
            await_credit(stream);
        } else if (bytes == offered && !prefetch(1)) {
            starve(stream);  // watching it for a moment would only cost system calls
        } else {
            update_watch(stream);
        }
    } else if (count == 0) {
        host_ended(stream, peer_is_gone(stream.socket.get()));
    } else if (errno == EAGAIN || errno == EINTR) {
        update_watch(stream);
    } else if (errno == EFAULT) {
        fail("the front end took memory away");
    } else {
        host_ended(stream, true);
    }
}

void Device::starve(Stream& stream) {
    stream.starved = true;
    starved_.push_back(&stream);
    update_watch(stream);
}

// A guest tells of its own accord when it has made room, in large steps. Asking at once would
// get a small one; asking never would hang on a guest that only answers.
void Device::await_credit(Stream& stream) {
    update_watch(stream);
    (void)start_timer(stream, kCreditPatience, [this, &stream] {
        Turn turn(*this);
        if (!stream.connection.reads_host()) return;
        stream.connection.ask_for_credit();
        queue_control(stream);
        await_credit(stream);
    });
}

// Makes `pieces_` the payload space of the next buffers, up to `wanted_bytes`. Returns its size.
std::size_t Device::offer_buffers(std::size_t wanted_bytes) {
    pieces_.clear();
    std::size_t offered = 0;
    for (std::size_t index = 0; index < kMostBuffersPerRead && offered < wanted_bytes; ++index) {
        if (!prefetch(index + 1)) break;
        const Chain& chain = prefetched_[index];
        if (pieces_.size() + chain.writable.size() > kMaximumPieces) break;
        std::size_t skipped = kHeaderBytes;
        std::size_t left = std::min<std::size_t>(kMaximumPayload, wanted_bytes - offered);
        for (const iovec& piece : chain.writable) {
            const std::size_t skip = std::min(skipped, piece.iov_len);
            skipped -= skip;
            const std::size_t count = std::min(piece.iov_len - skip, left);
            if (count == 0) continue;
            pieces_.push_back({static_cast<std::byte*>(piece.iov_base) + skip, count});
            left -= count;
            offered += count;
        }
    }
    return offered;
}

// Puts headers before the `bytes` that were just read into the front buffers.
void Device::hand_over(Stream& stream, std::size_t bytes) {
    stream.connection.sent(static_cast<std::uint32_t>(bytes));
    while (bytes > 0) {
        Chain& chain = prefetched_.front();
        const std::size_t room =
            std::min<std::size_t>(chain.writable_bytes - kHeaderBytes, kMaximumPayload);
        const auto length = static_cast<std::uint32_t>(std::min(room, bytes));
        const Header packet = stream.connection.data_packet(length);
        std::byte header[kHeaderBytes];
        encode_header(packet, header);
        copy_to(chain.writable, header);
        rings_[kReceiveQueue].queue->give_back(chain.head,
                                               static_cast<std::uint32_t>(kHeaderBytes + length));
        spare_chains_.push_back(std::move(chain));
        prefetched_.pop_front();
        trace("to-guest", packet);
        bytes -= length;
    }
}

}  // namespace vsockd
