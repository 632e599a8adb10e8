// What the supervisor's actions do, and what is said of them.
#include <sys/wait.h>

#include <algorithm>
#include <csignal>

#include "outcome.h"
#include "runtime.h"

namespace initd {

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

void Runtime::reap() {
    while (true) {
        // Looked at before it is reaped, so that a service's process id still is its own.
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
        const auto unit = std::find_if(units_.begin(), units_.end(), [&](const auto& candidate) {
            return candidate->pid() == info.si_pid;
        });
        if (unit == units_.end()) {
            ::waitpid(info.si_pid, nullptr, WNOHANG);  // an orphan
            continue;
        }
        const auto index = static_cast<std::size_t>(unit - units_.begin());
        const Ending ending = (*unit)->collect(info.si_code, info.si_status);
        supervisor_->handle(index, {Event::Kind::ended, ending}, Clock::now());
        carry_out();
    }
}

void Runtime::on_executed(std::size_t index) {
    supervisor_->handle(index, {Event::Kind::executed}, Clock::now());
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
    switch (action.state) {
        case State::starting:
        case State::running:
            journal_.info("service {} started, pid {}", unit.name(), unit.pid());
            break;
        case State::backing_off:
            journal_.warning("service {} {}, next start in {} ms", unit.name(), how.data(),
                             action.action.delay.count());
            break;
        case State::stopping: journal_.info("service {} is being stopped", unit.name()); break;
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

void Runtime::report_failure(std::size_t index, Reason reason) {
    constexpr std::size_t kTailLines = 10;
    const LoadedService& loaded = booted_.loaded.services[index];
    const std::array<char, 192> how = describe(supervisor_->service(index).ending(), loaded);
    const std::string& name = loaded.settings.name;
    switch (reason) {
        case Reason::requirement_failed:
            if (!loaded.problem.empty())
                journal_.error("service {}: {}", name, loaded.problem);
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
    if (phase_ == Phase::stopping && supervisor_->all_down()) begin_linger();
    if (phase_ != Phase::running || outcome_told_ || !supervisor_->outcome()) return;
    outcome_told_ = true;
    End end = end_for(*supervisor_->outcome(), *supervisor_, booted_);
    if (end.action != EndAction::stay) return begin_stop(std::move(end));
    journal_.info("the workload is done; staying as on_exit says");
    status_readers_.set_line(end.final_line);
}

}  // namespace initd
