// What the supervisor's actions do, and what is said of them.
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "outcome.h"
#include "runtime.h"

namespace initd {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kReapAgain{100};

}  // namespace

void Runtime::reap() {
    while (true) {
        // Looked at before it is reaped, so that a service's process id still is its own.
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
            if (errno == EINTR) continue;
            // Never seen; but the signal that brought us here will not come again.
            if (errno != ECHILD) reap_at_ = Clock::now() + kReapAgain;
            return;
        }
        if (info.si_pid == 0) return;
        const auto unit = std::find_if(units_.begin(), units_.end(), [&](const auto& candidate) {
            return candidate->pid() == info.si_pid || candidate->health_pid() == info.si_pid;
        });
        if (unit == units_.end()) {
            ::waitpid(info.si_pid, nullptr, WNOHANG);  // an orphan, or the writer of a log file
            for (const auto& candidate : units_)
                candidate->collect_writer(info.si_pid);
            continue;
        }
        if ((*unit)->health_pid() == info.si_pid) {
            (*unit)->collect_health(info.si_code, info.si_status);
            carry_out();
            continue;
        }
        const auto index = static_cast<std::size_t>(unit - units_.begin());
        (*unit)->take_announcements();
        if ((*unit)->pid() != info.si_pid) continue;  // it named another main process: an orphan
        const Ending ending = (*unit)->collect(info.si_code, info.si_status);
        supervisor_->handle(index, {Event::Kind::ended, ending}, Clock::now());
        carry_out();
    }
}

void Runtime::on_unit_event(std::size_t index, const Event& event) {
    supervisor_->handle(index, event, Clock::now());
    carry_out();  // while the process id is still known
}

void Runtime::carry_out() {
    while (const std::optional<ServiceAction> action = supervisor_->next_action()) {
        perform(*action);
    }
    consider_outcome();
}

void Runtime::perform(const ServiceAction& action) {
    Unit& unit = *units_[action.service];
    switch (action.action.kind) {
        case Action::Kind::spawn: {
            std::optional<Ending> failure;
            try {
                failure = unit.spawn();
            } catch (const std::bad_alloc&) {
                failure = Ending{Ending::How::cannot_start, ENOMEM, Step::memory};
            }
            if (failure) {
                supervisor_->handle(action.service, {Event::Kind::ended, *failure}, Clock::now());
            }
            break;
        }
        case Action::Kind::send_signal: unit.send_signal(action.action.signal); break;
        case Action::Kind::kill_group: unit.kill_group(); break;
        case Action::Kind::arm_timer: unit.deadline = action.action.at; break;
        case Action::Kind::disarm_timer: unit.deadline.reset(); break;
        case Action::Kind::report: report(action); break;
    }
}

void Runtime::report(const ServiceAction& action) {
    Unit& unit = *units_[action.service];
    unit.since = Clock::now();
    const Ending& ending = supervisor_->service(action.service).ending();
    const Reason reason = action.action.reason;
    const std::array<char, 192> how = describe(ending, booted_.loaded.services[action.service]);
    const bool tells_ending =
        ending.how != Ending::How::none &&
        (action.state == State::backing_off || supervisor_->down(action.service));
    control_.note_event(unit.name(), action.state, reason, tells_ending ? how.data() : "");
    unit.on_state(action.state, unit.since);
    switch (action.state) {
        case State::starting:
            journal_.info("service {} started, pid {}", unit.name(), unit.pid());
            break;
        case State::running:
            if (reason == Reason::ready)
                journal_.info("service {} is ready", unit.name());
            else
                journal_.info("service {} started, pid {}", unit.name(), unit.pid());
            break;
        case State::backing_off:
            journal_.warning("service {} {}, next start in {} ms", unit.name(), how.data(),
                             action.action.delay.count());
            break;
        case State::stopping: report_stopping(action); break;
        case State::killing:
            journal_.warning("service {} did not stop in time and is killed", unit.name());
            break;
        case State::stopped:
            journal_.info("service {} stopped{}{}", unit.name(),
                          ending.how == Ending::How::none ? "" : ": ",
                          ending.how == Ending::How::none ? "" : how.data());
            break;
        case State::finished: journal_.info("service {} {}", unit.name(), how.data()); break;
        case State::failed: report_failure(action.service, reason); break;
        default: break;
    }
}

void Runtime::report_stopping(const ServiceAction& action) {
    const LoadedService& loaded = booted_.loaded.services[action.service];
    const std::string& name = loaded.settings.name;
    const Policy& policy = loaded.settings.policy;
    const std::optional<std::size_t> lost = supervisor_->lost_requirement(action.service);
    const char* requirement = lost ? units_[*lost]->name().c_str() : "what it requires";
    switch (action.action.reason) {
        case Reason::ready_timeout:
            journal_.error("service {} is stopped: ready timeout, it was not ready within {} ms",
                           name, policy.ready_timeout.count());
            break;
        case Reason::never_ready:
            journal_.error("service {} is stopped: it closed descriptor {} before it was ready",
                           name, loaded.settings.ready_descriptor);
            break;
        case Reason::watchdog:
            journal_.error("service {} is stopped: watchdog, it was silent for too long", name);
            break;
        case Reason::unhealthy:
            journal_.error("service {} is stopped: unhealthy, its health checks failed", name);
            break;
        case Reason::requirement_failed:
            journal_.error("service {} is stopped: {} failed and it requires that", name,
                           requirement);
            break;
        case Reason::requirement_ended:
            journal_.warning("service {} is stopped: {} ended and it requires that", name,
                             requirement);
            break;
        case Reason::announced_end: journal_.info("service {} says that it ends", name); break;
        default: journal_.info("service {} is being stopped", name); break;
    }
}

void Runtime::report_failure(std::size_t index, Reason reason) {
    constexpr std::size_t kTailLines = 10;
    const LoadedService& loaded = booted_.loaded.services[index];
    const std::array<char, 192> how = describe(supervisor_->service(index).ending(), loaded);
    const std::string& name = loaded.settings.name;
    switch (reason) {
        case Reason::requirement_failed:
            if (!loaded.problem.empty())
                journal_.error("service {}: {}", name, loaded.problem);
            else if (supervisor_->service(index).ending().cause == Reason::requirement_failed)
                journal_.error("service {} failed: {}", name, how.data());
            else
                journal_.error("service {} is not started: what it requires failed", name);
            return;
        case Reason::start_limit:
            journal_.error("service {} {}; it failed: {} starts within {} ms", name, how.data(),
                           loaded.settings.policy.start_limit.burst,
                           loaded.settings.policy.start_limit.interval.count());
            break;
        case Reason::cannot_be_killed:
            journal_.error("service {} failed: it survives SIGKILL", name);
            break;
        default: journal_.error("service {} failed: {}", name, how.data()); break;
    }
    units_[index]->show_tail(kTailLines);
}

void Runtime::consider_outcome() {
    if (phase_ == Phase::stopping && supervisor_->all_down()) begin_settle();
    if (phase_ != Phase::running || outcome_told_ || !supervisor_->outcome()) return;
    outcome_told_ = true;
    End end = end_for(*supervisor_->outcome(), *supervisor_, booted_);
    if (end.action != EndAction::stay) return begin_stop(std::move(end));
    journal_.info("the workload is done; staying as on_exit says");
    status_readers_.set_line(end.final_line);
}

}  // namespace initd
