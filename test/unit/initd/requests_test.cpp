// Requests from outside: what goes down with a service, what comes back, and what ends nothing.
#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "supervisor.h"

using namespace initd;
using Kind = Action::Kind;
using Ids = std::vector<std::size_t>;

namespace {

const Policy kSimple{.restart = Restart::never};
const Policy kOneshot{.kind = ServiceKind::oneshot, .restart = Restart::never};
constexpr Time kNow = Time{} + std::chrono::hours(1);

// Services whose programs start at once and end when they are told.
struct Bench {
    Bench(const std::vector<Plan>& plans, std::vector<std::vector<Gate>> gates)
        : supervisor(plans, std::move(gates)) {
        supervisor.start_all(kNow);
        take();
        spawned.clear();
    }
    // Carries out what is asked; signals are left unanswered.
    void take() {
        while (const auto action = supervisor.next_action()) {
            if (action->action.kind == Kind::send_signal) signaled.push_back(action->service);
            if (action->action.kind != Kind::spawn) continue;
            spawned.push_back(action->service);
            supervisor.handle(action->service, {Event::Kind::executed}, kNow);
        }
    }
    void end(std::size_t index, int code = 0) {
        supervisor.handle(index, {Event::Kind::ended, {Ending::How::exited, code, Step::none}},
                          kNow);
        take();
    }
    void request(void (Supervisor::*what)(std::size_t, Time), std::size_t index) {
        spawned.clear();
        signaled.clear();
        (supervisor.*what)(index, kNow);
        take();
    }
    State state(std::size_t index) const { return supervisor.service(index).state(); }

    Supervisor supervisor;
    Ids spawned;
    Ids signaled;
};

// 2 requires 1, 1 requires 0, 3 only follows 0.
Bench chain() {
    return Bench({{kSimple}, {kSimple}, {kSimple}, {kSimple}},
                 {{}, {{0, true}}, {{1, true}}, {{0, false}}});
}

}  // namespace

TEST_CASE("a stop takes those that require the service first, and leaves others alone") {
    Bench bench = chain();
    bench.request(&Supervisor::stop, 0);
    CHECK(bench.signaled == Ids{2});
    bench.end(2);
    CHECK(bench.signaled == Ids{2, 1});
    CHECK(bench.supervisor.moving(0));
    bench.end(1);
    CHECK(bench.signaled == Ids{2, 1, 0});
    bench.end(0);
    CHECK_FALSE(bench.supervisor.moving(0));
    CHECK(bench.state(0) == State::stopped);
    CHECK(bench.state(3) == State::running);
    CHECK(bench.spawned.empty());
}

TEST_CASE("a stop reaches what requires the service through one that has ended") {
    Bench bench({{kSimple}, {kOneshot}, {kSimple}}, {{}, {{0, true}}, {{1, true}}});
    bench.end(1);
    REQUIRE(bench.state(2) == State::running);
    bench.request(&Supervisor::stop, 0);
    CHECK(bench.signaled == Ids{2});
    bench.end(2);
    CHECK(bench.signaled == Ids{2, 0});
    CHECK(bench.state(1) == State::finished);
}

TEST_CASE("what was stopped by request does not end the workload, what then ends by itself does") {
    Bench bench({{kSimple}}, {});
    bench.request(&Supervisor::stop, 0);
    bench.end(0);
    CHECK_FALSE(bench.supervisor.outcome());
    bench.request(&Supervisor::start, 0);
    CHECK(bench.spawned == Ids{0});
    CHECK(bench.state(0) == State::running);
    bench.end(0);
    REQUIRE(bench.supervisor.outcome());
    CHECK(bench.supervisor.outcome()->kind == Outcome::Kind::workload_done);
}

TEST_CASE("a restart brings back what it took along, in order, and only once all are down") {
    Bench bench = chain();
    bench.request(&Supervisor::restart, 0);
    CHECK(bench.signaled == Ids{2});
    bench.end(2);
    CHECK(bench.spawned.empty());
    bench.end(1);
    CHECK(bench.spawned.empty());
    bench.end(0);
    CHECK(bench.spawned == Ids{0, 1, 2});
    for (const std::size_t index : {0U, 1U, 2U}) {
        CHECK(bench.state(index) == State::running);
        CHECK(bench.supervisor.service(index).starts() == 2);
    }
    CHECK(bench.supervisor.service(3).starts() == 1);
}

TEST_CASE("a restart of a service that is down starts it") {
    Bench bench({{kSimple}, {kSimple}}, {});
    bench.end(0, 1);
    REQUIRE(bench.state(0) == State::failed);
    bench.request(&Supervisor::restart, 0);
    CHECK(bench.spawned == Ids{0});
    CHECK(bench.signaled.empty());
}

TEST_CASE("a start asks for what the service requires, and leaves what runs alone") {
    Bench bench = chain();
    bench.request(&Supervisor::stop, 0);
    for (const std::size_t index : {2U, 1U, 0U})
        bench.end(index);
    bench.request(&Supervisor::start, 2);
    CHECK(bench.spawned == Ids{0, 1, 2});
    bench.request(&Supervisor::start, 2);
    CHECK(bench.spawned.empty());
}

TEST_CASE("a start of a service that is being stopped brings it back after its end") {
    Bench bench({{kSimple}}, {});
    bench.request(&Supervisor::stop, 0);
    bench.request(&Supervisor::start, 0);
    CHECK(bench.spawned.empty());
    bench.end(0);
    CHECK(bench.spawned == Ids{0});
    CHECK_FALSE(bench.supervisor.outcome());
}

