// One service that says when it is ready, is watched, or is ended by initd for another reason than
// a request: every new event in every state, and the restart policy after it.
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <csignal>
#include <vector>

#include "service_bench.h"

using namespace initd;
using namespace initd::test;
using Kind = Action::Kind;
using namespace std::chrono_literals;

namespace {

constexpr Event kReady{Event::Kind::ready};
constexpr Event kTimer{Event::Kind::timer};
constexpr Event kStop{Event::Kind::stop};

Event with_amount(Event::Kind kind, milliseconds amount) {
    return {.kind = kind, .amount = amount};
}

Policy notifying() {
    Policy policy;
    policy.kind = ServiceKind::notify;
    policy.ready_timeout = 30s;
    policy.watchdog = 5s;
    return policy;
}

Bench in_state(State state) {
    Bench bench(notifying());
    if (state == State::idle) return bench;
    bench.at(0ms, {Event::Kind::requested});
    if (state == State::waiting) return bench;
    if (state == State::stopped) bench.at(0ms, kStop);
    if (state == State::failed) bench.at(0ms, {Event::Kind::requirement_failed});
    if (bench.service.ended()) return bench;
    bench.at(0ms, {Event::Kind::released});
    if (state == State::launching) return bench;
    bench.at(0ms, {Event::Kind::executed});
    if (state == State::starting) return bench;
    bench.at(0ms, kReady);
    if (state == State::finished) bench.at(0ms, exited(0));
    if (state == State::backing_off) bench.at(0ms, exited(1));
    if (state == State::stopping || state == State::killing) bench.at(0ms, kStop);
    if (state == State::killing) bench.at(10s, kTimer);
    return bench;
}

}  // namespace

TEST_CASE("the way of a service that announces into every state is the one assumed here") {
    for (const State state : kStates) {
        INFO(name_of(state));
        CHECK(in_state(state).state() == state);
    }
}

TEST_CASE("what a service says and what is found out of it counts only where it can") {
    struct Row {
        Event::Kind event;
        State in_starting, in_running;  // everywhere else nothing happens
    };
    constexpr Row kTable[] = {
        {Event::Kind::ready, State::running, State::running},
        {Event::Kind::never_ready, State::stopping, State::running},
        {Event::Kind::unhealthy, State::starting, State::stopping},
        {Event::Kind::lapsed, State::starting, State::stopping},
        {Event::Kind::alive, State::starting, State::running},
        {Event::Kind::set_watchdog, State::starting, State::running},
        {Event::Kind::extend, State::starting, State::running},
        {Event::Kind::announced_end, State::stopping, State::stopping},
    };
    for (const Row& row : kTable) {
        for (const State state : kStates) {
            Bench bench = in_state(state);
            const Actions actions = bench.at(20s, with_amount(row.event, 60s));
            INFO(name_of(state) << " event " << static_cast<int>(row.event));
            const State expected = state == State::starting  ? row.in_starting
                                   : state == State::running ? row.in_running
                                                             : state;
            CHECK(bench.state() == expected);
            const bool extends = row.event == Event::Kind::extend && state == State::stopping;
            if (state != State::starting && state != State::running && !extends) {
                CHECK(actions.size() == 0);
            }
        }
    }
}

TEST_CASE("a requirement that ends takes a service down wherever it stands") {
    struct Row {
        State state, failed, ended;
    };
    using enum State;
    constexpr Row kTable[] = {
        {idle, failed, stopped},         {waiting, failed, stopped},
        {launching, stopping, stopping}, {starting, stopping, stopping},
        {running, stopping, stopping},   {backing_off, failed, stopped},
        {stopping, stopping, stopping},  {killing, killing, killing},
        {stopped, stopped, stopped},     {finished, finished, finished},
        {failed, failed, failed},
    };
    for (const Row& row : kTable) {
        INFO(name_of(row.state));
        Bench failed = in_state(row.state);
        failed.at(20s, {Event::Kind::requirement_failed});
        CHECK(failed.state() == row.failed);
        Bench ended = in_state(row.state);
        ended.at(20s, {Event::Kind::requirement_ended});
        CHECK(ended.state() == row.ended);
    }
}

