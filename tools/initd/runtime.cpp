// The loop and the phases.
#include "runtime.h"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

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

Runtime::Runtime(Booted booted, Journal& journal, LastWords& last_words)
    : booted_(std::move(booted)),
      journal_(journal),
      last_words_(last_words),
      roster_({booted_, journal_, reactor_, *this, *this, supervisor_, units_}) {}

base::Result<void> Runtime::prepare() {
    TRY(reactor_.create());
    watch_console();
    const SystemSettings& settings = booted_.settings;
    // Without its listeners the enclave still works; the host then sees nothing of it.
    const auto log =
        log_readers_.open(settings.log_listen, reactor_, &journal_.ring(), journal_.format());
    if (!log.ok()) journal_.error("log_port: {}", log.error().message);
    const auto status = status_readers_.open(settings.status_listen, reactor_, nullptr);
    if (!status.ok()) journal_.error("status_port: {}", status.error().message);
    status_readers_.set_line(running_line());

    roster_.build();
    const auto control = control_.open(
        {&booted_, &journal_, &*supervisor_, &units_, &roster_, Clock::now()}, reactor_);
    if (!control.ok()) journal_.error("control: {}", control.error().message);
    TRY(farewell_.prepare());
    last_words_.attach({&booted_, &*supervisor_, &units_, &status_readers_, &log_readers_});
    return {};
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
    if (!status_readers_.delivered()) {
        farewell_.as_block([&](std::string_view text) { journal_.console().append(text); });
    }
    return end_;
}

void Runtime::turn() {
    journal_.console().flush();
    log_readers_.flush();
    status_readers_.flush();
    control_.flush();
    const Time now = Clock::now();
    for (const auto& unit : units_)
        unit->flush_log(now);
    carry_out();  // what a request that had to wait may ask for
    if (phase_ == Phase::settling && log_files_written()) begin_linger();
    if (phase_ == Phase::lingering && log_readers_.satisfied() && status_readers_.satisfied() &&
        control_.drained() && log_files_written()) {
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
    consider_roster();
    consider_control();
}

// An exchange waits until nothing of the old table is still to be carried out.
void Runtime::consider_roster() {
    if (!roster_.pending()) return;
    if (phase_ != Phase::running) return roster_.abandon();
    if (!roster_.advance(Clock::now())) return;
    carry_out();
    ::malloc_trim(0);
    if (!outcome_told_ || supervisor_->outcome()) return;
    // The workload was done and now there is one again.
    outcome_told_ = false;
    status_readers_.set_line(running_line());
}

void Runtime::on_exchange(const std::vector<std::size_t>& to, std::size_t count) {
    control_.on_exchange(to, count);
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
        case SIGHUP:
            if (phase_ != Phase::running) break;
            journal_.info("SIGHUP: reloading");
            if (const auto begun = roster_.reload(Clock::now()); !begun.ok()) {
                journal_.error("reload: {}", begun.error().message);
            }
            break;
        case SIGINT: end_by(EndAction::reboot); break;
        case SIGUSR1: end_by(EndAction::halt); break;
        default: journal_.info("{} is ignored", signal_name(signal)); break;
    }
}

void Runtime::on_alarm() {
    const Time now = Clock::now();
    for (std::size_t index = 0; index < units_.size(); ++index) {
        units_[index]->on_alarm(now);
        if (!units_[index]->deadline || *units_[index]->deadline > now) continue;
        units_[index]->deadline.reset();
        supervisor_->handle(index, {Event::Kind::timer}, now);
        carry_out();
    }
    control_.on_alarm(now);
    if (reap_at_ && *reap_at_ <= now) {
        reap_at_.reset();
        reap();
    }
    if (!phase_deadline_ || *phase_deadline_ > now) return;
    phase_deadline_.reset();
    if (phase_ == Phase::stopping) {
        journal_.warning("services took too long to stop; killing what is left");
        begin_settle();
    } else if (phase_ == Phase::settling) {
        begin_linger();
    } else if (phase_ == Phase::lingering) {
        journal_.warning("readers did not take the rest of the log in time");
        phase_ = Phase::over;
    }
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

bool Runtime::log_files_written() const {
    return std::all_of(units_.begin(), units_.end(),
                       [](const auto& unit) { return unit->log_finished(); });
}

// What is left is killed at the end, also who writes log files: in the middle of it, lines would
// come twice.
void Runtime::begin_settle() {
    constexpr milliseconds kPatience{500};
    if (log_files_written()) return begin_linger();
    phase_ = Phase::settling;
    phase_deadline_ = Clock::now() + kPatience;
}

void Runtime::begin_linger() {
    constexpr std::size_t kLastWordsBytes = 1024 * 1024;  // the largest pipe there can be
    phase_ = Phase::lingering;
    phase_deadline_ = Clock::now() + booted_.settings.linger;
    control_.set_phase("lingering");
    for (const auto& unit : units_)
        unit->deadline.reset();
    ::kill(-1, SIGKILL);
    for (const auto& unit : units_)
        unit->drain_pipes(kLastWordsBytes);
    journal_.raw_line(end_line(end_));
    status_readers_.set_line(end_.final_line);
    farewell_.compose(end_, booted_, &*supervisor_, units_);
    status_readers_.set_epilogue(farewell_.as_status(end_.final_line));
    log_readers_.finish();
    status_readers_.finish();
}

void Runtime::arm() {
    std::optional<Time> soonest = phase_deadline_;
    const auto consider = [&soonest](const std::optional<Time>& other) {
        if (other && (!soonest || *other < *soonest)) soonest = other;
    };
    consider(control_.next_deadline());
    consider(reap_at_);
    for (const auto& unit : units_) {
        consider(unit->deadline);
        consider(unit->next_deadline());
    }
    reactor_.set_alarm(soonest);
}

}  // namespace initd
