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

Connector::Connector(loop::Loop& loop, ConnectPlan plan, Done done)
    : loop_(loop),
      plan_(std::move(plan)),
      done_(std::move(done)),
      last_(Error::system("connect to", plan_.name, EADDRNOTAVAIL)) {}

Result<std::unique_ptr<Connector>> Connector::start(loop::Loop& loop, ConnectPlan plan,
                                                    milliseconds timeout, Done done) {
    std::unique_ptr<Connector> connector(new Connector(loop, std::move(plan), std::move(done)));
    TRY(connector->begin(timeout));
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

Result<void> Connector::begin(milliseconds timeout) {
    deadline_ = loop_.now() + timeout;
    timer_ = TRY(loop::Timer::create(loop_, [this] {
        if (tried_ > 0 && !waits_a_moment_) {
            last_ = Error::system("connect to", plan_.name, ETIMEDOUT);
        }
        waits_a_moment_ = false;
        next();
    }));
    // The first attempt is made from the loop, so that `done` is never called from start().
    timer_->start(milliseconds(0));
    return {};
}

void Connector::next() {
    while (true) {
        poll_.reset();
        dialer_.reset();
        const std::size_t left = plan_.targets.size() - tried_;
        const milliseconds time_left = deadline_ - loop_.now();
        if (left > 0 && time_left.count() <= 0 && tried_ > 0) {
            last_ = Error::system("connect to", plan_.name, ETIMEDOUT);
        }
        if (left == 0 || (time_left.count() <= 0 && tried_ > 0)) return finish(last_);
        const SocketAddress& target = plan_.targets[tried_++];
        Result<Dialer> dialer =
            Dialer::start(target, plan_.name, plan_.muxed_port, source_for(target));
        if (!dialer.ok()) {
            last_ = std::move(dialer).error();
            if (passes(last_.errno_value) && time_left > kMoment) return wait_a_moment();
            continue;
        }
        dialer_ = std::move(dialer).value();
        // On one machine a connection is often there at once, and needs no watching.
        const Result<bool> connected = dialer_->advance();
        if (!connected.ok()) {
            last_ = connected.error();
            continue;
        }
        if (connected.value()) return finish(dialer_->take());
        Result<loop::Poll> poll =
            loop::Poll::create(loop_, dialer_->fd(), [this](int) { advance(); });
        if (!poll.ok()) return finish(std::move(poll).error());
        poll_ = std::move(poll).value();
        timer_->start(std::max(time_left / static_cast<int>(left), milliseconds(1)));
        return watch();
    }
}

// The same target again. What relays keep for later may be what is missing.
void Connector::wait_a_moment() {
    drop_spare_pipes();
    --tried_;
    waits_a_moment_ = true;
    timer_->start(kMoment);
}

void Connector::watch() {
    poll_->watch(dialer_->wants() == POLLIN ? loop::Poll::kReadable : loop::Poll::kWritable);
}

void Connector::advance() {
    const Result<bool> connected = dialer_->advance();
    if (!connected.ok()) {
        last_ = connected.error();
        return next();
    }
    if (connected.value()) {
        poll_.reset();
        return finish(dialer_->take());
    }
    watch();
}

void Connector::finish(Result<Fd> result) {
    timer_.reset();
    poll_.reset();
    const Done done = std::move(done_);
    done(std::move(result));  // may destroy this
}

}  // namespace vsockio
