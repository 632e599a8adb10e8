// Counters of several workers, and their text.
#include "metrics.h"

#include <catch2/catch_test_macros.hpp>

using pf_proxy::Metrics;

TEST_CASE("the text tells the sum of all workers") {
    const auto shared = pf_proxy::share_metrics(3);
    REQUIRE(shared.ok());
    const std::span<Metrics> all = shared.value();
    all[0].add(all[0].accepted);
    all[2].add(all[2].accepted, 41);
    all[1].add(all[1].open, 5);
    const std::string text = pf_proxy::prometheus_text(all);
    REQUIRE(text.find("\npf_proxy_connections_total 42\n") != text.npos);
    REQUIRE(text.find("# TYPE pf_proxy_connections_total counter\n") != text.npos);
    REQUIRE(text.find("# TYPE pf_proxy_connections_open gauge\n") != text.npos);
    REQUIRE(text.find("\npf_proxy_connections_open 5\n") != text.npos);
    REQUIRE(pf_proxy::open_connections(all) == 5);
}

TEST_CASE("a worker that died leaves its totals and has nothing open") {
    const auto shared = pf_proxy::share_metrics(1);
    REQUIRE(shared.ok());
    Metrics& one = shared.value()[0];
    one.add(one.accepted, 7);
    one.add(one.open, 3);
    one.add(one.targets_unhealthy);
    one.forget_open();
    REQUIRE(one.accepted == 7);
    REQUIRE(one.open == 0);
    REQUIRE(one.targets_unhealthy == 0);
}
