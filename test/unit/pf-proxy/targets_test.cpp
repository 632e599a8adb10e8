// Whose turn it is, and who is healthy.
#include "targets.h"

#include <catch2/catch_test_macros.hpp>

using pf_proxy::Balance;
using pf_proxy::HealthSettings;
using pf_proxy::Targets;
using Order = std::vector<std::size_t>;

TEST_CASE("targets take turns, and the others stand behind in case one refuses") {
    Targets targets(3, Balance::round_robin, {});
    REQUIRE(targets.order() == Order{0, 1, 2});
    REQUIRE(targets.order() == Order{1, 2, 0});
    REQUIRE(targets.order() == Order{2, 0, 1});
    REQUIRE(targets.order() == Order{0, 1, 2});
}

TEST_CASE("the target with the fewest connections comes first, and equals take turns") {
    Targets targets(3, Balance::least_connections, {});
    targets.opened(0);
    targets.opened(0);
    targets.opened(1);
    REQUIRE(targets.order().front() == 2);
    targets.opened(2);
    REQUIRE(targets.order().back() == 0);
    targets.closed(0);
    targets.closed(0);
    REQUIRE(targets.order().front() == 0);

    Targets equal(2, Balance::least_connections, {});
    REQUIRE(equal.order().front() != equal.order().front());
}

TEST_CASE("a target falls after so many bad checks in a row and rises after so many good ones") {
    Targets targets(2, Balance::round_robin, HealthSettings{std::chrono::seconds(1), 2, 3});
    REQUIRE_FALSE(targets.checked(0, false));
    REQUIRE_FALSE(targets.checked(0, false));
    REQUIRE_FALSE(targets.checked(0, true));  // a good one between them begins the count anew
    REQUIRE_FALSE(targets.checked(0, false));
    REQUIRE_FALSE(targets.checked(0, false));
    REQUIRE(targets.checked(0, false));
    REQUIRE_FALSE(targets.healthy(0));
    REQUIRE(targets.order() == Order{1});
    REQUIRE(targets.order() == Order{1});

    REQUIRE_FALSE(targets.checked(0, true));
    REQUIRE_FALSE(targets.checked(0, false));
    REQUIRE_FALSE(targets.checked(0, true));
    REQUIRE(targets.checked(0, true));
    REQUIRE(targets.healthy(0));
    REQUIRE(targets.order().size() == 2);
}

TEST_CASE("when no target is healthy there is none to try") {
    Targets targets(1, Balance::round_robin, HealthSettings{std::chrono::seconds(1), 1, 1});
    REQUIRE(targets.checked(0, false));
    REQUIRE(targets.order().empty());
}
