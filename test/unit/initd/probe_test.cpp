// Where a probe connects to, and when it tries.
#include "probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace initd;
using namespace std::chrono_literals;

TEST_CASE("numeric addresses and localhost are targets, names are not") {
    const auto four = parse_tcp_target("127.0.0.1:8080");
    REQUIRE(four);
    CHECK(four->storage.ss_family == AF_INET);
    CHECK(four->length == sizeof(struct sockaddr_in));
    CHECK(reinterpret_cast<const struct sockaddr_in&>(four->storage).sin_port == htons(8080));
    const auto six = parse_tcp_target("[::1]:80");
    REQUIRE(six);
    CHECK(six->storage.ss_family == AF_INET6);
    CHECK(parse_tcp_target("localhost:1"));
    for (const char* bad :
         {"", "80", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "[::1]", "127.0.0.1:65536",
          "example.org:80", "::1:80", "[127.0.0.1]:80", "[]:1", "127.1:80"}) {
        INFO(bad);
        CHECK_FALSE(parse_tcp_target(bad));
    }
}

TEST_CASE("a socket's path has to fit") {
    CHECK(unix_address("/run/x"));
    CHECK(unix_address("/" + std::string(106, 'x')));
    CHECK_FALSE(unix_address("/" + std::string(107, 'x')));
    CHECK_FALSE(unix_address(""));
}

TEST_CASE("a probe tries at once and then more and more seldom") {
    ProbeSchedule schedule;
    Time now = Time{} + 1h;
    CHECK_FALSE(schedule.due());
    schedule.begin(now);
    milliseconds expected = ProbeSchedule::kFirstDelay;
    for (int attempt = 0; attempt < 12; ++attempt) {
        REQUIRE(schedule.due() == now);
        CHECK(schedule.on_due(now));
        CHECK(schedule.trying());
        schedule.on_failed(now);
        now += expected;
        expected = std::min(expected * 2, ProbeSchedule::kLongestDelay);
    }
    CHECK(expected == ProbeSchedule::kLongestDelay);
    schedule.end();
    CHECK_FALSE(schedule.due());
}

TEST_CASE("an attempt that hangs is given up") {
    ProbeSchedule schedule;
    const Time now = Time{} + 1h;
    schedule.begin(now);
    REQUIRE(schedule.on_due(now));
    REQUIRE(schedule.due() == now + ProbeSchedule::kAttemptPatience);
    CHECK_FALSE(schedule.on_due(now + ProbeSchedule::kAttemptPatience));
    schedule.on_failed(now + 1s);
    CHECK(schedule.due() == now + 1s + ProbeSchedule::kFirstDelay);
}

TEST_CASE("a probe that was ended stays so whatever its last attempt gives") {
    ProbeSchedule schedule;
    schedule.begin(Time{} + 1h);
    schedule.on_due(Time{} + 1h);
    schedule.end();
    schedule.on_failed(Time{} + 1h);
    CHECK_FALSE(schedule.active());
    CHECK_FALSE(schedule.due());
}
