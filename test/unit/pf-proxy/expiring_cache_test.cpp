// Bounded, in order of use, nothing expired.
#include "expiring_cache.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace std::chrono_literals;
using pf_proxy::ExpiringCache;

TEST_CASE("what has expired is not given out and takes no room") {
    ExpiringCache<int, std::string> cache(10);
    cache.put(1, "one", 100ms);
    REQUIRE(cache.find(1, 99ms) != nullptr);
    CHECK(cache.find(1, 99ms)->value == "one");
    CHECK(cache.find(1, 100ms) == nullptr);
    CHECK(cache.size() == 0);
}

TEST_CASE("a full cache forgets what was not used for longest") {
    ExpiringCache<int, int> cache(2);
    cache.put(1, 10, 100ms);
    cache.put(2, 20, 100ms);
    CHECK(cache.find(1, 0ms) != nullptr);
    cache.put(3, 30, 100ms);
    CHECK(cache.size() == 2);
    CHECK(cache.find(2, 0ms) == nullptr);
    cache.put(1, 11, 200ms);
    CHECK(cache.size() == 2);
    CHECK(cache.find(1, 150ms)->value == 11);
}

TEST_CASE("a cache without room keeps nothing") {
    ExpiringCache<int, int> cache(0);
    cache.put(1, 10, 100ms);
    CHECK(cache.find(1, 0ms) == nullptr);
}
