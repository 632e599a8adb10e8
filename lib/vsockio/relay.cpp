// The relay on the event loop: who waits for what, ends, resets and the idle limit.
#include "vsockio/relay.h"

#include <sys/socket.h>

#include <cerrno>

namespace vsockio {

using base::Fd;
using base::Result;
using loop::Poll;

namespace {

// Per direction and turn, so that one busy relay does not starve the others.
constexpr std::size_t kTurnBudgetBytes = 1024 * 1024;

// The far side of a reset connection shall see a reset too, not a clean end.
void pass_reset(int fd) {
    const linger at_once{1, 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

// Of a stream that has ended: whether its peer no longer reads either. Sends nothing.
bool reads_no_more(int fd) {
    return ::send(fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE;
}

}  // namespace

Relay::Relay(loop::Loop& loop, RelayOptions options, Finished finished)
    : loop_(loop), options_(options), finished_(std::move(finished)) {}

Relay::~Relay() = default;

Result<std::unique_ptr<Relay>> Relay::create(loop::Loop& loop, RelayEnd first, RelayEnd second,
                                             RelayOptions options, Finished finished) {
    std::unique_ptr<Relay> relay(new Relay(loop, options, std::move(finished)));
    TRY(relay->start(std::move(first), std::move(second)));
    return relay;
}

Result<Relay::Watch*> Relay::watch(Fd fd) {
    auto watch = std::make_unique<Watch>();
    watch->fd = std::move(fd);
    Watch* raw = watch.get();
    Result<Poll> poll =
        Poll::create(loop_, raw->fd.get(), [this, raw](int events) { on_ready(*raw, events); });
    if (poll.ok()) {
        watch->poll.emplace(std::move(poll).value());
    } else if (poll.error().errno_value != EPERM) {
        return std::move(poll).error();
    }
    watches_.push_back(std::move(watch));
    return raw;
}

Result<void> Relay::start(RelayEnd first, RelayEnd second) {
    const auto make_output = [&](Watch* input, Fd output) -> Result<Watch*> {
        return output.valid() ? watch(std::move(output)) : Result<Watch*>(input);
    };
    Watch* first_in = TRY(watch(std::move(first.input)));
    Watch* first_out = TRY(make_output(first_in, std::move(first.output)));
    Watch* second_in = TRY(watch(std::move(second.input)));
    Watch* second_out = TRY(make_output(second_in, std::move(second.output)));
    const auto add = [&](Watch* from, Watch* to) {
        directions_.push_back(
            Direction{RelayWay(from->fd.get(), to->fd.get(), options_.write_bytes, options_.splice),
                      from, to});
    };
    add(first_in, second_out);
    add(second_in, first_out);

    turn_.emplace(TRY(loop::Idle::create(loop_, [this] { on_turn(); })));
    last_activity_ = loop_.now();
    if (options_.idle_limit.count() > 0) {
        idle_timer_.emplace(TRY(loop::Timer::create(loop_, [this] { check_idle(); })));
        idle_timer_->start(options_.idle_limit);
    }
    update_interest();
    return {};
}

bool Relay::waits_for(const Direction& direction, const Watch& watch, int events) const {
    switch (direction.way.state()) {
        case RelayWay::State::wants_input:
            return direction.from == &watch && (events & Poll::kReadable) != 0;
        case RelayWay::State::wants_output:
            return direction.to == &watch && (events & Poll::kWritable) != 0;
        default: return false;
    }
}

void Relay::on_ready(Watch& watch, int events) {
    for (Direction& direction : directions_) {
        if (waits_for(direction, watch, events) && !advance(direction)) return;
    }
    update_interest();
}

void Relay::on_turn() {
    constexpr int kAll = Poll::kReadable | Poll::kWritable;
    for (Direction& direction : directions_) {
        bool due = direction.way.state() == RelayWay::State::wants_turn;
        for (const auto& watch : watches_) {
            if (!watch->poll.has_value() && waits_for(direction, *watch, kAll)) due = true;
        }
        if (due && !advance(direction)) return;
    }
    update_interest();
}

bool Relay::refused(const Direction& direction) const {
    return options_.second_may_refuse && &direction == &directions_[1] &&
           direction.way.moved_bytes() == 0 && !directions_[0].closed &&
           reads_no_more(direction.from->fd.get());
}

bool Relay::advance(Direction& direction) {
    last_activity_ = loop_.now();
    const Result<RelayWay::State> state = direction.way.step(kTurnBudgetBytes);
    if (!state.ok()) {
        pass_reset(direction.to->fd.get());
        finish(RelayReason::failed, state.error().message);
        return false;
    }
    if (state.value() == RelayWay::State::ended && !direction.closed) {
        if (refused(direction)) {
            pass_reset(direction.to->fd.get());
            finish(RelayReason::failed, "refused behind the stream");
            return false;
        }
        direction.closed = true;
        if (direction.way.receiver_gone()) ::shutdown(direction.from->fd.get(), SHUT_RD);
        close_output(direction);
    }
    if (directions_[0].closed && directions_[1].closed) {
        finish(RelayReason::ended);
        return false;
    }
    return true;
}

void Relay::close_output(Direction& direction) {
    Watch& output = *direction.to;
    const bool shared = directions_[0].from == &output || directions_[1].from == &output;
    if (shared) {
        ::shutdown(output.fd.get(), SHUT_WR);
        return;
    }
    output.poll.reset();
    output.fd.reset();
}

void Relay::update_interest() {
    bool needs_turn = false;
    for (const auto& watch : watches_) {
        int events = 0;
        for (const Direction& direction : directions_) {
            if (waits_for(direction, *watch, Poll::kReadable)) events |= Poll::kReadable;
            if (waits_for(direction, *watch, Poll::kWritable)) events |= Poll::kWritable;
            if (direction.way.state() == RelayWay::State::wants_turn) needs_turn = true;
        }
        if (watch->poll.has_value()) {
            watch->poll->watch(events);
        } else if (events != 0) {
            needs_turn = true;
        }
    }
    if (needs_turn) {
        turn_->start();
    } else {
        turn_->stop();
    }
}

void Relay::check_idle() {
    const auto quiet = loop_.now() - last_activity_;
    if (quiet >= options_.idle_limit) {
        finish(RelayReason::idle);
    } else {
        idle_timer_->start(options_.idle_limit - quiet);
    }
}

void Relay::finish(RelayReason reason, std::string failure) {
    RelayReport report;
    report.reason = reason;
    report.first_to_second_bytes = directions_[0].way.moved_bytes();
    report.second_to_first_bytes = directions_[1].way.moved_bytes();
    report.failure = std::move(failure);
    for (const auto& watch : watches_) {
        watch->poll.reset();
        watch->fd.reset();
    }
    turn_.reset();
    idle_timer_.reset();
    const Finished finished = std::move(finished_);
    finished(report);
}

}  // namespace vsockio
