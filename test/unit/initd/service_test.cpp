// One service: every state against every event, and the policies.
#include "service.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "service_bench.h"

using namespace initd;
using namespace initd::test;
using Kind = Action::Kind;
using namespace std::chrono_literals;

namespace {

constexpr Event kRequested{Event::Kind::requested};
constexpr Event kReleased{Event::Kind::released};
constexpr Event kExecuted{Event::Kind::executed};
constexpr Event kTimer{Event::Kind::timer};
constexpr Event kStop{Event::Kind::stop};
constexpr Event kRequirementFailed{Event::Kind::requirement_failed};

Event signaled(int signal) {
    return {Event::Kind::ended, {Ending::How::signaled, signal, Step::none}};
}
Event cannot_start(Step step, int errno_value) {
    return {Event::Kind::ended, {Ending::How::cannot_start, errno_value, step}};
}

std::vector<Kind> kinds(const Actions& actions) {
    std::vector<Kind> kinds;
    for (const Action& action : actions) {
        if (action.kind != Kind::report) kinds.push_back(action.kind);
    }
    return kinds;
}

Reason last_reason(const Actions& actions) {
    Reason reason = Reason::none;
    for (const Action& action : actions) {
        if (action.kind == Kind::report) reason = action.reason;
    }
    return reason;
}

// Brings a fresh service into each state.
Bench in_state(State state) {
    Policy policy;
    if (state == State::starting) policy.kind = ServiceKind::oneshot;
    Bench bench(policy);
    if (state == State::idle) return bench;
    bench.at(0ms, kRequested);
    if (state == State::waiting) return bench;
    if (state == State::stopped) {
        bench.at(0ms, kStop);
        return bench;
    }
    bench.at(0ms, kReleased);
    if (state == State::launching) return bench;
    bench.at(0ms, kExecuted);
    if (state == State::starting || state == State::running) return bench;
    if (state == State::finished) bench.at(0ms, exited(0));
    if (state == State::backing_off) bench.at(0ms, exited(1));
    if (state == State::failed) {
        bench = Bench();
        bench.at(0ms, kRequested);
        bench.at(0ms, kRequirementFailed);
    }
    if (state == State::stopping || state == State::killing) bench.at(0ms, kStop);
    if (state == State::killing) bench.at(10s, kTimer);
    return bench;
}

}  // namespace

TEST_CASE("the way into every state is the one the other tests assume") {
    for (const State state : kStates) {
        INFO(name_of(state));
        CHECK(in_state(state).service.state() == state);
    }
}

TEST_CASE("every event in every state leads where the table says") {
    struct Row {
        State state;
        State requested, released, requirement_failed, executed, exited_0, exited_1, timer, stop;
    };
    using enum State;
    // The oneshot in `starting` is never restarted after success and, here, restarted on failure.
    constexpr Row kTable[] = {
        // state       requested   released    req_failed  executed    exited 0    exited 1    timer
        // stop
        {idle, waiting, idle, failed, idle, idle, idle, idle, idle},
        {waiting, waiting, launching, failed, waiting, waiting, waiting, waiting, stopped},
        {launching, launching, launching, stopping, running, finished, backing_off, launching,
         stopping},
        {starting, starting, starting, stopping, starting, finished, backing_off, starting,
         stopping},
        {running, running, running, stopping, running, finished, backing_off, running, stopping},
        {backing_off, backing_off, backing_off, failed, backing_off, backing_off, backing_off,
         launching, stopped},
        {stopping, stopping, stopping, stopping, stopping, stopped, stopped, killing, stopping},
        {killing, killing, killing, killing, killing, stopped, stopped, failed, killing},
        {stopped, waiting, stopped, stopped, stopped, stopped, stopped, stopped, stopped},
        {finished, waiting, finished, finished, finished, finished, finished, finished, finished},
        {failed, waiting, failed, failed, failed, failed, failed, failed, failed},
    };
    for (const Row& row : kTable) {
        const std::pair<Event, State> cases[] = {
            {kRequested, row.requested},
            {kReleased, row.released},
            {kRequirementFailed, row.requirement_failed},
            {kExecuted, row.executed},
            {exited(0), row.exited_0},
            {exited(1), row.exited_1},
            {kTimer, row.timer},
            {kStop, row.stop},
        };
        for (const auto& [event, expected] : cases) {
            Bench bench = in_state(row.state);
            const Actions actions = bench.at(20s, event);
            INFO(name_of(row.state) << " event " << static_cast<int>(event.kind));
            CHECK(bench.service.state() == expected);
            // Whoever does not move does nothing.
            if (row.state == expected) CHECK(actions.size() == 0);
        }
    }
}

