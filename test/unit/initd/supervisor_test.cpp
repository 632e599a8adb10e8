// Many services: starts gated on readiness, stops in reverse order, the end of the workload.
#include "supervisor.h"

#include <catch2/catch_test_macros.hpp>

#include <vector>

using namespace initd;
using Kind = Action::Kind;

namespace {

const Policy kSimple{.restart = Restart::never};
const Policy kOneshot{.kind = ServiceKind::oneshot, .restart = Restart::never};
constexpr Time kNow = Time{} + std::chrono::hours(1);

Event exited(int code) {
    return {Event::Kind::ended, {Ending::How::exited, code, Step::none}};
}

// Carries actions out on paper: remembers who was spawned and who was told to stop.
struct Bench {
    Bench(const std::vector<Plan>& plans, std::vector<std::vector<Gate>> gates)
        : supervisor(plans, std::move(gates)) {}

    void take() {
        spawned.clear();
        signaled.clear();
        while (const auto action = supervisor.next_action()) {
            if (action->action.kind == Kind::spawn) spawned.push_back(action->service);
            if (action->action.kind == Kind::send_signal) signaled.push_back(action->service);
        }
    }
    void start() {
        supervisor.start_all(kNow);
        take();
    }
    void executed(std::size_t service) {
        supervisor.handle(service, {Event::Kind::executed}, kNow);
        take();
    }
    void ended(std::size_t service, int code) {
        supervisor.handle(service, exited(code), kNow);
        take();
    }
    void shut_down() {
        supervisor.shut_down(kNow);
        take();
    }
    State state(std::size_t service) const { return supervisor.service(service).state(); }

    Supervisor supervisor;
    std::vector<std::size_t> spawned;
    std::vector<std::size_t> signaled;
};

using Ids = std::vector<std::size_t>;

}  // namespace

TEST_CASE("services without gates all start at once") {
    Bench bench({{kSimple}, {kSimple}, {kSimple}}, {});
    bench.start();
    CHECK(bench.spawned == Ids{0, 1, 2});
}

TEST_CASE("a chain starts one by one, each when the one before is ready") {
    Bench bench({{kSimple}, {kOneshot}, {kSimple}}, {{}, {{0, true}}, {{1, true}}});
    bench.start();
    CHECK(bench.spawned == Ids{0});
    bench.executed(0);
    CHECK(bench.spawned == Ids{1});
    bench.executed(1);
    CHECK(bench.spawned.empty());  // a oneshot is not ready while it works
    bench.ended(1, 0);
    CHECK(bench.spawned == Ids{2});
}

TEST_CASE("what requires a failed one fails with it, all the way; what only follows it starts") {
    Bench bench({{kOneshot}, {kSimple}, {kSimple}, {kSimple}},
                {{}, {{0, true}}, {{1, true}}, {{0, false}}});
    bench.start();
    bench.executed(0);
    bench.ended(0, 1);
    CHECK(bench.state(1) == State::failed);
    CHECK(bench.state(2) == State::failed);
    CHECK(bench.spawned == Ids{3});
}

TEST_CASE("a broken service fails at the start without a child and its followers are told") {
    Bench bench({{kSimple, false, true, true}, {kSimple}, {kSimple}},
                {{}, {{0, true}}, {{0, false}}});
    bench.start();
    CHECK(bench.state(0) == State::failed);
    CHECK(bench.state(1) == State::failed);
    CHECK(bench.spawned == Ids{2});
}

TEST_CASE("a disabled service is left alone and is not the workload") {
    Bench bench({{kSimple, false, false}, {kSimple}}, {});
    bench.start();
    CHECK(bench.spawned == Ids{1});
    bench.executed(1);
    bench.ended(1, 0);
    REQUIRE(bench.supervisor.outcome());
    CHECK(bench.supervisor.outcome()->kind == Outcome::Kind::workload_done);
    CHECK(bench.state(0) == State::idle);
}

TEST_CASE("the workload is done when the last has ended, and tells the first failure") {
    Bench bench({{kSimple}, {kSimple}, {kSimple}}, {});
    bench.start();
    for (std::size_t service = 0; service < 3; ++service)
        bench.executed(service);
    bench.ended(1, 7);
    bench.ended(0, 3);
    CHECK_FALSE(bench.supervisor.outcome());
    bench.ended(2, 0);
    REQUIRE(bench.supervisor.outcome());
    CHECK(bench.supervisor.outcome()->service == 1);
    CHECK(bench.supervisor.all_down());
}

TEST_CASE("a workload that succeeded names nobody") {
    Bench bench({{kOneshot}}, {});
    bench.start();
    bench.executed(0);
    bench.ended(0, 0);
    REQUIRE(bench.supervisor.outcome());
    CHECK_FALSE(bench.supervisor.outcome()->service);
}

