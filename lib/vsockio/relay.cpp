// The relay on the event loop: turns, ends, resets and the idle limit.
#include "vsockio/relay.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <limits>

#include "vsockio/dial.h"

namespace vsockio {

using base::Fd;
using base::Result;
using loop::Edge;

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

bool is_tcp(int fd) {
    int domain = 0;
    socklen_t size = sizeof domain;
    return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           (domain == AF_INET || domain == AF_INET6);
}

}  // namespace

RelayEnd RelayEnd::socket(Fd fd) {
    const bool tcp = is_tcp(fd.get());
    return {{}, std::move(fd), {}, tcp, false};
}

RelayEnd RelayEnd::socket(std::unique_ptr<Edge> edge, bool tcp) {
    return {std::move(edge), {}, {}, tcp, false};
}

RelayEnd RelayEnd::pair(Fd in, Fd out) {
    return {{}, std::move(in), std::move(out), false, false};
}

Relay::Relay(loop::Loop& loop, RelayOptions options, Finished finished)
    : loop_(loop),
      options_(options),
      finished_(std::move(finished)),
      turn_(loop, [this] { on_turn(); }) {}

Relay::~Relay() = default;

Result<std::unique_ptr<Relay>> Relay::create(loop::Loop& loop, RelayEnd first, RelayEnd second,
                                             RelayOptions options, Finished finished) {
    std::unique_ptr<Relay> relay(new Relay(loop, options, std::move(finished)));
    TRY(relay->start(std::move(first), std::move(second)));
    return relay;
}

Edge* Relay::add(std::unique_ptr<Edge> edge) {
    edges_.push_back(std::move(edge));
    edges_.back()->tell(&turn_);
    return edges_.back().get();
}

Result<Edge*> Relay::add(Fd fd) {
    return add(TRY(Edge::create(loop_, std::move(fd))));
}

Result<void> Relay::start(RelayEnd first, RelayEnd second) {
    const auto add_input = [&](RelayEnd& end) -> Result<Edge*> {
        if (end.edge != nullptr) return add(std::move(end.edge));
        return add(std::move(end.input));
    };
    const auto add_output = [&](Edge* input, Fd output) -> Result<Edge*> {
        return output.valid() ? add(std::move(output)) : Result<Edge*>(input);
    };
    Edge* first_in = TRY(add_input(first));
    Edge* first_out = TRY(add_output(first_in, std::move(first.output)));
    Edge* second_in = TRY(add_input(second));
    Edge* second_out = TRY(add_output(second_in, std::move(second.output)));
    const auto add_direction = [&](Edge* from, bool from_tcp, Edge* to, bool to_tcp) {
        // A vsock is written to in pieces that its transport carries whole.
        const std::size_t piece =
            to_tcp ? std::numeric_limits<std::size_t>::max() : options_.write_bytes;
        directions_.push_back(
            Direction{RelayWay(*from, *to, piece, from_tcp, options_.splice), from, to});
    };
    directions_.reserve(2);
    add_direction(first_in, first.tcp, second_out, second.tcp);
    add_direction(second_in, second.tcp, first_out, first.tcp);

    acknowledges_late_ = second.acknowledges_late;
    last_activity_ = loop_.now();
    if (options_.idle_limit.count() > 0) {
        idle_timer_.emplace(TRY(loop::Timer::create(loop_, [this] { check_idle(); })));
        idle_timer_->start(options_.idle_limit);
    }
    return {};
}

void Relay::on_turn() {
    bool more = false;
    for (Direction& direction : directions_) {
        if (!direction.way.may_step()) continue;
        if (!advance(direction)) return;
        if (direction.way.state() == RelayWay::State::wants_turn) more = true;
    }
    if (acknowledges_late_) acknowledge();
    if (more) turn_.schedule();
}

// The handshake has gone with the first bytes, or goes now without them. Bytes soon after it make
// TCP late once more.
void Relay::acknowledge() {
    acknowledge_at_once(directions_[0].to->fd());
    acknowledges_late_ = directions_[0].way.moved_bytes() == 0;
}

bool Relay::refused(const Direction& direction) const {
    return options_.second_may_refuse && &direction == &directions_[1] &&
           direction.way.moved_bytes() == 0 && !directions_[0].closed &&
           reads_no_more(direction.from->fd());
}

bool Relay::advance(Direction& direction) {
    last_activity_ = loop_.now();
    const RelayWay::State state = direction.way.step(kTurnBudgetBytes);
    if (state == RelayWay::State::failed) {
        pass_reset(direction.to->fd());
        finish(RelayReason::failed, direction.way.errno_value());
        return false;
    }
    if (state != RelayWay::State::ended) return true;
    if (refused(direction)) {
        pass_reset(direction.to->fd());
        finish(RelayReason::failed, ECONNRESET);
        return false;
    }
    direction.closed = true;
    if (directions_[0].closed && directions_[1].closed) {
        finish(RelayReason::ended);
        return false;
    }
    if (direction.way.receiver_gone()) ::shutdown(direction.from->fd(), SHUT_RD);
    close_output(direction);
    return true;
}

void Relay::close_output(Direction& direction) {
    const Edge* output = direction.to;
    if (directions_[0].from == output || directions_[1].from == output) {
        ::shutdown(output->fd(), SHUT_WR);
        return;
    }
    std::erase_if(edges_, [&](const auto& edge) { return edge.get() == output; });
}

void Relay::check_idle() {
    const auto quiet = loop_.now() - last_activity_;
    if (quiet >= options_.idle_limit) {
        finish(RelayReason::idle);
    } else {
        idle_timer_->start(options_.idle_limit - quiet);
    }
}

void Relay::finish(RelayReason reason, int errno_value) {
    RelayReport report;
    report.reason = reason;
    report.first_to_second_bytes = directions_[0].way.moved_bytes();
    report.second_to_first_bytes = directions_[1].way.moved_bytes();
    report.errno_value = errno_value;
    edges_.clear();
    idle_timer_.reset();
    const Finished finished = std::move(finished_);
    finished(report);
}

}  // namespace vsockio
