// The state machine of one connection.
#include "connection.h"

#include <algorithm>

namespace vsockd {

Connection Connection::from_guest(const Header& request, std::uint32_t buffer_bytes) {
    Connection made;
    made.state_ = State::dialing;
    made.key_ = {static_cast<std::uint32_t>(request.destination_cid), request.destination_port,
                 request.source_port};
    made.guest_cid_ = request.source_cid;
    made.buffer_bytes_ = buffer_bytes;
    made.learn_credit(request);
    return made;
}

Connection Connection::from_host(std::uint32_t guest_cid, ConnectionKey key,
                                 std::uint32_t buffer_bytes) {
    Connection made;
    made.state_ = State::requesting;
    made.key_ = key;
    made.guest_cid_ = guest_cid;
    made.buffer_bytes_ = buffer_bytes;
    made.pending_ = kRequest;
    return made;
}

Actions Connection::receive(const Header& packet, std::uint64_t payload_bytes) {
    if (packet.type != kTypeStream) return fail("a packet that is not of type stream");
    const bool had_credit = credit() > 0;
    learn_credit(packet);
    Actions actions;
    switch (packet.operation) {
        case Operation::request: return fail("a request on a connection that exists");
        case Operation::response:
            if (state_ != State::requesting) return fail("a response nobody asked for");
            state_ = State::open;
            actions.established = true;
            break;
        case Operation::reset:
            close();
            actions.close = true;
            return actions;
        case Operation::shutdown: actions = receive_shutdown(packet.flags); break;
        case Operation::data: actions = receive_data(packet.length, payload_bytes); break;
        case Operation::credit_update: break;
        case Operation::credit_request: pending_ |= kCreditUpdate; break;
        default: return fail("an unknown operation");
    }
    if (state_ != State::open && state_ != State::closed) return fail("a packet too early");
    actions.credit_came = !had_credit && credit() > 0;
    return actions;
}

Actions Connection::fail(std::string_view violation) {
    close();
    Actions actions;
    actions.reset = true;
    actions.close = true;
    actions.violation = violation;
    return actions;
}

Actions Connection::receive_shutdown(std::uint32_t flags) {
    Actions actions;
    const std::uint32_t fresh = flags & kShutdownBoth & ~guest_done_;
    guest_done_ |= fresh;
    // A guest that gives up a connection before it is open says so in the same way.
    if (guest_done_ == kShutdownBoth || state_ != State::open) {
        close();
        actions.reset = true;
        actions.close = true;
        return actions;
    }
    actions.end_writing = (fresh & kShutdownSend) != 0;
    actions.end_reading = (fresh & kShutdownReceive) != 0;
    return actions;
}

Actions Connection::receive_data(std::uint32_t length, std::uint64_t payload_bytes) {
    if (state_ != State::open) return fail("data on a connection that is not open");
    if ((guest_done_ & kShutdownSend) != 0) return fail("data after the end of data");
    if (length > payload_bytes) return fail("a length beyond the buffer");
    const std::uint32_t unacknowledged = received_ - told_;
    if (std::uint64_t{unacknowledged} + length > buffer_bytes_) return fail("data without credit");
    received_ += length;
    Actions actions;
    actions.forward = length > 0 && (host_done_ & kShutdownReceive) == 0;
    if (!actions.forward) forwarded(length);
    return actions;
}

void Connection::learn_credit(const Header& packet) {
    guest_buffer_bytes_ = packet.buffer_bytes;
    // Two processors of the guest may queue packets in another order than they filled them, so a
    // count that goes back is old news; one that runs ahead of what was sent is nonsense.
    const std::uint32_t in_flight = sent_ - guest_forwarded_;
    if (sent_ - packet.forwarded_count <= in_flight) guest_forwarded_ = packet.forwarded_count;
}

void Connection::host_connected() {
    if (state_ != State::dialing) return;
    state_ = State::open;
    pending_ |= kResponse;
}

void Connection::host_ended(bool both) {
    const std::uint32_t done = both ? kShutdownBoth : kShutdownSend;
    if ((host_done_ & done) == done) return;
    host_done_ |= done;
    pending_ |= kShutdown;
    if (both) forwarded(received_ - forwarded_);
}

void Connection::host_stopped_reading() {
    if ((host_done_ & kShutdownReceive) != 0) return;
    host_done_ |= kShutdownReceive;
    pending_ |= kShutdown;
    forwarded(received_ - forwarded_);
}

void Connection::forwarded(std::uint64_t bytes) {
    forwarded_ += static_cast<std::uint32_t>(bytes);
    // Half the buffer keeps a sender busy with few updates: it waits only when it sees no room.
    if (forwarded_ - told_ >= buffer_bytes_ / 2) pending_ |= kCreditUpdate;
}

std::uint32_t Connection::credit() const {
    const std::uint32_t in_flight = sent_ - guest_forwarded_;
    return guest_buffer_bytes_ - std::min(in_flight, guest_buffer_bytes_);
}

void Connection::sent(std::uint32_t bytes) {
    sent_ += bytes;
}

bool Connection::reads_host() const {
    return state_ == State::open && (host_done_ & kShutdownSend) == 0 &&
           (guest_done_ & kShutdownReceive) == 0;
}

Header Connection::packet(Operation operation) {
    Header header = reset_packet();
    header.operation = operation;
    header.buffer_bytes = buffer_bytes_;
    header.forwarded_count = forwarded_;
    told_ = forwarded_;
    pending_ &= ~unsigned{kCreditUpdate};
    return header;
}

Header Connection::take_packet() {
    // The handshake comes first. An update asked for is carried by whatever goes out.
    if ((pending_ & kRequest) != 0) {
        pending_ &= ~unsigned{kRequest};
        return packet(Operation::request);
    }
    if ((pending_ & kResponse) != 0) {
        pending_ &= ~unsigned{kResponse};
        return packet(Operation::response);
    }
    if ((pending_ & kShutdown) != 0) {
        pending_ &= ~unsigned{kShutdown};
        Header header = packet(Operation::shutdown);
        header.flags = host_done_;
        return header;
    }
    if ((pending_ & kCreditRequest) != 0) {
        pending_ &= ~unsigned{kCreditRequest};
        return packet(Operation::credit_request);
    }
    return packet(Operation::credit_update);
}

Header Connection::data_packet(std::uint32_t length) {
    Header header = packet(Operation::data);
    header.length = length;
    return header;
}

Header Connection::reset_packet() const {
    Header header;
    header.source_cid = key_.peer_cid;
    header.destination_cid = guest_cid_;
    header.source_port = key_.peer_port;
    header.destination_port = key_.guest_port;
    header.operation = Operation::reset;
    return header;
}

}  // namespace vsockd
