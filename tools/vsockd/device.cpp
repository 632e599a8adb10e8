// Turns, rings and the connection table of a guest's device.
#include "device.h"

#include <unistd.h>

#include <algorithm>
#include <functional>

#include "base/log.h"

namespace vsockd {

namespace {

// Host ports above those that programs choose, as Firecracker gives them.
constexpr std::uint32_t kFirstHostPort = 1u << 30;
constexpr std::uint32_t kReportBurst = 20;
constexpr std::chrono::milliseconds kReportInterval{10'000};

}  // namespace

std::size_t Device::KeyHash::operator()(const ConnectionKey& key) const {
    // Ports are chosen by the guest; the table is capped, so a collision costs little.
    std::uint64_t mixed = (std::uint64_t{key.guest_port} << 32 | key.peer_port) + key.peer_cid;
    mixed = (mixed ^ (mixed >> 31)) * 0x9E3779B97F4A7C15u;
    return mixed ^ (mixed >> 32);
}

Device::Device(loop::Loop& loop, const Settings& settings, Router& router, Drains& drains,
               std::uint32_t cid, Broken broken)
    : loop_(loop),
      settings_(settings),
      router_(router),
      drains_(drains),
      cid_(cid),
      on_broken_(std::move(broken)),
      next_host_port_(kFirstHostPort),
      report_limit_(kReportBurst, kReportInterval) {
    router_.attach(cid_, *this);
}

Device::~Device() {
    router_.detach(cid_);
    told_broken_ = true;
    forget_connections();
}

void Device::start_queue(std::uint32_t index, Virtqueue queue) {
    Turn turn(*this);
    rings_[index].queue = std::move(queue);
    // The guest may have kicked before we were there to hear it.
    kicked(index);
}

std::uint16_t Device::stop_queue(std::uint32_t index) {
    Turn turn(*this);
    Ring& ring = rings_[index];
    if (!ring.queue) return 0;
    if (index == kTransmitQueue) process_transmit(ring.queue->size());
    flush_gathered();
    publish(ring);
    std::uint16_t next = ring.queue->next_available();
    if (index == kReceiveQueue) {
        next = static_cast<std::uint16_t>(next - prefetched_.size());
        prefetched_.clear();
    }
    if (!ring.queue->broken().empty()) fail(ring.queue->broken());
    ring.queue.reset();
    return next;
}

void Device::set_call(std::uint32_t index, base::Fd call) {
    rings_[index].call = std::move(call);
    // What was given back before may have been announced to the old descriptor.
    const std::uint64_t one = 1;
    if (rings_[index].call.valid()) (void)!::write(rings_[index].call.get(), &one, sizeof one);
}

void Device::kicked(std::uint32_t index) {
    Turn turn(*this);
    if (index == kTransmitQueue) {
        constexpr std::uint32_t kPacketsPerTurn = 256;
        process_transmit(kPacketsPerTurn);
    } else {
        process_receive();
    }
}

void Device::forget_connections() {
    Turn turn(*this);
    flush_gathered();
    while (!streams_.empty())
        close(*streams_.begin()->second);
    control_.clear();
    starved_.clear();
    resets_.clear();
}

void Device::end_turn() {
    ++turns_;  // what is done here starts no turn of its own
    flush_gathered();
    process_receive();
    for (Ring& ring : rings_) {
        if (!ring.queue) continue;
        publish(ring);
        if (!ring.queue->broken().empty()) fail(ring.queue->broken());
    }
    if (memory_ != nullptr && memory_->lost()) fail("the front end took memory away");
    removed_.clear();
    --turns_;
    if (!broken_.empty() && !told_broken_) {
        told_broken_ = true;
        on_broken_(broken_);
    }
}

void Device::publish(Ring& ring) {
    if (!ring.queue->publish() || !ring.call.valid()) return;
    // A full counter means that the guest has not looked yet; it is interrupted all the same.
    const std::uint64_t one = 1;
    (void)!::write(ring.call.get(), &one, sizeof one);
}

void Device::fail(std::string_view reason) {
    if (broken_.empty()) broken_ = reason;
}

bool Device::room_for_one_more() const {
    return streams_.size() + drains_.size() < settings_.maximum_connections;
}

Stream* Device::find(const ConnectionKey& key) {
    const auto found = streams_.find(key);
    return found == streams_.end() ? nullptr : found->second.get();
}

Stream& Device::insert(Connection connection) {
    const ConnectionKey key = connection.key();
    std::unique_ptr<Stream>& place = streams_[key];
    place = std::make_unique<Stream>(std::move(connection));
    return *place;
}

void Device::remove(Stream& stream) {
    if (gathered_.stream == &stream) flush_gathered();
    const auto found = streams_.find(stream.connection.key());
    if (found == streams_.end() || found->second.get() != &stream) return;
    if (stream.in_control_queue) std::erase(control_, &stream);
    if (stream.starved) std::erase(starved_, &stream);
    stream.close();
    removed_.push_back(std::move(found->second));
    streams_.erase(found);
}

bool Device::connect(base::Fd socket, ConnectionKey key) {
    Turn turn(*this);
    if (!room_for_one_more() || find(key) != nullptr) return false;
    Stream& stream = insert(Connection::from_host(cid_, key, settings_.buffer_bytes));
    stream.socket = std::move(socket);
    stream.answers_line = true;
    const bool timed = start_timer(stream, settings_.connect_timeout, [this, &stream] {
        Turn timeout_turn(*this);
        report("the guest does not answer", stream.connection.reset_packet(), "timed out");
        reset(stream);
    });
    if (!timed || !watch_socket(stream)) {
        remove(stream);
        return false;
    }
    queue_control(stream);
    return true;
}

bool Device::connect_from_parent(base::Fd socket, std::uint32_t guest_port) {
    ConnectionKey key{kParentCid, 0, guest_port};
    // The table is capped far below the number of ports, so a free one is near.
    do {
        key.peer_port = next_host_port_;
        next_host_port_ = next_host_port_ == 0xFFFFFFFE ? kFirstHostPort : next_host_port_ + 1;
    } while (find(key) != nullptr);
    return connect(std::move(socket), key);
}

void Device::report(std::string_view message, const Header& packet, std::string_view reason) {
    if (!report_limit_.allow(loop_.now())) return;
    const std::uint64_t suppressed = report_limit_.take_suppressed();
    if (suppressed > 0) base::log::warning("lines held back", {{"cid", cid_}, {"n", suppressed}});
    base::log::warning(message, {{"cid", cid_},
                                 {"reason", reason},
                                 {"op", operation_name(packet.operation)},
                                 {"src_cid", packet.source_cid},
                                 {"src_port", packet.source_port},
                                 {"dst_cid", packet.destination_cid},
                                 {"dst_port", packet.destination_port}});
}

void Device::trace(std::string_view direction, const Header& packet) {
    if (!settings_.trace) return;
    base::log::info("packet", {{"cid", cid_},
                               {"dir", direction},
                               {"op", operation_name(packet.operation)},
                               {"src_cid", packet.source_cid},
                               {"src_port", packet.source_port},
                               {"dst_cid", packet.destination_cid},
                               {"dst_port", packet.destination_port},
                               {"type", packet.type},
                               {"len", packet.length},
                               {"flags", packet.flags},
                               {"buf_alloc", packet.buffer_bytes},
                               {"fwd_cnt", packet.forwarded_count}});
}

}  // namespace vsockd
