// The loop, the phases, and what the supervisor's actions do.
#include "runtime.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "environment.h"
#include "outcome.h"
#include "signals.h"

namespace initd {

namespace {

using Clock = std::chrono::steady_clock;

// The console has no events of interest: being writable again is enough of a wake-up.
class ConsoleWatcher : public Watcher {
  public:
    void on_ready(std::uint32_t) override {}
};
ConsoleWatcher console_watcher;

}  // namespace

Runtime::Runtime(Booted booted, Journal& journal) : booted_(std::move(booted)), journal_(journal) {}

base::Result<void> Runtime::prepare() {
    TRY(reactor_.create());
    watch_console();
    const SystemSettings& settings = booted_.settings;
    // Without its listeners the enclave still works; the host then sees nothing of it.
    const auto log = log_readers_.open(settings.log_listen, reactor_, &journal_.ring());
    if (!log.ok()) journal_.error("log_port: {}", log.error().message);
    const auto status = status_readers_.open(settings.status_listen, reactor_, nullptr);
    if (!status.ok()) journal_.error("status_port: {}", status.error().message);
    status_readers_.set_line(running_line());

    LoadedServices& loaded = booted_.loaded;
    for (const Order::Remark& warning : loaded.order.warnings) {
        journal_.warning("service {}: {}", loaded.services[warning.service].settings.name,
                         warning.text);
    }
    for (const Order::Remark& failure : loaded.order.failures) {
        std::string& problem = loaded.services[failure.service].problem;
        if (problem.empty()) problem = failure.text;
    }
    std::vector<Plan> plans;
    for (std::size_t index = 0; index < loaded.services.size(); ++index) {
        const LoadedService& service = loaded.services[index];
        plans.push_back({service.settings.policy, service.settings.critical,
                         service.settings.enabled, !service.problem.empty()});
        add_unit(index);
    }
    supervisor_.emplace(plans, std::move(loaded.order.gates));
    const auto control =
        control_.open({&booted_, &journal_, &*supervisor_, &units_, Clock::now()}, reactor_);
    if (!control.ok()) journal_.error("control: {}", control.error().message);
    return {};
}

void Runtime::add_unit(std::size_t index) {
    LoadedService& service = booted_.loaded.services[index];
    ServiceSettings& settings = service.settings;
    std::optional<Program> program;
    std::string cgroup;
    if (service.problem.empty() && settings.enabled) {
        // A service's own limit comes after the inherited one and wins.
        settings.resource_limits.insert(settings.resource_limits.begin(), booted_.descriptors);
        cgroup = booted_.cgroups.make(settings, journal_);
        program.emplace(settings, service.account,
                        compose_environment(service.account, booted_.settings.environment,
                                            service.file_environment, settings.environment),
                        cgroup.empty() ? "" : cgroup + "/cgroup.procs");
    }
    units_.push_back(std::make_unique<Unit>(index, settings.name, settings.ring_bytes,
                                            settings.console, std::move(program), cgroup, journal_,
                                            reactor_, *this));
}

void Runtime::watch_console() {
    // A file cannot be watched and need not be.
    const int fd = journal_.console().fd();
    if (fd >= 0) (void)reactor_.watch(fd, EPOLLOUT | EPOLLET, console_watcher);
}

End Runtime::run() {
    if (booted_.fatal) {
        begin_stop(*booted_.fatal);
    } else {
        supervisor_->start_all(Clock::now());
        carry_out();
    }
    while (phase_ != Phase::over) {
        try {
            turn();
        } catch (const std::bad_alloc&) {
            journal_.error("out of memory; going on");
        } catch (...) {
            journal_.error("an unexpected exception; going on");
        }
    }
    return end_;
}

void Runtime::turn() {
    journal_.console().flush();
    log_readers_.flush();
    status_readers_.flush();
    control_.flush();
    carry_out();  // what a request that had to wait may ask for
    if (phase_ == Phase::lingering && log_readers_.satisfied() && status_readers_.satisfied() &&
        control_.drained()) {
        phase_ = Phase::over;
        return;
    }
    arm();
    signalfd_siginfo signal{};
    switch (reactor_.wait(signal)) {
        case Reactor::Turn::event: break;
        case Reactor::Turn::alarm: on_alarm(); break;
        case Reactor::Turn::signal: on_signal(static_cast<int>(signal.ssi_signo)); break;
        case Reactor::Turn::failed:
            // Never seen; should it last, this keeps PID 1 from taking the whole processor.
            ::usleep(100'000);
            reap();
            break;
    }
    for (const auto& unit : units_)
        unit->drop_finished_pipes();
    carry_out();
    consider_control();
}

void Runtime::consider_control() {
    const std::optional<EndAction> action = control_.take_end();
    if (!action) return;
    End end;
    end.action = *action;
    end.reason = "control";
    end.detail = *action == EndAction::poweroff ? "poweroff"
                 : *action == EndAction::reboot ? "reboot"
                                                : "halt";
    end.final_line = ending_line({Ending::How::exited, 0, Step::none}, "");
    begin_stop(std::move(end));
}

void Runtime::on_signal(int signal) {
    const auto end_by = [&](EndAction action) {
        End end;
        end.action = action;
        end.reason = "signal";
        end.detail = signal_name(signal);
        end.final_line = ending_line({Ending::How::exited, 0, Step::none}, "");
        begin_stop(std::move(end));
    };
    switch (signal) {
        case SIGCHLD: reap(); break;
        case SIGTERM:
        case SIGPWR:
        case SIGUSR2: end_by(EndAction::poweroff); break;
        case SIGINT: end_by(EndAction::reboot); break;
        case SIGUSR1: end_by(EndAction::halt); break;
        default: journal_.info("{} is ignored", signal_name(signal)); break;
    }
}

void Runtime::on_alarm() {
    const Time now = Clock::now();
    for (std::size_t index = 0; index < units_.size(); ++index) {
        if (!units_[index]->deadline || *units_[index]->deadline > now) continue;
        units_[index]->deadline.reset();
        supervisor_->handle(index, {Event::Kind::timer}, now);
        carry_out();
    }
    control_.on_alarm(now);
    if (!phase_deadline_ || *phase_deadline_ > now) return;
    phase_deadline_.reset();
    if (phase_ == Phase::stopping) {
        journal_.warning("services took too long to stop; killing what is left");
        begin_linger();
    } else if (phase_ == Phase::lingering) {
        journal_.warning("readers did not take the rest of the log in time");
        phase_ = Phase::over;
    }
}

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

void Runtime::begin_stop(End end) {
    if (phase_ != Phase::running) return;
    phase_ = Phase::stopping;
    end_ = std::move(end);
    const Time now = Clock::now();
    phase_deadline_ = now + booted_.settings.shutdown_timeout;
    journal_.info("stopping all services: {}{}{}", end_.reason, end_.detail.empty() ? "" : ", ",
                  end_.detail);
    control_.set_phase("stopping");
    supervisor_->shut_down(now);
    carry_out();
}

void Runtime::begin_linger() {
    phase_ = Phase::lingering;
    control_.set_phase("lingering");
    for (const auto& unit : units_)
        unit->deadline.reset();
    ::kill(-1, SIGKILL);
    for (const auto& unit : units_)
        unit->drain_pipes();
    journal_.raw_line(end_line(end_));
    status_readers_.set_line(end_.final_line);
    log_readers_.finish();
    status_readers_.finish();
    phase_deadline_ = Clock::now() + booted_.settings.linger;
}

void Runtime::arm() {
    std::optional<Time> soonest = phase_deadline_;
    const std::optional<Time> control = control_.next_deadline();
    if (control && (!soonest || *control < *soonest)) soonest = control;
    for (const auto& unit : units_) {
        if (unit->deadline && (!soonest || *unit->deadline < *soonest)) soonest = unit->deadline;
    }
    reactor_.set_alarm(soonest);
}

}  // namespace initd
