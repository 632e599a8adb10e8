// A near flow: stream, request, status, frames.
#include "near_flow.h"

#include <sys/socket.h>

#include <cerrno>

#include "udp_near.h"

namespace pf_proxy {

using base::Fd;
using base::Result;
using loop::Poll;
using proto::pf_proxy::Frame;
using proto::pf_proxy::Status;
using proto::pf_proxy::StatusCode;
using vsockio::IpEndpoint;

namespace {

constexpr int kReadsInTurn = 4;  // of one flow, so that the others get theirs

}  // namespace

std::string_view NearFlow::name_of(Reason reason) {
    switch (reason) {
        case Reason::ended: return "ended";
        case Reason::idle: return "idle";
        case Reason::evicted: return "evicted";
        case Reason::refused: return "refused";
        case Reason::failed: return "failed";
        case Reason::no_room: return "no_room";
    }
    return "unknown";
}

NearFlow::NearFlow(UdpNear& near, const FlowEnds& ends, Destination asked)
    : near_(near),
      ends_(ends),
      asked_(std::move(asked)),
      policy_(near.policy_),
      reader_(proto::pf_proxy::Way::inward, near.workspace_.held),
      writer_(near.workspace_.held, kFlowOutputLimit),
      opened_(near.loop_.now()),
      last_(opened_) {
    policy_.allow(ends.destination);
}

NearFlow::~NearFlow() {
    forget_waiting();
}

// --- stream and status -----------------------------------------------------------------------

void NearFlow::begin() {
    state_ = State::opening;
    poll_.reset();
    stream_.reset();
    opening_ =
        near_.opener_.open(ends_, [this](Result<Fd> stream) { on_opened(std::move(stream)); });
}

void NearFlow::on_opened(Result<Fd> stream) {
    opening_.reset();
    if (!stream.ok()) return finish(Reason::failed);
    stream_ = std::move(stream).value();
    Result<Poll> poll =
        Poll::create(near_.loop_, stream_.get(), [this](int events) { on_stream(events); });
    if (!poll.ok()) return finish(Reason::failed);
    poll_ = std::move(poll).value();
    if (!near_.transparent()) return connected();
    state_ = State::asking;
    if (!ask()) return lost();
    watch();
}

bool NearFlow::ask() {
    std::array<std::byte, proto::pf_proxy::kMaximumRequestBytes> memory;
    const auto bytes = encode_request(to_request(asked_), memory);
    return !bytes.empty() &&
           writer_.write_bytes(stream_.get(), bytes) == FrameWriter::Outcome::written;
}

void NearFlow::on_stream(int events) {
    if ((events & Poll::kWritable) != 0 &&
        writer_.resume(stream_.get()) != FrameWriter::Outcome::written) {
        return lost();
    }
    if ((events & Poll::kReadable) == 0) return watch();
    if (state_ == State::flowing) return read_frames();
    if (read_status()) watch();
}

void NearFlow::watch() {
    poll_->watch(Poll::kReadable | (writer_.full() ? Poll::kWritable : 0));
}

// False when the flow is not waiting for a status any more, and may be gone.
bool NearFlow::read_status() {
    const auto missing = std::span(status_).subspan(status_bytes_);
    const ssize_t count = ::recv(stream_.get(), missing.data(), missing.size(), MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (count <= 0) {
        lost();
        return false;
    }
    status_bytes_ += static_cast<std::size_t>(count);
    const auto decoded =
        proto::pf_proxy::decode_status(std::span<const std::byte>(status_).first(status_bytes_));
    if (decoded.outcome == proto::Outcome::need_more) return true;
    if (decoded.outcome == proto::Outcome::bad) {
        finish(Reason::failed);
        return false;
    }
    if (decoded.value.code != StatusCode::connected) {
        refused_with_ = errno_of(decoded.value);
        finish(Reason::refused);
        return false;
    }
    connected();
    return false;
}

void NearFlow::connected() {
    state_ = State::flowing;
    near_.opened(*this);
    for (const Waiting& each : waiting_)
        gather(each.destination, each.payload);
    put();
    forget_waiting();
    if (written_ != FrameWriter::Outcome::written) return lost();
    watch();
}

// An old stream may have been closed by the far side before it read the request.
void NearFlow::lost() {
    if (written_ == FrameWriter::Outcome::no_room) return finish(Reason::no_room);
    if (state_ == State::flowing) return finish(Reason::ended);
    if (state_ == State::asking && status_bytes_ == 0 && !asked_again_ && !writer_.full()) {
        asked_again_ = true;
        return begin();
    }
    finish(Reason::failed);
}

void NearFlow::finish(Reason reason) {
    near_.finish(*this, reason);
}

// --- frames ----------------------------------------------------------------------------------

void NearFlow::outward(const Datagram& datagram) {
    UdpCounters& counters = near_.workspace_.counters;
    std::optional<IpEndpoint> destination;
    if (near_.transparent() && datagram.destination != ends_.destination) {
        destination = datagram.destination;
        if (policy_.judges() && !policy_.allows(*destination)) {
            ++counters.dropped_refused;
            near_.errors_.tell(ends_.source, *destination, EACCES, near_.loop_.now());
            return;
        }
    }
    near_.carried(*this);
    if (state_ == State::flowing) {
        gather(destination, datagram.payload);
    } else {
        wait(destination, datagram.payload);
    }
}

void NearFlow::wait(const std::optional<IpEndpoint>& destination,
                    std::span<const std::byte> payload) {
    const UdpNearSettings& settings = near_.settings_;
    if (waiting_.size() >= settings.maximum_waiting ||
        payload.size() > settings.maximum_waiting_bytes - waiting_bytes_ ||
        !near_.workspace_.held.take(payload.size())) {
        ++near_.workspace_.counters.dropped_no_room;
        return;
    }
    waiting_bytes_ += payload.size();
    waiting_.push_back({destination, {payload.begin(), payload.end()}});
}

void NearFlow::forget_waiting() {
    near_.workspace_.held.give_back(waiting_bytes_);
    waiting_bytes_ = 0;
    waiting_ = {};
}

void NearFlow::gather(const std::optional<IpEndpoint>& destination,
                      std::span<const std::byte> payload) {
    UdpCounters& counters = near_.workspace_.counters;
    if (!near_.workspace_.gather.add_datagram(destination, payload)) {
        ++counters.dropped_invalid;
        return;
    }
    ++counters.outward_datagrams;
    counters.outward_bytes += payload.size();
    if (near_.workspace_.gather.full()) put();
}

void NearFlow::put() {
    const std::uint64_t before = writer_.dropped();
    const auto outcome = writer_.write(stream_.get(), near_.workspace_.gather);
    near_.workspace_.counters.dropped_no_room += writer_.dropped() - before;
    if (outcome != FrameWriter::Outcome::written) written_ = outcome;
}

void NearFlow::flush() {
    if (state_ != State::flowing) return;
    put();
    if (written_ != FrameWriter::Outcome::written) return lost();
    watch();
}

void NearFlow::read_frames() {
    FrameReader::Outcome outcome = FrameReader::Outcome::more;
    for (int reads = 0; reads < kReadsInTurn && outcome == FrameReader::Outcome::more; ++reads) {
        outcome = reader_.read(stream_.get(), near_.workspace_.scratch(),
                               [this](const Frame& frame) { near_.deliver(*this, frame); });
        near_.flush_inward();
    }
    switch (outcome) {
        case FrameReader::Outcome::more:
        case FrameReader::Outcome::would_block: return watch();
        case FrameReader::Outcome::ended:
        case FrameReader::Outcome::cut_off: return finish(Reason::ended);
        case FrameReader::Outcome::bad: return finish(Reason::failed);
        case FrameReader::Outcome::no_room: return finish(Reason::no_room);
    }
}

}  // namespace pf_proxy
