// One connection from its acceptance to its end. What stands before its bytes: session_inlets.cpp.
#include "session.h"

#include <sys/socket.h>

#include "datagrams.h"

namespace pf_proxy {

using base::Fd;
using base::Result;
using proto::pf_proxy::Status;
using proto::pf_proxy::StatusCode;
using std::chrono::milliseconds;
using vsockio::RelayEnd;

namespace {

// The near side is the one to end a flow, because the next datagram is the application's.
constexpr int kMostThrownAway = 16;
constexpr milliseconds kFlowPatience =
    proto::pf_proxy::kFarFlowLimit - proto::pf_proxy::kNearFlowLimit;

// What the stream holds beyond its header: nothing, bytes, or its end.
enum class Beyond { nothing, bytes, end };

Beyond look_beyond(loop::Edge& stream) {
    if (!stream.ready().readable) return Beyond::nothing;
    std::byte byte{};
    const ssize_t count = ::recv(stream.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (count > 0) return Beyond::bytes;
    if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        return Beyond::end;
    }
    stream.ready().readable = errno == EINTR;
    return Beyond::nothing;
}

}  // namespace

Session::Session(Service& service, vsockio::Connection connection, Over over)
    : service_(service),
      fd_(std::move(connection.fd)),
      tcp_(connection.tcp()),
      from_(connection.from),
      over_(std::move(over)) {}

Session::~Session() {
    if (!group_.empty()) service_.peers.leave(group_);
    if (target_.has_value()) service_.targets.closed(*target_);
}

bool Session::unused() const {
    return !used_ && reader_ != nullptr && !reader_->has_begun();
}

void Session::start() {
    const Settings& settings = service_.settings;
    if (!begin_watching()) return over();
    keep_alive_if_needed(near_->fd());
    if (settings.proxy_in) return read_proxy_header();
    const Peer peer = peer_from(from_);
    if (settings.tells_client()) {
        client_.source = peer.endpoint;
        if (!settings.wants_original()) client_.destination = local_endpoint(near_->fd());
    }
    if (!admit(peer)) return;
    if (settings.serves_requests()) return read_request();
    used_ = true;
    if (settings.wants_original()) return take_original();
    find_fixed();
}

// What carries nothing is ended by the idle limit; without one somebody has to ask.
void Session::keep_alive_if_needed(int fd) const {
    if (service_.settings.limits.idle.count() == 0) keep_alive(fd);
}

bool Session::begin_watching() {
    Result<std::unique_ptr<loop::Edge>> edge = loop::Edge::create(service_.loop, std::move(fd_));
    if (!edge.ok()) return false;
    near_ = std::move(edge).value();
    return true;
}

void Session::turn_away() {
    if (!begin_watching()) return over();
    answer({StatusCode::too_many, 0, {}});
}

bool Session::admit(const Peer& peer) {
    if (!service_.settings.counts_peers()) return true;
    std::string group = peer.group();
    if (service_.peers.enter(group)) {
        group_ = std::move(group);
        return true;
    }
    service_.metrics.add(service_.metrics.refused_limit);
    if (service_.settings.serves_requests()) {
        answer({StatusCode::too_many, 0, {}});
    } else {
        refuse("too many of one peer");
    }
    return false;
}

// --- the other side -----------------------------------------------------------------------------

void Session::open_outlet(const StartOutlet& start) {
    Result<std::unique_ptr<Outlet>> outlet =
        start([this](OutletResult result) { on_outlet(std::move(result)); });
    if (!outlet.ok()) {
        return on_outlet(
            not_connected(service_, outlet.error().errno_value, outlet.error().message));
    }
    outlet_ = std::move(outlet).value();
    if (service_.settings.serves_requests()) watch_for_leaving();
}

void Session::open_fixed(std::uint16_t port) {
    open_outlet([this, port](Outlet::Done done) {
        return start_fixed_outlet(service_, client_, port, std::move(done));
    });
}

void Session::watch(std::function<void()> changed) {
    turn_.emplace(service_.loop, std::move(changed));
    near_->tell(&*turn_);
}

void Session::watch_no_more() {
    near_->tell(nullptr);
    turn_.reset();
}

// A near side says nothing until it has its status. When it does, or leaves, connecting is over.
void Session::watch_for_leaving() {
    watch([this] {
        switch (look_beyond(*near_)) {
            case Beyond::nothing: return;
            case Beyond::end: return over();
            case Beyond::bytes: return answer_bad_header();
        }
    });
}

void Session::answer_bad_header() {
    service_.metrics.add(service_.metrics.bad_header);
    answer({StatusCode::bad_header, 0, {}});
}

void Session::on_outlet(OutletResult result) {
    watch_no_more();
    target_ = result.target;
    const bool wire = service_.settings.serves_requests();
    if (result.stream == nullptr) {
        service_.talk.warn(service_.loop.now(), "not connected",
                           {{"from", vsockio::peer_name(from_)},
                            {"to", destination_ ? to_string(*destination_) : std::string()},
                            {"why", result.reason}});
        outlet_.reset();
        if (wire) return answer(result.status);
        reset_on_close(near_->fd());
        return over();
    }
    outlet_.reset();
    if (wire) {
        if (look_beyond(*near_) == Beyond::bytes) return answer_bad_header();
        std::byte bytes[proto::pf_proxy::kStatusBytes];
        proto::pf_proxy::encode_status(result.status, bytes);
        // The first bytes of this direction: there is room for them, or nobody is there.
        if (::send(near_->fd(), bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT) !=
            static_cast<ssize_t>(sizeof bytes)) {
            return over();
        }
    }
    service_.metrics.add(service_.metrics.connected);
    RelayEnd other = RelayEnd::socket(std::move(result.stream), result.tcp);
    other.acknowledges_late = result.acknowledges_late;
    begin_relay(std::move(other));
}

void Session::begin_relay(RelayEnd other) {
    keep_alive_if_needed(other.edge->fd());
    destination_.reset();
    vsockio::RelayOptions options;
    options.idle_limit = service_.settings.limits.idle;
    options.second_may_refuse = true;
    Result<std::unique_ptr<vsockio::Relay>> relay = vsockio::Relay::create(
        service_.loop, RelayEnd::socket(std::move(near_), tcp_), std::move(other), options,
        [this](const vsockio::RelayReport& report) {
            Metrics& metrics = service_.metrics;
            metrics.add(metrics.bytes_out, report.first_to_second_bytes);
            metrics.add(metrics.bytes_in, report.second_to_first_bytes);
            if (report.reason == vsockio::RelayReason::idle) metrics.add(metrics.idle_ended);
            if (report.reason == vsockio::RelayReason::failed) metrics.add(metrics.reset);
            over();
        });
    if (!relay.ok()) return over();
    relay_ = std::move(relay).value();
}

void Session::begin_flow(const Destination& destination, UdpFar::Kind kind) {
    if (service_.datagrams == nullptr) {
        Result<std::unique_ptr<DatagramRoom>> room = DatagramRoom::create(service_);
        if (!room.ok()) return over();
        service_.datagrams = std::move(room).value();
    }
    UdpFarLimits limits;
    limits.connect = service_.settings.limits.connect;
    limits.idle = service_.settings.limits.flow_idle + kFlowPatience;
    Result<std::unique_ptr<UdpFar>> flow = UdpFar::start(
        {service_.loop, service_.datagrams->workspace, *service_.resolver, limits},
        near_->release(), destination, kind, service_.policy, [this](const UdpFar::Report& report) {
            Metrics& metrics = service_.metrics;
            if (report.connected.has_value()) metrics.add(metrics.connected);
            if (report.reason == UdpFar::Reason::refused) metrics.add(metrics.refused_policy);
            if (report.reason == UdpFar::Reason::failed) metrics.add(metrics.connect_failed);
            if (report.reason == UdpFar::Reason::idle) metrics.add(metrics.idle_ended);
            over();
        });
    if (!flow.ok()) return over();
    flow_ = std::move(flow).value();
}

// --- ends ---------------------------------------------------------------------------------------

void Session::answer(const Status& status) {
    outlet_.reset();
    std::byte bytes[proto::pf_proxy::kStatusBytes];
    proto::pf_proxy::encode_status(status, bytes);
    (void)::send(near_->fd(), bytes, sizeof bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    say_farewell();
}

// Closing with unread bytes would take the status back on some kinds of stream, so what still comes
// is read until the near side has closed, for a moment.
void Session::say_farewell() {
    ::shutdown(near_->fd(), SHUT_WR);
    Result<loop::Timer> timer = loop::Timer::create(service_.loop, [this] { over(); });
    if (!timer.ok()) return over();
    timer_ = std::move(timer).value();
    timer_->start(proto::pf_proxy::kFarewellLimit);
    watch([this] { throw_away(); });
}

void Session::throw_away() {
    loop::Readiness& ready = near_->ready();
    // In one go only so much: whoever sends without end has the rest of the time for it.
    for (int count = 0; ready.readable && count < kMostThrownAway; ++count) {
        std::byte nothing[4096];
        const ssize_t got = ::recv(near_->fd(), nothing, sizeof nothing, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return over();
        if (got < 0 && errno == EAGAIN) ready.readable = false;
    }
    if (ready.readable) turn_->schedule();
}

void Session::refuse(std::string_view why) {
    service_.talk.warn(service_.loop.now(), "refused",
                       {{"from", vsockio::peer_name(from_)},
                        {"to", client_.destination ? to_string(*client_.destination) : ""},
                        {"why", why}});
    reset_on_close(near_->fd());
    over();
}

void Session::over() {
    const Over over = std::move(over_);
    over(*this);
}

}  // namespace pf_proxy
