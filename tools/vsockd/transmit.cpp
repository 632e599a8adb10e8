// Guest to host: the tx ring's packets.
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "device.h"

namespace vsockd {

namespace {

// Resets wait for receive buffers. A guest that has none gets no more packets handled: it holds
// up only itself.
constexpr std::size_t kMaximumResets = 256;

// Copies the first `out.size()` bytes of the pieces; false when there are fewer.
bool copy_front(std::span<const iovec> pieces, std::span<std::byte> out) {
    std::size_t copied = 0;
    for (const iovec& piece : pieces) {
        const std::size_t count = std::min(piece.iov_len, out.size() - copied);
        std::memcpy(out.data() + copied, piece.iov_base, count);
        copied += count;
        if (copied == out.size()) return true;
    }
    return false;
}

}  // namespace

bool Device::replies_pile_up() const {
    return resets_.size() >= kMaximumResets;
}

void Device::process_transmit(std::uint32_t budget) {
    std::optional<Virtqueue>& queue = rings_[kTransmitQueue].queue;
    if (continue_) continue_->stop();
    if (!queue || !broken_.empty()) return;
    queue->stop_kicks();
    while (true) {
        if (replies_pile_up()) return;  // process_receive() comes back when they are delivered
        if (budget == 0) {
            continue_transmit();
            return;
        }
        if (!queue->take(packet_)) {
            if (queue->ask_for_kicks()) continue;
            return;
        }
        if (!packet_.writable.empty()) {
            fail("a writable buffer in the tx ring");
            return;
        }
        handle_packet(packet_);
        // Shown to the guest at the end of the turn, after the write that reads from it.
        queue->give_back(packet_.head, 0);
        --budget;
    }
}

// The other guests have their turn first.
void Device::continue_transmit() {
    if (!continue_) {
        base::Result<loop::Idle> idle =
            loop::Idle::create(loop_, [this] { kicked(kTransmitQueue); });
        if (!idle.ok()) {
            fail("out of resources");
            return;
        }
        continue_ = std::move(idle).value();
    }
    continue_->start();
}

void Device::handle_packet(const Chain& chain) {
    std::byte bytes[kHeaderBytes];
    if (!copy_front(chain.readable, bytes)) {
        report("dropped a packet", Header{}, "too short for a header");
        return;
    }
    const Header packet = decode_header(bytes);
    trace("from-guest", packet);
    if (packet.source_cid != cid_) {
        report("dropped a packet", packet, "not the guest's own CID");
        return;
    }
    const ConnectionKey key{static_cast<std::uint32_t>(packet.destination_cid),
                            packet.destination_port, packet.source_port};
    Stream* stream = packet.destination_cid > 0xFFFFFFFF ? nullptr : find(key);
    const bool asks = packet.operation == Operation::request && packet.type == kTypeStream;
    if (stream != nullptr && asks && stream->connection.lingers()) {
        // The guest has closed its end and uses the port again.
        remove(*stream);
        stream = nullptr;
    }
    if (stream != nullptr) {
        act(*stream, packet, chain);
    } else if (asks) {
        accept_request(packet);
    } else if (packet.operation != Operation::reset) {
        queue_reset(reset_for(packet));
    }
}

void Device::act(Stream& stream, const Header& packet, const Chain& chain) {
    Connection& connection = stream.connection;
    const Actions actions = connection.receive(packet, chain.readable_bytes - kHeaderBytes);
    if (actions.forward) forward(stream, chain, packet.length);
    if (actions.established) established(stream);
    if (actions.end_writing || actions.end_reading) {
        flush_gathered();
        if (actions.end_reading) (void)::shutdown(stream.socket.get(), SHUT_RD);
        if (actions.end_writing) stream.end_after_backlog = true;
        if (stream.backlog.empty()) backlog_is_empty(stream);
        update_watch(stream);
    }
    if (!actions.violation.empty()) report("reset a connection", packet, actions.violation);
    if (actions.reset) queue_reset(connection.reset_packet());
    if (actions.close) {
        close(stream);
        return;
    }
    if (connection.has_packet()) queue_control(stream);
    if (actions.credit_came && !connection.lingers()) {
        stream.timer.reset();
        update_watch(stream);
    }
}

void Device::forward(Stream& stream, const Chain& chain, std::uint32_t length) {
    const bool full = gathered_.pieces.size() + chain.readable.size() > kMaximumPieces;
    if (gathered_.stream != nullptr && (gathered_.stream != &stream || full)) flush_gathered();
    gathered_.stream = &stream;
    std::size_t skipped = kHeaderBytes;
    std::size_t left = length;
    for (const iovec& piece : chain.readable) {
        const std::size_t skip = std::min(skipped, piece.iov_len);
        skipped -= skip;
        const std::size_t count = std::min(piece.iov_len - skip, left);
        left -= count;
        if (count == 0) continue;
        gathered_.pieces.push_back({static_cast<std::byte*>(piece.iov_base) + skip, count});
    }
}

void Device::flush_gathered() {
    if (gathered_.stream == nullptr) return;
    Stream& stream = *std::exchange(gathered_.stream, nullptr);
    Stream::Write result{Stream::Wrote::part, 0};
    if (stream.backlog.empty()) result = stream.write(gathered_.pieces);
    if (result.status == Stream::Wrote::failed) {
        gathered_.pieces.clear();
        writing_failed(stream);
        return;
    }
    if (result.status == Stream::Wrote::part) keep(stream, result.bytes);
    gathered_.pieces.clear();
    stream.connection.forwarded(result.bytes);
    if (stream.connection.has_packet()) queue_control(stream);
}

// Keeps what the socket did not take; the guest's buffer goes back to the guest.
void Device::keep(Stream& stream, std::size_t skipped_bytes) {
    for (const iovec& piece : gathered_.pieces) {
        const std::size_t skip = std::min(skipped_bytes, piece.iov_len);
        skipped_bytes -= skip;
        const auto* start = static_cast<const std::byte*>(piece.iov_base) + skip;
        stream.backlog.append({start, piece.iov_len - skip});
    }
    update_watch(stream);
}

void Device::on_writable(Stream& stream) {
    const Stream::Write result = stream.write_backlog();
    if (result.status == Stream::Wrote::failed) {
        writing_failed(stream);
        return;
    }
    stream.connection.forwarded(result.bytes);
    if (stream.connection.has_packet()) queue_control(stream);
    if (stream.backlog.empty()) {
        backlog_is_empty(stream);
        update_watch(stream);
    }
}

void Device::backlog_is_empty(Stream& stream) {
    if (!stream.end_after_backlog) return;
    stream.end_after_backlog = false;
    (void)::shutdown(stream.socket.get(), SHUT_WR);
}

// The host reads no more, but what it wrote before may still be on its way to the guest.
void Device::writing_failed(Stream& stream) {
    if (stream.memory_lost) {
        fail("the front end took memory away");
        return;
    }
    stream.backlog.clear();
    stream.connection.host_stopped_reading();
    queue_control(stream);
    if (stream.connection.lingers()) {
        linger(stream);
    } else {
        update_watch(stream);
    }
}

}  // namespace vsockd