TEST_CASE("the final failure of a critical service ends all at once") {
    Bench bench({{kSimple}, {kSimple, true}}, {});
    bench.start();
    bench.executed(0);
    bench.executed(1);
    bench.ended(1, 42);
    REQUIRE(bench.supervisor.outcome());
    CHECK(bench.supervisor.outcome()->kind == Outcome::Kind::critical_failed);
    CHECK(bench.supervisor.outcome()->service == 1);
    CHECK(bench.supervisor.service(1).ending().exit_status() == 42);
}

TEST_CASE("a sidecar is not waited for, and its failure is not the workload's") {
    Bench bench({{.policy = kSimple}, {.policy = kSimple, .sidecar = true}}, {});
    bench.start();
    bench.executed(0);
    bench.executed(1);
    SECTION("it runs on when the work is done") {
        bench.ended(0, 0);
        REQUIRE(bench.supervisor.outcome());
        CHECK(bench.supervisor.outcome()->kind == Outcome::Kind::workload_done);
        CHECK_FALSE(bench.supervisor.outcome()->service);
    }
    SECTION("it fails first") {
        bench.ended(1, 9);
        CHECK_FALSE(bench.supervisor.outcome());
        bench.ended(0, 0);
        REQUIRE(bench.supervisor.outcome());
        CHECK_FALSE(bench.supervisor.outcome()->service);
    }
    SECTION("somebody stopped it") {
        bench.supervisor.stop(1, kNow);
        bench.take();
        bench.ended(0, 5);
        REQUIRE(bench.supervisor.outcome());
        CHECK(bench.supervisor.outcome()->service == 0);
    }
}

TEST_CASE("where there are only sidecars they are the workload") {
    Bench bench({{.policy = kSimple, .sidecar = true}}, {});
    bench.start();
    bench.executed(0);
    CHECK_FALSE(bench.supervisor.outcome());
    bench.ended(0, 4);
    REQUIRE(bench.supervisor.outcome());
    CHECK(bench.supervisor.outcome()->service == 0);
}

TEST_CASE("the success of a critical service, or a restart of it, is no end") {
    Bench bench({{{.restart = Restart::on_failure}, true}, {kSimple, true}, {kSimple}}, {});
    bench.start();
    for (std::size_t service = 0; service < 3; ++service)
        bench.executed(service);
    bench.ended(0, 1);
    bench.ended(1, 0);
    CHECK_FALSE(bench.supervisor.outcome());
}

TEST_CASE("without services there is an outcome at once") {
    Bench none({}, {});
    none.start();
    REQUIRE(none.supervisor.outcome());
    CHECK(none.supervisor.outcome()->kind == Outcome::Kind::no_services);
}

TEST_CASE("shutdown goes in reverse order and waits for each to be down") {
    Bench bench({{kSimple}, {kSimple}, {kSimple}, {kSimple}}, {{}, {{0, true}}, {{1, false}}, {}});
    bench.start();
    for (std::size_t service = 0; service < 4; ++service)
        bench.executed(service);
    bench.shut_down();
    CHECK(bench.signaled == Ids{2, 3});
    bench.ended(3, 0);
    CHECK(bench.signaled.empty());
    bench.ended(2, 0);
    CHECK(bench.signaled == Ids{1});
    bench.ended(1, 0);
    CHECK(bench.signaled == Ids{0});
    CHECK_FALSE(bench.supervisor.all_down());
    bench.ended(0, 0);
    CHECK(bench.supervisor.all_down());
}

TEST_CASE("shutdown during the start starts nobody else") {
    Bench bench({{kOneshot}, {kSimple}}, {{}, {{0, true}}});
    bench.start();
    bench.executed(0);
    bench.shut_down();
    CHECK(bench.state(1) == State::stopped);
    CHECK(bench.signaled == Ids{0});
    bench.ended(0, 0);
    CHECK(bench.spawned.empty());
    CHECK(bench.supervisor.all_down());
    CHECK_FALSE(bench.supervisor.outcome());
}

TEST_CASE("five hundred services in a chain start and stop in order") {
    std::vector<Plan> plans(500, Plan{kSimple});
    std::vector<std::vector<Gate>> gates(500);
    for (std::size_t service = 1; service < 500; ++service)
        gates[service] = {{service - 1, true}};
    Bench bench(plans, gates);
    bench.start();
    for (std::size_t service = 0; service < 500; ++service) {
        REQUIRE(bench.spawned == Ids{service});
        bench.executed(service);
    }
    bench.shut_down();
    for (std::size_t left = 500; left > 0; --left) {
        REQUIRE(bench.signaled == Ids{left - 1});
        bench.ended(left - 1, 0);
    }
    CHECK(bench.supervisor.all_down());
}
