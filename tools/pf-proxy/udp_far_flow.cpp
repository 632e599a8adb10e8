// A far flow while it is open: frames to datagrams, datagrams and errors to frames.
#include <sys/socket.h>

#include <cerrno>

#include "udp_far.h"
#include "udp_sockets.h"

namespace pf_proxy {

using loop::Poll;
using proto::pf_proxy::Frame;
using vsockio::IpEndpoint;

namespace {

// Of one flow in one turn of the loop, each way, so that the others get theirs.
constexpr int kReadsInTurn = 4;
constexpr int kErrorsInTurn = 64;

}  // namespace

void UdpFar::on_stream(int events) {
    switch (state_) {
        case State::beginning:
        case State::resolving: return on_early_stream();
        case State::farewell: return on_farewell();
        case State::flowing: break;
    }
    if ((events & Poll::kWritable) != 0 &&
        writer_.resume(stream_.get()) != FrameWriter::Outcome::written) {
        return finish(Reason::ended);
    }
    if ((events & Poll::kReadable) != 0 && !outward()) return;
    watch();
}

// While the stream is full, datagrams wait in the socket, where the kernel drops what is too much.
void UdpFar::watch() {
    stream_poll_->watch(Poll::kReadable | (writer_.full() ? Poll::kWritable : 0));
    socket_poll_->watch(writer_.full() ? 0 : Poll::kReadable);
}

std::optional<IpEndpoint> UdpFar::short_form(const IpEndpoint& endpoint) const {
    return flow_.own() == endpoint ? std::nullopt : std::optional(endpoint);
}

void UdpFar::add_error(const IpEndpoint& destination, int errno_value) {
    if (!house_.workspace.gather.add_error(short_form(destination), errno_value)) return;
    ++house_.workspace.counters.errors;
    if (house_.workspace.gather.full()) put_inward();
}

// --- outward ---------------------------------------------------------------------------------

bool UdpFar::outward() {
    FrameReader::Outcome outcome = FrameReader::Outcome::more;
    for (int reads = 0; reads < kReadsInTurn && outcome == FrameReader::Outcome::more; ++reads) {
        outcome = reader_.read(stream_.get(), house_.workspace.scratch(),
                               [this](const Frame& frame) { take_outward(frame); });
        flush_outward();
    }
    if (!write_inward()) return false;
    switch (outcome) {
        case FrameReader::Outcome::more:
        case FrameReader::Outcome::would_block: return true;
        case FrameReader::Outcome::ended:
        case FrameReader::Outcome::cut_off: finish(Reason::ended); return false;
        case FrameReader::Outcome::bad: finish(Reason::bad_frame); return false;
        case FrameReader::Outcome::no_room: finish(Reason::no_room); return false;
    }
    return true;
}

void UdpFar::take_outward(const Frame& frame) {
    UdpCounters& counters = house_.workspace.counters;
    DatagramSender& sender = house_.workspace.sender;
    last_activity_ = house_.loop.now();
    const IpEndpoint destination = frame.endpoint.value_or(*flow_.own());
    const bool own_family = destination.address.is_v4 == flow_.own()->address.is_v4;
    if (!flow_.allows(destination)) {
        ++counters.dropped_refused;
        return add_error(destination, EACCES);
    }
    const int family = destination.address.is_v4 ? AF_INET : AF_INET6;
    if (!own_family || !sender.add(family, destination, std::nullopt, frame.payload)) {
        ++counters.dropped_invalid;
        return add_error(destination, EAFNOSUPPORT);
    }
    ++counters.outward_datagrams;
    counters.outward_bytes += frame.payload.size();
    if (sender.full()) flush_outward();
}

void UdpFar::flush_outward() {
    house_.workspace.sender.flush(socket_.get(), [this](const IpEndpoint& to, int errno_value) {
        // A full queue is the way's business, which loses datagrams without a word.
        if (errno_value == EAGAIN || errno_value == ENOBUFS) {
            ++house_.workspace.counters.dropped_no_room;
        } else {
            add_error(to, errno_value);
        }
    });
}

// --- inward ----------------------------------------------------------------------------------

bool UdpFar::inward() {
    for (int reads = 0; reads < kReadsInTurn && !writer_.full(); ++reads) {
        if (!receive_inward()) return write_inward();
        if (!write_inward()) return false;
    }
    return true;
}

// False when nothing more waits.
bool UdpFar::receive_inward() {
    UdpCounters& counters = house_.workspace.counters;
    const auto received = house_.workspace.receiver.receive(socket_.get());
    // The error of an earlier datagram is in the queue of errors, and told from there.
    if (received.errno_value != 0) return false;
    last_activity_ = house_.loop.now();
    for (const Datagram& datagram : received.datagrams) {
        if (!house_.workspace.gather.add_datagram(short_form(datagram.source), datagram.payload)) {
            ++counters.dropped_invalid;
            continue;
        }
        ++counters.inward_datagrams;
        counters.inward_bytes += datagram.payload.size();
    }
    return received.datagrams.size() == DatagramReceiver::kMaximum;
}

bool UdpFar::tell_errors() {
    for (int errors = 0; errors < kErrorsInTurn; ++errors) {
        const std::optional<SocketError> error = next_error(socket_.get());
        if (!error.has_value()) break;
        add_error(error->destination, error->errno_value);
    }
    return write_inward();
}

// Notes how it went, for write_inward().
void UdpFar::put_inward() {
    const std::uint64_t before = writer_.dropped();
    const auto outcome = writer_.write(stream_.get(), house_.workspace.gather);
    house_.workspace.counters.dropped_no_room += writer_.dropped() - before;
    if (outcome != FrameWriter::Outcome::written) written_ = outcome;
}

bool UdpFar::write_inward() {
    put_inward();
    if (written_ == FrameWriter::Outcome::written) return true;
    finish(written_ == FrameWriter::Outcome::no_room ? Reason::no_room : Reason::ended);
    return false;
}

}  // namespace pf_proxy
