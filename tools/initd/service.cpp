// Transitions of one service.
#include "service.h"

#include <algorithm>
#include <cerrno>

namespace initd {

namespace {

// After SIGKILL only the kernel can keep a process; longer than this is worth a report.
constexpr milliseconds kKillPatience{5'000};

// Failures that another attempt may not meet: those of the machine, whatever the reason, and some
// of what the service's file asks for.
bool temporary(Step step, int errno_value) {
    if (step >= Step::memory && step <= Step::stdio) return true;
    switch (errno_value) {
        case EAGAIN:
        case ENOMEM:
        case ENFILE:
        case EMFILE:
        case ETXTBSY:
        case EINTR:
        case EIO: return true;
        default: return false;
    }
}

}  // namespace

int Ending::exit_status() const {
    switch (how) {
        case How::none: return cause == Reason::none ? 0 : 1;
        case How::exited: return value == 0 && cause != Reason::none ? 1 : value;
        case How::signaled: return 128 + value;
        case How::cannot_start: return step == Step::exec && value == ENOENT ? 127 : 126;
    }
    return 126;
}

Service::Service(const Policy& policy)
    : policy_(policy),
      next_delay_(policy.backoff.initial),
      recent_starts_(policy.start_limit.burst, Time::min()) {}

void Service::adopt(const Service& other) {
    state_ = other.state_;
    ending_ = other.ending_;
    starts_ = other.starts_;
    unkillable_ = other.unkillable_;
    cause_ = other.cause_;
    launched_at_ = other.launched_at_;
    timer_at_ = other.timer_at_;
    armed_ = other.armed_;
    watchdog_ = other.watchdog_;
    next_delay_ =
        std::min(std::max(other.next_delay_, policy_.backoff.initial), policy_.backoff.maximum);
    for (std::size_t age = 0; age < other.recent_starts_.size(); ++age) {
        const std::size_t place = (other.oldest_start_ + age) % other.recent_starts_.size();
        note_start(other.recent_starts_[place]);
    }
}

void Service::note_start(Time at) {
    if (recent_starts_.empty()) return;
    recent_starts_[oldest_start_] = at;
    oldest_start_ = (oldest_start_ + 1) % recent_starts_.size();
}

Actions Service::handle(const Event& event, Time now) {
    Actions out;
    switch (event.kind) {
        case Event::Kind::requested:
            if (unkillable_) break;
            if (state_ == State::idle || ended()) enter(State::waiting, Reason::requested, out);
            break;
        case Event::Kind::released:
            if (state_ == State::waiting) {
                next_delay_ = policy_.backoff.initial;
                std::fill(recent_starts_.begin(), recent_starts_.end(), Time::min());
                launch(now, Reason::dependencies_ready, out);
            }
            break;
        case Event::Kind::requirement_failed:
            on_requirement_lost(Reason::requirement_failed, now, out);
            break;
        case Event::Kind::requirement_ended:
            on_requirement_lost(Reason::requirement_ended, now, out);
            break;
        case Event::Kind::executed:
            if (state_ == State::launching) on_executed(now, out);
            break;
        case Event::Kind::ready:
            if (state_ == State::starting && policy_.announces()) {
                become_ready(Reason::ready, now, out);
            }
            break;
        case Event::Kind::never_ready:
            if (state_ == State::starting) fail(Reason::never_ready, now, out);
            break;
        case Event::Kind::unhealthy:
            if (state_ == State::running) fail(Reason::unhealthy, now, out);
            break;
        case Event::Kind::lapsed:
            if (state_ == State::running) fail(Reason::watchdog, now, out);
            break;
        case Event::Kind::alive:
            if (state_ == State::running && watchdog_.count() > 0) arm(now + watchdog_, out);
            break;
        case Event::Kind::set_watchdog:
            watchdog_ = event.amount;
            if (state_ != State::running) break;
            if (watchdog_.count() > 0)
                arm(now + watchdog_, out);
            else
                disarm(out);
            break;
        case Event::Kind::extend:
            if ((state_ == State::starting && policy_.ready_timeout.count() > 0) ||
                state_ == State::stopping) {
                arm(std::max(timer_at_, now + event.amount), out);
            }
            break;
        case Event::Kind::announced_end:
            if (state_ != State::starting && state_ != State::running) break;
            cause_ = Reason::announced_end;
            enter(State::stopping, cause_, out);
            arm(now + policy_.stop.timeout, out);
            break;
        case Event::Kind::ended: on_ended(event.ending, now, out); break;
        case Event::Kind::timer: on_timer(now, out); break;
        case Event::Kind::stop: on_stop(now, out); break;
    }
    return out;
}

void Service::enter(State state, Reason reason, Actions& out, milliseconds delay) {
    state_ = state;
    out.add({.kind = Action::Kind::report, .reason = reason, .delay = delay});
}

void Service::launch(Time now, Reason reason, Actions& out) {
    ++starts_;
    launched_at_ = now;
    cause_ = Reason::none;
    watchdog_ = policy_.watchdog;
    note_start(now);
    enter(State::launching, reason, out);
    out.add({.kind = Action::Kind::spawn});
}

void Service::arm(Time at, Actions& out) {
    timer_at_ = at;
    armed_ = true;
    out.add({.kind = Action::Kind::arm_timer, .at = at});
}

void Service::disarm(Actions& out) {
    if (armed_) out.add({.kind = Action::Kind::disarm_timer});
    armed_ = false;
}

void Service::on_executed(Time now, Actions& out) {
    if (policy_.kind != ServiceKind::oneshot && !policy_.announces()) {
        return become_ready(Reason::executed, now, out);
    }
    enter(State::starting, Reason::executed, out);
    if (policy_.ready_timeout.count() > 0) arm(now + policy_.ready_timeout, out);
}

void Service::become_ready(Reason reason, Time now, Actions& out) {
    disarm(out);
    enter(State::running, reason, out);
    if (watchdog_.count() > 0) arm(now + watchdog_, out);
}

void Service::begin_stop(Reason reason, Time now, Actions& out) {
    enter(State::stopping, reason, out);
    out.add({.kind = Action::Kind::send_signal, .signal = policy_.stop.signal});
    arm(now + policy_.stop.timeout, out);
}

// It has to go although nobody asked for that; what comes then is the restart policy's.
void Service::fail(Reason cause, Time now, Actions& out) {
    cause_ = cause;
    begin_stop(cause, now, out);
}

void Service::on_requirement_lost(Reason reason, Time now, Actions& out) {
    const bool failed = reason == Reason::requirement_failed;
    switch (state_) {
        case State::backing_off: disarm(out); [[fallthrough]];
        case State::idle:
        case State::waiting: enter(failed ? State::failed : State::stopped, reason, out); break;
        case State::launching:
        case State::starting:
        case State::running: fail(reason, now, out); break;
        case State::stopping:
        case State::killing:
            if (cause_ != Reason::none) cause_ = reason;
            break;
        default: break;
    }
}

void Service::on_ended(const Ending& ending, Time now, Actions& out) {
    switch (state_) {
        case State::launching:
        case State::starting:
        case State::running:
            disarm(out);
            ending_ = ending;
            restart_or_end(now, out);
            break;
        case State::stopping:
        case State::killing:
            disarm(out);
            finish_stop(ending, now, out);
            break;
        case State::failed: unkillable_ = false; break;
        default: break;
    }
}

void Service::finish_stop(const Ending& ending, Time now, Actions& out) {
    ending_ = ending;
    switch (cause_) {
        case Reason::none: enter(State::stopped, Reason::stop_requested, out); break;
        case Reason::requirement_ended: enter(State::stopped, cause_, out); break;
        case Reason::requirement_failed:
            ending_.cause = cause_;
            enter(State::failed, cause_, out);
            break;
        case Reason::announced_end: restart_or_end(now, out); break;
        default: ending_.cause = cause_; restart_or_end(now, out);
    }
}

void Service::on_timer(Time now, Actions& out) {
    armed_ = false;
    switch (state_) {
        case State::backing_off: launch(now, Reason::restarting, out); break;
        case State::starting:
            if (policy_.ready_timeout.count() > 0) fail(Reason::ready_timeout, now, out);
            break;
        case State::running:
            if (watchdog_.count() > 0) fail(Reason::watchdog, now, out);
            break;
        case State::stopping:
            enter(State::killing, Reason::stop_timeout, out);
            out.add({.kind = Action::Kind::kill_group});
            arm(now + kKillPatience, out);
            break;
        case State::killing:
            unkillable_ = true;
            ending_.cause = cause_;
            enter(State::failed, Reason::cannot_be_killed, out);
            break;
        default: break;
    }
}

void Service::on_stop(Time now, Actions& out) {
    switch (state_) {
        case State::waiting: enter(State::stopped, Reason::stop_requested, out); break;
        case State::backing_off:
            disarm(out);
            enter(State::stopped, Reason::stop_requested, out);
            break;
        case State::launching:
        case State::starting:
        case State::running: begin_stop(Reason::stop_requested, now, out); break;
        // It is on its way, and now by request: it will not be started again.
        case State::stopping:
            if (cause_ == Reason::announced_end) {
                out.add({.kind = Action::Kind::send_signal, .signal = policy_.stop.signal});
            }
            [[fallthrough]];
        case State::killing: cause_ = Reason::none; break;
        default: break;
    }
}

void Service::restart_or_end(Time now, Actions& out) {
    if (!wants_restart()) {
        enter(ending_.success() ? State::finished : State::failed, Reason::not_restarted, out);
        return;
    }
    if (!within_start_limit(now)) {
        enter(State::failed, Reason::start_limit, out);
        return;
    }
    if (now - launched_at_ >= policy_.backoff.reset_after) next_delay_ = policy_.backoff.initial;
    const milliseconds delay = next_delay_;
    next_delay_ = std::min(policy_.backoff.maximum, next_delay_ * policy_.backoff.factor);
    enter(State::backing_off, Reason::restarting, out, delay);
    if (delay.count() == 0) {
        launch(now, Reason::restarting, out);
    } else {
        arm(now + delay, out);
    }
}

bool Service::wants_restart() const {
    if (ending_.how == Ending::How::cannot_start && !temporary(ending_.step, ending_.value)) {
        return false;
    }
    switch (policy_.restart) {
        case Restart::never: return false;
        case Restart::on_failure: return !ending_.success();
        case Restart::on_success: return ending_.success();
        case Restart::always: return true;
    }
    return false;
}

// True when another start keeps within `burst` starts per interval.
bool Service::within_start_limit(Time now) const {
    if (recent_starts_.empty()) return true;
    const Time oldest = recent_starts_[oldest_start_];
    return oldest == Time::min() || now - oldest > policy_.start_limit.interval;
}

const char* name_of(State state) {
    switch (state) {
        case State::idle: return "idle";
        case State::waiting: return "waiting";
        case State::launching: return "launching";
        case State::starting: return "starting";
        case State::running: return "running";
        case State::backing_off: return "backing-off";
        case State::stopping: return "stopping";
        case State::killing: return "killing";
        case State::stopped: return "stopped";
        case State::finished: return "finished";
        case State::failed: return "failed";
    }
    return "unknown";
}

const char* name_of(Reason reason) {
    switch (reason) {
        case Reason::none: return "none";
        case Reason::requested: return "requested";
        case Reason::dependencies_ready: return "dependencies-ready";
        case Reason::requirement_failed: return "requirement-failed";
        case Reason::requirement_ended: return "requirement-ended";
        case Reason::executed: return "executed";
        case Reason::ready: return "ready";
        case Reason::restarting: return "restarting";
        case Reason::start_limit: return "start-limit";
        case Reason::not_restarted: return "not-restarted";
        case Reason::stop_requested: return "stop-requested";
        case Reason::announced_end: return "announced-end";
        case Reason::ready_timeout: return "ready-timeout";
        case Reason::never_ready: return "never-ready";
        case Reason::unhealthy: return "unhealthy";
        case Reason::watchdog: return "watchdog";
        case Reason::stop_timeout: return "stop-timeout";
        case Reason::cannot_be_killed: return "cannot-be-killed";
    }
    return "unknown";
}

const char* name_of(Step step) {
    switch (step) {
        case Step::none: return "none";
        case Step::memory: return "memory";
        case Step::pipes: return "pipes";
        case Step::fork: return "fork";
        case Step::session: return "session";
        case Step::cgroup: return "cgroup";
        case Step::stdio: return "stdio";
        case Step::signals: return "signals";
        case Step::limits: return "limits";
        case Step::priority: return "priority";
        case Step::oom_score: return "oom_score";
        case Step::network: return "network";
        case Step::mounts: return "mounts";
        case Step::writable: return "writable";
        case Step::read_only: return "read_only";
        case Step::inaccessible: return "inaccessible";
        case Step::tmp: return "tmp";
        case Step::capabilities: return "capabilities";
        case Step::seccomp: return "seccomp";
        case Step::privileges: return "privileges";
        case Step::groups: return "groups";
        case Step::group: return "group";
        case Step::user: return "user";
        case Step::folder: return "folder";
        case Step::exec: return "exec";
    }
    return "unknown";
}

}  // namespace initd