TEST_CASE("a simple service is ready as soon as its program runs") {
    Bench bench;
    CHECK(kinds(bench.at(0ms, kRequested)).empty());
    CHECK(kinds(bench.at(0ms, kReleased)) == std::vector{Kind::spawn});
    CHECK_FALSE(bench.service.ready());
    bench.at(1ms, kExecuted);
    CHECK(bench.service.ready());
    CHECK(bench.service.live());
}

TEST_CASE("a oneshot is ready once it succeeded") {
    Bench bench({.kind = ServiceKind::oneshot, .restart = Restart::never});
    bench.run(0ms);
    CHECK_FALSE(bench.service.ready());
    bench.at(1s, exited(0));
    CHECK(bench.service.ready());
    CHECK(bench.service.ended());
}

TEST_CASE("a failed oneshot is never ready") {
    Bench bench({.kind = ServiceKind::oneshot, .restart = Restart::never});
    bench.run(0ms);
    bench.at(1s, exited(3));
    CHECK(bench.service.state() == State::failed);
    CHECK_FALSE(bench.service.ready());
    CHECK(bench.service.ending().exit_status() == 3);
}

TEST_CASE("the restart policy decides by success") {
    struct Row {
        Restart restart;
        bool after_success, after_failure;
    };
    for (const Row& row :
         {Row{Restart::never, false, false}, Row{Restart::on_failure, false, true},
          Row{Restart::on_success, true, false}, Row{Restart::always, true, true}}) {
        for (const bool success : {true, false}) {
            Bench bench({.restart = row.restart});
            bench.run(0ms);
            bench.at(1ms, success ? exited(0) : signaled(SIGSEGV));
            const bool again = success ? row.after_success : row.after_failure;
            CHECK((bench.service.state() == State::backing_off) == again);
            if (!again) CHECK(bench.service.state() == (success ? State::finished : State::failed));
        }
    }
}

TEST_CASE("delays double up to the longest and start anew after a long run") {
    Policy policy;
    policy.backoff = {.initial = 100ms, .maximum = 350ms, .factor = 2, .reset_after = 60s};
    policy.start_limit.burst = 0;
    Bench bench(policy);
    bench.run(0ms);
    milliseconds now = 0ms;
    for (const milliseconds expected : {100ms, 200ms, 350ms, 350ms}) {
        const Actions actions = bench.at(now, exited(1));
        REQUIRE(find(actions, Kind::arm_timer) != nullptr);
        CHECK(find(actions, Kind::arm_timer)->at == Time{} + 1h + now + expected);
        CHECK(find(actions, Kind::report)->delay == expected);
        now += expected;
        CHECK(kinds(bench.at(now, kTimer)) == std::vector{Kind::spawn});
        bench.at(now, kExecuted);
    }
    now += 60s;
    CHECK(find(bench.at(now, exited(1)), Kind::report)->delay == 100ms);
}

TEST_CASE("without a delay the restart is immediate") {
    Policy policy;
    policy.backoff.initial = 0ms;
    policy.backoff.maximum = 0ms;
    Bench bench(policy);
    bench.run(0ms);
    CHECK(kinds(bench.at(1ms, exited(1))) == std::vector{Kind::spawn});
    CHECK(bench.service.state() == State::launching);
    CHECK(bench.service.starts() == 2);
}

