// The near side's flows: from datagrams to flows, which of them live how long.
#include "udp_near.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "near_judgement.h"
#include "policy/special.h"
#include "udp_sockets.h"

namespace pf_proxy {

using base::Fd;
using base::Result;
using loop::Poll;
using std::chrono::milliseconds;
using vsockio::IpEndpoint;

namespace {

constexpr int kReadsInTurn = 4;  // of up to 32 datagrams, so that streams get their turn

// What is asked for again at once after this long has at least worked for a while.
constexpr milliseconds kShortLife{1000};

}  // namespace

UdpNear::UdpNear(loop::Loop& loop, UdpWorkspace& workspace, StreamOpener& opener, Fd socket,
                 int family, std::shared_ptr<const policy::Policy> policy, UdpNearSettings settings)
    : loop_(loop),
      workspace_(workspace),
      opener_(opener),
      socket_(std::move(socket)),
      family_(family),
      policy_(std::move(policy)),
      settings_(std::move(settings)),
      replies_(settings_.maximum_reply_sockets),
      refusals_(settings_.maximum_refusals) {}

Result<std::unique_ptr<UdpNear>> UdpNear::create(loop::Loop& loop, UdpWorkspace& workspace,
                                                 StreamOpener& opener, Fd socket,
                                                 std::shared_ptr<const policy::Policy> policy,
                                                 UdpNearSettings settings) {
    const int family = TRY(family_of_socket(socket.get()));
    std::unique_ptr<UdpNear> near(new UdpNear(loop, workspace, opener, std::move(socket), family,
                                              std::move(policy), std::move(settings)));
    UdpNear* raw = near.get();
    near->timer_ = TRY(loop::Timer::create(loop, [raw] { raw->on_timer(); }));
    near->poll_ = TRY(Poll::create(loop, near->socket_.get(), [raw](int) { raw->on_socket(); }));
    near->poll_->watch(Poll::kReadable);
    return near;
}

void UdpNear::drain(std::function<void()> idle) {
    draining_ = true;
    drained_ = std::move(idle);
    // From the loop, and not from here.
    if (flows_.empty()) arm(loop_.now());
}

// --- outward ---------------------------------------------------------------------------------

void UdpNear::on_socket() {
    for (int reads = 0; reads < kReadsInTurn; ++reads) {
        const auto received = workspace_.receiver.receive(socket_.get());
        for (const Datagram& datagram : received.datagrams)
            outward(datagram);
        flush_current();
        if (received.datagrams.size() < DatagramReceiver::kMaximum) break;
    }
    // After an error nothing is watched any more.
    poll_->watch(Poll::kReadable);
}

void UdpNear::outward(const Datagram& datagram) {
    // Without a port there is nobody to answer, and without a destination nothing to ask for.
    if (datagram.source.port == 0 || !datagram.destination.has_value() ||
        datagram.destination->port == 0) {
        ++workspace_.counters.dropped_invalid;
        return;
    }
    if (current_ == nullptr || current_->ends().source != datagram.source) {
        flush_current();
        const auto found = flows_.find(datagram.source);
        current_ = found != flows_.end() ? found->second.get()
                                         : open_flow({datagram.source, *datagram.destination});
        if (current_ == nullptr) return;
    }
    current_->outward(datagram);
}

void UdpNear::flush_current() {
    NearFlow* flow = std::exchange(current_, nullptr);
    if (flow != nullptr) flow->flush();
}

// Nothing when the policy refuses.
std::optional<Destination> UdpNear::allowed_destination(const FlowEnds& ends) const {
    if (!transparent()) return Destination();
    std::vector<std::string> names;
    if (settings_.names_of) names = settings_.names_of(ends.destination.address);
    return judge_original(policy_.get(), names, ends.destination, vsockio::Transport::udp)
        .destination;
}

NearFlow* UdpNear::open_flow(const FlowEnds& ends) {
    UdpCounters& counters = workspace_.counters;
    if (draining_ || opening_.size() >= settings_.maximum_opening) {
        ++counters.dropped_no_room;
        return nullptr;
    }
    if (refusals_.find({ends.source, ends.destination}, loop_.now()) != nullptr) {
        ++counters.dropped_refused;
        return nullptr;
    }
    std::optional<Destination> asked = allowed_destination(ends);
    if (!asked.has_value()) {
        refuse(ends, EACCES);
        ++counters.dropped_refused;
        return nullptr;
    }
    if (flows_.size() >= settings_.maximum_flows && !make_room()) {
        ++counters.dropped_no_room;
        return nullptr;
    }
    auto made = std::make_unique<NearFlow>(*this, ends, std::move(*asked));
    NearFlow* flow = made.get();
    flow->position_ = opening_.insert(opening_.end(), flow);
    flows_.emplace(ends.source, std::move(made));
    ++counters.flows_opened;
    arm(loop_.now() + std::min(settings_.status, settings_.idle));
    flow->begin();
    return flow;
}

void UdpNear::refuse(const FlowEnds& ends, int errno_value) {
    ++workspace_.counters.flows_refused;
    errors_.tell(ends.source, ends.destination, errno_value, loop_.now());
    refusals_.put({ends.source, ends.destination}, {}, loop_.now() + settings_.ask_again);
}

// Whoever sends from made-up sources gets no answers, so a flood of them costs other such flows
// and not those that work.
bool UdpNear::make_room() {
    if (unanswered_.empty() && answered_.empty()) return false;
    NearFlow* flow = unanswered_.empty() ? answered_.front() : unanswered_.front();
    finish(*flow, NearFlow::Reason::evicted);
    return true;
}

// --- inward ----------------------------------------------------------------------------------

void UdpNear::deliver(NearFlow& flow, const proto::pf_proxy::Frame& frame) {
    UdpCounters& counters = workspace_.counters;
    carried(flow);
    const bool own =
        !frame.endpoint.has_value() || (transparent() && frame.endpoint == flow.ends_.destination);
    if (frame.kind == proto::pf_proxy::Frame::Kind::error) {
        ++counters.errors;
        if (own || transparent()) {
            errors_.tell(flow.ends_.source, own ? flow.ends_.destination : *frame.endpoint,
                         frame.errno_value, loop_.now());
        }
        return;
    }
    DatagramSender& sender = workspace_.sender;
    int from = socket_.get();
    int family = family_;
    std::optional<IpEndpoint> own_address = flow.ends_.destination;
    if (transparent()) {
        const IpEndpoint source = own ? flow.ends_.destination : *frame.endpoint;
        family = source.address.is_v4 ? AF_INET : AF_INET6;
        // get() may close the socket that datagrams have been collected for.
        if (replying_as_ != source) flush_inward();
        from = own || may_come_from(flow, source) ? replies_.get(source) : -1;
        replying_as_ = source;
        own_address.reset();
    } else if (!own) {
        // The application would take it for the one target's.
        from = -1;
    }
    if (from != sending_from_) flush_inward();
    if (from < 0 || !sender.add(family, flow.ends_.source, own_address, frame.payload)) {
        ++counters.dropped_invalid;
        return;
    }
    sending_from_ = from;
    if (!flow.answered_) {
        flow.answered_ = true;
        answered_.splice(answered_.end(), unanswered_, flow.position_);
    }
    ++counters.inward_datagrams;
    counters.inward_bytes += frame.payload.size();
    if (sender.full()) flush_inward();
}

// A special address is believed only where the policy would also let datagrams go there.
bool UdpNear::may_come_from(NearFlow& flow, const IpEndpoint& source) const {
    return !flow.policy_.judges() || !policy::special_range(source.address).has_value() ||
           flow.policy_.allows(source);
}

void UdpNear::flush_inward() {
    if (sending_from_ < 0) return;
    workspace_.sender.flush(
        sending_from_, [this](const IpEndpoint&, int) { ++workspace_.counters.dropped_no_room; });
    sending_from_ = -1;
}

// --- lives -----------------------------------------------------------------------------------

std::list<NearFlow*>& UdpNear::list_of(const NearFlow& flow) {
    if (flow.state_ != NearFlow::State::flowing) return opening_;
    return flow.answered_ ? answered_ : unanswered_;
}

void UdpNear::opened(NearFlow& flow) {
    flow.last_ = loop_.now();
    flow.opened_ = flow.last_;
    unanswered_.splice(unanswered_.end(), opening_, flow.position_);
}

void UdpNear::carried(NearFlow& flow) {
    if (flow.state_ != NearFlow::State::flowing) return;  // it has a time limit of its own
    flow.last_ = loop_.now();
    std::list<NearFlow*>& list = list_of(flow);
    list.splice(list.end(), list, flow.position_);
}

void UdpNear::finish(NearFlow& flow, NearFlow::Reason reason) {
    using Reason = NearFlow::Reason;
    const bool never_worked = flow.state_ != NearFlow::State::flowing ||
                              (!flow.answered_ && loop_.now() - flow.opened_ < kShortLife);
    if (reason == Reason::evicted) ++workspace_.counters.flows_evicted;
    if (reason != Reason::evicted && reason != Reason::idle && never_worked) {
        refuse(flow.ends_, flow.refused_with_);
    }
    workspace_.counters.dropped_refused += flow.waiting_.size();
    if (current_ == &flow) current_ = nullptr;
    list_of(flow).erase(flow.position_);
    flows_.erase(flow.ends_.source);  // destroys the flow
    if (draining_ && flows_.empty()) arm(loop_.now());
}

void UdpNear::arm(milliseconds at) {
    if (armed_.has_value() && *armed_ <= at) return;
    armed_ = at;
    timer_->start(std::max(milliseconds(0), at - loop_.now()));
}

// Ends those of the list whose time is over; `next` becomes the earliest time of the others.
bool UdpNear::end_first(std::list<NearFlow*>& flows, milliseconds limit, NearFlow::Reason reason,
                        std::optional<milliseconds>& next) {
    if (flows.empty()) return false;
    const milliseconds end = flows.front()->last_ + limit;
    if (end <= loop_.now()) {
        finish(*flows.front(), reason);
        return true;
    }
    next = next.has_value() ? std::min(*next, end) : end;
    return false;
}

void UdpNear::on_timer() {
    armed_.reset();
    std::optional<milliseconds> next;
    while (end_first(opening_, settings_.status, NearFlow::Reason::failed, next)) {
    }
    while (end_first(unanswered_, settings_.idle, NearFlow::Reason::idle, next)) {
    }
    while (end_first(answered_, settings_.idle, NearFlow::Reason::idle, next)) {
    }
    if (next.has_value()) arm(*next);
    if (!draining_ || !flows_.empty() || !drained_) return;
    const std::function<void()> drained = std::move(drained_);
    drained_ = nullptr;
    drained();
}

}  // namespace pf_proxy