TEST_CASE("a service that announces is ready when it says so and not before") {
    for (const ServiceKind kind : {ServiceKind::notify, ServiceKind::ready_fd}) {
        Bench bench({.kind = kind, .ready_timeout = 3s});
        bench.at(0ms, {Event::Kind::requested});
        bench.at(0ms, {Event::Kind::released});
        CHECK(bench.armed(bench.at(1s, {Event::Kind::executed})) == 4s);
        CHECK_FALSE(bench.service.ready());
        CHECK(find(bench.at(2s, kReady), Kind::disarm_timer) != nullptr);
        CHECK(bench.service.ready());
    }
}

TEST_CASE("a simple service with a probe waits for it") {
    Bench bench({.probed = true, .ready_timeout = 3s});
    bench.run(0ms);
    CHECK(bench.state() == State::starting);
    bench.at(1s, kReady);
    CHECK(bench.state() == State::running);
}

TEST_CASE("who is not ready in time is stopped, and its restart policy decides") {
    Bench bench(notifying());
    bench.run(0ms);
    const Actions actions = bench.at(30s, kTimer);
    REQUIRE(find(actions, Kind::send_signal) != nullptr);
    CHECK(find(actions, Kind::send_signal)->signal == SIGTERM);
    CHECK(find(actions, Kind::report)->reason == Reason::ready_timeout);
    CHECK(bench.armed(actions) == 40s);
    // It obeys and exits with 0: a failure all the same.
    bench.at(31s, exited(0));
    CHECK(bench.state() == State::backing_off);
    CHECK(bench.service.ending().cause == Reason::ready_timeout);
    CHECK_FALSE(bench.service.ending().success());
    CHECK(bench.service.ending().exit_status() == 1);
}

TEST_CASE("who is not ready in time and may not be restarted has failed") {
    Policy policy = notifying();
    policy.restart = Restart::never;
    Bench bench(policy);
    bench.run(0ms);
    bench.at(30s, kTimer);
    CHECK(bench.service.failing());
    bench.at(40s, kTimer);
    CHECK(bench.state() == State::killing);
    bench.at(41s, {Event::Kind::ended, {Ending::How::signaled, SIGKILL, Step::none}});
    CHECK(bench.state() == State::failed);
    CHECK(bench.service.ending().exit_status() == 137);
}

TEST_CASE("a oneshot with a time-out has to end within it") {
    Bench bench({.kind = ServiceKind::oneshot, .ready_timeout = 2s, .restart = Restart::never});
    bench.run(0ms);
    bench.at(0ms, kReady);
    CHECK(bench.state() == State::starting);
    bench.at(2s, kTimer);
    CHECK(bench.state() == State::stopping);
    bench.at(2s, exited(0));
    CHECK(bench.state() == State::failed);
}

TEST_CASE("a oneshot that ends in time leaves no timer behind") {
    Bench bench({.kind = ServiceKind::oneshot, .ready_timeout = 2s, .restart = Restart::never});
    bench.run(0ms);
    CHECK(find(bench.at(1s, exited(0)), Kind::disarm_timer) != nullptr);
    CHECK(bench.service.ready());
}

TEST_CASE("a closed descriptor does not have to be waited for") {
    Bench bench({.kind = ServiceKind::ready_fd, .ready_timeout = 30s, .restart = Restart::never});
    bench.run(0ms);
    bench.at(1s, {Event::Kind::never_ready});
    bench.at(1s, exited(0));
    CHECK(bench.state() == State::failed);
    CHECK(bench.service.ending().cause == Reason::never_ready);
}