TEST_CASE("too many starts within the interval are the end, slow ones are not") {
    Policy policy;
    policy.backoff = {.initial = 10ms, .maximum = 10ms, .factor = 1, .reset_after = 60s};
    policy.start_limit = {.burst = 3, .interval = 1s};
    Bench fast(policy), slow(policy);
    fast.run(0ms);
    slow.run(0ms);
    milliseconds now = 0ms;
    for (int start = 2; start <= 3; ++start) {
        fast.at(now, exited(1));
        now += 10ms;
        fast.at(now, kTimer);
        fast.at(now, kExecuted);
    }
    CHECK(last_reason(fast.at(now, exited(1))) == Reason::start_limit);
    CHECK(fast.service.state() == State::failed);
    CHECK(fast.service.starts() == 3);

    now = 0ms;
    for (int start = 2; start <= 20; ++start) {
        slow.at(now, exited(1));
        REQUIRE(slow.service.state() == State::backing_off);
        now += 501ms;
        slow.at(now, kTimer);
        slow.at(now, kExecuted);
    }
}

TEST_CASE("a new request forgets the starts before it") {
    Policy policy;
    policy.start_limit = {.burst = 1, .interval = 1h};
    Bench bench(policy);
    bench.run(0ms);
    bench.at(0ms, exited(1));
    REQUIRE(bench.service.state() == State::failed);
    bench.run(1ms);
    CHECK(bench.service.state() == State::running);
}

TEST_CASE("a program that cannot be executed is not tried again, a full machine is") {
    Bench missing, full;
    missing.at(0ms, kRequested);
    missing.at(0ms, kReleased);
    missing.at(0ms, cannot_start(Step::exec, ENOENT));
    CHECK(missing.service.state() == State::failed);
    CHECK(missing.service.ending().exit_status() == 127);
    full.at(0ms, kRequested);
    full.at(0ms, kReleased);
    full.at(0ms, cannot_start(Step::fork, EAGAIN));
    CHECK(full.service.state() == State::backing_off);
}

TEST_CASE("what is no service's fault is tried again, whatever the reason") {
    for (const Step step : {Step::pipes, Step::fork, Step::cgroup, Step::stdio}) {
        Bench bench;
        bench.at(0ms, kRequested);
        bench.at(0ms, kReleased);
        bench.at(0ms, cannot_start(step, EACCES));
        CHECK(bench.service.state() == State::backing_off);
    }
}

TEST_CASE("stop sends the signal, then kills, then gives up") {
    Policy policy;
    policy.stop = {.signal = SIGQUIT, .timeout = 3s};
    Bench bench(policy);
    bench.run(0ms);
    const Actions stopping = bench.at(1s, kStop);
    CHECK(kinds(stopping) == std::vector{Kind::send_signal, Kind::arm_timer});
    CHECK(find(stopping, Kind::send_signal)->signal == SIGQUIT);
    CHECK(find(stopping, Kind::arm_timer)->at == Time{} + 1h + 4s);
    const Actions killing = bench.at(4s, kTimer);
    CHECK(kinds(killing) == std::vector{Kind::kill_group, Kind::arm_timer});
    CHECK(last_reason(killing) == Reason::stop_timeout);
    CHECK(last_reason(bench.at(9s, kTimer)) == Reason::cannot_be_killed);
    CHECK(bench.service.ended());
}

TEST_CASE("a service that was stopped stays down whatever its policy") {
    Bench bench({.restart = Restart::always});
    bench.run(0ms);
    bench.at(1s, kStop);
    CHECK(kinds(bench.at(2s, signaled(SIGTERM))) == std::vector{Kind::disarm_timer});
    CHECK(bench.service.state() == State::stopped);
    CHECK(bench.service.ending().how == Ending::How::signaled);
}

TEST_CASE("a stop between two starts cancels the next") {
    Bench bench;
    bench.run(0ms);
    bench.at(0ms, exited(1));
    CHECK(kinds(bench.at(1ms, kStop)) == std::vector{Kind::disarm_timer});
    CHECK(kinds(bench.at(100ms, kTimer)).empty());
    CHECK(bench.service.state() == State::stopped);
}

TEST_CASE("exit statuses are those of a shell") {
    CHECK(Ending{Ending::How::exited, 42, Step::none}.exit_status() == 42);
    CHECK(Ending{Ending::How::signaled, SIGKILL, Step::none}.exit_status() == 137);
    CHECK(Ending{Ending::How::cannot_start, ENOENT, Step::exec}.exit_status() == 127);
    CHECK(Ending{Ending::How::cannot_start, EACCES, Step::exec}.exit_status() == 126);
    CHECK(Ending{Ending::How::cannot_start, ENOENT, Step::folder}.exit_status() == 126);
}
