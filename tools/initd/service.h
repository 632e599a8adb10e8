// One service as a pure state machine: events and the time go in, actions come out.
//
//   idle ----requested---> waiting --released--> launching --executed--> running   (simple)
//                             |                      |            \--> starting     (oneshot)
//                             | requirement_failed   | ended        ... ended
//                             v                      v
//                          failed   <--final-- (restart policy) --delay--> backing_off --timer-->
//   any live state --stop--> stopping --timer--> killing --ended--> stopped
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
    starting,     // the program runs, it is not ready: a oneshot at work
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
    memory,
    pipes,
    fork,
    session,
    cgroup,
    stdio,
    signals,
    limits,
    privileges,
    groups,
    group,
    user,
    folder,
    exec,
};

struct Ending {
    enum class How { none, exited, signaled, cannot_start } how = How::none;
    int value = 0;  // exit code, signal or errno
    Step step = Step::none;

    bool success() const { return how == How::exited && value == 0; }
    // As a shell would tell it: the code, 128 + signal, 127 or 126 for what cannot be executed.
    int exit_status() const;
    friend bool operator==(const Ending&, const Ending&) = default;
};

struct Event {
    enum class Kind {
        requested,           // start it when its dependencies allow
        released,            // its dependencies are ready
        requirement_failed,  // one that it requires never will be
        executed,            // the child runs the program
        ended,               // the child is gone, or there was none (Ending::cannot_start)
        timer,               // the armed timer fired
        stop,
    } kind;
    Ending ending{};  // of `ended`
};

// Why the state changed, for the log.
enum class Reason {
    none,
    requested,
    dependencies_ready,
    requirement_failed,
    executed,
    restarting,     // after a delay
    start_limit,    // it started too often
    not_restarted,  // the policy says so, or the program cannot be executed
    stop_requested,
    stop_timeout,      // it ignored the stop signal
    cannot_be_killed,  // it survived SIGKILL
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
    void restart_or_end(Time now, Actions& out);
    bool wants_restart() const;
    bool within_start_limit(Time now) const;

    Policy policy_;
    State state_ = State::idle;
    Ending ending_;
    unsigned starts_ = 0;
    bool unkillable_ = false;  // the last child outlived SIGKILL and is still there
    Time launched_at_{};
    milliseconds next_delay_;
    std::vector<Time> recent_starts_;  // as many as the limit's burst, a ring
    std::size_t oldest_start_ = 0;
};

const char* name_of(State state);
const char* name_of(Reason reason);
const char* name_of(Step step);

}  // namespace initd
