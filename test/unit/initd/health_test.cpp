// When health checks run, when one takes too long, and when a service is unhealthy.
#include "health.h"

#include <catch2/catch_test_macros.hpp>

using namespace initd;
using namespace std::chrono_literals;
using Due = HealthSchedule::Step;

namespace {

constexpr Time kStart = Time{} + 1h;

HealthSchedule schedule_of(unsigned retries) {
    HealthSchedule schedule;
    schedule.set_rule({.command = {"x"}, .interval = 10s, .timeout = 2s, .retries = retries});
    return schedule;
}

}  // namespace

TEST_CASE("nothing is due before the service is ready nor after") {
    HealthSchedule schedule = schedule_of(3);
    CHECK_FALSE(schedule.due());
    schedule.begin(kStart);
    CHECK(schedule.due() == kStart + 10s);
    schedule.end();
    CHECK_FALSE(schedule.due());
    CHECK_FALSE(schedule.on_ended(false, kStart));
    CHECK(schedule.failures() == 0);
}

TEST_CASE("checks come one interval after the end of the one before") {
    HealthSchedule schedule = schedule_of(3);
    schedule.begin(kStart);
    CHECK(schedule.on_due(kStart + 10s) == Due::run);
    CHECK(schedule.due() == kStart + 12s);
    CHECK_FALSE(schedule.checked());
    CHECK_FALSE(schedule.on_ended(true, kStart + 11s));
    CHECK(schedule.checked());
    CHECK(schedule.due() == kStart + 21s);
}

TEST_CASE("so many failures in a row make a service unhealthy, a success in between does not") {
    HealthSchedule schedule = schedule_of(3);
    schedule.begin(kStart);
    const bool results[] = {false, false, true, false, false, false};
    for (std::size_t index = 0; index < std::size(results); ++index) {
        REQUIRE(schedule.on_due(kStart) == Due::run);
        INFO(index);
        CHECK(schedule.on_ended(results[index], kStart) == (index == 5));
    }
    CHECK(schedule.failures() == 3);
}

TEST_CASE("a check that takes too long is killed once and has failed however it ends") {
    HealthSchedule schedule = schedule_of(1);
    schedule.begin(kStart);
    REQUIRE(schedule.on_due(kStart + 10s) == Due::run);
    CHECK(schedule.on_due(kStart + 12s) == Due::kill);
    CHECK_FALSE(schedule.due());
    CHECK(schedule.on_ended(true, kStart + 13s));
}

TEST_CASE("a check that could not be made says nothing about the service") {
    HealthSchedule schedule = schedule_of(1);
    schedule.begin(kStart);
    schedule.on_due(kStart + 10s);
    schedule.on_skipped(kStart + 10s);
    CHECK(schedule.failures() == 0);
    CHECK(schedule.due() == kStart + 20s);
}

TEST_CASE("a service that starts anew has a clean slate") {
    HealthSchedule schedule = schedule_of(2);
    schedule.begin(kStart);
    schedule.on_due(kStart);
    schedule.on_ended(false, kStart);
    schedule.end();
    schedule.begin(kStart + 1h);
    CHECK(schedule.failures() == 0);
    CHECK_FALSE(schedule.checked());
    schedule.on_due(kStart + 2h);
    CHECK_FALSE(schedule.on_ended(false, kStart + 2h));
}