TEST_CASE("a stop while a restart is under way wins") {
    Bench bench({{kSimple}}, {});
    bench.request(&Supervisor::restart, 0);
    bench.request(&Supervisor::stop, 0);
    bench.end(0);
    CHECK(bench.spawned.empty());
    CHECK(bench.state(0) == State::stopped);
    CHECK_FALSE(bench.supervisor.outcome());
}

TEST_CASE("a disabled service is stopped and named as the obstacle until it is enabled") {
    Bench bench = chain();
    bench.request(&Supervisor::disable, 1);
    bench.end(2);
    bench.end(1);
    CHECK(bench.supervisor.obstacle(2) == 1);
    CHECK(bench.supervisor.obstacle(0) == std::nullopt);
    bench.supervisor.allow(1);
    bench.request(&Supervisor::start, 1);
    CHECK(bench.spawned == Ids{1});
    CHECK(bench.supervisor.obstacle(2) == std::nullopt);
}

TEST_CASE("a broken requirement is named as the obstacle") {
    Bench bench({{kSimple, false, true, true}, {kSimple}, {kSimple}}, {{}, {{0, true}}});
    CHECK(bench.supervisor.obstacle(1) == 0);
}

TEST_CASE("a service that waits is stopped without a signal") {
    Bench bench({{kOneshot}, {kSimple}}, {{}, {{0, true}}});
    REQUIRE(bench.state(1) == State::waiting);
    bench.request(&Supervisor::stop, 1);
    CHECK(bench.state(1) == State::stopped);
    CHECK(bench.signaled.empty());
    bench.end(0);
    CHECK(bench.spawned.empty());
}

TEST_CASE("requests are without effect once everything is being stopped") {
    Bench bench({{kSimple}, {kSimple}}, {});
    bench.end(0, 1);
    bench.supervisor.shut_down(kNow);
    bench.take();
    bench.request(&Supervisor::start, 0);
    bench.request(&Supervisor::restart, 1);
    CHECK(bench.spawned.empty());
    bench.end(1);
    CHECK(bench.spawned.empty());
    CHECK(bench.supervisor.all_down());
}

TEST_CASE("a service whose child outlived SIGKILL is not started beside it") {
    Bench bench({{kSimple}, {kSimple}}, {});
    bench.request(&Supervisor::stop, 0);
    bench.supervisor.handle(0, {Event::Kind::timer}, kNow);
    bench.supervisor.handle(0, {Event::Kind::timer}, kNow);
    bench.take();
    REQUIRE(bench.state(0) == State::failed);
    bench.request(&Supervisor::start, 0);
    CHECK(bench.spawned.empty());
    bench.end(0);
    bench.request(&Supervisor::start, 0);
    CHECK(bench.spawned == Ids{0});
}

TEST_CASE("a requirement that finally fails takes its requirers down, the last ones first") {
    Bench bench = chain();
    bench.signaled.clear();
    bench.end(0, 1);
    CHECK(bench.state(0) == State::failed);
    CHECK(bench.signaled == Ids{2});
    CHECK(bench.supervisor.lost_requirement(1) == 0);
    bench.end(2);
    CHECK(bench.signaled == Ids{2, 1});
    bench.end(1);
    CHECK(bench.state(1) == State::failed);
    CHECK(bench.state(2) == State::failed);
    CHECK(bench.state(3) == State::running);
    CHECK_FALSE(bench.supervisor.moving(1));
    CHECK(bench.supervisor.service(2).ending().exit_status() == 1);
}

TEST_CASE("a requirement that ends well takes its requirers down without a failure") {
    Bench bench = chain();
    bench.end(0, 0);
    bench.end(2);
    bench.end(1, 143);
    CHECK(bench.state(0) == State::finished);
    CHECK(bench.state(1) == State::stopped);
    CHECK(bench.state(2) == State::stopped);
    bench.end(3);
    REQUIRE(bench.supervisor.outcome());
    CHECK_FALSE(bench.supervisor.outcome()->service);
}

TEST_CASE("a requirement between two restarts is not lost") {
    Policy restarted;
    restarted.restart = Restart::on_failure;
    Bench bench({{restarted}, {kSimple}}, {{}, {{0, true}}});
    bench.signaled.clear();
    bench.end(0, 1);
    CHECK(bench.state(0) == State::backing_off);
    CHECK(bench.state(1) == State::running);
    CHECK(bench.signaled.empty());
}

TEST_CASE("a critical service that loses its requirement ends the enclave with a failure") {
    Bench bench({{kSimple}, {kSimple, true}}, {{}, {{0, true}}});
    bench.end(0, 1);
    bench.end(1, 0);
    REQUIRE(bench.supervisor.outcome());
    CHECK(bench.supervisor.outcome()->kind == Outcome::Kind::critical_failed);
    CHECK(bench.supervisor.outcome()->service == 1);
}

TEST_CASE("whoever waits to be restarted when its requirement is lost fails at once") {
    Policy restarted;
    restarted.restart = Restart::on_failure;
    Bench bench({{kSimple}, {restarted}}, {{}, {{0, true}}});
    bench.end(1, 1);
    REQUIRE(bench.state(1) == State::backing_off);
    bench.end(0, 1);
    CHECK(bench.state(1) == State::failed);
}

TEST_CASE("a shutdown reaches what is being stopped for another reason and lets it stay down") {
    Policy restarted;
    restarted.restart = Restart::always;
    Bench bench({{restarted}}, {});
    bench.supervisor.handle(0, {Event::Kind::unhealthy}, kNow);
    REQUIRE(bench.state(0) == State::stopping);
    bench.supervisor.shut_down(kNow);
    bench.end(0);
    CHECK(bench.state(0) == State::stopped);
    CHECK(bench.supervisor.all_down());
}