TEST_CASE("a watchdog begins with readiness, is fed, and bites once") {
    Bench bench(notifying());
    bench.run(0ms);
    CHECK(bench.armed(bench.at(10s, kReady)) == 15s);
    CHECK(bench.armed(bench.at(12s, {Event::Kind::alive})) == 17s);
    const Actions actions = bench.at(17s, kTimer);
    CHECK(find(actions, Kind::report)->reason == Reason::watchdog);
    CHECK(bench.state() == State::stopping);
    bench.at(17s, {Event::Kind::alive});
    bench.at(18s, exited(0));
    CHECK(bench.state() == State::backing_off);
    CHECK(bench.service.ending().cause == Reason::watchdog);
}

TEST_CASE("a service may ask for another watchdog, for this run") {
    Bench bench(notifying());
    bench.run(0ms);
    bench.at(0ms, with_amount(Event::Kind::set_watchdog, 2s));
    CHECK(bench.armed(bench.at(0ms, kReady)) == 2s);
    CHECK(bench.armed(bench.at(1s, with_amount(Event::Kind::set_watchdog, 20s))) == 21s);
    const Actions off = bench.at(2s, with_amount(Event::Kind::set_watchdog, 0s));
    CHECK(find(off, Kind::disarm_timer) != nullptr);
    bench.at(3s, kTimer);
    CHECK(bench.state() == State::running);
    bench.at(4s, exited(1));
    bench.at(5s, kTimer);
    bench.at(5s, {Event::Kind::executed});
    CHECK(bench.armed(bench.at(5s, kReady)) == 10s);
}

TEST_CASE("a service may ask for more time to start and to stop, never for less") {
    Bench bench(notifying());
    bench.run(0ms);
    CHECK(bench.armed(bench.at(1s, with_amount(Event::Kind::extend, 10s))) == 30s);
    CHECK(bench.armed(bench.at(20s, with_amount(Event::Kind::extend, 40s))) == 60s);
    bench.at(21s, kReady);
    CHECK(bench.armed(bench.at(22s, kStop)) == 32s);
    CHECK(bench.armed(bench.at(23s, with_amount(Event::Kind::extend, 30s))) == 53s);
}

TEST_CASE("a stop by request wins over initd's own reason to stop") {
    Bench bench(notifying());
    bench.run(0ms);
    bench.at(30s, kTimer);
    REQUIRE(bench.service.failing());
    CHECK(bench.at(31s, kStop).size() == 0);
    CHECK_FALSE(bench.service.failing());
    bench.at(32s, exited(0));
    CHECK(bench.state() == State::stopped);
    CHECK(bench.service.ending().cause == Reason::none);
}

TEST_CASE("a lost requirement ends it for good, as its failure did or without one") {
    Bench failed(notifying());
    failed.run(0ms);
    failed.at(1s, {Event::Kind::requirement_failed});
    failed.at(2s, exited(0));
    CHECK(failed.state() == State::failed);
    CHECK(failed.service.ending().exit_status() == 1);
    Bench ended(notifying());
    ended.run(0ms);
    ended.at(1s, {Event::Kind::requirement_ended});
    ended.at(2s, exited(1));
    CHECK(ended.state() == State::stopped);
}

TEST_CASE("an end that was announced is judged as any other") {
    Policy policy = notifying();
    policy.restart = Restart::on_failure;
    for (const int code : {0, 3}) {
        Bench bench(policy);
        bench.run(0ms);
        bench.at(1s, kReady);
        const Actions actions = bench.at(2s, {Event::Kind::announced_end});
        CHECK(find(actions, Kind::send_signal) == nullptr);
        CHECK(bench.armed(actions) == 12s);
        CHECK_FALSE(bench.service.ready());
        bench.at(3s, exited(code));
        CHECK(bench.state() == (code == 0 ? State::finished : State::backing_off));
        CHECK(bench.service.ending().cause == Reason::none);
    }
}

TEST_CASE("whoever announced its end and is then asked to stop gets the signal") {
    Bench bench(notifying());
    bench.run(0ms);
    bench.at(1s, kReady);
    bench.at(2s, {Event::Kind::announced_end});
    CHECK(find(bench.at(3s, kStop), Kind::send_signal) != nullptr);
    bench.at(4s, exited(3));
    CHECK(bench.state() == State::stopped);
}
