// One service as a pure state machine: events and the time go in, actions come out.
//
//   idle ----requested---> waiting --released--> launching --executed--> running  (simple)
//                             |                      |            \--> starting --> running, or
//                             | requirement_failed   | ended        ... the end of a oneshot
//                             v                      v
//                          failed   <--final-- (restart policy) --delay--> backing_off --timer-->
//   any live state --stop--> stopping --timer--> killing --ended--> stopped
//   starting, running --not ready in time, unhealthy, watchdog--> stopping ... (restart policy)
//
// It forks nothing, kills nothing, reads no clock and logs nothing: runtime.cpp does what the
// actions say. Whether a service may start is decided in supervisor.cpp. It allocates only in its
// constructor. Policies: service.yaml(5).
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "settings.h"

namespace initd {

using Time = std::chrono::steady_clock::time_point;

enum class State {
    idle,         // not asked for
    waiting,      // asked for, dependencies not ready
    launching,    // forked, the program does not run yet
    starting,     // the program runs and is not ready: a oneshot at work, or it has not said so
    running,      // ready
    backing_off,  // ended, will be started again when the timer fires
    stopping,     // the stop signal was sent
    killing,      // SIGKILL was sent to everything it started
    stopped,      // ended because it was asked to
    finished,     // ended by itself, successfully, and is not to be restarted
    failed,       // finally failed
};

// The child's last step before the program, for the report of a failure.
enum class Step {
    none,
    memory,  // from here to stdio: nothing that a service's file could be to blame for
    pipes,
    fork,
    session,
    cgroup,
    stdio,
    signals,
    limits,
    priority,
    oom_score,
    network,
    mounts,
    writable,
    read_only,
    inaccessible,
    tmp,
    capabilities,
    privileges,
    groups,
    group,
    user,
    folder,
    seccomp,
    exec,
};

// Why the state changed, for the log.
enum class Reason {
    none,
    requested,
    dependencies_ready,
    requirement_failed,
    requirement_ended,  // without a failure, or by request
    executed,
    ready,
    restarting,     // after a delay
    start_limit,    // it started too often
    not_restarted,  // the policy says so, or the program cannot be executed
    stop_requested,
    announced_end,     // the service said that it is about to end
    ready_timeout,     // it was not ready in time
    never_ready,       // it closed the descriptor without a word
    unhealthy,         // its health checks failed
    watchdog,          // it was silent for too long
    stop_timeout,      // it ignored the stop signal
    cannot_be_killed,  // it survived SIGKILL
};

struct Ending {
    enum class How { none, exited, signaled, cannot_start } how = How::none;
    int value = 0;  // exit code, signal or errno
    Step step = Step::none;
    Reason cause =
        Reason::none;  // why initd ended it, unless by request: a failure however it ends

    bool success() const { return how == How::exited && value == 0 && cause == Reason::none; }
    // As a shell would tell it: the code, 128 + signal, 127 or 126 for what cannot be executed.
    // Never 0 for a failure.
    int exit_status() const;
    friend bool operator==(const Ending&, const Ending&) = default;
};

struct Event {
    enum class Kind {
        requested,           // start it when its dependencies allow
        released,            // its dependencies are ready
        requirement_failed,  // one that it requires never will be ready, or is not any more
        requirement_ended,   // one that it requires ended without a failure
        executed,            // the child runs the program
        ready,               // it says so, or the probe
        never_ready,         // it cannot say so any more
        unhealthy,           // its health checks failed
        lapsed,              // it says that its watchdog should bite
        alive,               // it feeds its watchdog
        set_watchdog,        // it wants another `amount`, 0 for none
        extend,              // it wants `amount` more from now on, to get ready or to end
        announced_end,       // it says that it is about to end
        ended,               // the child is gone, or there was none (Ending::cannot_start)
        timer,               // the armed timer fired
        stop,
    } kind;
    Ending ending{};         // of `ended`
    milliseconds amount{0};  // of set_watchdog and extend
};

struct Action {
    enum class Kind { spawn, send_signal, kill_group, arm_timer, disarm_timer, report } kind;
    int signal = 0;                // of send_signal
    Time at{};                     // of arm_timer
    Reason reason = Reason::none;  // of report
    milliseconds delay{0};         // of report: until the next start
};

// At most kMost actions come out of one event; it lives on the stack.
class Actions {
  public:
    static constexpr std::size_t kMost = 6;
    void add(const Action& action) {
        if (count_ < kMost) actions_[count_++] = action;
    }
    const Action* begin() const { return actions_.data(); }
    const Action* end() const { return actions_.data() + count_; }
    std::size_t size() const { return count_; }

  private:
    std::array<Action, kMost> actions_{};
    std::size_t count_ = 0;
};

class Service {
  public:
    explicit Service(const Policy& policy);

    // Goes on where `other` is, by the policy given at construction. Allocates nothing.
    void adopt(const Service& other);

    // An event that has no meaning in the present state changes nothing and returns no action.
    Actions handle(const Event& event, Time now);

    State state() const { return state_; }
    // How the last child ended.
    const Ending& ending() const { return ending_; }
    unsigned starts() const { return starts_; }

    bool ready() const {
        return state_ == State::running ||
               (state_ == State::finished && policy_.kind == ServiceKind::oneshot);
    }
    // It will not run again by itself.
    bool ended() const {
        return state_ == State::stopped || state_ == State::finished || state_ == State::failed;
    }
    // It is being stopped, yet not by request: a stop is still news to it.
    bool failing() const {
        return (state_ == State::stopping || state_ == State::killing) && cause_ != Reason::none;
    }
    // There is, or may be, a child.
    bool live() const {
        return state_ == State::launching || state_ == State::starting ||
               state_ == State::running || state_ == State::stopping || state_ == State::killing;
    }

  private:
    void enter(State state, Reason reason, Actions& out, milliseconds delay = {});
    void launch(Time now, Reason reason, Actions& out);
    void on_ended(const Ending& ending, Time now, Actions& out);
    void on_timer(Time now, Actions& out);
    void on_stop(Time now, Actions& out);
    void on_executed(Time now, Actions& out);
    void on_requirement_lost(Reason reason, Time now, Actions& out);
    void become_ready(Reason reason, Time now, Actions& out);
    void fail(Reason cause, Time now, Actions& out);
    void begin_stop(Reason reason, Time now, Actions& out);
    void finish_stop(const Ending& ending, Time now, Actions& out);
    void arm(Time at, Actions& out);
    void disarm(Actions& out);
    void restart_or_end(Time now, Actions& out);
    bool wants_restart() const;
    bool within_start_limit(Time now) const;
    void note_start(Time at);

    Policy policy_;
    State state_ = State::idle;
    Ending ending_;
    unsigned starts_ = 0;
    bool unkillable_ = false;      // the last child outlived SIGKILL and is still there
    Reason cause_ = Reason::none;  // of the stop that is under way, unless it was requested
    Time launched_at_{};
    Time timer_at_{};
    bool armed_ = false;
    milliseconds watchdog_{0};
    milliseconds next_delay_;
    std::vector<Time> recent_starts_;  // as many as the limit's burst, a ring
    std::size_t oldest_start_ = 0;
};

const char* name_of(State state);
const char* name_of(Reason reason);
const char* name_of(Step step);

}  // namespace initd
