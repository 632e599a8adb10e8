// Connecting from within a loop.
#include "vsockio/connector.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "vsockio/relay_way.h"

namespace vsockio {

using base::Error;
using base::Fd;
using base::Result;
using loop::Edge;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kMoment{20};

bool passes(int errno_value) {
    switch (errno_value) {
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
        case EAGAIN: return true;  // a Unix socket whose queue is full
        default: return false;
    }
}

}  // namespace

Result<ConnectPlan> plan_to(const Address& address) {
    const Address target = TRY(through_environment(address, Direction::connect));
    ConnectPlan plan;
    plan.name = to_string(target);
    plan.targets = TRY(resolve(target));
    if (target.kind == Address::Kind::muxed) plan.muxed_port = target.port;
    return plan;
}

Connector::Connector(loop::Loop& loop, ConnectPlan plan, milliseconds timeout, Done done)
    : loop_(loop),
      plan_(std::move(plan)),
      done_(std::move(done)),
      turn_(loop, [this] { advance(); }),
      deadline_(loop.now() + timeout) {}

Result<std::unique_ptr<Connector>> Connector::start(loop::Loop& loop, ConnectPlan plan,
                                                    milliseconds timeout, Done done) {
    std::unique_ptr<Connector> connector(
        new Connector(loop, std::move(plan), timeout, std::move(done)));
    Connector* self = connector.get();
    connector->timer_ = TRY(loop::Timer::create(loop, [self] { self->on_time(); }));
    connector->next();
    return connector;
}

Result<std::unique_ptr<Connector>> Connector::start(loop::Loop& loop, const Address& address,
                                                    milliseconds timeout, Done done) {
    return start(loop, TRY(plan_to(address)), timeout, std::move(done));
}

// Of another family if there is none for this target, for which the Dialer has the right Error.
std::optional<IpEndpoint> Connector::source_for(const SocketAddress& target) const {
    for (const IpEndpoint& source : plan_.sources) {
        if (source.address.is_v4 == (target.family == AF_INET)) return source;
    }
    if (plan_.sources.empty()) return std::nullopt;
    return plan_.sources.front();
}

const SocketAddress* Connector::last_tried() const {
    return tried_ == 0 ? nullptr : &plan_.targets[tried_ - 1];
}

// Begins the next attempt that can be begun.
void Connector::next() {
    dialer_.reset();
    edge_.reset();
    timer_->stop();
    while (edge_ == nullptr && tried_ < plan_.targets.size()) {
        if (tried_ > 0 && loop_.now() >= deadline_) {
            last_ = Error::system("connect to", plan_.name, ETIMEDOUT);
            break;
        }
        Result<void> begun = attempt(plan_.targets[tried_++]);
        if (begun.ok()) return;
        last_ = std::move(begun).error();
        if (passes(last_->errno_value) && wait_a_moment()) return;
    }
    given_up_ = true;
    turn_.schedule();
}

Result<void> Connector::attempt(const SocketAddress& target) {
    Fd fd = TRY(begin_to_connect(target, plan_.name, source_for(target), plan_.acknowledge_late));
    dialer_.emplace(fd.get(), plan_.name, plan_.muxed_port);
    edge_ = TRY(Edge::create(loop_, std::move(fd)));
    edge_->tell(&turn_);
    // What is left is shared with those that have not been tried.
    const auto sharing = static_cast<int>(plan_.targets.size() - tried_ + 1);
    timer_->start(std::max((deadline_ - loop_.now()) / sharing, milliseconds(1)));
    return {};
}

// The same target again. What relays keep for later may be what is missing.
bool Connector::wait_a_moment() {
    if (deadline_ - loop_.now() <= kMoment) return false;
    drop_spare_pipes();
    --tried_;
    timer_->start(kMoment);
    return true;
}

void Connector::advance() {
    if (given_up_) {
        return finish(last_.value_or(Error::system("connect to", plan_.name, EADDRNOTAVAIL)));
    }
    // The turn of an attempt whose time was up in the same moment; the next has to wait.
    if (edge_ == nullptr) return;
    loop::Readiness& ready = edge_->ready();
    const int seen = (ready.readable ? POLLIN : 0) | (ready.writable ? POLLOUT : 0) |
                     (ready.ended ? POLLHUP : 0);
    const Result<bool> connected = dialer_->advance(static_cast<short>(seen));
    if (!connected.ok()) {
        last_ = connected.error();
        return next();
    }
    if (!connected.value()) {
        ready.readable = ready.writable = false;
        return;
    }
    edge_->tell(nullptr);
    finish(std::move(edge_));
}

void Connector::on_time() {
    if (edge_ != nullptr) last_ = Error::system("connect to", plan_.name, ETIMEDOUT);
    next();
}

void Connector::finish(Result<std::unique_ptr<Edge>> result) {
    timer_.reset();
    const Done done = std::move(done_);
    done(std::move(result));  // may destroy this
}

}  // namespace vsockio
