// A far flow from its request to its status, and its end.
#include "udp_far.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "udp_sockets.h"

namespace pf_proxy {

using base::Fd;
using base::Result;
using loop::Poll;
using proto::pf_proxy::Status;
using proto::pf_proxy::StatusCode;
using std::chrono::milliseconds;
using vsockio::IpAddress;
using vsockio::IpEndpoint;

namespace {

// Out of descriptors is a limit of ours and says nothing about the destination.
int errno_for_peer(int errno_value) {
    return errno_value == EMFILE || errno_value == ENFILE ? EAGAIN : errno_value;
}

}  // namespace

std::string_view UdpFar::name_of(Reason reason) {
    switch (reason) {
        case Reason::ended: return "ended";
        case Reason::idle: return "idle";
        case Reason::refused: return "refused";
        case Reason::failed: return "failed";
        case Reason::bad_frame: return "bad_frame";
        case Reason::no_room: return "no_room";
    }
    return "unknown";
}

UdpFar::UdpFar(const UdpFarHouse& house, Fd stream, Destination destination, Kind kind,
               std::shared_ptr<const policy::Policy> policy, Finished finished)
    : house_(house),
      stream_(std::move(stream)),
      destination_(std::move(destination)),
      kind_(kind),
      policy_(std::move(policy)),
      finished_(std::move(finished)),
      flow_(policy_),
      reader_(proto::pf_proxy::Way::outward, house.workspace.held),
      writer_(house.workspace.held, kFlowOutputLimit),
      judgement_(house.resolver, policy_, destination_,
                 [this](const FarJudgement::Verdict& verdict) { judged(verdict); }) {}

Result<std::unique_ptr<UdpFar>> UdpFar::start(const UdpFarHouse& house, Fd stream,
                                              Destination destination, Kind kind,
                                              std::shared_ptr<const policy::Policy> policy,
                                              Finished finished) {
    std::unique_ptr<UdpFar> flow(new UdpFar(house, std::move(stream), std::move(destination), kind,
                                            std::move(policy), std::move(finished)));
    UdpFar* raw = flow.get();
    flow->timer_ = TRY(loop::Timer::create(house.loop, [raw] { raw->on_timer(); }));
    flow->stream_poll_ = TRY(Poll::create(house.loop, flow->stream_.get(),
                                          [raw](int events) { raw->on_stream(events); }));
    flow->timer_->start(milliseconds(0));
    return flow;
}

void UdpFar::on_timer() {
    switch (state_) {
        case State::beginning: return begin();
        case State::resolving: return fail(ETIMEDOUT);
        case State::farewell: return finish(report_);
        case State::flowing: break;
    }
    const milliseconds quiet = house_.loop.now() - last_activity_;
    if (quiet >= house_.limits.idle) return finish(Reason::idle);
    timer_->start(house_.limits.idle - quiet);
}

void UdpFar::begin() {
    state_ = State::resolving;
    timer_->start(house_.limits.connect);
    if (kind_ == Kind::requested) {
        stream_poll_->watch(Poll::kReadable);
        const std::optional<FarJudgement::Verdict> verdict = judgement_.begin();
        if (verdict.has_value()) judged(*verdict);
        return;
    }
    // Frames may come at once; they wait in the stream.
    if (const auto* address = std::get_if<IpAddress>(&destination_.host)) {
        return choose(std::span(address, 1));
    }
    query_ =
        house_.resolver.resolve(std::get<std::string>(destination_.host), Family::any,
                                Freshness::remembered, [this](Result<Resolver::Answer> answer) {
                                    if (answer.ok()) return choose(answer->addresses);
                                    fail(answer.error().errno_value);
                                });
}

void UdpFar::judged(const FarJudgement::Verdict& verdict) {
    switch (verdict.code) {
        case StatusCode::connected: return choose(verdict.addresses);
        case StatusCode::failed: return fail(verdict.errno_value);
        default: answer_and_leave({.code = StatusCode::refused}, {.reason = Reason::refused});
    }
}

// Takes the first address that has a way; datagrams go there for as long as the flow lasts.
void UdpFar::choose(std::span<const IpAddress> addresses) {
    std::optional<IpEndpoint> tried;
    int failure = EHOSTUNREACH;
    for (const IpAddress& address : addresses) {
        tried = IpEndpoint{address.unmapped(), destination_.port};
        failure = route_errno(*tried);
        if (failure == 0) return open(*tried);
    }
    fail(failure, tried);
}

void UdpFar::open(const IpEndpoint& own) {
    Result<Fd> socket = make_flow_socket(own.address.is_v4);
    if (!socket.ok()) return fail(socket.error().errno_value, own);
    socket_ = std::move(socket).value();
    Result<Poll> poll = Poll::create(house_.loop, socket_.get(), [this](int events) {
        // Writable is not waited for, and reported only together with an error.
        const bool failed = (events & Poll::kWritable) != 0;
        if (failed && !tell_errors()) return;
        if (inward()) watch();
    });
    if (!poll.ok()) return fail(ENOMEM, own);
    socket_poll_ = std::move(poll).value();
    flow_.allow(own);
    ++house_.workspace.counters.flows_opened;
    if (kind_ == Kind::requested) {
        std::array<std::byte, proto::pf_proxy::kStatusBytes> bytes;
        proto::pf_proxy::encode_status({.code = StatusCode::connected, .endpoint = own}, bytes);
        const auto outcome = writer_.write_bytes(stream_.get(), bytes);
        if (outcome != FrameWriter::Outcome::written) return finish(Reason::ended);
    }
    state_ = State::flowing;
    last_activity_ = house_.loop.now();
    timer_->start(house_.limits.idle);
    watch();
}

void UdpFar::fail(int errno_value, std::optional<IpEndpoint> tried) {
    if (errno_value == 0) errno_value = EHOSTUNREACH;
    Status status{.code = StatusCode::failed, .errno_value = errno_for_peer(errno_value)};
    status.endpoint = tried;
    answer_and_leave(status, {.reason = Reason::failed, .errno_value = errno_value});
}

// A close with unread bytes would take the status back on some kinds of stream, so what comes is
// read into nothing until the near side closes.
void UdpFar::answer_and_leave(const Status& status, const Report& report) {
    judgement_.cancel();
    query_.reset();
    ++house_.workspace.counters.flows_refused;
    if (kind_ == Kind::fixed) return finish(report);
    std::array<std::byte, proto::pf_proxy::kStatusBytes> bytes;
    encode_status(status, bytes);
    // Nothing was written before it, so a stream that does not take it whole has failed.
    const ssize_t sent = ::send(stream_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(bytes.size())) return finish(report);
    ::shutdown(stream_.get(), SHUT_WR);
    state_ = State::farewell;
    report_ = report;
    timer_->start(house_.limits.farewell);
    stream_poll_->watch(Poll::kReadable);
}

void UdpFar::on_early_stream() {
    std::byte first;
    const ssize_t count = ::recv(stream_.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return stream_poll_->watch(Poll::kReadable);
    if (count <= 0) return finish(Reason::ended);
    answer_and_leave({.code = StatusCode::bad_header}, {.reason = Reason::bad_frame});
}

void UdpFar::on_farewell() {
    const std::span<std::byte> scratch = house_.workspace.scratch();
    const ssize_t count = ::recv(stream_.get(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) {
        return stream_poll_->watch(Poll::kReadable);
    }
    finish(report_);
}

void UdpFar::finish(const Report& report) {
    judgement_.cancel();
    query_.reset();
    timer_.reset();
    stream_poll_.reset();
    socket_poll_.reset();
    stream_.reset();
    socket_.reset();
    const Finished finished = std::move(finished_);
    finished(report);
}

}  // namespace pf_proxy
