// The guest's side of the vsock protocol, as a kernel would do it.
#include "guest_stack.h"

#include <algorithm>
#include <stdexcept>

namespace test {

using vsockd::Header;
using vsockd::Operation;

Header GuestStack::header(GuestSocket& socket, Operation operation) {
    Header header;
    header.source_cid = driver_.cid();
    header.destination_cid = socket.peer_cid;
    header.source_port = socket.guest_port;
    header.destination_port = socket.peer_port;
    header.operation = operation;
    header.buffer_bytes = socket.buffer;
    header.forwarded_count = socket.forwarded;
    return header;
}

void GuestStack::send(GuestSocket& socket, Operation operation, std::uint32_t flags) {
    Header packet = header(socket, operation);
    packet.flags = flags;
    driver_.send(packet, "");
}

GuestSocket& GuestStack::start_connect(std::uint32_t cid, std::uint32_t port) {
    const std::uint32_t own = next_port_++;
    GuestSocket& socket = sockets_[{std::uint64_t{cid} << 32 | port, own}];
    socket = GuestSocket{};
    socket.peer_cid = cid;
    socket.peer_port = port;
    socket.guest_port = own;
    send(socket, Operation::request);
    return socket;
}

bool GuestStack::connect(GuestSocket& socket) {
    while (!socket.open && !socket.reset) {
        if (!pump()) throw std::runtime_error("no answer to a request");
    }
    return socket.open;
}

GuestSocket& GuestStack::accept() {
    while (accepted_.empty()) {
        if (!pump()) throw std::runtime_error("nobody connects to the guest");
    }
    GuestSocket* socket = accepted_.front();
    accepted_.erase(accepted_.begin());
    return *socket;
}

void GuestStack::write(GuestSocket& socket, std::string_view data, std::size_t piece,
                       std::vector<std::size_t> cuts, bool indirect) {
    while (!data.empty()) {
        const std::uint32_t in_flight = socket.sent - socket.peer_forwarded;
        const std::uint32_t credit = socket.peer_buffer - in_flight;
        if (credit == 0) {
            if (!pump()) throw std::runtime_error("no credit came");
            if (socket.reset) throw std::runtime_error("reset while writing");
            continue;
        }
        const std::size_t length = std::min({data.size(), piece, std::size_t{credit}});
        Header packet = header(socket, Operation::data);
        packet.length = static_cast<std::uint32_t>(length);
        driver_.post(packet, data.substr(0, length), cuts, indirect);
        socket.sent += packet.length;
        data.remove_prefix(length);
        while (pump(std::chrono::milliseconds(0))) {
        }
        if (socket.reset) throw std::runtime_error("reset while writing");
    }
    driver_.reap();
}

std::string GuestStack::read(GuestSocket& socket, std::size_t bytes) {
    while (socket.received.size() < bytes && !socket.reset &&
           (socket.peer_done & vsockd::kShutdownSend) == 0) {
        if (!pump()) throw std::runtime_error("nothing to read in time");
    }
    const std::string out = socket.received.substr(0, bytes);
    socket.received.erase(0, out.size());
    socket.forwarded += static_cast<std::uint32_t>(out.size());
    if (gives_credit_ && !socket.reset) send(socket, Operation::credit_update);
    return out;
}

void GuestStack::shutdown(GuestSocket& socket, std::uint32_t flags) {
    send(socket, Operation::shutdown, flags);
}

bool GuestStack::pump(std::chrono::milliseconds patience) {
    const std::optional<Packet> packet = driver_.receive(patience);
    if (!packet) return false;
    const Header& got = packet->header;
    if (got.destination_cid != driver_.cid()) throw std::runtime_error("a packet for another");
    const Key key{got.source_cid << 32 | got.source_port, got.destination_port};
    const auto found = sockets_.find(key);
    if (found != sockets_.end()) {
        take(*packet, found->second);
        return true;
    }
    if (got.operation == Operation::reset) return true;
    GuestSocket socket;
    socket.peer_cid = static_cast<std::uint32_t>(got.source_cid);
    socket.peer_port = got.source_port;
    socket.guest_port = got.destination_port;
    if (got.operation == Operation::request && listening_.count(got.destination_port) != 0) {
        GuestSocket& kept = sockets_[key] = socket;
        kept.open = true;
        take(*packet, kept);
        accepted_.push_back(&kept);
        send(kept, Operation::response);
    } else {
        send(socket, Operation::reset);
    }
    return true;
}

void GuestStack::take(const Packet& packet, GuestSocket& socket) {
    const Header& got = packet.header;
    socket.peer_buffer = got.buffer_bytes;
    socket.peer_forwarded = got.forwarded_count;
    switch (got.operation) {
        case Operation::response: socket.open = true; break;
        case Operation::reset:
            socket.reset = true;
            socket.open = false;
            break;
        case Operation::shutdown: socket.peer_done |= got.flags; break;
        case Operation::data:
            socket.received += packet.payload;
            socket.received_count += got.length;
            socket.highest_in_flight =
                std::max(socket.highest_in_flight, socket.received_count - socket.forwarded);
            break;
        case Operation::credit_request: send(socket, Operation::credit_update); break;
        default: break;
    }
}

}  // namespace test
