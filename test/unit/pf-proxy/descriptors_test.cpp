// How many connections there are descriptors for.
#include "descriptors.h"

#include <catch2/catch_test_macros.hpp>

using pf_proxy::connections_that_fit;

TEST_CASE("two descriptors for each connection, and some for others") {
    CHECK(connections_that_fit(20'084, 20) == 10'000);
    CHECK(connections_that_fit(1024, 24) == 468);
    CHECK(connections_that_fit(40, 20) == 7);
}

TEST_CASE("there is always a connection that may be tried") {
    CHECK(connections_that_fit(20, 20) == 1);
    CHECK(connections_that_fit(10, 20) == 1);
    CHECK(connections_that_fit() > 1);
}
