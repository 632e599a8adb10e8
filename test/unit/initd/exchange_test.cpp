// The exchange of the table of services: who goes down, who goes on, who comes.
#include <catch2/catch_test_macros.hpp>

#include <vector>

#include "supervisor.h"

using namespace initd;
using Kind = Action::Kind;
using Ids = std::vector<std::size_t>;

namespace {

const Policy kSimple{.restart = Restart::never};
constexpr Time kNow = Time{} + std::chrono::hours(1);
const std::vector<std::vector<Gate>> kOneRequiresZero = {{}, {{0, true}}, {}};

void take(Supervisor& supervisor, Ids& spawned, Ids& signaled) {
    while (const auto action = supervisor.next_action()) {
        if (action->action.kind == Kind::send_signal) signaled.push_back(action->service);
        if (action->action.kind != Kind::spawn) continue;
        spawned.push_back(action->service);
        supervisor.handle(action->service, {Event::Kind::executed}, kNow);
    }
}

struct Bench {
    explicit Bench(const std::vector<Plan>& plans = {{kSimple}, {kSimple}, {kSimple}},
                   std::vector<std::vector<Gate>> gates = kOneRequiresZero)
        : supervisor(plans, std::move(gates)) {
        supervisor.start_all(kNow);
        take();
        spawned.clear();
    }
    void take() { ::take(supervisor, spawned, signaled); }
    void end(std::size_t index, int code = 0) {
        supervisor.handle(index, {Event::Kind::ended, {Ending::How::exited, code, Step::none}},
                          kNow);
        take();
    }
    State state(std::size_t index) const { return supervisor.service(index).state(); }

    Supervisor supervisor;
    Ids spawned;
    Ids signaled;
};

}  // namespace

TEST_CASE("a withdrawn service goes down alone and comes back by nobody's request") {
    Bench bench;
    bench.supervisor.withdraw(0);
    bench.supervisor.settle_all(kNow);
    bench.take();
    CHECK(bench.signaled == Ids{0});
    CHECK_FALSE(bench.supervisor.cleared());
    bench.end(0);
    CHECK(bench.supervisor.cleared());
    CHECK(bench.state(1) == State::running);
    CHECK(bench.supervisor.obstacle(1) == 0);
    bench.supervisor.start(0, kNow);
    bench.supervisor.restart(0, kNow);
    bench.supervisor.start(1, kNow);
    bench.take();
    CHECK(bench.spawned.empty());
    CHECK(bench.state(0) == State::stopped);
}

TEST_CASE("those withdrawn together go down in the order of a stop") {
    Bench bench;
    bench.supervisor.withdraw(0);
    bench.supervisor.withdraw(1);
    bench.supervisor.settle_all(kNow);
    bench.take();
    CHECK(bench.signaled == Ids{1});
    bench.end(1);
    CHECK(bench.signaled == Ids{1, 0});
}

TEST_CASE("a restart of another service does not wait for one that is withdrawn") {
    Bench bench;
    bench.supervisor.withdraw(0);
    bench.supervisor.settle_all(kNow);
    bench.supervisor.restart(2, kNow);
    bench.take();
    bench.end(2);
    CHECK(bench.spawned == Ids{2});
    CHECK(bench.state(0) == State::stopping);
}

TEST_CASE("the workload is not over while a service is withdrawn") {
    Bench bench({{kSimple}}, {});
    bench.supervisor.withdraw(0);
    bench.supervisor.settle_all(kNow);
    bench.end(0);
    CHECK_FALSE(bench.supervisor.outcome());
}

TEST_CASE("a new supervisor goes on where the old one was, under new numbers") {
    Policy restarted;
    restarted.restart = Restart::always;
    Bench old({{kSimple}, {restarted}, {kSimple}}, {});
    old.end(0, 3);
    old.end(1, 1);
    old.supervisor.disable(2, kNow);
    old.take();
    old.end(2);
    REQUIRE(old.state(1) == State::backing_off);

    // Zero goes, one and two move to the front, the last is new.
    Supervisor fresh({{restarted}, {kSimple}, {kSimple}}, {});
    fresh.adopt(old.supervisor, {1, 2, kNobody});
    CHECK(fresh.service(0).state() == State::backing_off);
    CHECK(fresh.service(0).starts() == 1);
    CHECK(fresh.service(1).state() == State::stopped);
    CHECK_FALSE(fresh.enabled(1));
    CHECK(fresh.held(1));
    CHECK(fresh.service(2).state() == State::idle);
    fresh.want(1, kNow);
    fresh.want(2, kNow);
    fresh.settle_all(kNow);
    Ids spawned, signaled;
    take(fresh, spawned, signaled);
    CHECK(spawned == Ids{2});
    fresh.handle(0, {Event::Kind::timer}, kNow);
    take(fresh, spawned, signaled);
    CHECK(spawned == Ids{2, 0});
    CHECK(fresh.service(0).starts() == 2);
}

TEST_CASE("start limits are counted on across an exchange, whatever their new burst") {
    Policy policy;
    policy.restart = Restart::always;
    policy.backoff.initial = milliseconds(0);
    policy.start_limit.burst = 3;
    for (const unsigned burst : {2U, 3U, 5U}) {
        Bench old({{policy}}, {});
        old.end(0, 1);
        REQUIRE(old.supervisor.service(0).starts() == 2);
        Policy changed = policy;
        changed.start_limit.burst = burst;
        Supervisor fresh({{changed}}, {});
        fresh.adopt(old.supervisor, {0});
        Ids spawned, signaled;
        while (fresh.service(0).state() != State::failed) {
            fresh.handle(0, {Event::Kind::ended, {Ending::How::exited, 1, Step::none}}, kNow);
            take(fresh, spawned, signaled);
        }
        INFO(burst);
        CHECK(fresh.service(0).starts() == burst);
    }
}

TEST_CASE("a stop that is under way goes on after the exchange") {
    Bench old;
    old.supervisor.stop(0, kNow);
    old.take();
    REQUIRE(old.signaled == Ids{1});
    Supervisor fresh({{kSimple}, {kSimple}}, {{}, {{0, true}}});
    fresh.adopt(old.supervisor, {0, 1});
    Ids spawned, signaled;
    fresh.handle(1, {Event::Kind::ended, {Ending::How::exited, 0, Step::none}}, kNow);
    take(fresh, spawned, signaled);
    CHECK(signaled == Ids{0});
}

TEST_CASE("what is no part of the workload neither keeps it going nor is its failure") {
    Bench bench({{kSimple}, {.policy = kSimple, .transient = true}}, {});
    bench.end(1, 9);
    CHECK_FALSE(bench.supervisor.outcome());
    bench.supervisor.start(1, kNow);
    bench.supervisor.stop(1, kNow);
    bench.take();
    bench.end(0);
    REQUIRE(bench.supervisor.outcome());
    CHECK_FALSE(bench.supervisor.outcome()->service);
}
